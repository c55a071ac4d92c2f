"""What the demo believes: the platforms' arrival log and the outbox say what went out; the store is held against them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from config import clock
from connectors import outbox
from sandbox import arrivals
from store.engine import reading
from store.tables import Post, Suspension

LEFT_US = int(3 * 86_400 * clock.SECOND)
"""A post still scheduled this long after its time, at the end, was forgotten (three seconds of the demo)."""


@dataclass(frozen=True)
class Sent:
    """One request to publish that reached a platform, or one post that appeared in an outbox."""

    channel: str
    text: str
    at_us: int
    remote_id: str | None
    accepted: bool = True
    fault: str | None = None


@dataclass(frozen=True)
class Row:
    """One post as the store has it."""

    id: int
    channel: str
    state: str
    text: str
    due_at: int
    ready_at: int
    remote_id: str | None
    zone: str
    file: str | None
    entry: str | None


COLUMNS = tuple(getattr(Post, column.name) for column in fields(Row))
ORDER = (col(Post.due_at), col(Post.id))


@dataclass
class Facts:
    """What happened, as the commands' own answers told it."""

    entries: int = 0
    receipt: dict[str, Any] = field(default_factory=dict)
    waiting: frozenset[int] = frozenset()
    """The posts that were scheduled once it was quiet."""
    caught: frozenset[int] = frozenset()
    """The posts that the stop caught on their way, before anything was sent: held since then."""
    suspended_us: int | None = None
    lifted_us: int | None = None
    fell_due: int = 0
    held: int = 0
    released: tuple[int, ...] = ()
    rescheduled: tuple[int, ...] = ()
    cancelled: tuple[int, ...] = ()
    chain: int = 0
    ended_us: int | None = None


@dataclass(frozen=True)
class View:
    """Everything at one moment of the city's time."""

    now_us: int
    posts: Sequence[Row]
    sent: Sequence[Sent]

    def counts(self, channel: str) -> Counter[str]:
        """State → how many posts the channel has in it, by the store."""
        return Counter(post.state for post in self.posts if post.channel == channel)

    def out(self, channel: str | None = None) -> list[Sent]:
        """What went out (on `channel`), by the logs, oldest first."""
        return [item for item in self.sent if item.accepted and channel in (None, item.channel)]

    def post(self, number: int) -> Row:
        """The post `number`."""
        return next(post for post in self.posts if post.id == number)

    def fell_due(self, facts: Facts) -> set[int]:
        """The posts whose time came while the gate was closed, so far; the times of before the resume's decisions."""
        end = facts.lifted_us or self.now_us
        return {post.id for post in self.posts if post.id in facts.waiting and post.due_at <= end}

    def in_silence(self, facts: Facts) -> list[Sent]:
        """What reached a platform between the stop and the resume, without what the receipt names."""
        if facts.suspended_us is None:
            return []
        named = {call["post"] for part in ("in_flight", "published_recently") for call in facts.receipt.get(part, ())}
        known = {post.remote_id for post in self.posts if post.id in named and post.remote_id is not None}
        end = facts.lifted_us or self.now_us
        return [s for s in self.sent if facts.suspended_us < s.at_us < end and s.remote_id not in known]


