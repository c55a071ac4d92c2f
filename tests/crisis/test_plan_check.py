"""The doctor's check of the plan: what it lacks is read from this city's store, settings, roles and variables."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from config import clock, essentials, settings
from crisis import plan, plan_check
from governance import people, roles
from governance.authority import Identity
from scheduler.checkup import BAD, OK, WARN, Patient
from store.engine import writing
from store.tables import Channel, ChannelGroup
from tests.commands.office import Office
from tests.crisis.plans import CANARY, changed, filled, written

STEWARD = Identity("ana", "Ana Ruiz", "token")
VARIABLES = dict.fromkeys(("NOTICE_DORA", "NOTICE_OMAR_PHONE", "NOTICE_OMAR_MAIL"), CANARY)
READ_US = clock.from_datetime(clock.to_datetime(0).replace(year=2026, month=3, day=1, hour=3))
GRANTS = ("director", "operator", "records_officer", "emergency_publisher")


@pytest.fixture
def staffed(office: Office) -> Office:
    """Dora and omar with every role that the filled plan has people hold, and a group of channels."""
    with writing(office.engine) as session:
        for person in ("dora", "omar"):
            people.add_person(session, STEWARD, person, person.title())
            for role in GRANTS:
                people.grant(session, STEWARD, person, role)
        session.add(ChannelGroup(channel="parks", name="outdoors"))
    office.city.set(plan="crisis-plan.toml")
    return office


def _found(office: Office, text: str | None = None, *, at_us: int = READ_US, **variables: str) -> list[tuple[str, str]]:
    """What the check says with `text` as the city's plan, at wall time `at_us`."""
    file = office.city.root / "crisis-plan.toml"
    if text is not None:
        written(office.city.root, text)
    own = settings.load()
    roles.use(None if own.roles is None else essentials.path_below(own.root, str(own.roles)))
    patient = Patient(own, essentials.load(), office.engine, variables or VARIABLES)
    with clock.use(clock.RehearsalClock(at_us, clock.boot_ns(), 1.0)):
        found = list(plan_check.check(patient))
    assert all(len(line.splitlines()) == 1 and str(file) in line for _, line in found)
    return [(level, line.replace(f"{file}: ", "")) for level, line in found]


def test_a_plan_that_lacks_nothing_is_one_line(staffed: Office) -> None:
    """The twin of all below, on each database."""
    (level, line), *rest = _found(staffed, filled())
    assert (level, rest) == (OK, [])
    assert line.endswith("crisis-plan.toml, version 1")


def test_what_the_store_knows_otherwise_is_told(staffed: Office) -> None:
    """KS-10, KS-18: who left, who may not, and a scope that is not there; on each database."""
    with writing(staffed.engine) as session:
        people.mark_left(session, STEWARD, "omar")
        people.revoke_grant(session, STEWARD, "dora", "director")
        people.revoke_grant(session, STEWARD, "dora", "operator")
    text = changed(('scope = "all"', 'scope = "group:outdors"'), ('scope = "all"', 'scope = "channel:parks"'))
    faults = [line for level, line in _found(staffed, text) if level == BAD]
    assert "level.watch.scope = 'group:outdors': there is no such group: did you mean 'outdoors'?" in faults
    assert "notice[2].person names omar, who has left: name somebody else" in faults
    assert any(
        "names dora, who may not override, resume, suspend: `standfast people grant dora director`" in line
        for line in faults
    )
    assert any("nobody whom the plan names may resume" in line for line in faults)
    assert not any("level.local" in line for line in faults)


def test_the_roles_file_of_the_settings_is_the_one_that_counts(staffed: Office) -> None:
    every = ", ".join(f'"{word}"' for word in roles.PERMISSIONS)
    file = staffed.city.root / "own-roles.toml"
    file.write_text(f'[steward]\npermissions = [{every}]\n[director]\npermissions = ["suspend"]\n')
    staffed.city.set(roles="own-roles.toml")
    faults = [line for level, line in _found(staffed, filled()) if level == BAD]
    assert any(line.startswith(f"role.duty-officer.access = 'operator' is no role of {file}: ") for line in faults)
    assert any(f"whose access 'director' does not hold 'resume' in {file}" in line for line in faults)


