"""What a publish reads and writes under the store's lock, in plain SQL: it is done for every post, three times.

Rows are locked where the database can (``FOR UPDATE``), in the order channel, post; each function is one statement.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from config import clock
from governance import authority, facts, standing
from governance.facts import Facts
from governance.rules import Rules
from scheduler import killswitch
from store import together
from store.engine import ask, cursor, dialect
from store.tables import LIVE_ATTEMPT_STATES

NO_RULES = Rules()
LOCK = {"sqlite": "", "postgresql": " FOR UPDATE"}
"""SQLite's whole store is locked already."""


@dataclass(frozen=True)
class ChannelRow:
    """What a claim asks of a channel; moments in wall µs. It takes no post before `free_at`, for spacing or because its
    platform limits the rate; an emergency message waits for the latter alone (`rests_until`)."""

    spacing_us: int
    free_at: int
    rests_until: int


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
    """What a publish asks of an attempt."""

    id: int
    worker: str
    state: str
    content_hash: str
    override: int | None = None


@dataclass(frozen=True)
class StoreState:
    """How far the store has come (`epoch` is 0 when the gate's row is missing), how many alarms wait for a person, and whether
    a restored store is not looked through yet."""

    epoch: int
    attempt: int
    alarms: int
    restoring: bool


@dataclass(frozen=True)
class Look:
    """What stands beside a post under its lock: the store, whether a suspension covers its channel, the channel's state (empty
    when there is none), its attempt that is claimed, sending, unknown or published (there may be no other beside it), its
    author's state and roles as `governance.access.still_eligible` asks for them, its override of the present epoch, and what
    else the city asks for by `rules` (`governance.clearance`)."""

    store: StoreState
    covered: bool
    channel_state: str
    live: AttemptRow | None
    author: Sequence[Any]
    override: int | None
    facts: Facts = Facts()  # noqa: RUF009 (frozen)
    rules: Rules = NO_RULES


STORE = f"""COALESCE((SELECT epoch FROM gate WHERE id = 1), 0), COALESCE((SELECT max(id) FROM attempt), 0),
  (SELECT count(*) FROM alarm WHERE confirmed_at IS NULL), (SELECT count(*) FROM meta WHERE key = '{killswitch.RESTORING}')"""  # noqa: S608 (constants only)
OVERRIDE = """(SELECT max(o.id) FROM override o WHERE o.post_id = p.id AND o.content_hash = p.content_hash
    AND o.used_at IS NULL AND o.epoch = (SELECT epoch FROM gate WHERE id = 1)
    AND NOT EXISTS (SELECT 1 FROM suspension d WHERE d.begun_at IS NULL AND d.lifted_epoch IS NULL AND d.starts_at <= ?))"""
"""The leave of post ``p`` to pass a closed gate, if it has one: of this content, this epoch, and not used yet. A planned
suspension whose moment (wall µs) has come ends the epoch, whether or not somebody has taken its step by then."""
CHANNEL_STATE = """CASE WHEN c.state = 'suspended' AND EXISTS (SELECT 1 FROM channel_authorization z WHERE z.channel = c.name
    AND z.state = 'retired') THEN 'retired' ELSE COALESCE(c.state, '') END"""
"""The state of channel ``c`` in the word that people know: what is retired is off as what is suspended is, but for ever."""
LOOK = f"""SELECT {STORE},
  EXISTS (SELECT 1 FROM suspension s WHERE {killswitch.ACTIVE} AND {killswitch.COVERS.format(channel="p.channel")}),
  {CHANNEL_STATE}, {OVERRIDE}, a.id, a.worker, a.state, a.content_hash, a.override_id, w.state, g.role,
  w.employment{{further}}
FROM post p LEFT JOIN channel c ON c.name = p.channel
  LEFT JOIN attempt a ON a.post_id = p.id AND a.state IN {LIVE_ATTEMPT_STATES}
  LEFT JOIN person w ON w.id = p.author LEFT JOIN {authority.GRANTS.format(channel="p.channel")}
WHERE p.id = ?"""  # noqa: S608 (constants only)


