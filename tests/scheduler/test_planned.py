"""A planned window: on record ahead of time, in force from its moment by the clock alone, ended by a person alone."""

from __future__ import annotations

import json
import os
from contextlib import closing

import pytest

from config import clock
from config.fault import Fault
from scheduler import killswitch, lifting, stop_cell, switch
from scheduler.cell_keeper import CellKeeper
from scheduler.emergency_stop import DONE, NOT_CONFIRMED, EmergencyStop, Request
from scheduler.killswitch import PLANNED, Recorded, Scope
from scheduler.resumption import Offer, Resumption
from scheduler.status import Status
from store.tables import Suspension, SuspensionInflight
from tests.scheduler.press import ManualClock, Press

AHEAD_S = 3600


def _plan(press: Press, scope: str = "all", in_s: float = AHEAD_S) -> Recorded:
    return press.suspend(scope, kind=PLANNED, starts_at=clock.wall_us() + int(in_s * clock.SECOND))


def _begin(press: Press) -> list[int]:
    with press.switched() as own, switch.exclusive(own) as found:
        return killswitch.begin_due(found, own.name)


def test_a_window_to_come_stops_nothing_and_steps_no_epoch(press: Press) -> None:
    """The twin of all that follows: what is only planned lets every post go."""
    before = press.ask(killswitch.epoch)
    planned = _plan(press)
    (entry,) = press.log("plan")
    kept = press.row(Suspension, planned.suspension)
    asked = {"request": planned.request_id, "reason": "tornado", "scope": "all", "starts_at": kept.starts_at}
    assert (entry.actor, json.loads(entry.detail)) == ("dora", asked)
    assert (planned.begun, planned.epoch, press.ask(killswitch.epoch)) == (False, before, before)
    assert press.ask(killswitch.closed_by, "parks", clock.wall_us()) == []
    post = press.queue()
    assert press.publisher.publish_post(post) == "published"


def test_a_window_holds_from_its_moment_though_nobody_began_it(hands: ManualClock, press: Press) -> None:
    """KS-23: the gate itself looks at the moment; no process need be awake."""
    planned = _plan(press)
    post = press.queue(in_s=AHEAD_S)
    hands.pass_s(AHEAD_S)
    assert press.publisher.publish_post(post) == "not_claimed"
    assert press.ask(killswitch.closed_by, "parks", clock.wall_us()) == [planned.suspension]
    assert press.connector.published == []


def test_the_first_writer_after_it_takes_its_step(hands: ManualClock, press: Press) -> None:
    """I2: what was sending or claimed as it came is listed or ended, like at any stop."""
    planned = _plan(press, "channel:parks")
    sending = press.attempt(press.queue(state="publishing"), "sending")
    claimed = press.attempt(press.queue(state="publishing"), "claimed")
    elsewhere = press.attempt(press.queue("police", state="publishing"), "sending")
    assert _begin(press) == []
    hands.pass_s(AHEAD_S)
    assert press.ask(killswitch.has_due)
    assert press.ask(killswitch.unconfirmed, planned.suspension) == [
        sending
    ]  # claimed in the epoch in which it was planned
    assert _begin(press) == [planned.suspension]
    row = press.row(Suspension, planned.suspension)
    assert (row.epoch, row.begun_at, press.ask(killswitch.epoch)) == (planned.epoch + 1, clock.wall_us(), row.epoch)
    assert press.row(SuspensionInflight, (planned.suspension, sending)).state_then == "sending"
    assert press.ask(killswitch.unconfirmed, planned.suspension) == [sending]
    assert [item.state for item in press.attempts(2)] == ["aborted"]
    assert claimed != elsewhere
    (entry,) = press.log("begin")
    assert (entry.actor, entry.subject) == ("standfast", f"suspension {planned.suspension}")
    assert json.loads(entry.detail) == {"epoch": row.epoch, "aborted": 1, "in_flight": [sending]}
    assert (_begin(press), press.ask(killswitch.has_due)) == ([], False)