def test_two_persons_are_counted_where_the_settings_ask_for_them(staffed: Office) -> None:
    """KS-10: nobody should learn at the resume that there is no second person."""
    with writing(staffed.engine) as session:
        people.mark_left(session, STEWARD, "omar")
    assert not any("resume_two_persons" in line for _, line in _found(staffed, filled()))
    staffed.city.set(resume_two_persons=True)
    assert any("1 of 2 needed people (dora)" in line for level, line in _found(staffed, filled()) if level == BAD)


def test_a_variable_is_named_and_what_it_holds_never(staffed: Office) -> None:
    """SE-3, KS-18"""
    found = _found(staffed, filled(), NOTICE_DORA=CANARY)
    assert [line.partition(",")[0] for level, line in found if level == BAD] == [
        "notice[2].targets names NOTICE_OMAR_PHONE",
        "notice[2].targets names NOTICE_OMAR_MAIL",
    ]
    assert CANARY not in str(found)


def test_the_day_is_the_citys_own(staffed: Office) -> None:
    """At three in the night of Greenwich it is the evening before in Chicago."""
    text = changed(("reviewed = 2026-01-31", "reviewed = 2026-03-01"))
    assert [level for level, _ in _found(staffed, text)] == [OK]
    staffed.city.set(timezone="America/Chicago")
    assert any("lies ahead of today, 2026-02-28" in line for _, line in _found(staffed, text))


@pytest.mark.parametrize(("days", "late"), [(365, False), (366, True)])
def test_a_review_is_overdue_after_its_interval(staffed: Office, days: int, late: bool) -> None:
    at_us = READ_US + (days - 29) * 86_400 * clock.SECOND  # the review was 29 days before the first of March
    assert any("more than 365 days ago" in line for _, line in _found(staffed, filled(), at_us=at_us)) is late


def test_a_text_is_measured_by_the_platforms_of_the_channels(staffed: Office) -> None:
    text = changed(("Tornado watch for", "w" * 300))
    assert [level for level, _ in _found(staffed, text)] == [OK]  # the outbox takes it
    with writing(staffed.engine) as session:
        session.add(Channel(name="police-x", platform="x", created_at=1))
        session.add(Channel(name="lost", platform="gone", created_at=1))
    (fault,) = [line for level, line in _found(staffed, text) if level == BAD]
    assert fault == "statement.tornado-watch.text.en is 53 characters too long for x (police-x): add a shorter variant"


def test_a_plan_that_cannot_be_read_is_a_fault_for_each_mistake(staffed: Office) -> None:
    faults = _found(staffed, changed(('version = "1"', "version = 1"), ('["en", "es"]', "5")))
    assert [level for level, _ in faults] == [BAD, BAD]
    (staffed.city.root / "crisis-plan.toml").unlink()
    ((level, line),) = _found(staffed)
    assert level == BAD
    assert "cannot be read (No such file or directory): mend the file, or the setting `plan`" in line


def test_a_plan_that_anybody_may_change_is_told(staffed: Office) -> None:
    written(staffed.city.root, filled()).chmod(0o666)
    assert [level for level, line in _found(staffed) if "chmod o-w" in line] == [WARN]


def test_the_shipped_plan_is_not_taken_for_a_citys(office: Office) -> None:
    patient = Patient(settings.load(), essentials.load(), office.engine, {})
    found = list(plan_check.check(patient))
    assert [level for level, line in found if "no city's: write plan = " in line] == [WARN]
    assert {level for level, _ in found} == {OK, WARN}
    assert all(str(plan.SHIPPED) in line for level, line in found if "no city's" not in line)


def test_the_doctor_looks_at_the_plan(staffed: Office) -> None:
    """The whole command, with variables from .env."""
    written(staffed.city.root, filled())
    (staffed.city.root / ".env").write_text("".join(f"{name}={CANARY}\n" for name in VARIABLES))
    said = staffed.city.run("doctor", "--json", STANDFAST_TOKEN=os.environ["STANDFAST_TOKEN"])
    found = [item for item in json.loads(said.stdout) if item["check"] == "plan"]
    assert [item["level"] for item in found][:1] == [OK]
    assert [item["text"] for item in found if item["level"] == BAD] == []
    assert CANARY not in said.stdout + said.stderr


def test_the_path_is_below_the_settings_file(tmp_path: Path) -> None:
    assert plan.file_of(tmp_path, None) == plan.SHIPPED
    assert plan.file_of(tmp_path, "a/plan.toml") == tmp_path / "a" / "plan.toml"
    assert plan.file_of(tmp_path, Path("/etc/plan.toml")) == Path("/etc/plan.toml")
