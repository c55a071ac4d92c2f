"""``standfast records schedule|hold|dispose`` as people type it (RC-4)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config import clock
from governance import people, roles
from governance.authority import Identity
from records import keep
from records.keep import About
from store.engine import open_engine, writing
from store.tables import Channel
from tests.commands.office import Office, Said, opened
from tests.support.city import City

ANA = Identity("ana", "Ana Ruiz", "token")
DAY = 86_400 * clock.SECOND
SCHEDULE = """[series.public]
title = "What the public wrote"
source = "GR1000-26b"
period = "30 days"
trigger = "created"
records = ["inbound"]
"""
HOLD = ("records", "hold", "add", "--name", "smith", "--owner", "ana", "--reason", "Letter of 3 March")


@dataclass(frozen=True)
class Desk:
    """An office with two records officers, a schedule of its own and two old records. `tokens`: by person."""

    office: Office
    tokens: dict[str, str]

    def run(self, person: str, *arguments: str) -> Said:
        """What a command of this person says."""
        return self.office.run(*arguments, STANDFAST_TOKEN=self.tokens[person])

    def ok(self, person: str, *arguments: str) -> Said:
        """What a command that ends well says."""
        said = self.run(person, *arguments)
        assert said.code == 0, said
        return said

    def fails(self, person: str, *arguments: str) -> str:
        """The one line of a command that ends with exit code 1."""
        return self.office.fails(*arguments, STANDFAST_TOKEN=self.tokens[person])


def _furnished(office: Office) -> Desk:
    tokens = {"ana": office.token}
    with writing(office.engine) as session:
        for person, role in (("rosa", "records_officer"), ("ramon", "records_officer"), ("omar", "operator")):
            people.add_person(session, ANA, person, person.title())
            people.grant(session, ANA, person, role)
            tokens[person] = people.create_token(session, ANA, person).token
        session.add(Channel(name="police", platform="outbox", created_at=1))
        for number, channel in enumerate(("parks", "police")):
            about = About("inbound", f"message {number}", clock.wall_us() - 100 * DAY, channel=channel)
            keep.blob(session, about, f"Message {number}".encode(), "text/plain")
    (office.city.root / "retention.toml").write_text(SCHEDULE)
    office.city.set(retention="retention.toml")
    return Desk(office, tokens)


@pytest.fixture
def desk(office: Office) -> Desk:
    """The desk on each database."""
    return _furnished(office)


@pytest.fixture
def one(sqlite_city: City, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The desk on SQLite alone: what these say does not depend on the database."""
    monkeypatch.setenv("STANDFAST_TOKEN", "")
    engine = open_engine(sqlite_city.url)
    yield _furnished(opened(sqlite_city, engine))
    engine.dispose()
    roles.use(None)


def test_from_a_proposal_to_a_certificate(desk: Desk) -> None:
    """RC-4: two people, a hold that names itself, and a log that is whole."""
    said = desk.ok("rosa", *HOLD, "--channel", "police").err
    assert said == "hold smith: channel police; owner ana; nothing of that is disposed of until it is released\n"
    said = desk.ok("rosa", "records", "dispose", "propose")
    assert "disposition 1 is proposed" in said.err
    assert "hold smith keeps back 1 that would be due" in said.err
    assert said.out.splitlines()[1].split()[:1] == ["public"]
    assert "GR1000-26b" in said.out
    assert "own proposal" in desk.fails("rosa", "records", "dispose", "approve", "1")
    assert "only what another person approved" in desk.fails("rosa", "records", "dispose", "carry-out", "1")
    assert desk.ok("ramon", "records", "dispose", "approve", "1", "--json").data["approved_by"] == "ramon"
    said = desk.ok("rosa", "records", "dispose", "carry-out", "1")
    assert said.err.splitlines()[0] == "disposition 1: 1 disposed of, 0 kept"
    shown = desk.ok("ramon", "records", "dispose", "certificate", "1").out
    for part in (
        "GR1000-26b",
        "Proposed by rosa",
        "Approved by ramon",
        "Carried out by rosa",
        "1 disposed of by public",
    ):
        assert part in shown
    told = desk.ok("ramon", "records", "dispose", "certificate", "1", "--json").data
    assert (told["disposed"], told["records"]) == (1, [[1, 1]])
    assert desk.ok("rosa", "records", "dispose", "list", "--json").data[0]["state"] == "done"
    assert "the log is whole" in desk.ok("rosa", "records", "verify").err
    assert desk.ok("rosa", "records", "dispose", "propose").err.splitlines()[0] == "nothing is due"


