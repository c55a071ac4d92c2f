"""The worker: what is due is started once, never more than there are threads, and one at a time per channel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from config import clock
from connectors.protocol import Permit, Published
from scheduler import publisher as publishers
from scheduler import worker as workers
from scheduler.worker import Worker
from store.engine import StoreError, writing
from store.tables import Channel, Gate
from store.tables import Worker as WorkerRow
from tests.scheduler.press import PUBLISHED, LostCommits, ManualClock, Press


class Calls:
    """A connector's publish that waits until it is let go; `begun` counts up with every call."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Semaphore(0), threading.Event()

    def __call__(self, permit: Permit) -> Published:
        self.begun.release()
        assert self.go.wait(20)
        return PUBLISHED

    def await_begun(self, count: int) -> None:
        for _ in range(count):
            assert self.begun.acquire(timeout=20)


@contextmanager
def working(press: Press, threads: int = 4) -> Iterator[tuple[Worker, threading.Semaphore]]:
    """(a worker, a semaphore that rises with every poke)."""
    poked = threading.Semaphore(0)
    made = Worker(press.engine, press.publisher, threads, poked.release)
    try:
        yield made, poked
    finally:
        made.close()


def test_one_post_of_each_channel_is_started_and_the_rest_when_it_has_ended(press: Press) -> None:
    first = [press.queue(name) for name in ("parks", "pool")]
    second = press.queue("parks")
    calls = Calls()
    press.connector.on_publish = calls
    with working(press) as (own, poked):
        assert own.dispatch() is None
        calls.await_begun(2)
        assert own.busy == 2
        own.dispatch()
        assert own.busy == 2
        calls.go.set()
        for _ in range(2):
            assert poked.acquire(timeout=20)
        own.dispatch()
        assert poked.acquire(timeout=20)
    assert [press.post(number).state for number in (*first, second)] == ["published"] * 3
    assert len(press.connector.published) == 3


def test_a_channel_that_is_busy_gets_no_second_call(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = press.queue(in_s=-2), press.queue(in_s=-1)
    calls = Calls()
    press.connector.on_publish = calls
    with working(press) as (own, _):
        started: list[int] = []
        real = own._start

        def start(channel: str, post: int) -> None:
            started.append(post)
            real(channel, post)

        monkeypatch.setattr(own, "_start", start)
        own.dispatch()
        calls.await_begun(1)
        own.dispatch()
        assert started == [first]
        calls.go.set()
    assert press.post(second).state == "scheduled"


def test_no_more_calls_than_threads_and_the_oldest_first(press: Press) -> None:
    """A stop has no queue to wait for: what has no thread is not claimed."""
    newer, oldest, newest = press.queue("parks", -2), press.queue("pool", -3), press.queue("police", -1)
    calls = Calls()
    press.connector.on_publish = calls
    with working(press, threads=2) as (own, _):
        assert own.dispatch() is None
        calls.await_begun(2)
        assert own.dispatch() is None
        assert press.attempts(newest) == []
        assert {press.post(number).state for number in (oldest, newer)} == {"publishing"}
        calls.go.set()


def test_it_says_when_the_next_post_can_be_claimed(hands: ManualClock, press: Press) -> None:
    soon, later = press.queue("parks", 60), press.queue("pool", 30)
    press.change(Channel, "pool", not_before_at=clock.wall_us() + 90 * clock.SECOND)
    with working(press) as (own, poked):
        assert own.dispatch() == press.post(soon).ready_at
        hands.pass_s(60)
        assert own.dispatch() == press.row(Channel, "pool").not_before_at
        assert poked.acquire(timeout=20)
        hands.pass_s(30)
        assert own.dispatch() is None
        assert poked.acquire(timeout=20)
        assert own.dispatch() is None
    assert {press.post(number).state for number in (soon, later)} == {"published"}


def _suspend(press: Press) -> None:
    press.suspend()


def _lose_gate(press: Press) -> None:
    with writing(press.engine) as session:
        session.delete(session.get_one(Gate, 1))


def _lose_cell(press: Press) -> None:
    press.essential.cell_file.unlink()


@pytest.mark.parametrize("close", [_suspend, _lose_gate, _lose_cell])
def test_nothing_is_started_behind_a_closed_gate(press: Press, close: Callable[[Press], None]) -> None:
    """I1, I8."""
    press.queue()
    close(press)
    with working(press) as (own, _):
        assert own.dispatch() is None
        assert own.busy == 0
    assert press.connector.prepared == []


def test_a_part_that_is_stopped_does_not_keep_the_rest(press: Press) -> None:
    covered, free = press.queue("parks"), press.queue("police")
    press.suspend("group:outdoors")
    with working(press) as (own, poked):
        own.dispatch()
        assert poked.acquire(timeout=20)
    assert (press.post(covered).state, press.post(free).state) == ("scheduled", "published")


def test_a_store_that_cannot_be_read_starts_nothing(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """I8."""
    press.queue()

    def gone(*_arguments: Any) -> Any:
        raise StoreError("the database is gone")

    monkeypatch.setattr(workers, "reading", gone)
    with working(press) as (own, _), pytest.raises(StoreError):
        own.dispatch()
    assert press.connector.prepared == []


def test_a_publish_that_breaks_off_frees_its_channel(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    number = press.queue()
    store = LostCommits(monkeypatch, publishers)
    store.fails = {1: "before"}
    ended = threading.Event()
    with working(press) as (own, poked):
        real = own._ended

        def then_told(*arguments: Any) -> None:
            real(*arguments)
            ended.set()

        monkeypatch.setattr(own, "_ended", then_told)
        own.dispatch()
        assert ended.wait(20)
        assert own.busy == 0
        assert not poked.acquire(blocking=False)
        own.dispatch()
        assert poked.acquire(timeout=20)
    assert press.post(number).state == "published"


def test_what_is_owed_is_paid_before_anything_is_started(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LostCommits(monkeypatch, publishers)
    store.fails = {3: "before"}
    number = press.queue()
    with working(press) as (own, poked):
        own.dispatch()
        assert poked.acquire(timeout=20)
        assert press.attempts(number)[0].state == "sending"
        own.dispatch()
        assert press.attempts(number)[0].state == "published"


def test_closing_waits_for_the_calls_and_starts_nothing_more(press: Press) -> None:
    """A graceful stop records what came of every call."""
    number, after = press.queue("parks"), press.queue("pool", 60)
    calls = Calls()
    press.connector.on_publish = calls
    made = Worker(press.engine, press.publisher, 2, lambda: None)
    made.dispatch()
    calls.await_begun(1)
    closing = threading.Thread(target=made.close)
    closing.start()
    assert closing.is_alive()
    calls.go.set()
    closing.join(20)
    assert press.post(number).state == "published"
    assert made.dispatch() is None
    assert press.post(after).state == "scheduled"


def test_a_worker_s_life_is_written_down(press: Press) -> None:
    row = press.row(WorkerRow, press.process.id)
    assert (row.ended_at, row.pid) == (None, press.process.pid)
    before = row.heartbeat
    workers.beat(press.engine, row.id)
    assert press.row(WorkerRow, row.id).heartbeat == before + 1
    workers.retire(press.engine, row.id)
    assert press.row(WorkerRow, row.id).ended_at is not None


def test_an_end_that_cannot_be_written_is_no_fault(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LostCommits(monkeypatch, workers)
    store.fails = {1: "before"}
    workers.retire(press.engine, press.process.id)
    assert press.row(WorkerRow, press.process.id).ended_at is None
