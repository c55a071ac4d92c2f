"""The page in a real browser, without JavaScript: by keyboard, to a screen reader, on a small phone, and to nobody else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.console.conftest import PageCity, page_city
from tests.support.city import City
from tests.support.live_city import X, live_city, until

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
PHONE, SMALL = {"width": 390, "height": 844}, {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    found = shutil.which("chromium")
    assert found is not None, "the stop page is looked at in a browser: apt-get install chromium"
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield made
        made.close()


@contextmanager
def _phone(browser: Browser, city: PageCity, **about: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page of a phone without JavaScript, and every address it asked for."""
    context: BrowserContext = browser.new_context(
        **{"viewport": PHONE, "java_script_enabled": False, "locale": "en-US", **about}
    )
    asked: list[str] = []
    try:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(city.url)
        yield page, asked
    finally:
        context.close()
    assert asked
    assert [url for url in asked if not url.startswith(city.url)] == []


@pytest.fixture
def paged(sqlite_city: City) -> Iterator[PageCity]:
    """A city whose calls in flight may take long enough to look at the receipt."""
    with live_city(sqlite_city, send_deadline="20s", settle="20s") as live, page_city(live) as made:
        yield made


def _faults(browser: Browser, html: str, style: str, scheme: str) -> list[str]:
    """What axe finds in a page: in a context of its own, where axe's script may run, and nothing is loaded."""
    context = browser.new_context(viewport=SMALL, color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
    try:
        page = context.new_page()
        page.route("**/*", lambda route: route.abort())
        page.set_content(html.replace('<link rel="stylesheet" href="/style.css">', f"<style>{style}</style>"))
        found = Axe().run(page, options=RULES).response
        assert len(found["passes"]) > 3, "axe has looked"
        wide = page.evaluate("document.documentElement.scrollWidth")
        faults = [f"{item['id']}: {json.dumps(item['nodes'][0]['html'])}" for item in found["violations"]]
        return faults + ([f"wider than the phone: {wide}"] if wide > SMALL["width"] else [])
    finally:
        context.close()


def _look_over(browser: Browser, city: PageCity, html: str) -> None:
    style = city.visitor.get("/style.css").html
    assert "outline: 3px" in style
    assert len(re.findall(r"<h1>", html)) == 1
    for scheme in ("light", "dark"):
        assert _faults(browser, html, style, scheme) == []


def test_a_fault_would_be_seen(browser: Browser) -> None:
    """The twin: axe finds what a page must not have."""
    bad = (
        '<html><title>x</title><body><input><p style="color:#bbb">pale</p><p style="width:900px">wide</p></body></html>'
    )
    found = " ".join(_faults(browser, bad, "", "light"))
    assert [name for name in ("html-has-lang", "label", "color-contrast", "wider") if name not in found] == []


def test_every_page_passes_axe_at_320_pixels_in_light_and_dark(browser: Browser, paged: PageCity) -> None:
    """WCAG 2.1 AA: the state (open, not known, suspended), confirm, refused, mistake, more, receipt (suspended, quiet)."""
    visitor, live = paged.visitor, paged.live
    live.queue(X, "queued", 3600.0)
    pages = [visitor.get().html, visitor.get("/stop").html, visitor.get("/more").html, visitor.get("/none").html]
    pages.append(visitor.get("/stop?show=1").html)
    pages.append(visitor.confirm("ABCDE-FGHJK-MNPQR-STVWX").html)
    pages.append(visitor.confirm(live.tokens["dora"], what="channel", name="parkz").html)
    live.sandbox.fault("delay", seconds=4, text="W" * 200)
    live.start_daemon()
    live.queue(X, "W" * 200, 0.0)
    until(lambda: live.sandbox.arrivals(), "the call has arrived")
    path = visitor.stop(live.tokens["dora"], reason="flood " * 20)
    pages.append(visitor.receipt_until(path, "SUSPENDED: waiting for quiet").html)
    pages.append(visitor.receipt_until(path, "SUSPENDED, and QUIET CONFIRMED").html)
    pages += [visitor.get().html, visitor.ask("POST", "/more", {"credential": live.tokens["dora"]}).html]
    titles = [re.search(r"<title>(.*?)</title>", html) for html in pages]
    assert len({found[1] for found in titles if found}) >= 9
    for html in pages:
        _look_over(browser, paged, html)
    _look_over(browser, paged, visitor.get(Accept_Language="es").html)


def _focused(page: Page) -> str:
    """What has the focus, as its visible text or name; found without JavaScript of the page's."""
    found = page.locator(":focus")
    if not found.count():
        return ""
    name = found.first.get_attribute("name")
    return str(name or found.first.inner_text())


def _tab_to(page: Page, wanted: str) -> None:
    for _ in range(20):
        page.keyboard.press("Tab")
        if _focused(page) == wanted:
            return
    raise AssertionError(f"the keyboard does not reach {wanted!r}")


def test_the_whole_stop_by_keyboard_alone_without_javascript(browser: Browser, paged: PageCity) -> None:
    """KS-1: from the state to the receipt with Tab, typing and Enter; a wrong code first; nothing goes to another origin."""
    paged.live.sandbox.fault("delay", seconds=5, text="in flight")
    paged.live.start_daemon()
    paged.live.queue(X, "in flight", 0.0)
    until(lambda: paged.live.sandbox.arrivals(), "the call has arrived")
    with _phone(browser, paged) as (page, asked):
        assert page.title().startswith("Open: nothing is suspended")
        _tab_to(page, "Stop everything")
        page.keyboard.press("Enter")
        page.wait_for_url("**/stop?")
        _tab_to(page, "credential")
        page.keyboard.type("ABCDE-FGHJK-MNPQR-STVWX")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        assert page.title().startswith("Refused: nothing was stopped")
        _tab_to(page, "credential")
        page.keyboard.type(paged.codes[0].lower())
        _tab_to(page, "Stop now")
        page.keyboard.press("Enter")
        page.wait_for_url("**/receipt/*")
        assert page.title().startswith("SUSPENDED: waiting for quiet")
        assert page.get_by_role("status").inner_text().startswith("SUSPENDED")
        page.get_by_role("heading", name="SUSPENDED, and QUIET CONFIRMED").wait_for(timeout=20_000)  # by itself
    assert any(url.endswith("/style.css") for url in asked)
    assert [item.by for item in paged.suspensions()] == ["break-glass code 1"]


def test_the_form_loaded_again_after_the_stop_is_the_same_stop(browser: Browser, paged: PageCity) -> None:
    """KS-7: the receipt is reached by a redirect: loading it again sends nothing; nor does the way back stop twice."""
    with _phone(browser, paged) as (page, _asked):
        page.get_by_role("button", name="Stop everything").click()
        page.get_by_label("Personal token or sealed code").fill(paged.live.tokens["dora"])
        page.get_by_role("button", name="Stop now").click()
        page.wait_for_url("**/receipt/*")
        page.reload()
        page.go_back()
        page.go_forward()
        assert page.get_by_role("heading", level=1).inner_text().startswith("SUSPENDED")
    assert len(paged.suspensions()) == 1


def test_what_is_typed_can_be_shown_and_looking_again_can_be_stopped(browser: Browser, paged: PageCity) -> None:
    """WCAG 2.2.1: nobody is held to a page that changes by itself."""
    path = paged.visitor.stop(paged.live.tokens["dora"])
    assert "Refresh" not in paged.visitor.get(f"{path}?still=1").headers
    with _phone(browser, paged) as (page, _asked):
        page.goto(f"{paged.url}stop")
        field = page.get_by_label("Personal token or sealed code")
        assert field.get_attribute("type") == "password"
        page.get_by_role("link", name="Show what I type").click()
        assert field.get_attribute("type") == "text"
        assert field.get_attribute("autocorrect") == "off"
