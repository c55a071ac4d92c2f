"""What every answer carries, what strangers learn, and the texts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from config import essentials
from config.local_time import LocalTime
from console import form, wording
from console.pages import POLICY
from tests.console.conftest import PageCity
from tests.console.visitor import Visitor
from tests.support.live_city import X

PATHS = ("/", "/stop", "/more", "/style.css", "/receipt/none", "/none")
CHANNEL_TEXT = "secret text of a post"


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_kept_nowhere_and_loads_nothing_from_elsewhere(sqlite_paged: PageCity, path: str) -> None:
    """SE-1: no script, no other origin, no frame, no cache, no cookie, no referrer."""
    seen = sqlite_paged.visitor.get(path)
    assert seen.headers["Content-Security-Policy"] == POLICY
    assert "default-src 'none'" in POLICY
    assert "form-action 'self'" in POLICY
    assert "frame-ancestors 'none'" in POLICY
    wanted = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Set-Cookie": None,
        "Server": None,
        "Connection": "close",
    }
    assert {name: seen.headers[name] for name in wanted} == wanted
    assert re.findall(r"<script|javascript:|\son\w+=|style=|https?://", seen.html) == []


def test_a_stranger_learns_the_state_and_since_when_and_no_more(sqlite_paged: PageCity) -> None:
    """Decision 0019: no names, numbers, channels or texts before a sign-in; the receipt for who stopped alone."""
    live = sqlite_paged.live
    live.queue(X, CHANNEL_TEXT, 3600.0)
    path = sqlite_paged.visitor.stop(live.tokens["dora"], reason="a private reason")
    own = sqlite_paged.visitor.receipt_until(path, "SUSPENDED, and QUIET CONFIRMED").text
    assert "dora" in own
    assert "a private reason" in own
    assert len(path.removeprefix("/receipt/")) >= 32
    for path in PATHS:
        seen = sqlite_paged.visitor.get(path).html
        assert [word for word in ("dora", "a private reason", CHANNEL_TEXT, X, "service account") if word in seen] == []
    assert "Since 20" in sqlite_paged.visitor.get().text


def test_a_token_shows_who_how_many_and_why_and_a_code_does_not(sqlite_paged: PageCity) -> None:
    """KS-19: for people of the city, without stopping anything."""
    live, visitor = sqlite_paged.live, sqlite_paged.visitor
    live.queue(X, CHANNEL_TEXT, 3600.0)
    live.crisis("--reason", "tornado")
    for wrong in ("", sqlite_paged.codes[0], "sf_deadbeef_" + "x" * 40):
        refused = visitor.ask("POST", "/more", {"credential": wrong})
        assert refused.status == 403
        assert "dora" not in refused.text
    seen = visitor.ask("POST", "/more", {"credential": live.tokens["ann"]})
    assert seen.status == 200
    assert seen.title.startswith("SUSPENDED: everything")
    assert "By dora Reason tornado Waiting behind the gate 1" in seen.text
    assert CHANNEL_TEXT not in seen.text
    assert len(sqlite_paged.suspensions()) == 1


@pytest.mark.parametrize(
    ("sent", "refused"),
    [
        ({}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "null", "Sec_Fetch_Site": "same-origin"}, False),
        ({"Sec_Fetch_Site": "none"}, False),
        ({"Sec_Fetch_Site": "cross-site"}, True),
        ({"Sec_Fetch_Site": "same-site"}, True),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"}, False),
    ],
)
def test_a_form_of_another_site_is_refused_and_an_old_browser_is_not(
    sqlite_paged: PageCity, sent: dict[str, str], refused: bool
) -> None:
    """SE-1: what a browser says of where a form came from is looked at; one that says nothing is believed."""
    visitor = Visitor(sqlite_paged.url, **sent)
    answer = visitor.confirm(sqlite_paged.live.tokens["dora"])
    assert answer.status == (403 if refused else 303)
    assert len(sqlite_paged.suspensions()) == (0 if refused else 1)


def test_behind_a_proxy_another_host_name_is_no_other_site() -> None:
    """A proxy may hand on its own name for the page's."""
    from starlette.requests import Request

    headers = [(b"origin", b"https://stop.city.example"), (b"host", b"127.0.0.1:8443")]
    request = Request({"type": "http", "method": "POST", "path": "/stop", "headers": headers})
    assert form.is_foreign(request, proxy=False)
    assert not form.is_foreign(request, proxy=True)


@pytest.mark.parametrize("accepted", ["es", "es-MX,es;q=0.9,en;q=0.8", "de,ES;q=0.5,en;q=0.2"])
def test_the_page_speaks_spanish_to_who_asks_for_it(sqlite_paged: PageCity, accepted: str) -> None:
    seen = sqlite_paged.visitor.get(Accept_Language=accepted)
    assert '<html lang="es">' in seen.html
    assert seen.title.startswith("Abierto: nada está suspendido")


@pytest.mark.parametrize("accepted", ["", "de", "en,es", "es;q=0", "es;q=x", ";;,,q=", "es;q=0.1,en", "x" * 9000])
def test_all_others_are_spoken_to_in_english(accepted: str) -> None:
    assert wording.language(accepted) == "en"


def _blanks(texts: Any) -> dict[str, list[str]]:
    return {name: sorted(re.findall(r"\{(\w*)\}", text)) for name, text in texts.items()}


def test_every_language_has_every_text_with_the_same_blanks() -> None:
    english = _blanks(wording.texts()["en"])
    assert {language: _blanks(texts) == english for language, texts in wording.texts().items()} == {
        "en": True,
        "es": True,
    }
    assert [text for texts in wording.texts().values() for text in texts.values() if "<" in text or not text] == []


def test_times_are_the_citys_own() -> None:
    def local(zone: str) -> LocalTime:
        return LocalTime(essentials.Loaded({"timezone": zone}, None, essentials.Path(), {}))

    assert local("America/Chicago").text("2026-07-01T07:07:31.250Z") == "2026-07-01 02:07:31 CDT"
    assert local("no zone").text("2026-07-01T07:07:31Z") == "2026-07-01 07:07:31 UTC"
    assert local("UTC").text("-") == "-"
    assert local("UTC").text(None) == ""


def test_moments_in_words_are_the_citys_own_but_for_a_posts_own_words() -> None:
    moment = "2026-07-01T07:07:31.250Z"
    local = LocalTime(essentials.Loaded({"timezone": "America/Chicago"}, None, essentials.Path(), {}))
    told = "2026-07-01 02:07:31 CDT"
    assert local.in_words(f"by dora at {moment}: storm\n  “{moment}” since {moment}") == (
        f"by dora at {told}: storm\n  “{moment}” since {told}"
    )
