"""When released and rescheduled posts go out: never a burst on one channel."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from sqlmodel import Session, col, select

from config import clock
from store.tables import Post

PAGE = 1000


def slots(start_us: int, gap_us: int, planned: Iterable[int]) -> Iterator[int]:
    """Moments (µs) from `start_us` on, at least `gap_us` from each other and from every one of `planned` (rising)."""
    ahead = iter(planned)
    taken = next(ahead, None)
    moment = start_us
    while True:
        while taken is not None and taken < moment + gap_us:
            moment = max(moment, taken + gap_us)
            taken = next(ahead, None)
        yield moment
        moment += gap_us


def evenly(start_us: int, over_us: int, count: int) -> list[int]:
    """`count` moments (µs, whole seconds) spread evenly over `over_us` from `start_us`; the first is the start itself."""
    return [start_us + over_us * number // count // clock.SECOND * clock.SECOND for number in range(count)]


def planned(session: Session, channel: str, gap_us: int, also: Iterable[int] = ()) -> Iterator[int]:
    """The moments on `channel` that a release keeps its distance from, rising: what went out less than `gap_us` ago, is
    being sent, or is scheduled; and `also`."""
    now = clock.wall_us()
    return heapq.merge(_sent(session, channel, now - gap_us), _waiting(session, channel, now - gap_us), sorted(also))


def _sent(session: Session, channel: str, since: int) -> list[int]:
    query = select(Post.published_at).where(Post.channel == channel, col(Post.published_at) > since)
    return sorted(at for at in session.exec(query) if at is not None)


def _waiting(session: Session, channel: str, after: int) -> Iterator[int]:
    """Page by page: a release of three posts must not read a million."""
    while True:
        query = select(Post.ready_at).where(
            Post.channel == channel, col(Post.state).in_(("scheduled", "publishing")), col(Post.ready_at) > after
        )
        page = session.exec(query.distinct().order_by(col(Post.ready_at)).limit(PAGE)).all()
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1]


def next_second(us: int) -> int:
    """`us` rounded up to a whole second: times are shown and kept to the second."""
    return -(-us // clock.SECOND) * clock.SECOND