def test_the_status_of_a_window_that_nobody_began_begins_it(hands: ManualClock, press: Press) -> None:
    """I1: a worker that looked at the gate before its moment may stand in its transaction; only the lock waits for that one."""
    planned = _plan(press)
    claimed = press.attempt(press.queue(state="publishing"), "claimed")
    hands.pass_s(AHEAD_S)
    code, data, _ = Status(press.essential).run(wait=False)
    assert (code, data["quiet_confirmed"], data["suspensions"][0]["epoch"]) == (DONE, True, planned.epoch + 1)
    assert press.row(Suspension, planned.suspension).begun_at == clock.wall_us()
    assert [(item.id, item.state) for item in press.attempts(1)] == [(claimed, "aborted")]


def test_a_window_whose_beginning_cannot_be_recorded_is_not_called_quiet(
    hands: ManualClock, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1: the twin: it holds, and what had asked for leave before it is not known."""
    _plan(press)
    hands.pass_s(AHEAD_S)

    def away(*_: object, **__: object) -> None:
        raise switch.SwitchUnavailable("the store takes no writes")

    monkeypatch.setattr(switch, "exclusive", away)
    code, data, words = Status(press.essential).run(wait=False)
    assert (code, data["suspended"], data["quiet_confirmed"]) == (NOT_CONFIRMED, True, False)
    assert "QUIET CONFIRMED" not in words
    assert "its beginning cannot be recorded: the store takes no writes" in words


def test_a_window_whose_moment_is_now_begins_with_its_order(hands: ManualClock, press: Press) -> None:
    """The twin is a microsecond later; a stop that is no window asks for no moment."""
    assert press.suspend(kind=PLANNED, starts_at=clock.wall_us()).begun
    hands.pass_s(1)
    assert not press.suspend(kind=PLANNED, starts_at=clock.wall_us() + 1).begun
    hands.pass_s(1)
    assert press.suspend(starts_at=clock.wall_us() + 1).begun


def test_a_window_that_was_taken_back_never_begins(hands: ManualClock, press: Press) -> None:
    """KS-10; the twin is the window that nobody took back."""
    planned = _plan(press)
    press.lift(planned.suspension)
    hands.pass_s(AHEAD_S)
    assert (press.ask(killswitch.has_due), _begin(press)) == (False, [])
    assert press.row(Suspension, planned.suspension).begun_at is None


@pytest.mark.parametrize(("kind", "sets"), [("crisis", True), ("compromise", True), ("drill", False), (PLANNED, False)])
def test_only_a_real_stop_of_everything_sets_the_cell(kind: str, sets: bool) -> None:
    """KS-20: parts, windows and exercises leave it alone."""
    assert Request(Scope(), kind=kind).sets_cell is sets
    assert not Request(Scope("channel", "parks"), kind=kind).sets_cell


def test_a_window_that_has_begun_looks_at_no_clock(hands: ManualClock, press: Press) -> None:
    """KS-5, KS-6: a clock that goes back opens nothing."""
    planned = _plan(press)
    hands.pass_s(AHEAD_S)
    _begin(press)
    hands.wall -= 2 * AHEAD_S * clock.SECOND
    assert press.ask(killswitch.closed_by, "parks", clock.wall_us()) == [planned.suspension]


def test_an_attempt_from_before_the_window_that_was_not_sent_waits_for_a_person(
    hands: ManualClock, press: Press
) -> None:
    """I7; the twin is a window that is only planned."""
    planned = _plan(press)
    assert not press.ask(killswitch.declared_since, "parks", 0)
    hands.pass_s(AHEAD_S)
    _begin(press)
    assert press.ask(killswitch.declared_since, "parks", planned.epoch)


def test_taking_back_a_window_to_come_holds_nothing(press: Press) -> None:
    """Posts that wait for their turn as it is taken back were never covered; the twin is a window that has come."""
    planned = _plan(press)
    post = press.queue(in_s=-5)
    assert press.ask(lifting.missed, planned.suspension) == 0
    assert press.lift(planned.suspension)[1] == 0
    assert press.post(post).state == "scheduled"


def test_a_window_that_came_holds_what_it_covered_at_the_lift_though_nobody_began_it(
    hands: ManualClock, press: Press
) -> None:
    """KS-11."""
    planned = _plan(press)
    post = press.queue(in_s=AHEAD_S + 1)
    hands.pass_s(AHEAD_S + 2)
    assert press.ask(lifting.missed, planned.suspension) == 1
    assert press.lift(planned.suspension)[1] == 1
    assert press.post(post).state == "held"


def test_a_planned_stop_of_everything_is_no_stop_for_a_lost_cell(press: Press) -> None:
    """I8: a cell that cannot be read stops this host; a window to come may not pass for that stop."""
    _plan(press)
    press.essential.cell_file.write_bytes(b"")
    CellKeeper(press.essential, press.engine).keep()
    assert [item.by for item in _standing(press)] == [killswitch.STOP_CELL]


def _standing(press: Press) -> list[Suspension]:
    numbers = press.ask(killswitch.closed_by, "parks", clock.wall_us())
    return [press.row(Suspension, number) for number in numbers]


def test_the_daemons_keeper_begins_it_and_raises_the_fence(hands: ManualClock, press: Press) -> None:
    """A worker frozen since before the window is fenced."""
    planned = _plan(press)
    keeper = CellKeeper(press.essential, press.engine)
    keeper.look()
    assert press.row(Suspension, planned.suspension).begun_at is None
    hands.pass_s(AHEAD_S)
    keeper.look()
    assert press.row(Suspension, planned.suspension).begun_at == clock.wall_us()
    assert stop_cell.read(press.essential.cell_file).fence == planned.epoch + 1


def _command(press: Press, request: Request) -> tuple[int, str]:
    environ = dict(os.environ) | {"STANDFAST_TOKEN": press.tokens["dora"]}
    answer = EmergencyStop(press.essential, environ, lambda _: None).run(request)
    return answer.code, answer.words


def test_the_command_says_planned_and_touches_no_cell(hands: ManualClock, press: Press) -> None:
    at = clock.wall_us() + 60 * clock.SECOND
    code, words = _command(press, Request(Scope(), "parade", PLANNED, starts_at=at))
    assert (code, words.splitlines()[0]) == (
        DONE,
        f"PLANNED  everything from {clock.to_text(at)}  (suspension 1, by dora)",
    )
    assert stop_cell.read(press.essential.cell_file).stops == ()
    code, data, words = Status(press.essential).run(wait=False)
    assert (code, data["suspended"], [item["suspension"] for item in data["planned"]]) == (DONE, False, [1])
    assert "PLANNED  all from" in words
    hands.pass_s(61)
    code, data, words = Status(press.essential).run(wait=False)
    assert (data["suspended"], data["planned"]) == (True, [])


def _ask(press: Press, number: int | None = None) -> Offer:
    own = Resumption(press.essential, dict(os.environ) | {"STANDFAST_TOKEN": press.tokens["omar"]})
    with closing(own):
        return own.ask("over", scope=None, suspension=number)


def test_a_resume_means_what_stands_and_takes_back_a_window_only_by_its_number(
    hands: ManualClock, press: Press
) -> None:
    """KS-10: next month's window does not make tonight's resume ask which."""
    planned = _plan(press).suspension
    with pytest.raises(Fault, match=rf"nothing that fits is suspended \(planned: {planned} .*--suspension"):
        _ask(press)
    hands.pass_s(1)
    now = press.suspend().suspension
    offer = _ask(press)
    assert (offer.suspension, offer.remaining) == (now, [])
    assert _ask(press, planned).suspension == planned
    hands.pass_s(AHEAD_S)
    with pytest.raises(Fault, match="several are active"):
        _ask(press)
    assert press.row(Suspension, planned).begun_at is None  # undone with the refused request
    _ask(press, now)
    assert press.row(Suspension, planned).begun_at == clock.wall_us()
