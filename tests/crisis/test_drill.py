"""Drills: a simulation changes nothing, a live one is judged from the ledger, and a real stop wins."""

from __future__ import annotations

import json

import pytest
from sqlmodel import Session, select

from config import clock, essentials, settings
from crisis import drill, drill_check
from scheduler import killswitch, lifting
from scheduler.checkup import OK, WARN, Patient
from scheduler.killswitch import Scope
from store.crisis_tables import Delivery, Notice
from store.drill_tables import Drill
from store.engine import StoreError, cursor, dialect, reading, writing
from store.tables import Attempt, Gate, LogEntry, Post, Suspension
from tests.commands.office import Office
from tests.crisis import drills


def _everything(office: Office) -> list[object]:
    """What a drill must not change: posts, gate, suspensions, attempts."""
    with reading(office.engine) as session:
        return [
            row.model_dump()
            for table in (Post, Gate, Suspension, Attempt)
            for row in session.exec(select(table))  # type: ignore[var-annotated]  # four kinds of row
        ]


def _queue(office: Office, text: str = "farmers' market") -> None:
    said = office.run("post", "add", "--channel", "parks", "--text", text, "--at", "2030-05-01 09:00")
    assert said.code == 0, said


@pytest.fixture(autouse=True)
def _city(office: Office) -> None:
    assert office.engine
    drills.prepare()


def test_a_simulation_tells_what_would_be_held_and_changes_nothing(office: Office) -> None:
    """KS-20, and its twin: the live one, which holds."""
    _queue(office)
    before = _everything(office)
    said = office.run("crisis", "drill", "--simulate")
    assert said.code == 0, said
    assert all(line.startswith("EXERCISE  ") for line in said.err.splitlines()), said.err
    assert "1 scheduled post(s) would wait behind the gate" in said.err
    assert "parks  1 covered" in said.err
    assert "the plan's notice list is empty: nobody would be told" in said.err
    assert _everything(office) == before
    (row,) = drills.recorded(office)
    assert (row.mode, row.verdict, row.suspension_id, row.by, row.scope) == ("simulate", "passed", None, "ana", "all")
    assert row.suspended_us > 0
    assert json.loads(row.evidence)["receipt"]["covered"] == 1
    drills.live(office)
    assert _everything(office) != before


def test_a_simulation_of_a_part_speaks_of_the_part(office: Office) -> None:
    _queue(office)
    said = office.run("crisis", "drill", "--simulate", "--scope", "channel:parks", "--json")
    assert (said.code, said.data["receipt"]["scope"], said.data["exercise"]) == (0, "channel:parks", True)
    assert "there is no channel 'pole'" in office.fails("crisis", "drill", "--simulate", "--scope", "channel:pole")


def test_a_live_drill_holds_is_marked_and_ends_by_the_same_procedure(office: Office) -> None:
    """KS-20: EXERCISE stands on every line, the stop cell is not touched, and `status` shows the last one passed (KS-19)."""
    _queue(office)
    said = office.run("crisis", "drill", "--live", "--reason", "spring exercise")
    assert said.code == 0, said
    assert said.err.splitlines()[0].startswith("EXERCISE  SUSPENDED  everything")
    assert all(line.startswith("EXERCISE  ") for line in said.err.splitlines()), said.err
    assert "SUSPENDED after" in said.err
    (row,) = drills.recorded(office)
    assert (row.mode, row.verdict) == ("live", "running")
    assert row.quiet_us is not None
    assert row.suspended_us <= row.quiet_us
    with reading(office.engine) as session:
        own = session.get_one(Suspension, row.suspension_id)
        assert (own.kind, own.reason) == ("drill", "spring exercise")
        assert killswitch.closed_by(cursor(session), dialect(session), "parks", clock.wall_us()) == [own.id]
    drills.lift(office, row.suspension_id or 0)
    (row,) = drills.recorded(office)
    assert (row.verdict, json.loads(row.evidence)["reasons"]) == ("passed", [])
    with reading(office.engine) as session:
        log = session.exec(select(LogEntry.action).where(LogEntry.subject == f"drill {row.id}")).all()
    assert log == ["drill", "drill.end"]


