"""KS-14, I9: the emergency lane passes a closed gate, for one message, in one epoch, by those who may; nothing else passes."""

from __future__ import annotations

from threading import Event

import pytest
from sqlmodel import SQLModel, col, func, select

from calendars.entry import Occurrence
from config import clock
from connectors.errors import NotSent, RateLimited, Uncertain
from governance import access
from governance.access import Refused
from governance.authority import Identity
from scheduler import killswitch, post_queue, stop_cell, windows
from scheduler.planning import content, emergency
from scheduler.planning.emergency import Message, Sent
from scheduler.planning.post_selection import PostError
from scheduler.stop_ledger import RESTORE
from scheduler.worker import Worker
from store.crisis_tables import Override
from store.engine import reading
from store.tables import Channel, Post
from tests.scheduler.press import PUBLISHED, ManualClock, Press

WORDS = "Tornado warning: take shelter now."
ERIN = Identity("erin", "Erin", "token")


def _message(*channels: str, text: str = WORDS) -> Message:
    at = Occurrence("2026-04-01T02:00", "UTC", clock.wall_us())
    return Message(dict.fromkeys(channels, text), at, 60 * clock.SECOND, "tornado-warning")


def _send(press: Press, *channels: str, who: Identity = ERIN, text: str = WORDS) -> Sent:
    with access.acting(press.engine) as session:
        return emergency.send(session, who, _message(*channels, text=text))


def _override(press: Press, post: int) -> Override:
    """The newest of the post's."""
    with reading(press.engine) as session:
        found = session.exec(select(Override).where(Override.post_id == post).order_by(col(Override.id).desc())).first()
        assert found is not None
        session.expunge(found)
        return found


def _count(press: Press, table: type[SQLModel]) -> int:
    with reading(press.engine) as session:
        return session.exec(select(func.count()).select_from(table)).one()


def test_a_message_passes_the_gate_that_holds_everything_else(press: Press) -> None:
    """KS-14; the silence beside it is the twin."""
    stopped = press.suspend()
    ordinary = press.queue()
    sent = _send(press, "parks")
    assert press.publisher.publish_post(ordinary) == "not_claimed"
    assert press.publisher.publish_post(sent.ids["parks"]) == "published"
    assert [message.text for message in press.connector.published] == [WORDS]
    assert (sent.suspension, sent.epoch) == (stopped.suspension, stopped.epoch)
    used = _override(press, sent.ids["parks"])
    assert (used.by, used.statement, used.epoch, used.used_at is not None) == (
        "erin",
        "tornado-warning",
        stopped.epoch,
        True,
    )
    assert [entry.actor for entry in press.log("crisis.post")] == ["erin"]


def test_a_part_that_is_not_suspended_takes_it_through_its_open_gate(press: Press) -> None:
    press.suspend("channel:parks")
    assert press.publisher.publish_post(_send(press, "police").ids["police"]) == "published"


@pytest.mark.parametrize("person", ["ann", "dora", "omar"])
def test_who_is_no_emergency_publisher_cannot_use_it(press: Press, person: str) -> None:
    """KS-14: channel administrators, and whoever else lacks the role; logged, and nothing is queued."""
    press.suspend()
    with pytest.raises(Refused, match="does not hold 'emergency' on channel parks"):
        _send(press, "parks", who=Identity(person, person.title(), "token"))
    assert [entry.actor for entry in press.log("refused")] == [person]
    assert _count(press, Post) == 0


def test_a_grant_that_is_gone_when_it_would_be_sent_holds_it(press: Press) -> None:
    """GV-5: asked again at the claim, and it is the lane's own right that is asked."""
    press.suspend()
    number = _send(press, "parks").ids["parks"]
    press.revoke("erin")
    assert press.publisher.publish_post(number) == "held"
    assert press.connector.published == []


def test_without_a_suspension_there_is_no_lane(press: Press) -> None:
    with pytest.raises(PostError, match=r"nothing real is suspended.*post add --now"):
        _send(press, "parks")
    number = press.suspend(kind="drill").suspension
    with pytest.raises(PostError, match="nothing real is suspended"):
        _send(press, "parks")
    press.lift(number)


def test_a_channel_that_does_not_exist_or_a_text_that_does_not_fit_queues_nothing(press: Press) -> None:
    press.suspend()
    with pytest.raises(PostError, match="there is no channel 'parcs': did you mean 'parks'"):
        _send(press, "parks", "parcs")
    press.change(Channel, "pool", platform="x")
    with pytest.raises(PostError, match="channel pool"):
        _send(press, "parks", "pool", text="x" * 300)
    assert (_count(press, Post), _count(press, Override)) == (0, 0)


def test_a_new_suspension_voids_what_is_pending_and_one_command_renews_it(press: Press) -> None:
    """I9."""
    press.suspend()
    number = _send(press, "parks").ids["parks"]
    again = press.suspend("channel:police")
    assert press.publisher.publish_post(number) == "not_claimed"
    with access.acting(press.engine) as session:
        assert emergency.renew(session, ERIN) == [number]
    with access.acting(press.engine) as session:
        assert emergency.renew(session, ERIN) == []
    assert _override(press, number).epoch == again.epoch
    assert press.publisher.publish_post(number) == "published"


