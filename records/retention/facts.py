"""What retention has to know of records and entries of the moderation register, read for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from records.retention.schedule import MODERATION as REGISTER
from store import bulk
from store.crisis_tables import NativePost, Override
from store.moderation_tables import TAKEN_BACK_BY, Moderation
from store.record_tables import Record
from store.retention_tables import MODERATION, RECORD
from store.tables import Attempt, Post, Suspension, SuspensionInflight

ENDED = ("published", "cancelled")
"""The states in which nothing of a post can go out any more."""
Key = tuple[str, int]


@dataclass(frozen=True)
class Incident:
    """A suspension that a record belongs to. `ended_at`: None while it is not lifted."""

    number: int
    kind: str
    ended_at: int | None


@dataclass(frozen=True)
class PostFacts:
    """What of a post matters here. `kept`: what it says now is a record."""

    number: int
    state: str
    published_at: int | None
    updated_at: int
    tags: frozenset[str]
    author: str
    changed_by: str
    kept: bool


@dataclass(frozen=True)
class Item:
    """Something that may be disposed of: a record, or an entry of the moderation register.

    `superseded_at`: when the next version of its post took its place; None while it stands. `moderation_ended_at`: None while
    what was done to a member of the public stands. `texts`: what it says outside of a record's content.
    """

    kind: str
    number: int
    series: str
    channel: str | None
    at: int
    actor: str
    hash: str
    size: int
    sha256: str = ""
    mime: str = ""
    texts: tuple[str, ...] = ()
    post_id: int | None = None
    post: PostFacts | None = None
    superseded_at: int | None = None
    incidents: tuple[Incident, ...] = ()
    moderation_ended_at: int | None = None

    @property
    def key(self) -> Key:
        """What a disposition names it by."""
        return self.kind, self.number


def of_records(session: Session, rows: Sequence[Record]) -> list[Item]:
    """The facts of these records, in their order."""
    numbers = sorted({row.post_id for row in rows if row.post_id is not None})
    posts, later = _posts(session, numbers), _successions(session, numbers)
    incidents = _incidents(session, rows, numbers)
    return [
        Item(
            RECORD,
            row.id or 0,
            row.series,
            row.channel,
            row.at,
            row.actor,
            row.hash,
            row.size,
            row.sha256,
            row.mime,
            (row.subject, row.facts),
            row.post_id,
            posts.get(row.post_id or 0),
            later.get(row.id or 0),
            incidents[row.id or 0],
        )
        for row in rows
    ]


def _posts(session: Session, numbers: Sequence[int]) -> dict[int, PostFacts]:
    if not numbers:
        return {}
    names = ("id", "state", "published_at", "updated_at", "tags", "author", "changed_by", "kept")
    query = columns(*(getattr(Post, name) for name in names)).where(bulk.among(session, Post.id, numbers))
    return {
        row.id: PostFacts(
            row.id,
            row.state,
            row.published_at,
            row.updated_at,
            frozenset(row.tags),
            row.author,
            row.changed_by,
            row.kept,
        )
        for row in session.execute(query)
    }


def _successions(session: Session, posts: Sequence[int]) -> dict[int, int]:
    """By the record of a version: when the next one took its place."""
    if not posts:
        return {}
    versions = select(Record.post_id, Record.id, Record.at).where(Record.series == "post")
    found: dict[int, int] = {}
    before: tuple[int | None, int, int] | None = None
    query = versions.where(bulk.among(session, Record.post_id, posts)).order_by(col(Record.post_id), col(Record.id))
    for post, number, at in session.exec(query):
        if before is not None and before[0] == post:
            found[before[1]] = max(at, before[2])
        before = post, number or 0, at
    return found


def _incidents(session: Session, rows: Sequence[Record], posts: Sequence[int]) -> dict[int, tuple[Incident, ...]]:
    """By record: its own suspension, and those that its post went out, came in or was in flight under."""
    by_post = _suspensions_of(session, posts)
    own = {row.id or 0: by_post[row.post_id or 0] | ({row.suspension_id} - {None}) for row in rows}
    wanted = sorted({number for numbers in own.values() for number in numbers if number is not None})
    known = _suspensions(session, wanted)
    return {
        number: tuple(known[n] for n in sorted(s or 0 for s in named) if n in known) for number, named in own.items()
    }


def _suspensions_of(session: Session, posts: Sequence[int]) -> Mapping[int, set[int | None]]:
    found: defaultdict[int, set[int | None]] = defaultdict(set)
    if not posts:
        return found
    in_flight = (
        select(Attempt.post_id, SuspensionInflight.suspension_id)
        .join(SuspensionInflight, col(SuspensionInflight.attempt_id) == col(Attempt.id))
        .where(bulk.among(session, Attempt.post_id, posts))
    )
    queries: tuple[Any, ...] = (
        select(Override.post_id, Override.suspension_id).where(bulk.among(session, Override.post_id, posts)),
        select(NativePost.post_id, NativePost.suspension_id).where(bulk.among(session, NativePost.post_id, posts)),
        in_flight,
    )
    for query in queries:
        for post, suspension in session.execute(query):
            found[post].add(suspension)
    return found


def _suspensions(session: Session, numbers: Sequence[int]) -> dict[int, Incident]:
    if not numbers:
        return {}
    rows = session.exec(select(Suspension).where(bulk.among(session, Suspension.id, numbers))).all()
    return {
        row.id or 0: Incident(row.id or 0, row.kind, None if row.lifted_epoch is None else row.lifted_at or row.at)
        for row in rows
    }


def of_moderation(session: Session, rows: Sequence[Moderation], hashes: Mapping[int, str]) -> list[Item]:
    """The facts of these entries of the register, in their order. `hashes`: of each, as the log has it."""
    ended = _taken_back(session, [row.id for row in rows])
    return [_of_entry(row, ended.get(row.id), hashes.get(row.id, "")) for row in rows]


def _taken_back(session: Session, numbers: Sequence[int]) -> dict[int, int]:
    if not numbers:
        return {}
    query = select(Moderation.undoes, Moderation.acted_at).where(bulk.among(session, Moderation.undoes, numbers))
    return {undoes or 0: at for undoes, at in session.exec(query)}


def _of_entry(row: Moderation, taken_back_at: int | None, digest: str) -> Item:
    ended = taken_back_at if row.action in TAKEN_BACK_BY else row.acted_at
    said = (row.member, row.words, row.link, row.note)
    size = sum(len(text.encode()) for text in said)
    own = Item(MODERATION, row.id, REGISTER, row.channel, row.acted_at, row.actor, digest, size, texts=said)
    return Item(**{**vars(own), "moderation_ended_at": ended})


def newest_versions(session: Session, posts: Sequence[int]) -> dict[int, int]:
    """By post: the number of the record of what it says now."""
    if not posts:
        return {}
    newest = select(Record.post_id, func.max(Record.id)).where(Record.series == "post")
    rows = session.exec(newest.where(bulk.among(session, Record.post_id, posts)).group_by(col(Record.post_id)))
    return {post or 0: number or 0 for post, number in rows}