def test_the_refusal_of_ones_own_proposal_is_logged(one: Desk) -> None:
    one.ok("rosa", "records", "dispose", "propose")
    one.fails("rosa", "records", "dispose", "approve", "1")
    entry = one.office.run("records", "list", "--action", "refused", "--json").data[-1]
    assert (entry["actor"], entry["subject"]) == ("rosa", "dispose.approve disposition 1")


@pytest.mark.parametrize(
    "arguments",
    [
        (*HOLD, "--channel", "parks"),
        ("records", "hold", "list"),
        ("records", "hold", "release", "smith", "--reason", "x"),
        ("records", "dispose", "propose"),
        ("records", "dispose", "list"),
        ("records", "dispose", "show", "1"),
        ("records", "dispose", "approve", "1"),
        ("records", "dispose", "withdraw", "1", "--reason", "x"),
        ("records", "dispose", "carry-out", "1"),
        ("records", "dispose", "certificate", "1"),
    ],
)
def test_who_does_not_see_to_records_is_refused_and_that_is_logged(one: Desk, arguments: tuple[str, ...]) -> None:
    before = one.office.rows("record", "legal_hold", "disposition")
    assert "omar may not" in one.fails("omar", *arguments)
    assert one.office.rows("record", "legal_hold", "disposition") == before
    assert [entry["actor"] for entry in one.office.run("records", "list", "--action", "refused", "--json").data] == [
        "omar"
    ]


def test_another_schedule_ends_an_approved_disposition(one: Desk) -> None:
    one.ok("rosa", "records", "dispose", "propose")
    one.ok("ramon", "records", "dispose", "approve", "1")
    file = one.office.city.root / "retention.toml"
    file.write_text(SCHEDULE.replace("30 days", "31 days"))
    assert "the schedule says something else" in one.fails("rosa", "records", "dispose", "carry-out", "1")
    file.write_text(SCHEDULE)
    assert "disposition 1 is void" in one.fails("rosa", "records", "dispose", "carry-out", "1")
    assert one.office.rows("record")["record"][0][-1] is None
    assert "disposition 2 is proposed" in one.ok("rosa", "records", "dispose", "propose").err


def test_another_schedule_before_the_approval_ends_it_too(one: Desk) -> None:
    one.ok("rosa", "records", "dispose", "propose")
    (one.office.city.root / "retention.toml").write_text(SCHEDULE.replace("30 days", "31 days"))
    assert "the schedule says something else" in one.fails("ramon", "records", "dispose", "approve", "1")
    assert one.ok("rosa", "records", "dispose", "list", "--json").data[0]["state"] == "void"


def test_a_disposition_is_shown_limited_and_withdrawn(one: Desk) -> None:
    said = one.ok("rosa", "records", "dispose", "propose", "--limit", "1", "--json").data
    assert (said["number"], said["more"], said["rules"]["public"]["count"]) == (1, True, 1)
    shown = one.ok("ramon", "records", "dispose", "show", "1", "--json").data
    assert [(item["kind"], item["number"], item["rule"]) for item in shown["items"]] == [("record", 1, "public")]
    assert "record" in one.ok("ramon", "records", "dispose", "show", "1").out
    one.ok("ramon", "records", "dispose", "withdraw", "1", "--reason", "look again")
    assert "cannot be withdrawn" in one.fails("ramon", "records", "dispose", "withdraw", "1", "--reason", "x")
    assert "certificate once it is done" in one.fails("rosa", "records", "dispose", "certificate", "1")
    for verb in ("show", "approve", "carry-out", "certificate"):
        assert "there is no disposition 9" in one.fails("rosa", "records", "dispose", verb, "9")