def test_a_window_that_has_come_voids_what_is_pending_though_nobody_began_it(hands: ManualClock, press: Press) -> None:
    """I9: its moment is the new suspension; the twins are the moment before it, and leave that is given in its own epoch."""
    press.suspend("channel:parks")
    hands.pass_s(1)
    press.suspend(kind=killswitch.PLANNED, starts_at=clock.wall_us() + 10 * clock.SECOND)
    before, pending = (_send(press, "parks").ids["parks"] for _ in range(2))
    assert press.publisher.publish_post(before) == "published"
    assert (_urgent(press), _without(press)) == ([pending], [])
    hands.pass_s(10)
    assert press.publisher.publish_post(pending) == "not_claimed"
    assert (_urgent(press), _without(press)) == ([], [pending])
    assert windows.begin_due(press.essential) is None
    assert _without(press) == []
    assert press.publisher.publish_post(pending) == "not_claimed"
    with access.acting(press.engine) as session:
        assert emergency.renew(session, ERIN) == [pending]
    assert press.publisher.publish_post(pending) == "published"


def _urgent(press: Press) -> list[int]:
    """What the engine would hand to a worker past the gate."""
    with reading(press.engine) as session:
        return [head.post for head in post_queue.urgent_heads(session)]


def _without(press: Press) -> list[int]:
    with reading(press.engine) as session:
        return emergency.without_leave(session)


def test_an_edited_message_can_be_given_leave_for_its_new_words(press: Press) -> None:
    """I9, KS-9: in the same epoch, too; the old words' leave stays what it was."""
    press.suspend()
    number = _send(press, "parks").ids["parks"]
    press.change(Post, number, text="other", content_hash=content.content_hash("other", []))
    with access.acting(press.engine) as session:
        assert emergency.renew(session, ERIN) == [number]
    assert press.publisher.publish_post(number) == "published"
    assert [message.text for message in press.connector.published] == ["other"]


def test_a_message_that_used_its_leave_and_was_not_sent_can_be_given_another(press: Press) -> None:
    """I9: a stop between leave and send leaves it held; released by a person, it is pending again."""
    press.suspend()
    number = _send(press, "parks").ids["parks"]

    def stopped(_permit: object) -> None:
        press.suspend()
        raise NotSent("fenced")

    press.connector.on_publish = stopped
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.states(number) == (["not_sent"], "held")
    press.change(Post, number, state="scheduled")
    assert press.publisher.publish_post(number) == "not_claimed"
    press.connector.on_publish = PUBLISHED
    with access.acting(press.engine) as session:
        assert emergency.renew(session, ERIN) == [number]
    assert press.publisher.publish_post(number) == "published"


def test_a_new_suspension_after_the_claim_stops_it(press: Press) -> None:
    """I9, I1: the leave asks again."""
    press.suspend()
    number = _send(press, "parks").ids["parks"]
    press.connector.on_prepare = lambda: press.suspend()
    assert press.publisher.publish_post(number) == "aborted"
    assert press.states(number) == (["aborted"], "held")
    assert press.connector.published == []


def test_an_edit_voids_it(press: Press) -> None:
    """KS-9: it was for those words."""
    press.suspend()
    number = _send(press, "parks").ids["parks"]
    press.change(Post, number, content_hash="other")
    assert press.publisher.publish_post(number) == "not_claimed"


def test_an_edit_after_the_claim_stops_it(press: Press) -> None:
    press.suspend()
    number = _send(press, "parks").ids["parks"]
    press.connector.on_prepare = lambda: press.change(Post, number, content_hash="other")
    assert press.publisher.publish_post(number) == "aborted"
    assert press.connector.published == []


def test_it_is_used_once(press: Press) -> None:
    """A person who puts the message back on the queue needs leave anew."""
    press.suspend()
    number = _send(press, "parks").ids["parks"]
    press.connector.on_publish = Uncertain("the answer was lost")
    assert press.publisher.publish_post(number) == "unknown"
    (attempt,) = press.attempts(number)
    press.change(type(attempt), attempt.id, state="closed_by_person")
    press.change(Post, number, state="scheduled")
    assert press.publisher.publish_post(number) == "not_claimed"


@pytest.mark.parametrize("result", [NotSent("no route"), RateLimited("slow down", retry_after_s=0.0)])
def test_what_provably_was_not_sent_keeps_its_leave(press: Press, result: Exception) -> None:
    """An emergency message must not be lost to a connection that was refused once."""
    press.suspend()
    number = _send(press, "parks").ids["parks"]
    press.connector.on_publish = result
    press.publisher.publish_post(number)
    assert press.post(number).state == "scheduled"
    press.connector.on_publish = PUBLISHED
    press.change(Post, number, ready_at=0)
    press.change(Channel, "parks", not_before_at=0)
    assert press.publisher.publish_post(number) == "published"


