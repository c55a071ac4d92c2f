"""What a stop and a lift write down, each for its own suspension alone, and which posts a lift calls missed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config import clock
from records import log
from scheduler import killswitch, lifting, switch
from scheduler.killswitch import Order, SwitchError
from store.engine import writing
from store.tables import Attempt, Channel, Gate, Meta, Post, Suspension, Worker
from tests.scheduler.press import ManualClock, Press


def _note_quiet(press: Press, number: int) -> None:
    with press.switched() as own, switch.exclusive(own) as found:
        killswitch.note_quiet(found, own.name, number)


def _detail(press: Press, action: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(press.log(action)[-1].detail)
    return found


# --- what is written down ------------------------------------------------------------------------------------------------


def test_a_stop_stands_in_ledger_and_log_with_all_that_it_did(hands: ManualClock, press: Press) -> None:
    """RC-1: who, when, why, what was in flight, how many were aborted."""
    sending = press.attempt(press.queue(state="publishing"), "sending")
    press.attempt(press.queue(state="publishing"), "claimed")
    recorded = press.suspend("group:outdoors")
    row = press.row(Suspension, recorded.suspension)
    assert (row.kind, row.by, row.reason) == ("crisis", "dora", "tornado")
    assert (row.scope_kind, row.scope_value) == ("group", "outdoors")
    assert (row.epoch, row.at, row.starts_at, row.request_id) == (2, hands.wall, hands.wall, recorded.request_id)
    assert _detail(press, "suspend") == {
        "epoch": 2,
        "scope": "group:outdoors",
        "kind": "crisis",
        "reason": "tornado",
        "in_flight": [sending],
        "aborted": 1,
        "request": recorded.request_id,
    }


def test_an_aborted_claim_says_when_and_why_and_so_does_its_post(hands: ManualClock, press: Press) -> None:
    """I7, KS-13."""
    claimed, sending = press.queue(state="publishing"), press.queue(state="publishing")
    attempt = press.attempt(claimed, "claimed")
    press.attempt(sending, "sending")
    hands.pass_s(5)
    number = press.suspend().suspension
    row, post = press.row(Attempt, attempt), press.post(claimed)
    assert (row.state, row.outcome, row.finished_at) == ("aborted", "suspended", hands.wall)
    assert (post.state, post.updated_at) == ("held", hands.wall)
    assert post.hold_reason == f"its time came as suspension {number} was declared"
    assert press.post(sending).state == "publishing"


def test_each_suspension_has_a_list_and_a_quiet_of_its_own(press: Press) -> None:
    """I2: what another stop found in flight is not in this one's list."""
    attempt = press.attempt(press.queue(state="publishing"), "sending")
    one, two = press.suspend("channel:parks"), press.suspend("channel:pool")
    assert (one.in_flight, two.in_flight) == ((attempt,), ())
    _note_quiet(press, two.suspension)
    assert press.row(Suspension, one.suspension).quiet_at is None
    assert press.row(Suspension, two.suspension).quiet_at is not None


def test_a_lift_stands_in_ledger_and_log(hands: ManualClock, press: Press) -> None:
    number = press.suspend().suspension
    post = press.queue(in_s=1)
    hands.pass_s(5)
    assert press.lift(number) == (3, 1)
    row = press.row(Suspension, number)
    assert (row.lifted_epoch, row.lifted_by, row.lifted_at, row.lift_reason) == (3, "omar", hands.wall, "over")
    assert press.post(post).updated_at == hands.wall
    assert _detail(press, "lift") == {"epoch": 3, "reason": "over", "held": 1}
    assert press.log("lift")[-1].subject == f"suspension {number}"


# --- what is refused -----------------------------------------------------------------------------------------------------


def test_a_suspension_that_is_over_or_never_was_is_not_lifted_in_another_s_stead(press: Press) -> None:
    """I6: an active one does not make another one active."""
    over = press.suspend("channel:pool").suspension
    press.lift(over)
    active = press.suspend().suspension
    for number in (over, 4711):
        with pytest.raises(SwitchError, match=f"suspension {number} is not active"):
            press.lift(number)
    assert press.row(Suspension, active).lifted_epoch is None
    assert press.row(Suspension, over).lifted_epoch == 3


def test_nothing_is_lifted_while_a_restore_is_not_finished(press: Press) -> None:
    """KS-5: what may have gone out would be called held."""
    number = press.suspend().suspension
    with writing(press.engine) as session:
        session.add(Meta(key=killswitch.RESTORING, value="r"))
    with pytest.raises(SwitchError, match="NOT LIFTED"):
        press.lift(number)
    assert press.row(Suspension, number).lifted_epoch is None
    with writing(press.engine) as session:
        session.delete(session.get_one(Meta, killswitch.RESTORING))
    press.lift(number)


def test_a_request_that_is_not_lifted_is_found_although_another_one_is(press: Press) -> None:
    """The same request twice is recorded once, whatever became of others."""
    other = press.suspend("channel:pool").suspension
    order = Order("r", "dora", "tornado")
    with press.switched() as own:
        with switch.exclusive(own) as found:
            first = killswitch.suspend(found, own.name, order)
        press.lift(other)
        with switch.exclusive(own) as found:
            assert killswitch.suspend(found, own.name, order).suspension == first.suspension


