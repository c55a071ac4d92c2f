"""What closes between claim and send, and a store that fails at any step: nothing is sent, nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config import clock
from connectors.errors import (
    NotSent,
    RateLimited,
    Rejected,
    SignIn,
    Uncertain,
)
from connectors.protocol import Permit, Prepared, Published
from scheduler import hold_reason, publisher, stop_cell, witness
from scheduler.outcome import Outcome
from store.engine import StoreError, writing
from store.tables import Attempt, Channel, Gate, Post
from tests.scheduler.press import PUBLISHED, LostCommits, ManualClock, Press

# --- the gate between the steps ------------------------------------------------------------------------------------------


def test_a_stop_after_the_claim_aborts_and_nothing_is_sent(press: Press) -> None:
    """I1: the gate is the transaction that gives leave, not the look at the claim."""
    number = press.queue()
    press.connector.on_prepare = lambda: press.suspend()
    assert press.publisher.publish_post(number) == "aborted"
    assert press.states(number) == (["aborted"], "held")
    assert press.connector.published == []


def test_a_stop_of_another_channel_changes_nothing(press: Press) -> None:
    """KS-7: the twin; the epoch moved, the fence with it, and what is not covered goes out in the new one."""
    number = press.queue()
    press.connector.on_prepare = lambda: press.suspend("channel:police")
    assert press.publisher.publish_post(number) == "published"
    (attempt,) = press.attempts(number)
    assert (attempt.claim_epoch, attempt.authorise_epoch) == (1, 2)


def test_a_gate_that_closes_without_aborting_still_gives_no_leave(press: Press) -> None:
    """I8: the leave asks again, whatever the claim saw."""

    def lose_the_gate() -> None:
        with writing(press.engine) as session:
            session.delete(session.get_one(Gate, 1))

    number = press.queue()
    press.connector.on_prepare = lose_the_gate
    assert press.publisher.publish_post(number) == "aborted"
    assert press.connector.published == []
    assert press.states(number) == (["aborted"], "scheduled")


def test_a_cell_that_is_set_after_the_claim_gives_no_leave(press: Press) -> None:
    number = press.queue()
    press.connector.on_prepare = lambda: stop_cell.stop(press.essential.cell_file, "r1")
    assert press.publisher.publish_post(number) == "aborted"
    assert press.states(number) == (["aborted"], "scheduled")
    assert press.post(number).tries == 0
    assert press.connector.published == []


@pytest.mark.parametrize("cell", ["stop", "fence", "gone", "garbled"])
def test_a_cell_that_refuses_at_the_last_look_is_no_try(
    press: Press, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    """KS-13: after the leave, before the call; the platform had no part in it, so no try is counted."""
    file = press.essential.cell_file

    def between(*_arguments: Any, **_named: Any) -> None:
        if cell == "stop":
            stop_cell.stop(file, "r1")
        elif cell == "fence":
            stop_cell.raise_fence(file, 2, ())
        elif cell == "gone":
            file.unlink()
        else:
            file.write_bytes(b"x" * 512)

    monkeypatch.setattr(witness, "note", between)
    number = press.queue()
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.connector.published == []
    assert press.states(number) == (["not_sent"], "scheduled")
    assert press.post(number).tries == 0
    assert press.post(number).ready_at <= clock.wall_us()


def test_a_worker_that_slept_past_the_limit_gets_no_leave(hands: ManualClock, press: Press) -> None:
    """I7: claimed in time, stopped before the leave, awake when the post is too late: only a person sends it now."""
    number = press.queue()
    press.connector.on_prepare = lambda: hands.pass_s(61)
    assert press.publisher.publish_post(number) == "aborted"
    assert press.connector.published == []
    assert press.states(number) == (["aborted"], "held")
    assert press.post(number).hold_reason == "late by 61 s, more than its limit of 60 s"


def test_a_channel_that_is_switched_off_after_the_claim_gives_no_leave(press: Press) -> None:
    """The leave asks all that the claim asked."""
    number = press.queue()
    press.connector.on_prepare = lambda: press.change(Channel, "parks", state="suspended")
    assert press.publisher.publish_post(number) == "aborted"
    assert press.connector.published == []
    assert press.states(number) == (["aborted"], "held")


def test_a_connector_that_asks_at_the_last_byte_is_refused_too(press: Press) -> None:
    def late(permit: Permit) -> Published:
        stop_cell.stop(press.essential.cell_file, "r1")
        permit.check()
        return PUBLISHED

    number = press.queue()
    press.connector.on_publish = late
    assert press.publisher.publish_post(number) == "not_sent"
    assert (press.states(number), press.post(number).tries) == ((["not_sent"], "scheduled"), 0)


def test_a_store_that_was_replaced_after_the_leave_sends_nothing(press: Press) -> None:
    """I1: a stop in the store that stands there now would not be seen; what is written here, nobody would read."""
    same = [True, True]
    press.publisher.place = replace(press.publisher.place, is_same_store=lambda: bool(same and same.pop()))
    number = press.queue()
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.connector.published == []
    assert "the store was replaced" in str(press.attempts(number)[0].detail)


def test_a_deadline_that_passed_before_the_call_is_not_sent(
    hands: ManualClock, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that slept between leave and call: boot time counts it."""
    monkeypatch.setattr(witness, "note", lambda *_a, **_n: hands.pass_s(press.settings.send_deadline))
    number = press.queue()
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.connector.published == []
    assert "deadline passed" in str(press.attempts(number)[0].detail)