def test_what_a_live_drill_needs(office: Office) -> None:
    for arguments in ((), ("--simulate", "--live"), ("--live", "--show")):
        assert "say which: --simulate, --live or --show" in office.fails("crisis", "drill", *arguments)
    office.run("people", "add", "rita", "--name", "Rita Voss")
    office.run("people", "grant", "rita", "administrator")
    token = office.run("people", "token", "rita", "--json").data["token"]
    for mode in ("--simulate", "--live"):
        assert "does not hold 'suspend'" in office.fails("crisis", "drill", mode, STANDFAST_TOKEN=token)
        assert "you are not signed in" in office.fails("crisis", "drill", mode, STANDFAST_TOKEN="")
    assert drills.recorded(office) == []
    number = drills.live(office)
    assert f"suspension {number} is an exercise already" in office.fails("crisis", "drill", "--live")


def test_no_exercise_is_held_beside_a_real_stop(office: Office) -> None:
    with writing(office.engine) as session:
        killswitch.suspend(
            cursor(session), dialect(session), killswitch.Order("real", "dana", scope=Scope("channel", "parks"))
        )
    line = office.fails("crisis", "drill", "--live")
    assert "suspension 1 is a real one: no exercise beside it; NOTHING IS SUSPENDED by this" in line
    assert office.run("crisis", "drill", "--simulate").code == 0


def test_a_real_stop_during_a_drill_wins(office: Office) -> None:
    """KS-20: it stands after the drill is lifted, says no EXERCISE, and the drill counts for nothing."""
    _queue(office)
    number = drills.live(office)
    with writing(office.engine) as session:
        real = killswitch.suspend(cursor(session), dialect(session), killswitch.Order("real", "dana", "tornado"))
    (row,) = drills.settled(office)
    assert row.verdict == "overtaken"
    assert json.loads(row.evidence)["reasons"] == [f"suspension {real.suspension}, a real one, stood during it"]
    drills.lift(office, number)
    with reading(office.engine) as session:
        assert killswitch.closed_by(cursor(session), dialect(session), "parks", clock.wall_us()) == [real.suspension]


@pytest.mark.parametrize("is_over", [False, True])
def test_a_real_stop_of_a_moment_before_the_drill_overtakes_it_too(
    office: Office, monkeypatch: pytest.MonkeyPatch, is_over: bool
) -> None:
    """KS-20: it may be recorded between the drill's look for one and its own record; the twin was over by then."""

    def look(_: Session) -> None:
        with writing(office.engine) as session:
            own = cursor(session), dialect(session)
            real = killswitch.suspend(*own, killswitch.Order("real", "dana", "tornado"))
            if is_over:
                lifting.lift(*own, real.suspension, by="dana", reason="over", asked_epoch=real.epoch)

    monkeypatch.setattr(drill, "refuse_beside_real", look)
    drills.live(office)
    assert (drills.settled(office)[0].verdict == "overtaken") is not is_over


def test_who_must_answer_and_did_not_makes_it_fail_and_who_did_is_measured(office: Office) -> None:
    """KS-20: time to all acknowledgements."""
    number = drills.live(office)
    with writing(office.engine) as session:
        session.get_one(Suspension, number).lifted_at = clock.wall_us()
        session.get_one(Suspension, number).lifted_epoch = 99
    with reading(office.engine) as session:
        row = session.get_one(Drill, 1)
        silent = drill.judge(session, row, drills.written(office, drills.PLAN), 30.0)
    assert (silent.verdict, silent.reasons) == ("failed", ["ana has not said that they know of it"])
    drills.answer(office, number, "ana")
    with reading(office.engine) as session:
        heard = drill.judge(session, session.get_one(Drill, 1), drills.written(office, drills.PLAN), 30.0)
    assert (heard.verdict, heard.reasons) == ("passed", [])
    assert heard.acknowledged_us is not None
    assert heard.acknowledged_us > 0


def test_a_live_one_says_who_must_answer(office: Office) -> None:
    """KS-20: nobody learns of it from the verdict alone."""
    office.city.set(plan="drill-plan.toml")
    drills.written(office, drills.PLAN)
    said = office.run("crisis", "drill", "--live")
    assert "EXERCISE    must answer ana: each by `standfast crisis ack`" in said.err