def test_holds_are_listed_and_released(one: Desk) -> None:
    one.ok("rosa", *HOLD, "--since", "2026-01-01 00:00", "--words", "flood")
    (told,) = one.ok("rosa", "records", "hold", "list", "--json").data
    assert (told["owner"], told["reason"], told["placed_by"]) == ("ana", "Letter of 3 March", "rosa")
    assert told["covers"] == "since 2026-01-01T00:00:00.000Z, words flood"
    assert "smith" in one.ok("rosa", "records", "hold", "list").out
    one.ok("ramon", "records", "hold", "release", "smith", "--reason", "settled")
    assert one.ok("rosa", "records", "hold", "list", "--json").data == []
    (told,) = one.ok("rosa", "records", "hold", "list", "--all", "--json").data
    assert (told["released_by"], told["release_reason"]) == ("ramon", "settled")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--channel", "parcs"), "did you mean 'parks'"),
        (("--suspension", "7"), "no such suspension"),
        (("--post", "7"), "no such post"),
        ((), "nothing says what is held"),
        (("--words", " "), "--words says nothing"),
        (("--since", "2026-02-30 10:00"), "2026-02-30"),
        (("--since", "2026-03-01 10:00", "--until", "2026-02-01 10:00"), "is not after"),
        (("--channel", "parks", "--name", "Smith v. City"), "is not a name here"),
        (("--channel", "parks", "--reason", " "), "--reason says nothing"),
        (("--channel", "parks", "--owner", "zoe"), "nobody who is here"),
    ],
)
def test_a_hold_that_would_hold_nothing_is_refused_in_one_line(
    one: Desk, arguments: tuple[str, ...], told: str
) -> None:
    assert told in one.fails("rosa", *HOLD, *arguments)
    assert one.office.rows("legal_hold")["legal_hold"] == []


# --- the schedule and the doctor ---------------------------------------------------------------------------------------


def test_the_schedule_is_shown_with_its_sources(one: Desk) -> None:
    said = one.ok("omar", "records", "schedule")
    assert "GR1000-26b" in said.out
    assert said.err == ""
    told = one.ok("omar", "records", "schedule", "--json").data
    assert (told["own"], told["rules"]["public"]["period"]) == (True, "30 days")


def test_without_a_file_of_its_own_nothing_is_proposed(one: Desk) -> None:
    settings = one.office.city.settings_file
    settings.write_text(settings.read_text().replace('retention = "retention.toml"\n', ""))
    assert "shipped example" in one.ok("omar", "records", "schedule").err
    assert "the setting `retention`" in one.fails("rosa", "records", "dispose", "propose")


def test_every_mistake_of_the_file_is_told_at_once(one: Desk) -> None:
    (one.office.city.root / "retention.toml").write_text("[series.a]\nperiod = 'x'\n")
    said = one.run("omar", "records", "schedule")
    assert said.code == 1
    assert len(said.err.splitlines()) == 5
    assert all("retention.toml: series.a." in line for line in said.err.splitlines())


def _doctor(desk: Desk) -> list[tuple[str, str]]:
    from commands import retention_check
    from commands.context import Context
    from scheduler.checkup import Patient

    context = Context()
    patient = Patient(context.settings, context.essential, desk.office.engine, os.environ)
    return list(retention_check.examine(patient))


def test_the_doctor_says_what_is_wrong_or_not_covered(one: Desk) -> None:
    assert [level for level, _ in _doctor(one)] == ["ok"]
    with writing(one.office.engine) as session:
        keep.blob(session, About("mail", "mail 1", 1), b"x", "message/rfc822")
    one.ok("rosa", "records", "hold", "add", "--name", "a", "--owner", "omar", "--reason", "x", "--channel", "parks")
    one.ok("ana", "people", "leave", "omar")
    file: Path = one.office.city.root / "retention.toml"
    file.write_text(SCHEDULE + 'channels = ["parks", "pool"]\n')
    warnings = [text for level, text in _doctor(one) if level == "warning"]
    assert len(warnings) == 4
    for part in ("'inbound' (1 there are)", "'mail' (1 there are)", "'pool', which there is not", "hold a is omar's"):
        assert any(part in line for line in warnings), (part, warnings)
    file.write_text("[series.a]\n")
    assert {level for level, _ in _doctor(one)} == {"fault"}
    settings = one.office.city.settings_file
    settings.write_text(settings.read_text().replace('retention = "retention.toml"\n', ""))
    assert [level for level, _ in _doctor(one)] == ["ok"]


def test_the_doctor_itself_asks(one: Desk) -> None:
    ran = one.office.city.run("doctor", "--json")
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    assert [item["level"] for item in found if item["check"] == "retention"] == ["ok"]