@pytest.mark.parametrize(
    ("scope", "known"),
    [("channel:zoo", "parks, police, pool"), ("group:zoo", "outdoors")],
)
def test_an_unknown_scope_is_told_what_there_is_once_each(press: Press, scope: str, known: str) -> None:
    with pytest.raises(SwitchError) as caught:
        press.suspend(scope)
    kind = scope.partition(":")[0]
    assert str(caught.value) == f"there is no {kind} 'zoo' (known: {known})"


def test_a_store_without_channels_says_so(press: Press) -> None:
    with writing(press.engine) as session:
        for name in ("parks", "pool", "police"):
            session.delete(session.get_one(Channel, name))
    with pytest.raises(SwitchError, match=r"there is no channel 'zoo' \(known: none\)"):
        press.suspend("channel:zoo")


def test_the_epoch_rises_above_a_stop_that_was_never_lifted_when_the_gate_s_row_is_lost(press: Press) -> None:
    """An attempt or an override of the epoch before must not pass."""
    assert press.suspend().epoch == 2
    with writing(press.engine) as session:
        session.delete(session.get_one(Gate, 1))
    assert press.suspend().epoch == 3


# --- what a lift calls missed --------------------------------------------------------------------------------------------


def _missed(press: Press, number: int) -> int:
    found: int = press.ask(lifting.missed, number)
    return found


def test_a_post_that_is_due_at_this_very_moment_is_missed(hands: ManualClock, press: Press) -> None:
    """I7: its time has come under the stop; a moment later is to come."""
    number = press.suspend().suspension
    now, later = press.queue(due_at=hands.wall), press.queue(due_at=hands.wall + 1)
    assert _missed(press, number) == 1
    assert press.lift(number)[1] == 1
    assert (press.post(now).state, press.post(later).state) == ("held", "scheduled")


def test_a_clock_that_is_behind_the_log_calls_nothing_to_come_that_has_passed(hands: ManualClock, press: Press) -> None:
    """I7, KS-8: the newest entry tells the time as well, not the oldest."""
    number = press.suspend().suspension
    post = press.queue(in_s=10)
    hands.pass_s(60)
    press.suspend("channel:police")
    hands.jump(-3600)
    assert press.ask(lifting.latest_us) == hands.wall + 3600 * clock.SECOND
    assert _missed(press, number) == 1
    press.lift(number)
    assert press.post(post).state == "held"


def test_what_was_written_before_a_person_confirmed_the_clock_tells_no_time(hands: ManualClock, press: Press) -> None:
    """I7: a clock that was ahead left late entries; what came after the last confirmation counts, and no other word does."""
    before = hands.wall
    for ahead, action in (
        (400, lifting.CONFIRM_CLOCK),
        (300, "other"),
        (0, lifting.CONFIRM_CLOCK),
        (20, "other"),
    ):
        hands.wall = before + ahead * clock.SECOND
        with writing(press.engine) as session:
            log.record(session, "omar", action, "clock")
    hands.wall = before
    assert press.ask(lifting.latest_us) == before + 20 * clock.SECOND


def test_the_confirmation_of_the_clock_tells_the_time_itself(hands: ManualClock, press: Press) -> None:
    """I7: the clock may have jumped back again since."""
    with writing(press.engine) as session:
        log.record(session, "omar", lifting.CONFIRM_CLOCK, "clock")
    confirmed = hands.wall
    hands.jump(-3600)
    assert press.ask(lifting.latest_us) == confirmed


def test_the_latest_of_the_newest_entries_tells_the_time_and_no_older_one(
    hands: ManualClock, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I7: after a jump back the newest alone is behind."""
    monkeypatch.setattr(lifting, "LATEST_OF", 3)
    before = hands.wall
    for ahead in (50, 40, 10, 5):
        hands.wall = before + ahead * clock.SECOND
        with writing(press.engine) as session:
            log.record(session, "omar", "other", "clock")
    hands.wall = before
    assert press.ask(lifting.latest_us) == before + 40 * clock.SECOND


def test_the_latest_heartbeat_tells_the_time(hands: ManualClock, press: Press) -> None:
    """I7: whichever worker's it is."""
    ahead = hands.wall + 60 * clock.SECOND
    press.change(Worker, press.process.id, heartbeat_at=ahead)
    press.change(Worker, press.worker(id="early"), heartbeat_at=1)
    press.change(Worker, press.worker(id="ended"), heartbeat_at=ahead - 1, ended_at=1)
    assert press.ask(lifting.latest_us) == ahead


def test_the_clock_tells_the_time_when_it_is_ahead_of_the_store(hands: ManualClock, press: Press) -> None:
    hands.pass_s(60)
    assert press.ask(lifting.latest_us) == hands.wall


def test_a_lift_holds_nothing_that_its_suspension_did_not_cover(press: Press) -> None:
    """KS-7: another stop's posts wait for the end of that one."""
    here, there = press.queue("parks", in_s=-1), press.queue("police", in_s=-1)
    one, two = press.suspend("channel:parks").suspension, press.suspend("channel:police").suspension
    assert (_missed(press, one), _missed(press, two)) == (1, 1)
    press.lift(one)
    assert (press.post(here).state, press.post(there).state) == ("held", "scheduled")
    assert press.row(Post, there).hold_reason is None