def test_what_went_out_or_was_never_quiet_or_not_delivered_makes_it_fail(office: Office) -> None:
    _queue(office)
    number = drills.live(office)
    now = clock.wall_us()
    with writing(office.engine) as session:
        own = session.get_one(Suspension, number)
        own.lifted_at, own.lifted_epoch, own.quiet_at = now, own.epoch + 1, None
        attempt = {
            "post_id": 1,
            "part": 0,
            "channel": "parks",
            "state": "published",
            "worker": "w",
            "idempotency_key": "k",
        }
        attempt |= {"content_hash": "h", "claim_epoch": own.epoch, "claimed_at": now, "looks": 0}
        session.add(Attempt(**attempt, authorise_epoch=own.epoch))
        session.add(Notice(kind="suspended", cause="x", suspension_id=number, facts={}, made_at=now))
        session.flush()
        session.add(
            Delivery(notice_id=1, person="ana", variable="NOTICE_ANA", language="en", state="failed", due_at=now)
        )
    (row,) = drills.settled(office)
    reasons = json.loads(row.evidence)["reasons"]
    assert row.verdict == "failed"
    assert reasons[0] == "quiet was never confirmed"
    assert reasons[1] == "1 post(s) went out though they were covered"
    assert reasons[2].startswith("1 notice(s) could not be delivered")


def test_an_emergency_message_is_no_post_that_went_out(office: Office) -> None:
    number = drills.live(office)
    now = clock.wall_us()
    with writing(office.engine) as session:
        own = session.get_one(Suspension, number)
        own.lifted_at, own.lifted_epoch = now, own.epoch + 1
        attempt = {
            "post_id": 1,
            "part": 0,
            "channel": "parks",
            "state": "published",
            "worker": "w",
            "idempotency_key": "k",
        }
        attempt |= {"content_hash": "h", "claim_epoch": own.epoch, "claimed_at": now, "looks": 0, "override_id": 1}
        session.add(Attempt(**attempt, authorise_epoch=own.epoch))
    (row,) = drills.settled(office)
    assert row.verdict == "passed"


def test_a_drill_has_no_emergency_lane_and_sweeps_nothing(office: Office) -> None:
    """KS-20: it reaches no live platform."""
    drills.live(office)
    assert "nothing real is suspended" in office.fails("crisis", "post", "--channel", "parks", "--text", "x")
    assert "nothing real that fits is suspended" in office.fails("crisis", "sweep")


def test_the_drills_so_far_are_shown(office: Office) -> None:
    office.run("crisis", "drill", "--simulate")
    number = drills.live(office)
    shown = office.run("crisis", "drill", "--show", "--json").data
    assert [(row["mode"], row["verdict"], row["suspension_id"]) for row in shown] == [
        ("simulate", "passed", None),
        ("live", "running", number),
    ]
    assert "running" in office.run("crisis", "drill", "--show").out


def test_the_doctor_says_whether_the_stop_was_practised(office: Office) -> None:
    patient = Patient(settings.load(), essentials.load(), office.engine, {})
    assert [level for level, _line in drill_check.check(patient)] == [WARN]
    office.run("crisis", "drill", "--simulate")
    (lacks, _line), (level, line) = drill_check.check(patient)
    assert (lacks, level, "the last simulated drill passed at" in line, "(all, by ana)" in line) == (
        WARN,
        OK,
        True,
        True,
    )
    drills.lift(office, drills.live(office))
    (level, line), _simulated = drill_check.check(patient)
    assert (level, "the last live drill passed at" in line) == (OK, True)
    with writing(office.engine) as session:
        session.get_one(Drill, 2).at -= drill_check.STALE_US
    (level, line), (other, _line) = drill_check.check(patient)
    assert (level, "over a year ago" in line, "drill --live" in line, other) == (WARN, True, True, OK)
    said = office.city.run("doctor", "--json", STANDFAST_TOKEN=office.token)
    assert [item["level"] for item in json.loads(said.stdout) if item["check"] == "drills"] == [WARN, OK]


def test_a_lift_is_told_though_the_verdict_cannot_be_written(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = drills.live(office)
    asked = office.run("resume", "--reason", "drill over", "--suspension", str(number), "--json")

    def away(*_: object) -> list[int]:
        raise StoreError("the store is locked")

    monkeypatch.setattr(drill, "settle", away)
    lifted = office.run("resume", "--confirm", asked.data["code"], "--reason", "drill over")
    assert (lifted.code, "LIFTED  suspension" in lifted.err) == (0, True)
    assert "EXERCISE    warning     the verdict is not written down yet" in lifted.err
