"""Hands due posts to the publisher, never more than there are free threads, and one at a time per channel."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import RLock

import structlog
from sqlalchemy import Engine

from config import clock
from scheduler import killswitch, liveness, post_queue
from scheduler.publisher import Publisher
from store.engine import reading, writing
from store.tables import Worker as WorkerRow

logger = structlog.get_logger()
KEPT_S = 0.1
"""How long a look holds: who becomes free in a rush takes the next post it showed. Every claim looks again for itself."""


class Worker:
    """Publishes what is due with up to `threads` calls at once; `poke` is called in its thread when one ends."""

    def __init__(self, engine: Engine, publisher: Publisher, threads: int, poke: Callable[[], None]) -> None:
        self.engine, self.publisher, self.threads, self.poke = engine, publisher, threads, poke
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="publish")
        self._busy: dict[str, Future[str]] = {}
        self._lock = RLock()
        self._closing = False
        self._due: list[post_queue.Head] = []
        self._due_until = 0.0

    def dispatch(self) -> int | None:
        """Start what is due; returns the wall time (µs) of the next post that can be claimed, None when none waits.

        Raises StoreError when the store cannot be read: then nothing is started.
        """
        self.publisher.pay()
        with self._lock:
            if self._closing:
                return None
            upcoming, free = None, self.threads - len(self._busy)
            if not 0 < free <= len(self._due) or clock.boot_s() > self._due_until:
                upcoming = self._look(free)
            begin, self._due = self._due[:free], self._due[free:]
            for head in begin:
                self._start(head.channel, head.post)
            return upcoming if len(self._busy) < self.threads else None

    def _look(self, free: int) -> int | None:
        """When the next post can be claimed beside the `free` oldest that are due; these and the others due are kept."""
        waiting, now = self._waiting(), clock.wall_us()
        self._due = [head for head in waiting if head.claimable_at <= now]
        self._due_until = clock.boot_s() + KEPT_S
        upcoming = [head.claimable_at for head in waiting if head not in self._due[:free]]
        return min(upcoming, default=None)

    def _waiting(self) -> list[post_queue.Head]:
        """The next post of each channel that is open and has no call under way, oldest first."""
        with reading(self.engine) as session:
            if not self.publisher.may_claim(session):
                return []
            try:
                closed = post_queue.closed_channels(session)
            except killswitch.GateClosed:
                return []
            urgent = post_queue.urgent_heads(session) if closed else []
            waiting = [*urgent, *(head for head in post_queue.heads(session) if head.channel not in closed)]
            first = {head.channel: head for head in reversed(waiting) if head.channel not in self._busy}
            return [head for head in waiting if first.get(head.channel) is head]

    def _start(self, channel: str, post: int) -> None:
        future = self._pool.submit(self.publisher.publish_post, post)
        self._busy[channel] = future
        future.add_done_callback(lambda done: self._ended(channel, post, done))

    def _ended(self, channel: str, post: int, done: Future[str]) -> None:
        with self._lock:
            self._busy.pop(channel, None)
        if (error := done.exception()) is not None:
            logger.error("publish broke off", action="publish", post=post, error=f"{type(error).__name__}: {error}")
        elif done.result() != "not_claimed":  # what cannot be claimed now is looked at again with the next tick
            self.poke()

    @property
    def busy(self) -> int:
        """How many publish calls are under way."""
        return len(self._busy)

    def close(self) -> None:
        """Start nothing more, wait for the calls under way (each has its deadline) and record their outcome."""
        with self._lock:
            self._closing = True
        self._pool.shutdown(wait=True)
        self.publisher.pay()


def enrol(engine: Engine, process: liveness.Process) -> None:
    """Write this process down as a worker, so that others can tell whether it is alive."""
    now = clock.wall_us()
    with writing(engine, step="worker.enrol") as session:
        session.add(WorkerRow(**vars(process), started_at=now, heartbeat=1, heartbeat_at=now))


def beat(engine: Engine, worker: str) -> None:
    """One more heartbeat (for people; nobody is called dead for lacking one).

    Its time does not go back with the clock: by it a lift knows how late it is, until a person has confirmed the clock.
    """
    with writing(engine, step="worker.beat") as session:
        row = session.get_one(WorkerRow, worker)
        row.heartbeat, row.heartbeat_at = row.heartbeat + 1, max(row.heartbeat_at, clock.wall_us())
        session.add(row)


def retire(engine: Engine, worker: str) -> None:
    """Write down that this worker has ended; where that fails, its free lock says the same."""
    try:
        with writing(engine, step="worker.retire") as session:
            row = session.get(WorkerRow, worker)
            if row is not None:  # a store that was replaced knows nothing of us
                row.ended_at = clock.wall_us()
                session.add(row)
    except Exception as error:  # must not hide why the daemon ends
        logger.error("the end of the worker was not recorded", action="retire", error=str(error))
