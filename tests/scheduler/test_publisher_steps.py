"""Each step of a publish by itself: what moves on between two looks, what is written down, and moments to the microsecond."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from sqlmodel import Session, col, delete, update

from config import clock
from connectors.errors import NotSent, Refused, Rejected
from connectors.protocol import Deadline, Message, Prepared
from scheduler import claim_rows, post_queue, publisher
from scheduler.outcome import Outcome
from store.engine import StoreError, writing
from store.tables import Attempt, Channel, Gate, Post
from tests.scheduler.press import PUBLISHED, LostCommits, ManualClock, Press

Change = Callable[[Session, int], Any]


def _set_post(**values: Any) -> Change:
    return lambda session, number: session.execute(update(Post).where(col(Post.id) == number).values(**values))


def _set_attempt(**values: Any) -> Change:
    return lambda session, number: session.execute(
        update(Attempt).where(col(Attempt.post_id) == number).values(**values)
    )


def _drop_post(session: Session, number: int) -> None:
    session.execute(delete(Post).where(col(Post.id) == number))


def _before(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, change: Callable[[Session], Any]) -> None:
    """Let `change` happen in the session right before the function `name`, whose first argument the session is."""
    real = getattr(where, name)

    def then(session: Session, *arguments: Any, **named: Any) -> Any:
        change(session)
        return real(session, *arguments, **named)

    monkeypatch.setattr(where, name, then)


# --- claim ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [_set_post(state="cancelled"), _drop_post], ids=["cancelled", "gone"])
def test_a_post_that_moves_on_between_the_look_and_the_lock_is_not_claimed(
    press: Press, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    """I3: what counts is the row under its lock, not the one that was seen before."""
    number = press.queue()
    _before(monkeypatch, claim_rows, "locked_channel", lambda session: change(session, number))
    assert press.publisher.publish_post(number) == "not_claimed"
    assert press.attempts(number) == []
    assert press.connector.prepared == []


def test_a_post_without_a_channel_is_not_claimed(press: Press) -> None:
    number = press.queue()
    with writing(press.engine) as session:
        session.delete(session.get_one(Channel, "parks"))
    assert press.publisher.publish_post(number) == "not_claimed"
    assert press.states(number) == ([], "scheduled")


def test_a_post_goes_at_its_moment_and_not_a_microsecond_earlier(hands: ManualClock, press: Press) -> None:
    number = press.queue(ready_at=hands.wall + 1)
    assert press.publisher.publish_post(number) == "not_claimed"
    hands.wall += 1
    assert press.publisher.publish_post(number) == "published"


def test_a_post_is_in_time_until_its_limit_and_late_a_microsecond_after(hands: ManualClock, press: Press) -> None:
    """I7."""
    limit = 60 * clock.SECOND
    in_time, late = (press.queue(due_at=hands.wall - limit - more, ready_at=0) for more in (0, 1))
    assert press.publisher.publish_post(in_time) == "published"
    assert press.publisher.publish_post(late) == "held"


def test_a_hold_at_the_claim_says_why_in_the_log(press: Press) -> None:
    """RC-1."""
    number = press.queue(in_s=-61)
    assert press.publisher.publish_post(number) == "held"
    (entry,) = press.log("hold")
    assert (entry.actor, json.loads(entry.detail)) == ("standfast", {"reason": press.post(number).hold_reason})


def test_a_claim_that_was_never_made_leaves_nothing_to_give_up(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_session: Session) -> None:
        raise StoreError("the database is gone")

    number = press.queue()
    _before(monkeypatch, claim_rows, "locked_channel", gone)
    with pytest.raises(StoreError):
        press.publisher.publish_post(number)
    assert press.publisher.pay() == 0


def test_a_gate_that_is_lost_and_laid_down_again_is_no_older_store(press: Press) -> None:
    """KS-4: closed as long as it is gone, and not for ever after."""
    assert press.publisher.publish_post(press.queue()) == "published"
    with writing(press.engine) as session:
        session.delete(session.get_one(Gate, 1))
    number = press.queue()
    assert press.publisher.publish_post(number) == "not_claimed"
    with writing(press.engine) as session:
        session.add(Gate(id=1, epoch=1, generation=1))
    assert not press.publisher.store_went_back
    assert press.publisher.publish_post(number) == "published"


# --- authorise -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["aborted", "sending", "not_sent"])
def test_the_leave_itself_is_a_compare_and_set(press: Press, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """I1, I3: an attempt that moves on after the last of the checks has no leave, whoever moved it."""
    number = press.queue()
    _before(monkeypatch, post_queue, "move_attempt", lambda session: _set_attempt(state=state)(session, number))
    assert press.publisher.publish_post(number) == "aborted"
    assert press.connector.published == []
    assert [attempt.state for attempt in press.attempts(number)] == [state]


def test_a_post_that_is_gone_gets_no_leave(press: Press) -> None:
    def forget() -> None:
        with writing(press.engine) as session:
            _drop_post(session, number)

    number = press.queue()
    press.connector.on_prepare = forget
    assert press.publisher.publish_post(number) == "aborted"
    assert press.connector.published == []
    assert press.publisher.pay() == 0


def test_the_leave_says_when_the_call_began(hands: ManualClock, press: Press) -> None:
    """I5: the reconciler looks for the post from then on."""
    number = press.queue()
    press.connector.on_prepare = lambda: hands.pass_s(3)
    assert press.publisher.publish_post(number) == "published"
    (attempt,) = press.attempts(number)
    assert (attempt.sending_at, attempt.claimed_at) == (hands.wall, hands.wall - 3 * clock.SECOND)
    assert attempt.worker == press.process.id


def test_an_attempt_that_is_given_up_says_when_and_why(hands: ManualClock, press: Press) -> None:
    number = press.queue()

    def meanwhile() -> None:
        hands.pass_s(3)
        press.change(Post, number, content_hash="other")

    press.connector.on_prepare = meanwhile
    assert press.publisher.publish_post(number) == "aborted"
    (attempt,) = press.attempts(number)
    assert (attempt.outcome, attempt.finished_at) == ("aborted", hands.wall)
    assert attempt.detail == press.post(number).hold_reason == "its content changed after the claim"


def test_giving_up_goes_again_at_once_and_counts_no_try(hands: ManualClock, press: Press) -> None:
    """A closed gate is nobody's failure."""
    number = press.queue(tries=2)

    def meanwhile() -> None:
        hands.pass_s(3)
        with writing(press.engine) as session:
            session.delete(session.get_one(Gate, 1))

    press.connector.on_prepare = meanwhile
    assert press.publisher.publish_post(number) == "aborted"
    assert (press.post(number).tries, press.post(number).ready_at) == (2, hands.wall)
    assert press.attempts(number)[0].detail == "the gate closed after the claim"


