"""``standfast alert``: by whom, what it says, what it keeps, and what it never does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commands import alert as alert_commands
from config import clock
from governance import people
from governance.authority import Identity
from store.alert_tables import AlertRecord
from store.engine import writing
from tests.commands.office import Office
from tests.crisis.alerts.build import NOW_US, alert, tornado
from tests.scheduler.press import ManualClock

RULES = Path(__file__).parents[1] / "crisis" / "alerts"


@pytest.fixture(autouse=True)
def _now(office: Office, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The documents' moment, and the city's rules: suggestions alone."""
    made = ManualClock()
    made.wall = NOW_US
    _rules(office, "suggest")
    monkeypatch.setattr(alert_commands, "after_hold", lambda number: None)
    with clock.use(made):
        yield made


def _rules(office: Office, name: str) -> None:
    text = (RULES / f"{name}.toml").read_text(encoding="utf-8").replace("group:safety", "channel:parks")
    (office.city.root / "alerts.toml").write_text(text, encoding="utf-8")
    if "alerts =" not in office.city.settings_file.read_text(encoding="utf-8"):
        office.city.set(alerts="alerts.toml")


def _file(office: Office, data: bytes, name: str = "a.xml") -> str:
    (office.city.root / name).write_bytes(data)
    return name


def _token(office: Office, person: str, role: str) -> str:
    ana = Identity("ana", "Ana Ruiz", "token")
    with writing(office.engine) as session:
        people.add_person(session, ana, person, person.title())
        people.grant(session, ana, person, role)
        return people.create_token(session, ana, person).token


def test_a_file_is_judged_and_kept(office: Office) -> None:
    said = office.run("alert", "read", _file(office, tornado()))
    assert (said.code, said.out.splitlines()[0]) == (0, "SUGGEST  alert 1  Tornado Warning")
    again = office.run("alert", "read", "a.xml", "--json").data
    assert [(item["kind"], item["again"], item["number"]) for item in again["alerts"]] == [("suggest", True, 1)]
    (shown,) = office.run("alert", "list", "--json").data
    assert (shown["outcome"], shown["by"], shown["sent_at"][:10]) == ("suggested", "ana", "2026-05-01")
    assert "Tornado Warning" in office.run("alert", "list").out
    assert office.run("alert", "list", "--waiting", "--json").data == [shown]
    assert office.run("alert", "show", "1", "--json").data == shown
    assert "the whole county" in office.run("alert", "show", "1").out


@pytest.mark.parametrize("rules", ["suggest", "whitelist"])
def test_a_dry_run_says_all_and_keeps_nothing(office: Office, rules: str) -> None:
    """KS-24: neither a row, nor an entry in the log, nor a stop."""
    _rules(office, rules)
    before = office.rows("log_entry", "alert", "alert_document", "suspension")
    said = office.run("alert", "read", _file(office, tornado()), "--dry-run", "--json").data
    assert said["dry_run"]
    assert said["alerts"][0]["kind"] == ("hold" if rules == "whitelist" else "suggest")
    assert said["alerts"][0]["reasons"]
    assert office.rows("log_entry", "alert", "alert_document", "suspension") == before


def test_what_the_whitelist_names_suspends(office: Office) -> None:
    """KS-24: the twin of the dry run."""
    _rules(office, "whitelist")
    said = office.run("alert", "read", _file(office, tornado()), "--json")
    assert (said.code, said.err.split()[:2]) == (0, ["SUSPENDED", "everything"]), said
    assert said.data["held"][0]["suspensions"] == [1]
    assert [row.by for row in office.rows("suspension")["suspension"]] == ["alert"]
    assert "has suspended by the whitelist" in office.fails("alert", "dismiss", "1", "--note", "x")


def test_a_line_of_the_whitelist_that_cannot_be_carried_out_ends_with_1(office: Office) -> None:
    _rules(office, "whitelist")
    text = (office.city.root / "alerts.toml").read_text().replace('scope = "all"', 'scope = "group:none"')
    (office.city.root / "alerts.toml").write_text(text.replace("channel:parks", "group:none"))
    said = office.run("alert", "read", _file(office, tornado()))
    assert said.code == 1
    assert "group:none was not suspended by itself: there is no group 'none'" in said.err
    assert office.rows("suspension")["suspension"] == []


def test_one_bad_file_of_several_is_named_and_the_others_are_read(office: Office) -> None:
    bad = _file(office, b"<!DOCTYPE a>" + tornado().split(b"?>")[1], "bad.xml")
    said = office.run("alert", "read", bad, _file(office, tornado()))
    assert said.code == 1
    assert [line.split()[0] for line in said.out.splitlines() if not line.startswith(" ")] == ["UNREADABLE", "SUGGEST"]
    assert "may not declare a document type" in said.out
    assert [row.kind for row in office.rows("alert")["alert"]] == ["unreadable", "suggest"]


