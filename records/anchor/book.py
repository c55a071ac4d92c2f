"""Anchors as rows, each also an entry of the log that says all of it: no row can be changed or taken away unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from config import clock
from records import log
from records.anchor.fault import AnchorError
from store import chain
from store.anchor_tables import Anchor
from store.engine import reading, writing
from store.tables import ChainHead, LogEntry, Meta

ANCHORED, FAILED = "records.anchored", "records.anchor_failed"
"""The actions of the log's entries about anchors."""


@dataclass(frozen=True)
class Head:
    """The log's newest entry: its number, its hash and the bytes that were hashed; and the store's name."""

    seq: int
    hash: str
    body: bytes
    store: str


def head(engine: Engine) -> Head:
    """What is to be anchored. Raises AnchorError for a log that is empty or broken at its end: that would be no witness."""
    with reading(engine) as session:
        last, store = session.get(ChainHead, 1), session.get(Meta, "store_id")
        entry = None if last is None else session.get(LogEntry, last.seq)
        if last is None or entry is None:
            raise AnchorError("the log has no newest entry to anchor: run `standfast records verify`")
        fields = (entry.seq, entry.at, entry.actor, entry.action, entry.subject, entry.detail, entry.previous)
        body = chain.body(*fields)
        if not hashlib.sha256(body).hexdigest() == entry.hash == last.hash:
            raise AnchorError(f"the log is broken at entry {entry.seq}: run `standfast records verify`")
        return Head(entry.seq, entry.hash, body, "" if store is None else store.value)


def write(engine: Engine, rows: Sequence[Anchor]) -> list[dict[str, Any]]:
    """Keep the rows, each with its entry of the log; as `described`."""
    with writing(engine) as session:
        for row in rows:
            session.add(row)
            session.flush()
            log.record(session, "standfast", FAILED if row.trouble else ANCHORED, f"entry {row.seq}", told(row))
        return [described(row) for row in rows]


def told(row: Anchor) -> dict[str, Any]:
    """What the log says of a row: each of its columns, of the stamp its hash."""
    stamp = None if row.token is None else hashlib.sha256(row.token).hexdigest()
    names = ("at", "seq", "hash", "place", "target", "trouble", "stamped_at")
    return {"anchor": row.id, "token_sha256": stamp, **{name: getattr(row, name) for name in names}}


def described(row: Anchor) -> dict[str, Any]:
    """A row for people and programs, without the stamp itself."""
    stamped = None if row.stamped_at is None else clock.to_text(row.stamped_at)
    names = ("id", "seq", "hash", "place", "target", "trouble")
    return {**{name: getattr(row, name) for name in names}, "at": clock.to_text(row.at), "stamped_at": stamped}


def listed(engine: Engine, limit: int) -> list[dict[str, Any]]:
    """The newest, oldest of them first."""
    with reading(engine) as session:
        found = session.exec(select(Anchor).order_by(col(Anchor.id).desc()).limit(limit)).all()
        return [described(row) for row in reversed(found)]


@dataclass(frozen=True)
class Last:
    """Of a place: when it was last tried and when last anchored at (wall µs; None: never), and why the last try failed."""

    tried: int | None
    kept: int | None
    trouble: str


def last(session: Session, place: str) -> Last:
    """What became of the tries at `place`."""
    newest = select(Anchor).where(Anchor.place == place).order_by(col(Anchor.id).desc()).limit(1)
    row = session.exec(newest).first()
    kept = session.exec(select(func.max(Anchor.at)).where(Anchor.place == place, Anchor.trouble == "")).one()
    return Last(None, None, "") if row is None else Last(row.at, kept, row.trouble)


def rows(session: Session) -> Iterator[Anchor]:
    """All, oldest first."""
    yield from session.exec(select(Anchor).order_by(col(Anchor.id)))
