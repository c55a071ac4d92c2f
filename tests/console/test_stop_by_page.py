"""A stop by the page, judged by the platforms' own arrival log and by the ledger."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import clock
from console.application import StopPage
from records import verify
from scheduler import stop_cell, switch_sqlite
from tests.console.conftest import PageCity
from tests.console.visitor import Visitor
from tests.support.live_city import FACEBOOK, LiveCity, X, until

CASES = ("token", "code")


def _credential(paged: PageCity, kind: str) -> str:
    return paged.live.tokens["dora"] if kind == "token" else paged.codes[0].lower().replace("-", " ")


def test_what_is_queued_goes_out_until_somebody_stops_by_the_page(live: LiveCity) -> None:
    """KS-1, KS-2, KS-21: the daemon serves the page; the twin went out before, nothing after, and the receipt names what was
    in flight."""
    live.city.set(stop_page="127.0.0.1:0", timezone="America/Chicago")
    daemon = live.start_daemon()
    visitor = Visitor(_page_of(daemon.lines))
    first = live.queue(X, "the twin", 0.1)
    live.await_state(first, "published")
    assert visitor.get().title.startswith("Open: nothing is suspended")
    live.sandbox.fault("delay", seconds=2.5, text="in flight")
    live.queue(FACEBOOK, "in flight", 0.0)
    until(lambda: len(live.sandbox.arrivals()) == 2, "the call has arrived")
    path = visitor.stop(live.tokens["dora"], reason="tornado <b>")
    early = visitor.get(path)
    assert early.title.startswith("SUSPENDED: waiting for quiet")
    assert early.headers["Refresh"] == "2"
    missed = live.queue(X, "never", 0.1)
    done = visitor.receipt_until(path, "SUSPENDED, and QUIET CONFIRMED")
    assert "under way" not in done.text
    assert "Unconfirmed 0" in done.text
    assert "facebook: published" in done.text
    assert "in flight" in done.text
    assert "tornado <b>" in done.text
    assert "<b>" not in done.html
    assert re.search(r"Since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d C[SD]T", done.text)
    until(lambda: clock.wall_us() > live.post(missed).due_at + 1.5 * clock.SECOND, "its time has passed")
    assert live.texts() == ["the twin", "in flight"]
    assert live.json("crisis", "status")["suspensions"][0]["by"] == "dora"
    assert visitor.get().title.startswith("SUSPENDED: everything")


def _page_of(lines: list[str]) -> str:
    (found,) = [line.rpartition(" ")[2] for line in lines if "the stop page is at" in line]
    return found


@pytest.mark.parametrize("kind", CASES)
def test_a_token_or_a_code_stops_and_the_record_says_who(paged: PageCity, kind: str) -> None:
    """KS-1, KS-21: either of the two, in one field; the suspension carries who it was, and the code is used up."""
    path = paged.visitor.stop(_credential(paged, kind))
    receipt = paged.visitor.receipt_until(path, "SUSPENDED, and QUIET CONFIRMED")
    (suspension,) = paged.suspensions()
    assert suspension.by == ("dora" if kind == "token" else "break-glass code 1")
    assert suspension.by in receipt.text
    assert (suspension.scope_kind, suspension.kind) == ("all", "crisis")
    assert verify.verify(paged.live.engine).ok


def test_after_the_stop_the_platforms_own_schedulers_are_swept(paged: PageCity) -> None:
    """KS-16: as after the stop in the shell; the receipt says what is left to look at by hand."""
    path = paged.visitor.stop(paged.live.tokens["dora"])
    until(lambda: "Refresh" not in paged.visitor.get(path).headers, "the receipt has ended")
    receipt = paged.live.json("crisis", "status")["suspensions"][0]
    looked = {item["channel"]: item["own_scheduler"] for item in receipt["channels"]}
    assert looked[FACEBOOK] == "empty (0 of 0 taken out)"
    shown = paged.visitor.get(path).text
    assert "Look on the platforms themselves" in shown
    assert f"{X}: " in shown


@pytest.mark.parametrize(
    "typed", ["", "   ", "-", "sf_", "sf_deadbeef_" + "x" * 40, "ABCDE-FGHJK-MNPQR-STVWX", "\0'\"<>"]
)
def test_who_has_neither_token_nor_code_stops_nothing(sqlite_paged: PageCity, typed: str) -> None:
    """SE-1, KS-21: the page runs as the owner of the service account, whose right it lends to nobody."""
    answer = sqlite_paged.visitor.confirm(typed)
    assert answer.status in (403, 422)
    assert answer.title.startswith("Refused: nothing was stopped")
    assert "NOTHING IS SUSPENDED" in answer.text
    assert sqlite_paged.suspensions() == []
    assert not stop_cell.read(sqlite_paged.live.city.data_dir / "stop.cell").stops
    path = sqlite_paged.visitor.stop(sqlite_paged.live.tokens["dora"])
    assert sqlite_paged.visitor.receipt_until(path, "SUSPENDED")


def test_who_may_not_stop_is_refused_by_name_in_the_record(paged: PageCity) -> None:
    """SE-1: an administrator's token is known and holds no such right; a wrong code is nobody's. Both are in the record."""
    assert paged.visitor.confirm(paged.live.tokens["ann"]).status == 403
    assert paged.visitor.confirm("ABCDE-FGHJK-MNPQR-STVWX").status == 403
    until(lambda: len(paged.refusals()) == 2, "both are logged")
    assert [(item.actor, '"where":"stop page"' in item.detail) for item in paged.refusals()] == [
        ("ann", True),
        ("unknown", True),
    ]
    assert "ABCDE" not in "".join(item.detail for item in paged.refusals())
    assert paged.suspensions() == []


def test_a_used_code_is_refused_and_the_next_one_taken(paged: PageCity) -> None:
    """KS-21: each code once, by whatever form; the local file that still lists it lets nobody in."""
    paged.visitor.stop(paged.codes[0])
    for _ in range(2):
        again = paged.visitor.confirm(paged.codes[0])
        assert again.status == 403
        assert "was used on" in again.text
    paged.visitor.stop(paged.codes[1])
    assert [item.by for item in paged.suspensions()] == ["break-glass code 1", "break-glass code 2"]


@pytest.mark.parametrize("kind", CASES)
def test_two_taps_on_one_form_are_one_stop(paged: PageCity, kind: str) -> None:
    """KS-7: a double tap, and the form sent again by a reload, lead to one receipt; a new form is a new stop."""
    form, credential = paged.visitor.get("/stop").form, _credential(paged, kind)
    with ThreadPoolExecutor(4) as taps:
        answers = [*taps.map(lambda _: paged.visitor.confirm(credential, form=form), range(4))]
    answers.append(paged.visitor.confirm(credential, form=form))
    assert {item.status for item in answers} == {303}
    assert len({item.headers["Location"] for item in answers}) == 1
    assert len(paged.suspensions()) == 1
    paged.visitor.stop(paged.live.tokens["dora"])
    assert len(paged.suspensions()) == 2


def test_the_same_form_with_another_credential_is_another_stop(paged: PageCity) -> None:
    """Who saw a form's id cannot take a receipt that somebody else's token opened."""
    form = paged.visitor.get("/stop").form
    paged.visitor.confirm(paged.live.tokens["dora"], form=form)
    assert paged.visitor.confirm("ABCDE-FGHJK-MNPQR-STVWX", form=form).status == 403
    assert len(paged.suspensions()) == 1


@pytest.mark.parametrize(("what", "name"), [("channel", X), ("group", "outdoors")])
def test_one_channel_or_group_alone(paged: PageCity, what: str, name: str) -> None:
    """KS-7: the rest goes on; the state says so."""
    path = paged.visitor.stop(paged.live.tokens["dora"], what=what, name=name)
    paged.visitor.receipt_until(path, "SUSPENDED, and QUIET CONFIRMED")
    (suspension,) = paged.suspensions()
    assert (suspension.scope_kind, suspension.scope_value) == (what, name)
    assert paged.visitor.get().title.startswith("SUSPENDED in part")
    assert not stop_cell.read(paged.live.city.data_dir / "stop.cell").stops


def test_a_channel_that_is_not_there_suspends_nothing_and_says_so(paged: PageCity) -> None:
    """The names that there are, are told to who may stop alone; the code is not used up by the mistake."""
    wrong = paged.visitor.confirm(paged.codes[0], what="channel", name="parkz")
    assert wrong.status == 422
    assert "there is no channel 'parkz'" in wrong.text
    assert "NOTHING IS SUSPENDED" in wrong.text
    assert paged.visitor.confirm(paged.codes[0], what="channel", name="").status == 422
    assert paged.suspensions() == []
    paged.visitor.stop(paged.codes[0])
    stranger = paged.visitor.confirm("ABCDE-FGHJK-MNPQR-STVWX", what="channel", name="parkz")
    assert X not in stranger.text


def test_the_page_cannot_resume(paged: PageCity) -> None:
    """KS-6, KS-21: no way in is one that lifts; whatever is sent to it, the suspension stands."""
    paged.visitor.stop(paged.live.tokens["stew"])
    page = StopPage(dict, lambda *_: None)  # type: ignore[arg-type]  # nothing of it is asked
    ways = {(route.path, *sorted(route.methods or ())) for route in page.application().routes}  # type: ignore[attr-defined]  # all are
    page.close()
    assert ways == {
        ("/", "GET", "HEAD"),
        ("/stop", "GET", "HEAD"),
        ("/stop", "POST"),
        ("/receipt/{id}", "GET", "HEAD"),
        ("/more", "GET", "HEAD", "POST"),
        ("/style.css", "GET", "HEAD"),
    }
    for path in ("/resume", "/lift", "/receipt/x", "/stop/resume"):
        fields = {"credential": paged.live.tokens["stew"], "confirm": "1", "reason": "clear"}
        assert paged.visitor.ask("POST", path, fields).status in (404, 405)
    assert [item.lifted_epoch for item in paged.suspensions()] == [None]
    assert "standfast resume" in paged.visitor.get().text


def test_a_receipt_says_when_its_suspension_was_lifted(paged: PageCity) -> None:
    """KS-13: a page left open never goes on to say SUSPENDED of what is open again."""
    path = paged.visitor.stop(paged.live.tokens["dora"])
    paged.visitor.receipt_until(path, "SUSPENDED, and QUIET CONFIRMED")
    paged.live.resume()
    assert paged.visitor.receipt_until(path, "Lifted meanwhile")
    assert paged.visitor.get().title.startswith("Open")


@pytest.mark.parametrize("kind", CASES)
def test_a_store_that_is_away_leaves_the_cell_and_is_told_truthfully(
    paged: PageCity, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KS-4: SUSPENDED is not said; the cell stops this host, and the page says what code 20 means."""
    credential = _credential(paged, kind)
    gone = (
        "postgresql+psycopg://nobody@127.0.0.1:9/none"
        if "postgresql" in paged.live.city.url
        else "sqlite:////nowhere/x"
    )
    monkeypatch.setenv("STANDFAST_DATABASE_URL", gone)
    before = paged.visitor.get()
    assert before.title.startswith("Not known whether anything is suspended")
    assert "Stop everything" in before.text
    path = paged.visitor.stop(credential)
    told = paged.visitor.receipt_until(path, "NOT RECORDED")
    assert "The stop cell is set" in told.text
    assert "exit code 20" in told.text
    assert stop_cell.read(paged.live.city.data_dir / "stop.cell").stops
    assert "stop cell says stop" in paged.visitor.get().text
    assert paged.visitor.confirm("ABCDE-FGHJK-MNPQR-STVWX").status == 403
    monkeypatch.delenv("STANDFAST_DATABASE_URL")
    assert paged.suspensions() == []


