"""What is not claimed, and what is held for a person instead."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from config import clock
from scheduler import clock_guard
from store.engine import writing
from store.tables import Channel, Gate
from tests.scheduler.press import ManualClock, Press

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