@cache
def _look_sql(look: str, name: str, rules: Rules) -> tuple[str, int]:
    """The statement `look` in the dialect `name`, and how often it names the course. Where nothing further is asked, nothing
    further is read: it is done twice for every post."""
    if rules.is_empty:
        return look.format(further=""), 0
    channel = facts.channel(name, "p.channel", "c.platform") if rules.channels else "NULL"
    approvals = facts.approvals(name, "p.id", "p.channel") if rules.approval else "NULL"
    further = f", {standing.TRAINED.format(person='w.id')}, p.tags, {channel}, {approvals}"
    return look.format(further=further), further.count("?")


def store_state(session: Session) -> StoreState:
    """The store as it stands in the session's transaction."""
    return store_state_of(_rows(session, f"SELECT {STORE}")[0])


def store_state_of(row: Sequence[Any]) -> StoreState:
    """The state that the columns of `STORE` tell."""
    epoch, attempt, alarms, restoring = row
    return StoreState(int(epoch), int(attempt), int(alarms), bool(restoring))


def look(session: Session, post_id: int, rules: Rules = NO_RULES) -> Look:
    """What stands beside a post; the caller holds its row, so that this statement sees all that was done before."""
    now = clock.wall_us()
    text, courses = _look_sql(LOOK, dialect(session), rules)
    found = _rows(session, text, now, now, *[rules.course] * courses, post_id)
    (*store, covered, state, override), live = found[0][:7], found[0][7:12]
    own = AttemptRow(*live) if live[0] is not None else None
    author = [row[12:14] for row in found]
    return Look(store_state_of(store), bool(covered), str(state), own, author, override, _facts(found[0][14:]), rules)


def _facts(row: Sequence[Any]) -> Facts:
    if len(row) == 1:
        return Facts(row[0])
    employment, trained_until, tags, channel, approvals = row
    return Facts(
        employment,
        trained_until,
        tuple(facts.decoded(tags)),
        facts.read_channel(channel),
        facts.read_approvals(approvals),
    )


def locked_channel(session: Session, post_id: int) -> ChannelRow | None:
    """The channel of a post, locked until the session ends: spacing and order hold between workers.

    None when the post is not scheduled, or there is none.
    """
    of_post = "name = (SELECT channel FROM post WHERE id = ? AND state = 'scheduled')"
    query = f"SELECT spacing_us, next_free_at, not_before_at FROM channel WHERE {of_post}"  # noqa: S608 (constants only)
    found = _rows(session, query + _lock(session), post_id)
    return ChannelRow(int(found[0][0]), max(found[0][1:]), int(found[0][2])) if found else None


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


def add_attempt(
    session: Session, post: PostRow, worker: str, epoch: int, key: str, next_free_at: int, override: int | None = None
) -> int:
    """The number of a new attempt in state ``claimed``; its channel, whose row the caller holds, takes no further post before
    `next_free_at`. `override`: the leave by which it passes a closed gate. Raises the driver's IntegrityError for a second live
    one."""
    values = (post.id, post.channel, worker, key, post.content_hash, epoch, clock.wall_us(), override)
    statement = (
        "INSERT INTO attempt (post_id, part, channel, state, worker, idempotency_key, content_hash, claim_epoch, claimed_at, "
        "override_id, looks) VALUES (?, 0, ?, 'claimed', ?, ?, ?, ?, ?, ?, 0) RETURNING id"
    )
    taken = ("UPDATE channel SET next_free_at = ? WHERE name = ?", (next_free_at, post.channel))
    own = cursor(session)
    together.execute(own, dialect(session), taken, (statement, values))
    return int(own.fetchall()[0][0])


def own_attempt(session: Session, number: int, post_id: int, worker: str) -> AttemptRow | None:
    """The attempt `number`; None when there is none, or the number is that of another post or worker."""
    query = (
        "SELECT id, worker, state, content_hash, override_id FROM attempt WHERE id = ? AND post_id = ? AND worker = ?"
    )
    found = _rows(session, query, number, post_id, worker)
    return AttemptRow(*found[0]) if found else None


def _decoded(value: Any) -> Any:
    """What a JSON column holds: SQLite gives its text."""
    return json.loads(value) if isinstance(value, str) else value


def _rows(session: Session, text: str, *values: object) -> list[Any]:
    return killswitch.rows(cursor(session), dialect(session), text, values)


def _lock(session: Session) -> str:
    return LOCK[dialect(session)]
