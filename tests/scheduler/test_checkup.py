"""The doctor's checks: each trouble is named with its remedy, and one that fails hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import clock
from governance import catalog, rules
from scheduler import checkup, clock_guard, stop_cell, witness
from scheduler.checkup import BAD, CHECKS, OK, WARN, Finding, Patient, examine
from store.crisis_tables import BreakGlassCode
from store.engine import writing
from store.governance_tables import Approval
from store.tables import CalendarFile, Channel, Gate
from store.tables import Worker as WorkerRow
from tests.scheduler import cleared
from tests.scheduler.press import STEWARD, Press


def _examine(press: Press, **settings: object) -> dict[str, list[Finding]]:
    press.settings.calendars_dir.mkdir(exist_ok=True)
    patient = Patient(press.settings.model_copy(update=settings), press.essential, press.engine, {})
    found: dict[str, list[Finding]] = {}
    for item in examine(patient):
        found.setdefault(item.check, []).append(item)
    return found


def test_a_sound_city_has_no_fault(press: Press) -> None:
    for name in ("parks", "pool", "police"):
        press.change(Channel, name, settings={"folder": str(press.essential.data_dir / name)})
    press.change(WorkerRow, press.process.id, heartbeat_at=clock.wall_us())
    press.essential.authority_file.touch()
    press.essential.data_dir.chmod(0o700)
    with writing(press.engine) as session:
        session.add(
            BreakGlassCode(label="EOC safe", code_hash="0" * 64, mark="0" * 8, made_by="dora", made_at=clock.wall_us())
        )
    found = _examine(press)
    assert found.keys() == CHECKS.keys()
    assert [item for items in found.values() for item in items if item.level != OK] == []
    (clock_line,) = found["clock"]
    assert clock_line.text.startswith("no alarm is open; daemons watch for a jump of over 30 s and for a time before")


def _no_gate(press: Press) -> None:
    with writing(press.engine) as session:
        session.delete(session.get_one(Gate, 1))


def _unknown(press: Press) -> None:
    press.attempt(press.queue(state="unknown"), "unknown")


def _calendar(press: Press) -> None:
    with writing(press.engine) as session:
        session.add(CalendarFile(name="parks.yaml", fault="parks.yaml:3: no such zone\nmore"))


def _no_one(press: Press) -> None:
    for person in ("dora", "omar", "olga", "stew"):
        with writing(press.engine) as session:
            session.connection().exec_driver_sql(f"UPDATE person SET state = 'left' WHERE id = '{person}'")


def _sent_before(press: Press) -> None:
    witness.note(press.witness_file, attempt=7, post=1)
    press.witness_file.write_text("0 0\n")


def _orphan(press: Press) -> None:
    press.queue(state="draft")
    press.queue(state="draft", source_key="staged:x")
    with writing(press.engine) as session:
        session.connection().exec_driver_sql("UPDATE person SET state = 'left' WHERE id = 'ann'")


TROUBLE: dict[str, tuple[str, str, str, Callable[[Press], object]]] = {
    "gate": ("gate", BAD, "run `standfast crisis`, then `standfast resume`", _no_gate),
    "suspended": ("gate", WARN, "SUSPENDED: channel:parks, since", lambda press: press.suspend("channel:parks")),
    "cell set": ("gate", WARN, "a stop that the ledger lacks", lambda p: stop_cell.stop(p.essential.cell_file, "r")),
    "cell gone": ("stop cell", BAD, "nothing is sent from this host", lambda p: p.essential.cell_file.unlink()),
    "restored": ("witness", WARN, "this host has seen 99", lambda p: p.witness_file.write_text("99 0\n")),
    "sent": ("witness", WARN, "attempt 7 was sent from here", _sent_before),
    "witness": ("witness", WARN, "not a witness's", lambda p: p.witness_file.write_text("x")),
    "clock": ("clock", BAD, "--confirm-clock", lambda p: clock_guard.raise_alarm(p.engine, "wall time jumped")),
    "hung": ("daemon", WARN, "no heartbeat for", lambda p: p.change(WorkerRow, p.process.id, heartbeat_at=1)),
    "no daemon": ("daemon", WARN, "standfast daemon", lambda p: p.change(WorkerRow, p.process.id, ended_at=1)),
    "dead": ("daemon", WARN, "standfast daemon", lambda p: p.change(WorkerRow, p.process.id, boot_id="before")),
    "nobody": ("people", BAD, "0 of 1 needed people may resume", _no_one),
    "orphan": ("people", WARN, "1 draft(s) of ann, who has left, wait for somebody", _orphan),
    "authority": ("people", WARN, "restart the daemon", lambda press: None),
    "account": ("channels", BAD, "folder", lambda press: None),
    "calendar": ("calendars", BAD, "parks.yaml:3: no such zone", _calendar),
    "unknown": ("attempts", WARN, "standfast post close", _unknown),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_each_trouble_is_named_with_its_remedy(sqlite_press: Press, name: str) -> None:
    check, level, says, cause = TROUBLE[name]
    cause(sqlite_press)
    found = [item for item in _examine(sqlite_press)[check] if says in item.text]
    assert [item.level for item in found][:1] == [level]
    assert all(len(item.text.splitlines()) == 1 for item in found)


def test_a_daemon_that_runs_with_older_settings_is_named(sqlite_press: Press, tmp_path: Path) -> None:
    """GV-5: approvals that were turned on while the daemon ran hold nothing until it is restarted; the doctor says so."""
    file = tmp_path / "standfast.toml"
    file.touch()
    start = file.stat().st_mtime_ns // 1000
    sqlite_press.change(WorkerRow, sqlite_press.process.id, started_at=start - 1)
    (line,) = [item for item in _examine(sqlite_press, root=tmp_path)["daemon"] if "restart" in item.text]
    assert line.level == WARN
    assert str(file) in line.text


@pytest.mark.parametrize("since", [{}, {"started_at": 1, "host": "elsewhere"}])
def test_a_daemon_that_started_since_or_has_other_files_is_not(
    sqlite_press: Press, tmp_path: Path, since: dict[str, object]
) -> None:
    (tmp_path / "standfast.toml").touch()
    sqlite_press.change(WorkerRow, sqlite_press.process.id, **{"started_at": clock.wall_us(), **since})
    assert not [item for item in _examine(sqlite_press, root=tmp_path)["daemon"] if "restart" in item.text]


def test_two_persons_are_needed_where_the_city_says_so(sqlite_press: Press) -> None:
    sqlite_press.revoke("olga")
    texts = [item.text for item in _examine(sqlite_press, resume_two_persons=True)["people"] if item.level == BAD]
    assert all("of 2 needed people may resume" in line for line in texts)


def test_a_full_disk_is_a_fault(sqlite_press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "LEAST_FREE", 2**70)
    assert [item.level for item in _examine(sqlite_press)["disk"]] == [BAD]


def test_a_check_that_fails_itself_hides_no_other(sqlite_press: Press) -> None:
    with writing(sqlite_press.engine) as session:
        session.connection().exec_driver_sql("DROP TABLE alarm")
    found = _examine(sqlite_press)
    assert [item.level for item in found["clock"]] == [BAD]
    assert [item.level for item in found["attempts"]] == [OK]


def test_a_check_of_the_rooms_above_is_handed_in_and_may_fail_like_any(sqlite_press: Press) -> None:
    def further(patient: Patient) -> Iterator[tuple[str, str]]:
        yield WARN, str(patient.settings.timezone)
        raise OSError("gone")

    patient = Patient(sqlite_press.settings, sqlite_press.essential, sqlite_press.engine, {})
    found = examine(patient, {"plan": further})
    assert [(item.level, item.text) for item in found if item.check == "plan"] == [(BAD, "gone")]
    assert CHECKS.keys() < {item.check for item in found}


def test_a_rehearsal_is_told(sqlite_press: Press) -> None:
    with clock.use(clock.RehearsalClock(clock.wall_us(), clock.boot_ns(), 1.0)):
        assert WARN in [item.level for item in _examine(sqlite_press)["settings"]]


def test_a_channel_that_is_not_authorized_is_named_where_the_city_asks_for_it(sqlite_press: Press) -> None:
    """GV-3: with the reason, and with what says what is missing."""
    press = sqlite_press
    lines = [item.text for item in _examine(press, channel_authorization=True)["channels"] if item.level == WARN]
    assert len(lines) == 3
    assert "parks is not authorized (not requested): its posts are held; `standfast channel authorize parks`" in lines
    cleared.furnish(press)
    with writing(press.engine) as session:
        catalog.decide(session, STEWARD, "platform", "outbox", "prohibited", "law", "memo")
    lines = [item.text for item in _examine(press, channel_authorization=True)["channels"] if item.level == WARN]
    assert any("parks is not authorized (lapsed: its platform outbox is prohibited)" in line for line in lines)
    rules.use(rules.Rules())


def test_site_terms_that_cannot_be_read_are_named(sqlite_press: Press) -> None:
    """CT-7: without them nothing can be recorded."""
    (found,) = _examine(sqlite_press, site_terms=Path("none.toml"))["site terms"]
    assert found.level == BAD
    assert "none.toml" in found.text
    (found,) = _examine(sqlite_press)["site terms"]
    assert (found.level, "site_terms names the city's own" in found.text) == (OK, True)


def _approved(press: Press, post: int, **values: object) -> None:
    with writing(press.engine) as session:
        made = {
            "submission_id": 1,
            "due_at": 1,
            "content_hash": "h",
            "decided_at": 1,
            "window_us": 1,
            "expires_at": 1,
        } | values
        session.add(Approval(post_id=post, approver="olga", verdict="approved", **made))


def test_posts_that_nobody_has_approved_are_counted_before_they_are_due(press: Press) -> None:
    """CT-1: a calendar's posts look scheduled, and are held when due."""
    approved, void, _unsaid = (press.queue(in_s=60) for _ in range(3))
    press.queue(in_s=8 * 86_400)
    press.queue(state="held")
    _approved(press, approved)
    _approved(press, void, voided_at=1, void_reason="its content changed")
    (line,) = [item for item in _examine(press, approval="required")["approvals"] if item.level == WARN]
    assert line.text.startswith("2 scheduled post(s) of the next 7 days have no approval and are held when due")
    assert [item.level for item in _examine(press)["approvals"]] == [OK]


@pytest.mark.parametrize(("approval", "level"), [("required", BAD), ("none", WARN)])
def test_tiers_that_cannot_be_read_are_named(sqlite_press: Press, approval: str, level: str) -> None:
    """CT-1: worse where posts must be approved."""
    (found,) = _examine(sqlite_press, approval=approval, approvals=Path("none.toml"))["approvals"]
    assert found.level == level
    assert "none.toml" in found.text
    (found,) = _examine(sqlite_press, approval=approval)["approvals"]
    assert found.level == OK
