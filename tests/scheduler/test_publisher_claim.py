"""What is not claimed, and what is held for a person instead."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import Session, col, update

from config import clock
from connectors.protocol import Media
from scheduler import claim_rows, clock_guard, killswitch, states, witness
from store.engine import writing
from store.tables import Attempt, Channel, Gate, Meta, Post
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


def _other_store(press: Press) -> int:
    press.publisher.place = replace(press.publisher.place, is_same_store=lambda: False)
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
    "other store": _other_store,
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


def test_a_post_that_moved_on_behind_its_lock_undoes_the_claim(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """I3: the move itself is a compare-and-set, should the row's lock ever not hold; no attempt is left behind."""
    number = press.queue()
    real = claim_rows.add_attempt

    def then_it_moves(session: Session, *arguments: Any) -> int:
        found = real(session, *arguments)
        session.execute(update(Post).where(col(Post.id) == number).values(state="cancelled"))
        return found

    monkeypatch.setattr(claim_rows, "add_attempt", then_it_moves)
    with pytest.raises(states.WrongState, match=f"post {number} is no longer scheduled"):
        press.publisher.publish_post(number)
    assert press.states(number) == ([], "scheduled")
    assert press.publisher.pay() == 0
    assert press.connector.prepared == []


def _forget_attempts(press: Press) -> None:
    with writing(press.engine) as session:
        for attempt in press.attempts(1):
            session.delete(session.get_one(Attempt, attempt.id))


def _fall(press: Press) -> None:
    press.change(Gate, 1, epoch=1)


@pytest.mark.parametrize("put_back", [_forget_attempts, _fall])
def test_an_older_copy_put_back_under_a_running_worker_is_noticed_by_itself(press: Press, put_back: Any) -> None:
    """KS-5: the store knows less than this process has seen of it, so nothing of it is believed, also not later."""
    press.lift(press.suspend().suspension)
    assert press.publisher.publish_post(press.queue()) == "published"
    put_back(press)
    number = press.queue()
    assert not press.publisher.store_went_back
    assert press.publisher.publish_post(number) == "not_claimed"
    assert press.publisher.store_went_back
    press.change(Gate, 1, epoch=9)
    press.attempt(press.queue(state="publishing"), "rejected")
    press.attempt(press.queue(state="publishing"), "rejected")
    assert press.publisher.publish_post(number) == "not_claimed"
    assert press.states(number) == ([], "scheduled")


def test_a_restore_that_another_process_began_stops_this_one_for_good(press: Press) -> None:
    """KS-5: what this process holds in memory is of the store before."""
    number = press.queue()
    with writing(press.engine) as session:
        session.add(Meta(key=killswitch.RESTORING, value="r"))
    assert press.publisher.publish_post(number) == "not_claimed"
    with writing(press.engine) as session:
        session.delete(session.get_one(Meta, killswitch.RESTORING))
    assert press.publisher.publish_post(number) == "not_claimed"
    assert press.publisher.store_went_back
    assert press.connector.published == []


def test_more_stops_than_attempts_are_no_older_copy(press: Press) -> None:
    """KS-5: the twin; epochs and attempts are counted apart."""
    for _ in range(3):
        press.lift(press.suspend().suspension)
    for _ in range(2):
        assert press.publisher.publish_post(press.queue()) == "published"
    assert not press.publisher.store_went_back


def test_a_gate_that_was_lost_for_a_while_is_no_older_copy(press: Press) -> None:
    """I8: the twin; it is closed as long as it is lost."""
    for _ in range(2):
        assert press.publisher.publish_post(press.queue()) == "published"
    number = press.queue()
    with writing(press.engine) as session:
        gate = session.get_one(Gate, 1)
        kept = gate.model_dump()
        session.delete(gate)
    assert press.publisher.publish_post(number) == "not_claimed"
    with writing(press.engine) as session:
        session.add(Gate(**kept))
    assert press.publisher.publish_post(number) == "published"


def test_the_witness_hears_of_the_extent_that_was_seen(press: Press) -> None:
    """KS-5: other hosts' attempts and stops as well."""
    press.lift(press.suspend("channel:police").suspension)
    elsewhere = press.attempt(press.queue(state="publishing"), "published", worker=press.worker(host="elsewhere"))
    press.witness_file.unlink()
    press.publisher.publish_post(press.queue(in_s=-61))
    press.publisher.note_extent()
    assert witness.read(press.witness_file) == witness.Seen(3, elsewhere)


def test_the_connector_gets_the_post_s_pictures_as_they_lie_on_this_host(press: Press) -> None:
    item = {"file": "ab/cd.png", "alt": "The pool.", "mime": "image/png", "sha256": "00ff"}
    assert press.publisher.publish_post(press.queue(media=[item])) == "published"
    (message,) = press.connector.published
    assert message.media == (Media(press.essential.data_dir / "media" / "ab/cd.png", "The pool.", "image/png", "00ff"),)