class Evidence:
    """Reads the store, the arrival log and the outboxes. `accounts`: (platform, token) → channel."""

    def __init__(
        self, engine: Engine, log: Path, accounts: Mapping[tuple[str, str], str], outboxes: Mapping[str, Path]
    ) -> None:
        self.engine, self.log, self.accounts, self.outboxes = engine, log, accounts, outboxes

    def view(self, now_us: int) -> View:
        """All there is now. The store is read first: what it calls published must be in the logs by then."""
        posts = self._posts()
        return View(now_us, posts, sorted([*self._arrived(), *self._appeared()], key=lambda item: item.at_us))

    def _posts(self) -> list[Row]:
        with reading(self.engine) as session:
            return [Row(*found) for found in session.connection().execute(select(*COLUMNS).order_by(*ORDER))]

    def _arrived(self) -> list[Sent]:
        return [
            Sent(
                self.accounts.get((line.platform, line.account), f"{line.platform} (unknown account)"),
                line.text,
                line.wall_us,
                line.remote_id,
                line.accepted,
                line.fault,
            )
            for line in arrivals.read(self.log)
            if line.kind == "publish"
        ]

    def _appeared(self) -> list[Sent]:
        found = []
        for channel, folder in self.outboxes.items():
            file = folder / outbox.LOG
            for line in file.read_bytes().split(b"\n")[:-1] if file.exists() else ():
                content = json.loads(line)
                at_us = clock.from_datetime(datetime.fromisoformat(content["at"]))
                found.append(Sent(channel, content["text"], at_us, content["key"]))
        return found

    def suspension(self, number: int) -> tuple[int, int | None]:
        """(Suspended, lifted), wall µs, as the ledger has them."""
        with reading(self.engine) as session:
            row = session.get_one(Suspension, number)
            return row.at, row.lifted_at


def doubles(view: View) -> int:
    """How often something went out that had gone out already: more arrivals of a text on a channel than posts published."""
    wanted = Counter((post.channel, post.text) for post in view.posts if post.state == "published")
    found = Counter((item.channel, item.text) for item in view.out())
    again = sum(count - wanted[key] for key, count in found.items() if count > max(wanted[key], 1))
    same_id = sum(count - 1 for count in Counter((item.channel, item.remote_id) for item in view.out()).values())
    return max(again, same_id)


def faults(view: View, facts: Facts) -> list[str]:
    """Everything that is not as it should be at the end, one line each."""
    found = [*_against_the_log(view), *_undecided(view, facts), *_after_the_crisis(view, facts)]
    found += [f"went out in the silence: {item.channel}: {item.text[:60]!r}" for item in view.in_silence(facts)]
    if number := doubles(view):
        found.append(f"{number} post(s) went out twice by the log")
    if not view.out():
        found.append("nothing went out at all")
    return found


def _against_the_log(view: View) -> list[str]:
    """The store and the logs must name the very same posts, each way."""
    stored = {(p.channel, p.remote_id): p for p in view.posts if p.state == "published"}
    logged = {(item.channel, item.remote_id): item for item in view.out()}
    found = [
        f"post {stored[key].id} on {key[0]} is published by the store, not by the log" for key in stored - logged.keys()
    ]
    found += [
        f"{key[0]}: {logged[key].text[:60]!r} is in the log, not published by the store"
        for key in logged - stored.keys()
    ]
    found += [
        f"post {stored[key].id} on {key[0]} went out with other words than the store has"
        for key in stored.keys() & logged.keys()
        if stored[key].text != logged[key].text
    ]
    refused = [item for item in view.sent if not item.accepted]
    return [*found, *(f"{item.channel} refused {item.text[:60]!r}" for item in refused)]


def _undecided(view: View, facts: Facts) -> list[str]:
    """No post may be failed, unknown or forgotten."""
    found = [
        f"post {post.id} on {post.channel} is {post.state}"
        for post in view.posts
        if post.state in ("failed", "unknown", "publishing", "draft")
    ]
    end = (facts.ended_us or view.now_us) - LEFT_US
    return found + [
        f"post {post.id} on {post.channel} was due and did not go out"
        for post in view.posts
        if post.state == "scheduled" and max(post.due_at, post.ready_at) < end
    ]


def _after_the_crisis(view: View, facts: Facts) -> list[str]:
    found = []
    handled = len(facts.released) + len(facts.rescheduled) + len(facts.cancelled)
    still = sum(post.state == "held" for post in view.posts)
    if facts.held != still + handled:
        found.append(
            f"{facts.held} posts were held at the resume, but {still} are held now and {handled} were dealt with"
        )
    wanted = [
        *((n, "published") for n in (*facts.released, *facts.rescheduled)),
        *((n, "cancelled") for n in facts.cancelled),
    ]
    for number, state in wanted:
        if (post := view.post(number)).state != state:
            found.append(f"post {number} on {post.channel} should be {state} by now and is {post.state}")
    return found