def test_what_cannot_be_read_by_this_city_is_one_line(office: Office) -> None:
    """No file, no rules, no libraries: nothing is kept."""
    name = _file(office, tornado())
    assert "is no file" in office.fails("alert", "read", "none.xml")
    (office.city.root / "alerts.toml").write_text("[place")
    assert "the rules for alerts cannot be read" in office.fails("alert", "read", name)
    assert office.rows("alert")["alert"] == []


def test_without_the_extra_the_remedy_is_named(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from crisis.alerts import setup

    monkeypatch.setattr(setup, "NEEDED", ("no_such_library",))
    assert "pip install 'standfast[alerts]'" in office.fails("alert", "read", _file(office, tornado()))


def test_who_may_do_what(office: Office) -> None:
    """KS-24, GV-4: looking is for who is signed in; reading in and dismissing for who may suspend; refusals are logged."""
    name = _file(office, tornado())
    clerk, director = _token(office, "carl", "records_officer"), _token(office, "dora", "director")
    assert "carl may not read alerts" in office.fails("alert", "read", name, STANDFAST_TOKEN=clerk)
    assert office.run("alert", "read", name, "--dry-run", STANDFAST_TOKEN=clerk).code == 0
    assert office.run("alert", "read", name, STANDFAST_TOKEN=director).code == 0
    assert "carl may not dismiss alert 1" in office.fails("alert", "dismiss", "1", "--note", "x", STANDFAST_TOKEN=clerk)
    assert office.run("alert", "show", "1", STANDFAST_TOKEN=clerk).code == 0
    for arguments in (("list",), ("show", "1"), ("read", name, "--dry-run"), ("dismiss", "1", "--note", "x")):
        assert "not signed in" in office.fails("alert", *arguments, STANDFAST_TOKEN="")
    assert [row.action for row in office.rows("log_entry")["log_entry"]].count("refused") == 2


def test_a_person_says_that_nothing_is_to_be_done(office: Office) -> None:
    """KS-24: with a note, by name, once; it is in the log, and nothing is lifted by it."""
    office.run("alert", "read", _file(office, tornado()))
    assert "--note is empty" in office.fails("alert", "dismiss", "1", "--note", "  ")
    said = office.run("alert", "dismiss", "1", "--note", "north county only", "--json")
    assert (said.code, said.data["outcome"], said.data["note"]) == (0, "dismissed", "north county only")
    assert "was dismissed by ana already" in office.fails("alert", "dismiss", "1", "--note", "again")
    assert "there is no alert 9" in office.fails("alert", "dismiss", "9", "--note", "x")
    entry = office.rows("log_entry")["log_entry"][-1]
    assert (entry.actor, entry.action, entry.subject) == ("ana", "alert.dismiss", "alert 1")
    assert office.run("alert", "list", "--waiting", "--json").data == []


def test_what_came_to_nothing_is_listed_when_asked_for(office: Office) -> None:
    office.run("alert", "read", _file(office, tornado(name="X", status="Exercise", sender="nobody@a.example")))
    office.run("alert", "read", _file(office, alert(name="quiet")))
    assert [row["mark"] for row in office.run("alert", "list", "--json").data] == ["EXERCISE"]
    assert len(office.run("alert", "list", "--all", "--json").data) == 2
    assert "came to nothing" in office.fails("alert", "dismiss", "2", "--note", "x")


def test_the_bytes_that_came_can_be_had_again(office: Office) -> None:
    """RC-1: the evidence, into a new file alone."""
    office.run("alert", "read", _file(office, tornado()))
    assert office.run("alert", "show", "1", "--document", "out.xml").code == 0
    assert (office.city.root / "out.xml").read_bytes() == tornado()
    assert "is there already" in office.fails("alert", "show", "1", "--document", "a.xml")
    office.run("alert", "read", _file(office, alert(name="quiet")))
    assert "were not kept" in office.fails("alert", "show", "2", "--document", "out2.xml")


def test_what_a_sender_writes_cannot_move_the_terminal(office: Office) -> None:
    """SE-4."""
    hostile = tornado(name="A\N{RIGHT-TO-LEFT OVERRIDE}1").replace(b"Tornado Warning", "Tor\u202enado".encode())
    for arguments in (("read", _file(office, hostile)), ("list",), ("show", "1")):
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in office.run("alert", *arguments).out


def test_every_field_of_a_row_is_shown_but_those_for_the_machine(office: Office) -> None:
    office.run("alert", "read", _file(office, tornado()))
    hidden = {"key_hash", "digest", "document"}
    assert set(office.run("alert", "show", "1", "--json").data) == set(AlertRecord.model_fields) - hidden | {"sha256"}
