"""What a publish reads and writes under the store's lock, in plain SQL: it is done for every post, three times.

Rows are locked where the database can (``FOR UPDATE``), in the order channel, post; each function is one statement.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from config import clock
from scheduler import killswitch
from store.engine import ask, cursor, dialect

LOCK = {"sqlite": "", "postgresql": " FOR UPDATE"}
"""SQLite's whole store is locked already."""


@dataclass(frozen=True)
class ChannelRow:
    """What a claim asks of a channel; moments in wall µs."""

    state: str
    spacing_us: int
    free_at: int


@dataclass(frozen=True)
class PostRow:
    """What a publish asks of a post; moments in wall µs."""

    id: int
    channel: str
    state: str
    ready_at: int
    due_at: int
    lateness_us: int
    author: str
    text: str
    content_hash: str
    media: list[dict[str, str]]


@dataclass(frozen=True)
class AttemptRow:
    """What the leave asks of an attempt."""

    state: str
    content_hash: str


@dataclass(frozen=True)
class StoreState:
    """How far the store has come (`epoch` is 0 when the gate's row is missing), how many alarms wait for a person, and whether
    a restored store is not looked through yet."""

    epoch: int
    attempt: int
    alarms: int
    restoring: bool


STORE_STATE = f"""SELECT COALESCE((SELECT epoch FROM gate WHERE id = 1), 0), COALESCE((SELECT max(id) FROM attempt), 0),
  (SELECT count(*) FROM alarm WHERE confirmed_at IS NULL), (SELECT count(*) FROM meta WHERE key = '{killswitch.RESTORING}')"""  # noqa: S608 (constants only)


def store_state(session: Session) -> StoreState:
    """The store as it stands in the session's transaction."""
    epoch, attempt, alarms, restoring = _rows(session, STORE_STATE)[0]
    return StoreState(int(epoch), int(attempt), int(alarms), bool(restoring))


def channel_of(session: Session, post_id: int) -> str | None:
    """The channel of a post that is scheduled; None when it is not, or there is none. Locks nothing."""
    found = _rows(session, "SELECT channel FROM post WHERE id = ? AND state = 'scheduled'", post_id)
    return str(found[0][0]) if found else None


def locked_channel(session: Session, name: str) -> ChannelRow | None:
    """The channel, locked until the session ends: spacing and order hold between workers."""
    columns = "state, spacing_us, next_free_at, not_before_at"
    found = _rows(session, f"SELECT {columns} FROM channel WHERE name = ?{_lock(session)}", name)  # noqa: S608 (constants only)
    return ChannelRow(str(found[0][0]), int(found[0][1]), max(found[0][2], found[0][3])) if found else None


def channel_state(session: Session, name: str) -> str:
    """The state of a channel; empty when there is none. Locks nothing."""
    found = _rows(session, "SELECT state FROM channel WHERE name = ?", name)
    return str(found[0][0]) if found else ""


def locked_post(session: Session, post_id: int) -> PostRow | None:
    """The post, locked until the session ends."""
    columns = "id, channel, state, ready_at, due_at, lateness_us, author, text, content_hash, media"
    found = _rows(session, f"SELECT {columns} FROM post WHERE id = ?{_lock(session)}", post_id)  # noqa: S608 (constants only)
    if not found:
        return None
    values: list[Any] = [*found[0]]
    values[-1] = _decoded(values[-1])
    return PostRow(*values)


def account_of(engine: Engine, channel: str) -> tuple[str, dict[str, str], dict[str, str]] | None:
    """(platform, settings, names of secrets) of a channel; None when there is none. One statement, in no transaction."""
    query = killswitch.sql(engine.dialect.name, "SELECT platform, settings, secrets FROM channel WHERE name = ?")
    found = ask(engine, query, channel)
    return (str(found[0]), _decoded(found[1]), _decoded(found[2])) if found else None


def take_channel(session: Session, name: str, next_free_at: int) -> None:
    """Let the channel take no further post before `next_free_at`; the caller holds its row."""
    killswitch.run(
        cursor(session), dialect(session), "UPDATE channel SET next_free_at = ? WHERE name = ?", (next_free_at, name)
    )


def add_attempt(session: Session, post: PostRow, worker: str, epoch: int, key: str) -> int:
    """The number of a new attempt in state ``claimed``. Raises the driver's IntegrityError for a second live one."""
    values = (post.id, post.channel, worker, key, post.content_hash, epoch, clock.wall_us())
    statement = (
        "INSERT INTO attempt (post_id, part, channel, state, worker, idempotency_key, content_hash, claim_epoch, claimed_at, "
        "looks) VALUES (?, 0, ?, 'claimed', ?, ?, ?, ?, ?, 0) RETURNING id"
    )
    return int(_rows(session, statement, *values)[0][0])


def own_attempt(session: Session, number: int, post_id: int, worker: str) -> AttemptRow | None:
    """The attempt `number`; None when there is none, or the number is that of another post or worker."""
    query = "SELECT state, content_hash FROM attempt WHERE id = ? AND post_id = ? AND worker = ?"
    found = _rows(session, query, number, post_id, worker)
    return AttemptRow(str(found[0][0]), str(found[0][1])) if found else None


def _decoded(value: Any) -> Any:
    """What a JSON column holds: SQLite gives its text."""
    return json.loads(value) if isinstance(value, str) else value


def _rows(session: Session, text: str, *values: object) -> list[Any]:
    return killswitch.rows(cursor(session), dialect(session), text, values)


def _lock(session: Session) -> str:
    return LOCK[dialect(session)]