def test_a_witness_that_cannot_be_written_sends_nothing(press: Press) -> None:
    press.witness_file.unlink()
    press.witness_file.mkdir()
    number = press.queue()
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.connector.published == []


def test_not_sent_after_a_stop_that_is_over_waits_for_a_person(press: Press) -> None:
    """I7: suspended and lifted while the call was under way; its time has passed, so nobody sends it unasked."""

    def meanwhile(permit: Permit) -> Exception:
        press.lift(press.suspend().suspension)
        return NotSent("no route")

    number = press.queue()
    press.connector.on_publish = meanwhile
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.states(number) == (["not_sent"], "held")
    assert press.post(number).hold_reason == hold_reason.not_sent(1, "no route")


def test_rate_limited_after_a_stop_that_is_over_waits_for_a_person(press: Press) -> None:
    """I7, for the other outcome that goes again by itself."""

    def meanwhile(permit: Permit) -> Exception:
        press.lift(press.suspend("group:outdoors").suspension)
        return RateLimited("slow down")

    number = press.queue()
    press.connector.on_publish = meanwhile
    assert press.publisher.publish_post(number) == "rejected"
    assert press.post(number).state == "held"


def test_not_sent_after_a_stop_elsewhere_goes_again(press: Press) -> None:
    """The twin of I7."""

    def meanwhile(permit: Permit) -> Exception:
        press.lift(press.suspend("channel:police").suspension)
        return NotSent("no route")

    number = press.queue()
    press.connector.on_publish = meanwhile
    press.publisher.publish_post(number)
    assert press.post(number).state == "scheduled"


def test_content_that_changed_after_the_claim_is_held(press: Press) -> None:
    number = press.queue()
    press.connector.on_prepare = lambda: press.change(Post, number, text="Boil your water.", content_hash="other")
    assert press.publisher.publish_post(number) == "aborted"
    assert press.states(number) == (["aborted"], "held")
    assert press.post(number).hold_reason == "its content changed after the claim"
    assert press.connector.published == []


def test_an_author_who_left_after_the_claim_holds_it(press: Press) -> None:
    """GV-4: asked again at the moment of publishing."""
    number = press.queue()
    press.connector.on_prepare = lambda: press.revoke("ann")
    assert press.publisher.publish_post(number) == "aborted"
    assert press.states(number) == (["aborted"], "held")
    assert press.post(number).hold_reason == "ann has left"
    assert press.connector.published == []


def test_an_attempt_that_was_taken_away_gets_no_leave(press: Press) -> None:
    number = press.queue()
    press.connector.on_prepare = lambda: press.change(Attempt, press.attempts(number)[0].id, state="aborted")
    assert press.publisher.publish_post(number) == "aborted"
    assert press.connector.published == []