def test_giving_up_holds_only_a_post_that_is_still_being_published(press: Press) -> None:
    """A person who took it in hand meanwhile has decided."""
    number = press.queue()
    press.connector.on_prepare = lambda: press.change(Post, number, content_hash="other", state="unknown")
    assert press.publisher.publish_post(number) == "aborted"
    assert press.post(number).state == "unknown"


# --- prepare, send, record -----------------------------------------------------------------------------------------------


def test_the_preparation_has_its_own_time_and_its_result_reaches_the_call(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    made = Prepared(("media-1",))
    press.connector.on_prepare = made
    real_prepare, real_publish = press.connector.prepare, press.connector.publish

    def prepare(message: Message, deadline: Deadline) -> Prepared:
        seen.append(deadline.remaining_s())
        return real_prepare(message, deadline)

    def publish(message: Message, prepared: Prepared, permit: Any) -> Any:
        seen.append(prepared)
        return real_publish(message, prepared, permit)

    monkeypatch.setattr(press.connector, "prepare", prepare)
    monkeypatch.setattr(press.connector, "publish", publish)
    assert press.publisher.publish_post(press.queue()) == "published"
    assert press.settings.prepare_deadline - 5 < seen[0] <= press.settings.prepare_deadline
    assert seen[1] == made


@pytest.mark.parametrize(("kind", "state"), [(Rejected, "failed"), (Refused, "failed")])
def test_a_refusal_of_the_preparation_is_told_in_the_platform_s_words(press: Press, kind: Any, state: str) -> None:
    number = press.queue()
    press.connector.on_prepare = kind("too big")
    assert press.publisher.publish_post(number) == "rejected"
    assert (press.post(number).state, press.attempts(number)[0].detail) == (state, "too big")


def test_a_store_that_stays_away_is_asked_once_and_forgets_no_debt(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: the first that fails ends the round; nothing is lost, and all are paid when it is back."""
    store = LostCommits(monkeypatch, publisher)
    numbers = [press.queue(), press.queue("pool")]
    for number in numbers:
        store.fails = {store.done + 3: "before"}
        assert press.publisher.publish_post(number) == "owed"
    began = store.done
    store.fails = {began + 1: "before"}
    assert press.publisher.pay() == 2
    assert store.done == began + 1
    assert press.publisher.pay() == 0
    assert [press.post(number).state for number in numbers] == ["published"] * 2


def test_a_debt_is_paid_with_the_outcome_that_was_seen(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """I5: not with that of another call."""
    store, written = LostCommits(monkeypatch, publisher), []
    real = Outcome.write

    def remember(own: Outcome, result: Any) -> str:
        written.append(result)
        return real(own, result)

    monkeypatch.setattr(Outcome, "write", remember)
    store.fails = {3: "before"}
    refused = NotSent("no route")
    press.connector.on_publish = refused
    number = press.queue()
    assert press.publisher.publish_post(number) == "owed"
    press.connector.on_publish = PUBLISHED
    assert press.publisher.pay() == 0
    assert written == [refused, refused]
    assert press.states(number) == (["not_sent"], "scheduled")


def test_where_a_publisher_works_and_its_leave_to_send_are_not_changed_afterwards(press: Press) -> None:
    for made in (press.publisher.place, publisher.Leave(1, Deadline.after(1.0))):
        with pytest.raises(FrozenInstanceError):
            setattr(made, fields(made)[0].name, None)
