"""A restored store that is looked through: all of it, also when the process that does it falls on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from sqlmodel import select

from config import clock
from scheduler import restore, stop_ledger, witness
from scheduler.killswitch import SwitchError
from scheduler.resumption import Resumption
from store.engine import reading, writing
from store.tables import Attempt, Gate, Meta, Post, Suspension
from tests.scheduler.press import Press


class _Fell(BaseException):
    """The process ends here."""


def _fall(*_: Any, **__: Any) -> Any:
    raise _Fell


STEPS: dict[str, tuple[Any, str]] = {
    "after the suspension": (stop_ledger, "raise_fence"),
    "before the numbers are skipped": (restore, "_skip_numbers"),
    "before what was sent is doubted": (restore, "_doubt_sent"),
    "before what was due is doubted": (restore, "_doubt_batch"),
    "before the end": (restore.log, "record"),
}


def _put_back(press: Press) -> int:
    """The id of a post that was published after the copy was made."""
    post = press.queue()
    assert press.publisher.publish_post(post) == "published"
    with writing(press.engine) as session:
        session.delete(session.get_one(Attempt, 1))
    press.change(type(press.post(post)), post, state="scheduled", published_at=None)
    return post


def _guard(press: Press) -> str | None:
    return restore.guard(press.engine, press.essential, press.witness_file)


def _suspensions(press: Press) -> list[int]:
    with reading(press.engine) as session:
        return [number for number in session.exec(select(Suspension.id)).all() if number is not None]


@pytest.mark.parametrize("step", STEPS)
def test_a_start_that_falls_in_the_middle_is_finished_by_the_next(
    press: Press, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """I3, KS-5: a post that was not doubted yet would be held after the resume, as if it had never been sent."""
    post = _put_back(press)
    with monkeypatch.context() as patched:
        patched.setattr(*STEPS[step], _fall)
        with pytest.raises(_Fell):
            _guard(press)
    assert _guard(press) is not None
    assert press.states(post) == (["unknown"], "unknown")
    assert len(_suspensions(press)) == 1
    assert _guard(press) is None


def test_a_restore_that_is_through_leaves_no_mark(press: Press) -> None:
    _put_back(press)
    assert _guard(press) is not None
    with reading(press.engine) as session:
        assert session.get(Meta, restore.UNDER_WAY) is None


def test_a_store_that_is_not_looked_through_is_not_lifted(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """I3, KS-10: the lift would hold what may have gone out, as if it had never been sent."""
    post = _put_back(press)
    with monkeypatch.context() as patched:
        patched.setattr(restore, "_doubt_sent", _fall)
        with pytest.raises(_Fell):
            _guard(press)
    number = _suspensions(press)[0]
    with pytest.raises(SwitchError, match="not looked through"):
        press.lift(number)
    environ = {"STANDFAST_TOKEN": press.tokens["omar"]}
    with (
        closing(Resumption(press.essential, environ)) as resume,
        pytest.raises(SwitchError, match=r"daemon.*NOT LIFTED"),
    ):
        resume.ask("clear", scope=None, suspension=number)
    assert press.post(post).state == "scheduled"
    assert _guard(press) is not None
    press.lift(number)
    assert press.post(post).state == "unknown"


# --- what this host has sent -------------------------------------------------------------------------------------------


def _later(press: Press) -> int:
    """Moved to an earlier moment after the copy was made, and sent: the copy has it scheduled for tomorrow."""
    post = press.queue(in_s=-1)
    assert press.publisher.publish_post(post) == "published"
    tomorrow = clock.wall_us() + 86_400 * clock.SECOND
    press.change(Post, post, state="scheduled", due_at=tomorrow, ready_at=tomorrow)
    return post


def _waiting(press: Press, state: str) -> int:
    """Released after the copy was made, and sent: the copy has it waiting for a person."""
    post = press.queue()
    assert press.publisher.publish_post(post) == "published"
    press.change(Post, post, state=state, hold_reason="over the weekend")
    return post


SENT_SINCE: dict[str, Callable[[Press], int]] = {
    "moved": _later,
    "held": lambda press: _waiting(press, "held"),
    "failed": lambda press: _waiting(press, "failed"),
    "draft": lambda press: _waiting(press, "draft"),
}


@pytest.mark.parametrize("how", SENT_SINCE)
def test_what_was_sent_since_the_copy_is_doubted_whatever_the_copy_says_of_it(press: Press, how: str) -> None:
    """I3, I5: its time in the copy is not the time at which it went out; to send it again takes a person who has looked."""
    post = SENT_SINCE[how](press)
    with writing(press.engine) as session:
        session.delete(session.get_one(Attempt, 1))
    before = press.post(post).updated_at
    assert _guard(press) is not None
    assert press.states(post) == (["unknown"], "held" if how == "held" else "unknown")
    assert (press.attempts(post)[0].sending_at or 0) <= before
    assert _guard(press) is None


@pytest.mark.parametrize("state", ["claimed", "aborted"])
def test_a_copy_with_the_same_numbers_is_known_by_what_it_calls_a_send(press: Press, state: str) -> None:
    """I3: the copy was made between claim and leave; its rescuer, or a stop, would call not sent what was sent."""
    post = press.queue()
    assert press.publisher.publish_post(post) == "published"
    press.change(Attempt, 1, state=state, remote_id=None)
    press.change(Post, post, state="publishing" if state == "claimed" else "held", hold_reason=None)
    reason = _guard(press)
    assert reason == "attempt 1 was sent from here, and the store does not know it"
    after = (["unknown"], "unknown") if state == "claimed" else (["aborted", "unknown"], "held")
    assert press.states(post) == after
    assert _guard(press) is None


def test_the_twin_a_store_that_knows_what_was_sent_is_trusted(press: Press) -> None:
    sent = [press.queue() for _ in range(3)]
    assert [press.publisher.publish_post(post) for post in sent] == ["published"] * 3
    assert witness.sent(press.witness_file) == {1: sent[0], 2: sent[1], 3: sent[2]}
    assert _guard(press) is None
    assert [press.post(post).state for post in sent] == ["published"] * 3
    assert len(witness.sent(press.witness_file)) == 3


def test_a_list_of_sends_that_cannot_be_read_is_no_reason_to_trust_the_store(press: Press) -> None:
    """I3: garbled, it is put aside and the store suspends itself."""
    ring = press.witness_file.with_suffix(".sent")
    ring.write_bytes(b"x" * 32)
    assert "content is not a witness's" in str(_guard(press))
    assert not ring.exists()
    assert _guard(press) is None


# --- two hosts ---------------------------------------------------------------------------------------------------------


def test_two_hosts_find_the_store_restored_at_once_and_agree_on_one_suspension(press: Press) -> None:
    """I6: also where the gate's row is lost, which both would wait for."""
    with writing(press.engine) as session:
        session.delete(session.get_one(Gate, 1))
    with ThreadPoolExecutor(1) as other:
        with writing(press.engine) as session:
            restore._alone(session)
            asked = other.submit(restore._begin, press.engine, "the other's")
            _await_waiter(press)
            session.add(Meta(key=restore.UNDER_WAY, value="the first's"))
        assert asked.result(30) == "the first's"


def _await_waiter(press: Press) -> None:
    """Until somebody waits for a lock (SQLite shows nobody: there the store's one lock is the order)."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    until = clock.boot_s() + 20
    while press.engine.dialect.name == "postgresql":
        with press.engine.connect() as connection:
            if connection.exec_driver_sql(query).scalar_one():
                return
        assert clock.boot_s() < until, "nobody waits"


@pytest.mark.parametrize("is_older", [True, False])
def test_who_must_not_wait_for_a_daemon_gets_numbers_that_the_lost_store_never_gave(
    press: Press, is_older: bool
) -> None:
    """I3: a sweep copies posts into an older copy that nobody has looked through; their keys must be new. The twin is whole."""
    before = press.queue()
    if is_older:
        witness.note(restore.file_of(press.engine, press.essential), epoch=99)
    with writing(press.engine) as session:
        restore.leave_room(session, press.essential)
    assert (press.queue() - before > restore.POSTS_SKIPPED) is is_older