@pytest.mark.parametrize("theirs", [{"worker": "another"}, {"post_id": 77}])
@pytest.mark.parametrize("prepared", [Prepared(), NotSent("no connection")])
def test_a_number_that_became_another_s_is_left_alone(press: Press, theirs: dict[str, Any], prepared: Any) -> None:
    """I3, I4: the store was put back under the worker, and the number of its claim was given again."""
    number = press.queue()

    def put_back() -> Any:
        press.change(Attempt, 1, **theirs)
        if isinstance(prepared, Exception):
            raise prepared

    press.connector.on_prepare = put_back
    assert press.publisher.publish_post(number) in ("aborted", "not_known")
    assert press.connector.published == []
    assert press.row(Attempt, 1).state == "claimed"
    assert press.post(number).state == "publishing"


# --- a store that fails --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_leave_whose_commit_was_not_acknowledged_sends_nothing(
    press: Press, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """I5, PROTOCOL step 3: go on only when the COMMIT was acknowledged."""
    store = LostCommits(monkeypatch, publisher)
    store.fails = {2: how}
    number = press.queue()
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.connector.published == []
    assert press.states(number) == (["not_sent"], "scheduled")


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_claim_whose_commit_was_not_acknowledged_is_given_up(
    press: Press, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """I4: a claim that may stand in the store, and of which nobody here knows, must not keep its post for ever."""
    store = LostCommits(monkeypatch, publisher)
    store.fails = {1: how}
    number = press.queue()
    with pytest.raises(StoreError):
        press.publisher.publish_post(number)
    assert press.connector.prepared == []
    assert press.publisher.pay() == 0
    assert press.states(number) == (["aborted"] if how == "after" else [], "scheduled")
    press.change(Post, number, ready_at=0)
    assert press.publisher.publish_post(number) == "published"


def test_giving_up_a_claim_touches_no_later_attempt(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """I5: the number of a claim that was undone may be given again; that attempt is another's."""
    store = LostCommits(monkeypatch, publisher)
    store.fails = {1: "before"}
    number = press.queue()
    with pytest.raises(StoreError):
        press.publisher.publish_post(number)
    press.connector.on_publish = lambda permit: press.publisher.pay() or PUBLISHED
    assert press.publisher.publish_post(number) == "published"
    assert press.states(number) == (["published"], "published")


@pytest.mark.parametrize("how", ["before", "after"])
def test_an_outcome_that_cannot_be_recorded_is_owed_and_paid_once(
    press: Press, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """I3, I4: the outcome is kept in mind until the store takes it, and never sent again to find out."""
    store = LostCommits(monkeypatch, publisher)
    store.fails = {3: how, 4: "before"}
    number = press.queue()
    assert press.publisher.publish_post(number) == "owed"
    assert press.states(number)[0] == (["sending"] if how == "before" else ["published"])
    assert press.publisher.pay() == 1
    assert press.publisher.pay() == 0
    assert press.states(number) == (["published"], "published")
    assert len(press.connector.published) == len(press.log("published")) == 1


def test_one_debt_that_the_store_never_takes_does_not_keep_the_others(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4."""
    store = LostCommits(monkeypatch, publisher)
    numbers = [press.queue(), press.queue("pool")]
    real = Outcome.write

    def never_the_first(own: Outcome, result: Any) -> str:
        if own.claim.post == numbers[0]:
            raise ValueError("this one cannot be written")
        return real(own, result)

    monkeypatch.setattr(Outcome, "write", never_the_first)
    for number in numbers:
        store.fails = {store.done + 3: "before"}
        assert press.publisher.publish_post(number) == "owed"
    assert [press.publisher.pay() for _ in range(3)][-1] == 1
    assert press.post(numbers[1]).state == "published"


ODD = "a NUL \0 and half a pair \ud800"


@pytest.mark.parametrize(
    "result",
    [
        Rejected(ODD),
        SignIn(ODD),
        NotSent(ODD),
        Uncertain(ODD),
        RuntimeError(ODD),
        RateLimited(ODD),
        Published(ODD, ODD),
    ],
    ids=lambda result: type(result).__name__,
)
def test_whatever_characters_the_platform_answers_with_are_recorded(press: Press, result: Any) -> None:
    """I4: an outcome the database cannot spell would stay ``sending`` for ever."""
    number = press.queue()
    press.connector.on_publish = result
    assert press.publisher.publish_post(number) != "owed"
    assert press.publisher.pay() == 0
    assert press.attempts(number)[0].state != "sending"
