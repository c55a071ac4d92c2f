"""RC-2: anchors as people and the daemon make them, and what the doctor says of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import duties, records_anchor
from commands.context import Context
from config import settings
from config.settings import SettingsError
from records import log
from store.engine import writing
from tests.commands.office import Office
from tests.commands.test_records import _posts, _sql
from tests.support.authority import Authority


@pytest.fixture
def anchored(office: Office, authority: Authority, tmp_path: Path) -> Office:
    """A city that anchors at an authority and in a folder."""
    (tmp_path / "out").mkdir()
    office.city.set(
        anchor_tsa_url=authority.url,
        anchor_certificate=str(authority.certificate),
        anchor_folder=str(tmp_path / "out"),
    )
    return office


def _doctor(office: Office) -> list[tuple[str, str]]:
    said = office.city.run("doctor", "--json", STANDFAST_TOKEN=office.token)
    return [(item["level"], item["text"]) for item in json.loads(said.stdout) if item["check"] == "anchors"]


def test_the_head_is_anchored_shown_and_verified(anchored: Office) -> None:
    _posts(anchored, 1)
    made = anchored.run("records", "anchor", "--json").data
    assert [(item["place"], item["trouble"]) for item in made] == [("authority", ""), ("folder", "")]
    shown = anchored.run("records", "anchors", "--json").data
    assert shown == made
    assert "secret" not in anchored.run("records", "anchors").out
    assert anchored.run("records", "anchors").out.splitlines()[0].startswith("anchor  at")
    said = anchored.run("records", "verify", "--anchors")
    assert said.code == 0
    assert "2 anchors and 1 files hold, with 2 stamps of an authority" in said.err
    seq = made[0]["seq"]
    kept = anchored.rows("log_entry")["log_entry"][seq - 1]
    assert kept[3] == "records.kept"  # what waited was named before the head was anchored


def test_a_log_that_was_written_anew_is_named(anchored: Office) -> None:
    """Its twin passes above; without --anchors nothing shows it."""
    anchored.run("records", "anchor")
    _sql(anchored, "DELETE FROM log_entry")
    _sql(anchored, f"UPDATE chain_head SET seq = 0, hash = '{'0' * 64}'")
    for _ in range(9):
        with writing(anchored.engine) as session:
            log.record(session, "eve", "act", "")
    assert anchored.run("records", "verify").code == 0
    said = anchored.run("records", "verify", "--anchors", "--json")
    assert said.code == 1
    assert (said.data["ok"], said.data["anchors"]["holds"]) == (True, None)
    lines = anchored.run("records", "verify", "--anchors").err.splitlines()
    assert any("is not the one that was anchored: the log was rewritten from its beginning" in line for line in lines)


def test_a_hash_from_a_message_is_held_to_the_log(anchored: Office) -> None:
    made = anchored.run("records", "anchor", "--json").data[0]
    known = f"{made['seq']}:{made['hash']}"
    assert anchored.run("records", "verify", "--known", known).code == 0
    other = f"{made['seq']}:{'0' * 64}"
    assert f"entry {made['seq']} was replaced" in anchored.fails("records", "verify", "--known", other)
    assert "the log reached to entry 99" in anchored.fails("records", "verify", "--known", f"99:{'0' * 64}")
    assert "not looked at" in anchored.fails("records", "verify", "--from", "2", "--known", f"1:{'0' * 64}")
    for wrong in ("", "1", "x:y", "1:zz", f"-1:{'0' * 64}", f"²:{'0' * 64}"):
        assert "write it as SEQ:HASH" in anchored.fails("records", "verify", "--known", wrong)


def test_what_fails_is_said_and_kept(anchored: Office, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "out").rmdir()
    answers: dict[str, Any] = {
        "answers 503": lambda _: (503, "text/plain", b"busy"),
        "and no stamp": lambda _: (200, "text/html", b"<html>"),
        "the stamp does not hold": lambda _: (200, "application/timestamp-reply", b"junk"),
        "longer than 1 MiB": lambda _: (200, "application/timestamp-reply", b"x" * (2**20 + 1)),
    }
    for line, answer in answers.items():
        authority.answer = answer
        said = anchored.run("records", "anchor", "--json")
        assert said.code == 1
        assert line in said.data[0]["trouble"]
        assert "secret" not in said.out
        assert "cannot be written (No such file or directory)" in said.data[1]["trouble"]
    levels = _doctor(anchored)
    assert [level for level, _ in levels] == ["fault", "fault", "fault"]
    assert "does not exist: make it" in levels[0][1]
    assert "never anchored" in levels[1][1]
    assert anchored.run("records", "verify", "--anchors").code == 1  # the folder cannot be read
    (tmp_path / "out").mkdir()
    assert anchored.run("records", "verify", "--anchors").code == 0


def test_an_authority_that_hangs_is_given_up(
    anchored: Office, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    monkeypatch.setattr(records_anchor, "WITHIN_S", 0.3)
    over = Event()

    def hang(_: bytes) -> tuple[int, str, bytes]:
        over.wait(30)
        return 200, "", b""

    authority.answer = hang
    said = anchored.run("records", "anchor", "--json")
    over.set()
    assert (said.code, [bool(item["trouble"]) for item in said.data]) == (1, [True, False])


def test_the_doctor_says_when_it_was_last_anchored(office: Office, anchored: Office) -> None:
    assert [level for level, _ in _doctor(office)] == ["warning", "warning"]
    office.run("records", "anchor")
    found = _doctor(office)
    assert [level for level, _ in found] == ["ok", "ok"]
    assert all("last anchored at" in text for _, text in found)
    _sql(office, "UPDATE anchor SET at = 1")
    assert [level for level, _ in _doctor(office)] == ["warning", "warning"]


def test_the_doctor_warns_where_nothing_is_anchored(office: Office) -> None:
    ((level, text),) = _doctor(office)
    assert level == "warning"
    assert "the log is anchored nowhere" in text
    assert "the log is anchored nowhere" in office.fails("records", "anchor")


def test_a_message_goes_to_the_address_of_the_variable(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from crisis.notices import address

    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(address, "send", lambda url, words, _limit: sent.append((url, words.body)))
    office.city.set(anchor_address="OFFICER")
    said = office.run("records", "anchor", "--json")
    assert "OFFICER is not set: put the address into .env" in said.data[0]["trouble"]
    (office.city.root / ".env").write_text("OFFICER=json://127.0.0.1:9/\n")
    (made,) = office.run("records", "anchor", "--json").data
    ((url, body),) = sent
    assert url == "json://127.0.0.1:9/"
    assert f"--known {made['seq']}:{made['hash']}" in body
    assert office.run("records", "verify", "--anchors").code == 0


def test_anchoring_takes_the_right_to_see_records(anchored: Office, authority: Authority) -> None:
    office = anchored
    office.run("people", "add", "bo", "--name", "Bo")
    token = office.run("people", "token", "bo", "--json").data["token"]
    assert "may not anchor the log" in office.fails("records", "anchor", STANDFAST_TOKEN=token)
    assert authority.asked == 0


# --- the daemon ------------------------------------------------------------------------------------------------------


def _turn(office: Office) -> Any:
    context = Context()
    found = duties._anchor(context, office.engine)
    context.close()
    return found[0].action if found else None


def test_the_daemon_anchors_once_in_its_time(anchored: Office, authority: Authority) -> None:
    turn = _turn(anchored)
    assert [turn(), turn(), turn()] == [2, 0, 0]
    assert authority.asked == 1
    _sql(anchored, "UPDATE anchor SET at = 1")
    assert turn() == 2


def test_the_daemon_has_no_such_duty_where_nothing_is_anchored(office: Office) -> None:
    assert _turn(office) is None


def test_in_a_rehearsal_nothing_outside_is_reached(
    anchored: Office, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duties, "tells_nobody", lambda: True)
    assert _turn(anchored) is None
    assert "a rehearsal" in anchored.fails("records", "anchor") or "failpoint" in anchored.fails("records", "anchor")
    assert authority.asked == 0


def test_the_way_to_a_stop_loads_nothing_of_anchors(sqlite_city: Any) -> None:
    program = "import sys, cli; from scheduler import emergency_stop; print([m for m in sys.modules if 'anchor' in m])"
    command = [sys.executable, "-c", program]
    import subprocess

    ran = subprocess.run(command, env=sqlite_city.environ, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"anchor_tsa_url": "http://tsa.example/"}, "anchor_tsa_url is plain http"),
        ({"anchor_tsa_url": "tsa.example"}, "anchor_tsa_url does not begin with https://"),
        ({"anchor_tsa_url": "https://u:p@tsa.example/"}, "anchor_tsa_url holds a user or a password"),
        ({"anchor_certificate": "ca.pem"}, "anchor_certificate = 'ca.pem' is set, but anchor_tsa_url is not"),
        ({"anchor_address": "mailto://x@y"}, "anchor_address is no name of a variable"),
        ({"anchor_folder": "out", "anchor_every": "5s"}, "anchor_every = 5s is less than 60s"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(sqlite_city: Any, given: dict[str, str], line: str) -> None:
    sqlite_city.set(**given)
    with pytest.raises(SettingsError) as refused:
        settings.load()
    assert len(refused.value.faults) == 1
    assert line in refused.value.faults[0]
    assert "u:p" not in refused.value.faults[0]