def test_a_locked_store_is_told_as_not_recorded_and_the_cell_is_set(
    sqlite_paged: PageCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KS-4: while somebody holds the store's lock the receipt says that it is not recorded yet, then that it is not."""
    monkeypatch.setattr(switch_sqlite, "GIVE_UP_S", 4.5)
    monkeypatch.setattr("scheduler.emergency_stop.RECORD_AGAIN_WITHIN_S", 0.0)
    with sqlite_paged.live.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        path = sqlite_paged.visitor.stop(sqlite_paged.live.tokens["dora"])
        early = sqlite_paged.visitor.get(path)
        assert early.title.startswith("Stopping … not recorded yet")
        assert "the stop cell is set" in early.text
        assert stop_cell.read(sqlite_paged.live.city.data_dir / "stop.cell").stops
        told = sqlite_paged.visitor.receipt_until(path, "NOT RECORDED")
        assert "exit code 20" in told.text
        other.exec_driver_sql("ROLLBACK")


def test_what_cannot_be_known_is_not_called_quiet(paged: PageCity) -> None:
    """KS-3: a call that never ended anywhere stays NOT CONFIRMED, and turns quiet there once a person closed it."""
    live = paged.live
    live.sandbox.fault("timeout_before", seconds=30, text="swallowed")
    daemon = live.start_daemon()
    post = live.queue(X, "swallowed")
    until(lambda: live.sandbox.arrivals(), "the call has arrived")
    daemon.end()
    path = paged.visitor.stop(live.tokens["dora"])
    told = paged.visitor.receipt_until(path, "SUSPENDED, NOT CONFIRMED", 40.0)
    assert "exit code 10" in told.text
    assert "swallowed" in told.text
    assert "Quiet is not confirmed" in paged.visitor.get().text
    closed = live.run("post", "close", str(post), "--not-published", who="omar")
    assert closed.returncode == 0, closed.stderr
    paged.visitor.receipt_until(path, "SUSPENDED, and QUIET CONFIRMED")


def test_a_stop_alone_needs_no_daemon_no_plan_and_no_settings_that_can_be_read(
    sqlite_paged: PageCity, tmp_path: Path
) -> None:
    """KS-1: `standfast stop-page` by itself, with a settings file that is broken elsewhere."""
    import signal
    import subprocess

    city = sqlite_paged.live.city
    with city.settings_file.open("a") as file:
        file.write('plan = "nowhere.toml"\nlateness = = 5\nstop_page = "127.0.0.1:0"\n')
    log = tmp_path / "page.log"
    with log.open("wb") as out:
        process = subprocess.Popen(city.command("stop-page"), cwd=city.root, env=city.environ, stderr=out)
    try:
        until(lambda: "stop page is at" in log.read_text() or process.poll() is not None, "the page is served")
        visitor = Visitor(_page_of(log.read_text().splitlines()))
        path = visitor.stop(sqlite_paged.live.tokens["dora"])
        told = visitor.receipt_until(path, "SUSPENDED")
        assert "the settings cannot be read as a whole" in visitor.receipt_until(path, "SUSPENDED, NOT CONFIRMED").text
        assert told
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert [item.by for item in sqlite_paged.suspensions()] == ["dora"]


STEPS = (
    "What you can do now:",
    "Type it once more below",
    "a sealed code from the sheet",
    "“standfast crisis” as the service",
)
PASOS = (
    "Qué puede hacer ahora:",
    "Escríbalo otra vez abajo",
    "un código sellado de la hoja",
    "«standfast crisis» con la cuenta",
)


def test_a_wrong_token_or_code_says_what_is_wrong_and_what_to_do_and_whose_it_is_to_nobody(
    sqlite_paged: PageCity,
) -> None:
    """SE-1, KS-21: the same words for a person's token with a wrong secret and for nobody's; then the right one stops."""
    known = sqlite_paged.live.tokens["dora"]
    number = known.split("_")[1]
    wrong = [f"sf_{number}_{'x' * 43}", f"sf_{'0' * len(number)}_{'x' * 43}", "sf_", "SF_typo", known[:-1]]
    seen = {sqlite_paged.visitor.confirm(item).text for item in wrong}
    assert len(seen) == 1, seen
    (told,) = seen
    assert told.count("This token is not known here") == 1
    assert [step for step in STEPS if step not in told] == []
    assert "dora" not in told
    assert number not in told
    code = sqlite_paged.visitor.confirm("ABCDE-FGHJK-MNPQR-STVWX").text
    assert "This is no code that is known here" in code
    assert [step for step in STEPS if step not in code] == []
    spanish = sqlite_paged.visitor.ask("POST", "/stop", {"credential": wrong[0]}, Accept_Language="es").text
    assert "Aquí no se conoce este token" in spanish
    assert [step for step in PASOS if step not in spanish] == []
    assert "not known here" not in spanish
    assert sqlite_paged.suspensions() == []
    assert sqlite_paged.visitor.stop(known)


def test_a_known_person_who_may_not_hears_why_and_what_to_do_and_nothing_typed_needs_no_steps(
    sqlite_paged: PageCity,
) -> None:
    """The twin: whoever holds the right secret is told the reason."""
    told = sqlite_paged.visitor.confirm(sqlite_paged.live.tokens["ann"]).text
    assert "ann does not hold 'suspend' on all channels" in told
    assert [step for step in STEPS if step not in told] == []
    assert STEPS[0] not in sqlite_paged.visitor.confirm("").text