def test_spacing_does_not_hold_it_and_a_limited_rate_does(press: Press) -> None:
    press.suspend()
    later = clock.wall_us() + 600 * clock.SECOND
    press.change(Channel, "parks", next_free_at=later, spacing_us=7)
    press.change(Channel, "pool", not_before_at=later)
    sent = _send(press, "parks", "pool").ids
    assert press.publisher.publish_post(sent["pool"]) == "not_claimed"
    assert press.publisher.publish_post(sent["parks"]) == "published"


def test_spacing_holds_everything_else(press: Press) -> None:
    """The twin: the same channel takes no ordinary post."""
    press.change(Channel, "parks", next_free_at=clock.wall_us() + 600 * clock.SECOND)
    assert press.publisher.publish_post(press.queue()) == "not_claimed"


def test_a_stop_that_only_the_cell_knows_stops_it(press: Press) -> None:
    press.suspend()
    number = _send(press, "parks").ids["parks"]
    stop_cell.stop(press.essential.cell_file, "not recorded yet")
    assert press.publisher.publish_post(number) == "not_claimed"


def test_quiet_does_not_wait_for_it_and_the_next_stop_lists_it(press: Press) -> None:
    """I2: overrides aside, until somebody stops anew."""
    stopped = press.suspend()
    sent = _send(press, "parks").ids["parks"]
    press.connector.on_publish = Uncertain("the answer was lost")
    assert press.publisher.publish_post(sent) == "unknown"
    (attempt,) = press.attempts(sent)
    assert press.ask(killswitch.unconfirmed, stopped.suspension) == []
    again = press.suspend("channel:parks")
    assert again.in_flight == (attempt.id,)
    assert press.ask(killswitch.unconfirmed, again.suspension) == [attempt.id]
    assert press.ask(killswitch.unconfirmed, stopped.suspension) == []


def test_in_an_older_copy_no_leave_keeps_a_call_out_of_what_quiet_waits_for(press: Press) -> None:
    """I1: the copy's row stands for whatever its post has done since; the twin is the same row before the restore."""
    stopped = press.suspend()
    sent = _send(press, "parks").ids["parks"]
    press.connector.on_publish = Uncertain("the answer was lost")
    press.publisher.publish_post(sent)
    assert press.ask(killswitch.unconfirmed, stopped.suspension) == []
    press.suspend(kind=RESTORE)
    assert press.ask(killswitch.unconfirmed, stopped.suspension) == [item.id for item in press.attempts(sent)]


def test_a_restore_from_before_changes_nothing_for_leave_that_came_after_it(press: Press) -> None:
    """I1: the other twin: what was claimed in the store that stands is known."""
    press.suspend(kind=RESTORE)
    stopped = press.suspend("channel:parks")
    sent = _send(press, "parks").ids["parks"]
    press.connector.on_publish = Uncertain("the answer was lost")
    assert press.publisher.publish_post(sent) == "unknown"
    assert press.ask(killswitch.unconfirmed, stopped.suspension) == []


def test_what_was_under_way_before_the_stop_counts_though_it_was_an_emergency(press: Press) -> None:
    """The twin: an override from an earlier suspension is a call that had begun."""
    press.suspend("channel:police")
    sent = _send(press, "parks").ids["parks"]
    press.connector.on_publish = Uncertain("the answer was lost")
    press.publisher.publish_post(sent)
    stopped = press.suspend()
    assert press.ask(killswitch.unconfirmed, stopped.suspension) == [item.id for item in press.attempts(sent)]


def test_what_is_pending_at_the_lift_waits_for_a_person(hands: ManualClock, press: Press) -> None:
    """KS-11, I9."""
    stopped = press.suspend()
    number = _send(press, "parks").ids["parks"]
    hands.pass_s(1)
    press.lift(stopped.suspension)
    assert press.post(number).state == "held"


def _dispatched(press: Press, posts: int) -> list[int]:
    """The posts whose calls began in a worker's turns until `posts` have."""
    begun, enough = [], Event()

    def published(*_: object) -> object:
        return PUBLISHED

    genuine = press.publisher.publish_post

    def publish(number: int) -> str:
        begun.append(number)
        if len(begun) >= posts:
            enough.set()
        return genuine(number)

    press.publisher.publish_post = publish  # type: ignore[method-assign]  # what the worker calls is seen
    press.connector.on_publish = published
    worker = Worker(press.engine, press.publisher, 4, lambda: None)
    worker.dispatch()
    enough.wait(10)
    worker.close()
    return begun


def test_a_worker_takes_it_and_leaves_what_the_gate_covers(press: Press) -> None:
    """KS-23: the dispatch as well as the claim."""
    press.suspend()
    press.queue("parks"), press.queue("pool")
    sent = _send(press, "parks", "police").ids
    assert sorted(_dispatched(press, 2)) == sorted(sent.values())


def test_a_worker_takes_it_before_what_waits_on_an_open_channel(press: Press) -> None:
    press.suspend("channel:police")
    earlier = press.queue("parks", in_s=-30)
    sent = _send(press, "parks").ids["parks"]
    assert _dispatched(press, 1) == [sent]
    assert press.post(earlier).state == "scheduled"
