"""A trial's look at its store, again and again while it waits: plain SQL on a connection of a moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple, Protocol

import psycopg

from config import clock
from tests.support.databases import libpq

PREFIX = "sqlite:///"
SOON_US = 5 * clock.SECOND
"""What is to be tried again sooner is waited for."""


class PostRow(Protocol):
    """What is looked at of a post."""

    @property
    def id(self) -> int | None: ...
    @property
    def channel(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def hold_reason(self) -> str | None: ...
    @property
    def ready_at(self) -> int: ...


class AttemptRow(Protocol):
    """What is looked at of an attempt."""

    @property
    def id(self) -> int | None: ...
    @property
    def post_id(self) -> int: ...
    @property
    def state(self) -> str: ...


class ChannelRow(Protocol):
    """What is looked at of a channel."""

    @property
    def name(self) -> str: ...
    @property
    def next_free_at(self) -> int: ...
    @property
    def not_before_at(self) -> int: ...


class _Post(NamedTuple):
    id: int
    channel: str
    state: str
    hold_reason: str | None
    ready_at: int


class _Attempt(NamedTuple):
    id: int
    post_id: int
    state: str


class _Channel(NamedTuple):
    name: str
    next_free_at: int
    not_before_at: int


def unsettled(url: str) -> list[str]:
    """Posts in a state that they may not stay in, one line each; also when the store cannot be read."""
    try:
        with _cursor(url) as cursor:
            posts = [_Post(*row) for row in _rows(cursor, "post", _Post)]
            attempts = [_Attempt(*row) for row in _rows(cursor, "attempt", _Attempt)]
            channels = [_Channel(*row) for row in _rows(cursor, "channel", _Channel)]
    except (sqlite3.Error, psycopg.Error) as error:
        return [f"the store cannot be read: {error}"]
    return unsettled_among(posts, attempts, channels)


def open_suspensions(url: str) -> list[int]:
    """The suspensions that are not lifted; none while the store cannot be read."""
    try:
        with _cursor(url) as cursor:
            cursor.execute("SELECT id FROM suspension WHERE lifted_epoch IS NULL")
            return [int(row[0]) for row in cursor.fetchall()]
    except (sqlite3.Error, psycopg.Error):
        return []


@contextmanager
def _cursor(url: str) -> Iterator[Any]:
    opened: Any
    if url.startswith(PREFIX):
        opened = sqlite3.connect(url.removeprefix(PREFIX), timeout=1, isolation_level=None)
    else:
        opened = psycopg.connect(libpq(url))
    with closing(opened):
        cursor = opened.cursor()
        cursor.execute("BEGIN" if url.startswith(PREFIX) else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield cursor


def _rows(cursor: Any, table: str, kind: type[NamedTuple]) -> list[Any]:
    cursor.execute(f"SELECT {', '.join(kind._fields)} FROM {table}")
    found: list[Any] = cursor.fetchall()
    return found


def unsettled_among(
    posts: Sequence[PostRow], attempts: Sequence[AttemptRow], channels: Sequence[ChannelRow]
) -> list[str]:
    """Posts in a state that they may not stay in, one line each; also when there are none at all."""
    if not posts:
        return ["the store cannot be read"]
    free = {channel.name: max(channel.not_before_at, channel.next_free_at) for channel in channels}
    doubtful = {item.post_id: item for item in attempts if item.state in ("claimed", "sending", "unknown")}
    now = clock.wall_us()
    return [line for post in posts if (line := _why_unsettled(post, doubtful.get(post.id or 0), free, now))]


def _why_unsettled(post: PostRow, attempt: AttemptRow | None, free: dict[str, int], now: int) -> str | None:
    if attempt is not None and attempt.state != "unknown":
        return f"post {post.id} has an attempt {attempt.id} that is {attempt.state}"
    match post.state:
        case "published" | "failed" | "cancelled" if attempt is None:
            return None
        case "held" if post.hold_reason:
            return None
        case "scheduled" if max(post.ready_at, free[post.channel]) > now + SOON_US:
            return None
    return f"post {post.id} is {post.state} ({'no open attempt' if attempt is None else attempt.state})"
