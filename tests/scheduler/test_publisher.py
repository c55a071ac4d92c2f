"""One publish, step by step, with a connector that follows a script: what is called what, and what is never sent."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from config import clock
from connectors.errors import (
    AccountError,
    CannotTell,
    Duplicate,
    NotSent,
    RateLimited,
    Refused,
    Rejected,
    SignIn,
    Uncertain,
)
from connectors.protocol import Permit, Published
from scheduler import clock_guard, publisher, stop_cell, witness
from scheduler.outcome import Outcome
from store.engine import StoreError, writing
from store.tables import Attempt, Channel, Gate, Post
from tests.scheduler.press import PUBLISHED, LostCommits, ManualClock, Press

SENT = {
    "published": (PUBLISHED, "published", "published", None),
    "rejected": (Rejected("too rude"), "rejected", "failed", "refused by the platform: too rude"),
    "refused": (Refused("no"), "rejected", "failed", "refused by the platform: no"),
    "sign-in": (SignIn("token expired"), "rejected", "held", "sign-in refused by the platform: token expired"),
    "rate": (RateLimited("slow down", retry_after_s=30), "rejected", "scheduled", None),
    "not sent": (NotSent("no route"), "not_sent", "scheduled", None),
    "uncertain": (Uncertain("reset"), "unknown", "unknown", None),
    "duplicate": (Duplicate("it has it"), "unknown", "unknown", None),
    "unforeseen": (RuntimeError("bug"), "unknown", "unknown", None),
}
BEFORE = {
    "rejected": (Rejected("too big"), "rejected", "failed"),
    "sign-in": (SignIn("expired"), "rejected", "held"),
    "rate": (RateLimited("slow down"), "rejected", "scheduled"),
    "not sent": (NotSent("no route"), "not_sent", "scheduled"),
    "uncertain": (Uncertain("reset"), "not_sent", "scheduled"),
    "duplicate": (Duplicate("it has it"), "not_sent", "scheduled"),
    "account": (AccountError("PARKS_KEY is missing"), "rejected", "held"),
    "cannot tell": (CannotTell("?"), "rejected", "held"),
    "unforeseen": (RuntimeError("bug"), "not_sent", "scheduled"),
}


@pytest.mark.parametrize("name", SENT)
def test_each_outcome_of_the_send_has_its_states(press: Press, name: str) -> None:
    """I5: only proof that nothing was sent is called so; everything unforeseen is unknown."""
    outcome, attempt, post, reason = SENT[name]
    number = press.queue()
    press.connector.on_publish = outcome
    assert press.publisher.publish_post(number) == attempt
    assert press.states(number) == ([attempt], post)
    assert press.post(number).hold_reason == reason
    assert len(press.connector.published) == 1
    (row,) = press.attempts(number)
    assert row.finished_at is not None
    assert (row.look_at is not None) == (attempt == "unknown")
    expected = {"published": "published", "unforeseen": "unknown"}.get(name) or outcome.outcome  # type: ignore[attr-defined]
    assert row.outcome == expected


@pytest.mark.parametrize("name", BEFORE)
def test_each_outcome_of_the_preparation_has_its_states(sqlite_press: Press, name: str) -> None:
    """Nothing public was asked for: it is never uncertain, and nothing is sent."""
    press = sqlite_press
    outcome, attempt, post = BEFORE[name]
    number = press.queue()
    press.connector.on_prepare = outcome
    assert press.publisher.publish_post(number) == attempt
    assert press.states(number) == ([attempt], post)
    assert press.connector.published == []


def test_a_channel_whose_account_lacks_something_holds_its_posts(press: Press) -> None:
    def missing(channel: str) -> Any:
        raise AccountError("PARKS_KEY is not set: set it")

    press.publisher.connector_of = missing
    number = press.queue()
    assert press.publisher.publish_post(number) == "rejected"
    assert press.post(number).state == "held"
    assert "PARKS_KEY" in str(press.post(number).hold_reason)


def test_what_was_published_is_kept_with_its_link(press: Press) -> None:
    number = press.queue()
    press.publisher.publish_post(number)
    post, (attempt,) = press.post(number), press.attempts(number)
    assert (post.remote_id, post.link) == (attempt.remote_id, attempt.link) == ("remote-1", "https://example.org/1")
    assert post.published_at == attempt.finished_at
    assert [entry.subject for entry in press.log("published")] == [f"post {number}"]


def test_the_row_says_sending_before_a_byte_leaves(press: Press) -> None:
    """I2, I5: at the call the row is durable for every other connection, and the witness knows the attempt."""
    seen: list[Attempt] = []

    def look(permit: Permit) -> Published:
        seen.extend(press.attempts(number))
        assert witness.read(press.witness_file) == witness.Seen(1, seen[0].id or 0)
        assert permit.deadline.boot_ns == seen[0].deadline_boot_ns
        assert 0 < permit.deadline.remaining_s() <= press.settings.send_deadline
        return PUBLISHED

    number = press.queue()
    press.connector.on_publish = look
    assert press.publisher.publish_post(number) == "published"
    assert [(row.state, row.claim_epoch, row.authorise_epoch) for row in seen] == [("sending", 1, 1)]


def test_the_key_is_the_same_for_every_attempt_and_of_this_post_alone(press: Press) -> None:
    one, two = press.queue(), press.queue("pool")
    press.connector.on_publish = NotSent("no route")
    for number in (one, two):
        press.publisher.publish_post(number)
        press.change(Post, number, ready_at=0)
        press.publisher.publish_post(number)
    keys = [message.key for message in press.connector.published]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert keys[0] == press.attempts(one)[1].idempotency_key


# --- retries -------------------------------------------------------------------------------------------------------------


def test_what_was_not_sent_goes_again_later_and_then_waits_for_a_person(hands: ManualClock, press: Press) -> None:
    number = press.queue()
    press.connector.on_publish = NotSent("no route")
    waits = []
    for _ in range(press.settings.retries):
        assert press.publisher.publish_post(number) == "not_sent"
        waits.append((press.post(number).ready_at - clock.wall_us()) / clock.SECOND)
        assert press.publisher.publish_post(number) == "not_claimed"
        press.change(Post, number, ready_at=0)
    assert waits == [5, 10, 20, 40, 80]
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.states(number)[1] == "held"
    assert "not sent after 6 attempts: no route" in str(press.post(number).hold_reason)


@pytest.mark.parametrize(("said", "rests_s"), [(30.0, 30), (None, 60)])
def test_a_rate_limit_rests_the_channel_and_is_no_try(
    hands: ManualClock, press: Press, said: float, rests_s: int
) -> None:
    number, other = press.queue(), press.queue()
    press.connector.on_publish = RateLimited("slow down", retry_after_s=said)
    press.publisher.publish_post(number)
    post, channel = press.post(number), press.row(Channel, "parks")
    assert (post.tries, post.ready_at) == (0, clock.wall_us() + rests_s * clock.SECOND)
    assert channel.not_before_at == post.ready_at
    assert press.publisher.publish_post(other) == "not_claimed"
    hands.pass_s(rests_s)
    press.connector.on_publish = PUBLISHED
    assert press.publisher.publish_post(other) == "published"


def test_a_shorter_rest_does_not_cut_a_longer_one(hands: ManualClock, press: Press) -> None:
    far = clock.wall_us() + 600 * clock.SECOND
    number = press.queue()

    def longer(_permit: Permit) -> Exception:
        press.change(Channel, "parks", not_before_at=far)
        return RateLimited("slow down")

    press.connector.on_publish = longer
    press.publisher.publish_post(number)
    assert press.row(Channel, "parks").not_before_at == far


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


def test_a_connector_that_asks_at_the_last_byte_is_refused_too(press: Press) -> None:
    def late(permit: Permit) -> Published:
        stop_cell.stop(press.essential.cell_file, "r1")
        permit.check()
        return PUBLISHED

    number = press.queue()
    press.connector.on_publish = late
    assert press.publisher.publish_post(number) == "not_sent"
    assert (press.states(number), press.post(number).tries) == ((["not_sent"], "scheduled"), 0)


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
    assert "suspension was declared" in str(press.post(number).hold_reason)


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


# --- what is not claimed -------------------------------------------------------------------------------------------------


def _not_due(press: Press) -> int:
    return press.queue(in_s=60)


def _spacing(press: Press) -> int:
    press.change(Channel, "parks", next_free_at=clock.wall_us() + 60 * clock.SECOND)
    return press.queue()


def _resting(press: Press) -> int:
    press.change(Channel, "parks", not_before_at=clock.wall_us() + 60 * clock.SECOND)
    return press.queue()


def _alarm(press: Press) -> int:
    clock_guard.raise_alarm(press.engine, "wall time jumped")
    return press.queue()


def _no_cell(press: Press) -> int:
    press.essential.cell_file.unlink()
    return press.queue()


def _no_gate(press: Press) -> int:
    with writing(press.engine) as session:
        session.delete(session.get_one(Gate, 1))
    return press.queue()


def _suspended(scope: str) -> Any:
    def prepare(press: Press) -> int:
        press.suspend(scope)
        return press.queue()

    return prepare


def _elsewhere(state: str) -> Any:
    return lambda press: press.queue(state=state)


NOT_CLAIMED = {
    "not due": _not_due,
    "spacing": _spacing,
    "resting": _resting,
    "alarm": _alarm,
    "no cell": _no_cell,
    "no gate": _no_gate,
    "all": _suspended("all"),
    "channel": _suspended("channel:parks"),
    "group": _suspended("group:outdoors"),
    "held": _elsewhere("held"),
    "draft": _elsewhere("draft"),
    "unknown": _elsewhere("unknown"),
    "no such post": lambda press: 4711,
}


@pytest.mark.parametrize("why", NOT_CLAIMED)
def test_what_may_not_go_now_is_left_as_it_is(sqlite_press: Press, why: str) -> None:
    """I1, I8: no attempt is made, and the post is not touched."""
    press = sqlite_press
    number = NOT_CLAIMED[why](press)
    before = None if number == 4711 else press.post(number)
    assert press.publisher.publish_post(number) == "not_claimed"
    assert press.attempts(number) == []
    assert press.connector.prepared == press.connector.published == []
    assert before is None or press.post(number) == before


def _late(press: Press) -> int:
    return press.queue(in_s=-61)


def _channel_stopped(press: Press) -> int:
    press.change(Channel, "parks", state="suspended")
    return press.queue()


def _left(press: Press) -> int:
    press.revoke("ann")
    return press.queue()


def _unsettled(press: Press) -> int:
    number = press.queue()
    press.attempt(number, "unknown")
    return number


TO_A_PERSON = {
    "late": (_late, "late by 61 s, more than its limit of 60 s"),
    "channel": (_channel_stopped, "the channel parks is suspended"),
    "author": (_left, "ann has left"),
    "unsettled": (_unsettled, "its attempt 1 is unknown"),
    "nobody": (lambda press: press.queue(author="nobody"), "there is no person 'nobody'"),
}


@pytest.mark.parametrize("why", TO_A_PERSON)
def test_what_needs_a_person_is_held_with_its_reason(sqlite_press: Press, why: str) -> None:
    """KS-12, I7."""
    press = sqlite_press
    prepare, reason = TO_A_PERSON[why]
    number = prepare(press)
    assert press.publisher.publish_post(number) == "held"
    assert press.post(number).state == "held"
    assert str(press.post(number).hold_reason).startswith(reason)
    assert press.connector.published == []
    assert press.log("hold")[-1].subject == f"post {number}"


def test_a_jump_of_wall_time_stops_claims_before_any_alarm_is_written(hands: ManualClock, press: Press) -> None:
    number = press.queue(in_s=1800)
    hands.jump(1800)
    assert press.publisher.publish_post(number) == "not_claimed"
    press.publisher.place.clock_guard.anchor()
    assert press.publisher.publish_post(number) == "published"


def test_the_channel_rests_between_two_posts(hands: ManualClock, press: Press) -> None:
    press.change(Channel, "parks", spacing_us=30 * clock.SECOND)
    one, two = press.queue(), press.queue()
    assert press.publisher.publish_post(one) == "published"
    assert press.publisher.publish_post(two) == "not_claimed"
    hands.pass_s(30)
    assert press.publisher.publish_post(two) == "published"


def test_one_post_asked_for_by_many_goes_out_once(press: Press) -> None:
    """I3: the claim is a compare-and-set under the store's lock."""
    number = press.queue()
    start, ends = threading.Barrier(6), []
    publishers = [press.publisher_of() for _ in range(6)]

    def ask(own: Any) -> None:
        start.wait()
        ends.append(own.publish_post(number))

    threads = [threading.Thread(target=ask, args=(own,)) for own in publishers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["not_claimed"] * 5 + ["published"]
    assert len(press.connector.published) == 1
