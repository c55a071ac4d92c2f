"""The only writer of a post's and an attempt's state, but for the switch's own abort and lift statements and the row with
which a claim begins (`scheduler.claim_rows.add_attempt`).

Every function works inside the caller's write session (`store.engine.writing`), moves a row only from the states that
`scheduler.states` allows, and returns whether it did: a late worker finds its row moved on and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, func, inspect, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.util import identity_key
from sqlmodel import Session, SQLModel, col, select

from config import clock
from scheduler import hold_reason, killswitch, states
from store import bulk
from store.engine import cursor, dialect
from store.tables import STAGED, Attempt, Channel, Post

MANY = 1000
"""Rows that one transaction may remove: nobody needs the store's lock for long."""
AS_LOCKED: Any = {"execution_options": {"populate_existing": True}}
"""A row that the session has seen before is read anew under its lock: another writer may have moved it on meanwhile."""


def move_post(session: Session, post_id: int, to: str, *, only_from: Sequence[str] = (), **values: Any) -> bool:
    """True when the post went to state `to`; False when it was in no state that may go there."""
    allowed = [state for state in states.sources(states.POST, to) if not only_from or state in only_from]
    values.setdefault("hold_reason", None)
    return _move(session, Post, post_id, allowed, {"state": to, "updated_at": clock.wall_us(), **values})


def move_attempt(session: Session, attempt_id: int, to: str, *, only_from: Sequence[str] = (), **values: Any) -> bool:
    """True when the attempt went to state `to`; False when it was in no state that may go there."""
    allowed = [state for state in states.sources(states.ATTEMPT, to) if not only_from or state in only_from]
    return _move(session, Attempt, attempt_id, allowed, {"state": to, **values})


def _move(
    session: Session, table: type[SQLModel], number: int, allowed: Sequence[str], values: Mapping[str, Any]
) -> bool:
    """In plain SQL, for it stands on the way of every post: the ORM's own takes ten times as long."""
    if not allowed:
        return False
    wanted = ", ".join(f"{name} = ?" for name in values)
    statement = f"UPDATE {table.__tablename__} SET {wanted} WHERE id = ? AND state IN ({', '.join('?' * len(allowed))})"  # noqa: S608 (names)
    own: Any = cursor(session)
    own.execute(killswitch.sql(dialect(session), statement), (*values.values(), number, *allowed))
    moved = bool(own.rowcount == 1)
    held = session.identity_map.get(identity_key(table, number)) if moved else None
    for name, value in values.items() if held is not None else ():
        set_committed_value(held, name, value)
    return moved


def hold(session: Session, post_id: int, reason: str, *, only_from: Sequence[str] = ()) -> bool:
    """True when the post now waits for a person, with `reason`."""
    return move_post(session, post_id, "held", only_from=only_from, hold_reason=reason)


def locked_page(session: Session, author: str, states: Sequence[str], after: int = 0) -> list[tuple[int, str]]:
    """(number, state) of an author's next posts in `states` behind the number `after`, locked in this order until the session
    ends; at most `MANY`."""
    query = select(Post.id, Post.state).where(Post.author == author, col(Post.state).in_(states), col(Post.id) > after)
    query = query.order_by(col(Post.id)).limit(MANY).with_for_update()
    return [(cast(int, number), state) for number, state in session.exec(query)]


def locked_channel(session: Session, name: str) -> Channel | None:
    """The channel's row, locked until the session ends: spacing and order hold between workers."""
    return session.exec(select(Channel).where(Channel.name == name).with_for_update(), **AS_LOCKED).first()


def locked_post(session: Session, post_id: int) -> Post | None:
    """The post's row, locked until the session ends."""
    return session.exec(select(Post).where(Post.id == post_id).with_for_update(), **AS_LOCKED).first()


def has_open_alarm(session: Session) -> bool:
    """True while an alarm waits for a person: nothing is claimed."""
    query = "SELECT 1 FROM alarm WHERE confirmed_at IS NULL LIMIT 1"
    return bool(killswitch.rows(cursor(session), dialect(session), query))


def closed_by(session: Session, channel: str) -> list[int]:
    """The active suspensions that cover `channel`. Raises killswitch.GateClosed when the gate cannot be read."""
    return killswitch.closed_by(cursor(session), dialect(session), channel, clock.wall_us())


def key_prefix(store_id: str) -> str:
    """What the idempotency keys of a store's posts begin with."""
    return f"sf-{store_id[:8]}"


def key_of(prefix: str, post: int, part: int = 0) -> str:
    """The idempotency key of a post's part: the same for every attempt, also after the store was put back from a copy."""
    return f"{prefix}-{post}-{part}"


def add_attempt(session: Session, post: Post, worker: str, epoch: int, key: str, *, state: str = "claimed") -> Attempt:
    """A new attempt in state ``claimed`` (a restore's: ``unknown``); the database refuses a second live one."""
    attempt = Attempt(
        post_id=cast(int, post.id),
        channel=post.channel,
        state=state,
        worker=worker,
        idempotency_key=key,
        content_hash=post.content_hash,
        claim_epoch=epoch,
        claimed_at=clock.wall_us(),
    )
    session.add(attempt)
    session.flush()
    return attempt


def put_back(session: Session, attempt: Attempt, *, ready_at: int, tries: int, reason: str) -> str:
    """The post's state after an attempt that provably sent nothing: ``scheduled``, or ``held`` (I7).

    A post goes again by itself only when no suspension covering it was declared since its claim.
    """
    declared = killswitch.declared_since(cursor(session), dialect(session), attempt.channel, attempt.claim_epoch)
    if declared:
        hold(session, attempt.post_id, hold_reason.not_sent(declared, reason), only_from=("publishing",))
        killswitch.run(cursor(session), dialect(session), KEEP_HELD, _keep_held(attempt))
        return "held"
    give_override_back(session, attempt)
    move_post(session, attempt.post_id, "scheduled", only_from=("publishing",), ready_at=ready_at, tries=tries)
    return "scheduled"


KEEP_HELD = f"""INSERT INTO suspension_post (suspension_id, post_id, at) SELECT s.id, p.id, ? FROM suspension s, post p
  WHERE p.id = ? AND p.state = 'held' AND s.epoch > ? AND s.begun_at IS NOT NULL
  AND {killswitch.REACHES.format(channel="?")} ON CONFLICT DO NOTHING"""  # noqa: S608
"""The suspensions declared since an attempt's claim (`killswitch.declared_since`) each keep the post that it was for."""


def _keep_held(attempt: Attempt) -> tuple[Any, ...]:
    return clock.wall_us(), attempt.post_id, attempt.claim_epoch, *[attempt.channel] * 3


@dataclass(frozen=True)
class Head:
    """The first post that waits on a channel, ready at `ready_at`; the channel takes none before `free_at` (wall µs)."""

    channel: str
    post: int
    ready_at: int
    free_at: int

    @property
    def claimable_at(self) -> int:
        """The wall time (µs) from which it can be claimed."""
        return max(self.ready_at, self.free_at)


HEADS = """SELECT c.name, p.id, p.ready_at, c.next_free_at, c.not_before_at FROM channel c JOIN post p ON p.id = (
  SELECT q.id FROM post q WHERE q.channel = c.name AND q.state = 'scheduled' ORDER BY q.ready_at, q.id LIMIT 1)"""
"""One look into the index for each channel, however many posts wait."""


def heads(session: Session) -> list[Head]:
    """The first waiting post of each channel, oldest first, whether or not the channel's gate is open."""
    found = killswitch.rows(cursor(session), dialect(session), HEADS)
    made = [
        Head(str(name), int(post), int(ready), max(free, not_before)) for name, post, ready, free, not_before in found
    ]
    return sorted(made, key=lambda head: (head.ready_at, head.post))


URGENT = f"""SELECT p.channel, p.id, p.ready_at, c.not_before_at FROM override o
  JOIN post p ON p.id = o.post_id AND p.content_hash = o.content_hash AND p.state = 'scheduled'
  JOIN channel c ON c.name = p.channel
  WHERE o.used_at IS NULL AND o.epoch = (SELECT epoch FROM gate WHERE id = 1)
  AND NOT EXISTS (SELECT 1 FROM suspension WHERE {killswitch.DUE}) ORDER BY o.id DESC"""  # noqa: S608 (constants only)
"""What may pass a closed gate (`claim_rows.OVERRIDE`): a planned suspension that has come ends all leave given before it."""


def urgent_heads(session: Session) -> list[Head]:
    """The first emergency message of each channel that may pass a closed gate, oldest first; spacing does not hold it."""
    found = killswitch.rows(cursor(session), dialect(session), URGENT, (clock.wall_us(),))
    first = {str(name): Head(str(name), int(post), int(ready), int(rests)) for name, post, ready, rests in found}
    return sorted(first.values(), key=lambda head: head.post)


def use_override(session: Session, number: int) -> None:
    """Use up an override that was seen to be good under its post's lock, without which nobody else can use it."""
    statement = "UPDATE override SET used_at = ? WHERE id = ?"
    killswitch.run(cursor(session), dialect(session), statement, (clock.wall_us(), number))


def give_override_back(session: Session, attempt: Attempt) -> None:
    """Make the override of an attempt that provably sent nothing good again: it was for one message, not for one try."""
    if attempt.override_id is not None:
        statement = "UPDATE override SET used_at = NULL WHERE id = ?"
        killswitch.run(cursor(session), dialect(session), statement, (attempt.override_id,))


def closed_channels(session: Session) -> frozenset[str]:
    """The channels that an active suspension covers. Raises killswitch.GateClosed when the gate cannot be read."""
    return killswitch.closed_channels(cursor(session), dialect(session), clock.wall_us())


def open_attempts(session: Session, *attempt_states: str) -> list[Attempt]:
    """The attempts in these states, oldest first."""
    return list(session.exec(select(Attempt).where(col(Attempt.state).in_(attempt_states)).order_by(col(Attempt.id))))


@dataclass(frozen=True)
class Move:
    """What a person changes of one post: its state before (as read under lock) and after, and other columns."""

    post_id: int
    before: str
    after: str
    values: Mapping[str, Any] = field(default_factory=dict)


def add_posts(session: Session, posts: Sequence[Post]) -> list[int]:
    """The ids of new posts, in order."""
    session.add_all(posts)
    session.flush()
    return [cast(int, post.id) for post in posts]


def locked_posts(session: Session, ids: Sequence[int]) -> list[Post]:
    """The posts with these ids, locked until the session ends, by id; ids that do not exist are left out."""
    found: list[Post] = []
    ordered = sorted(set(ids))
    for page in bulk.pieces(ordered):
        query = select(Post).where(bulk.among(session, col(Post.id), page)).order_by(col(Post.id))
        found += session.exec(query.with_for_update(), **AS_LOCKED).all()
    return found


def open_attempts_of(session: Session, ids: Sequence[int]) -> dict[int, Attempt]:
    """By post: its attempt that is claimed, sending or unknown."""
    found: dict[int, Attempt] = {}
    for page in bulk.pieces(ids):
        query = select(Attempt).where(
            col(Attempt.state).in_(("claimed", "sending", "unknown")),
            bulk.among(session, col(Attempt.post_id), page),
        )
        found |= {attempt.post_id: attempt for attempt in session.exec(query)}
    return found


def move_posts(session: Session, moves: Sequence[Move]) -> None:
    """Make all moves. Raises states.WrongState; the caller's session undoes all then."""
    make_moves(session, ready_moves(moves))


def ready_moves(moves: Sequence[Move]) -> list[bulk.Batch]:
    """Moves made ready for `make_moves`, which may then be asked for under the lock. Raises states.WrongState."""
    groups: dict[tuple[str, ...], list[Move]] = {}
    for move in moves:
        if move.after != move.before and move.after not in states.POST[move.before]:
            raise states.WrongState(f"post {move.post_id} cannot go from {move.before} to {move.after}")
        groups.setdefault(tuple(sorted(move.values)), []).append(move)
    now = clock.wall_us()
    return [
        batch
        for columns, alike in groups.items()
        for batch in bulk.batches(Post, (_row_of(move, columns, now) for move in alike))
    ]


def _row_of(move: Move, columns: Sequence[str], now: int) -> dict[str, Any]:
    fixed = {"of": move.post_id, "before": move.before, "state": move.after, "updated_at": now}
    return fixed | {name: move.values[name] for name in columns}


def make_moves(session: Session, ready: Iterable[bulk.Batch]) -> None:
    """Make moves that are ready, all or none. Raises states.WrongState; the caller's session undoes all then."""
    for batch in ready:
        moved = bulk.update(session, batch, {"of": "id", "before": "state"})
        if moved != len(batch.values):
            raise states.WrongState(f"{len(batch.values) - moved} post(s) moved on meanwhile: repeat the command")
    session.expire_all()


UNSYNCHRONIZED: Any = {"execution_options": {"synchronize_session": False}}
"""For statements over many rows: the sessions that run them hold no such post."""


def is_staged() -> ColumnElement[bool]:
    """The condition on a post that it is only laid down: no person sees or touches it."""
    return (col(Post.state) == "draft") & (
        func.substr(func.coalesce(col(Post.source_key), ""), 1, len(STAGED)) == STAGED
    )


def may_be_out() -> ColumnElement[bool]:
    """The condition on a post that it has an attempt whose outcome nobody knows: only `post close` decides about it."""
    of_post = select(Attempt.id).where(col(Attempt.post_id) == col(Post.id), Attempt.state == "unknown")
    return of_post.exists()


def insert_new(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> int:
    """How many of `rows` were new; one whose unique key is taken already is passed over."""
    make = postgresql.insert if dialect(session) == "postgresql" else sqlite.insert
    key = inspect(table).primary_key[0]
    result = session.connection().execute(make(table).on_conflict_do_nothing().returning(key), [*map(dict, rows)])
    return len(result.all())


def add_scheduled(session: Session, rows: Sequence[Mapping[str, Any]]) -> int:
    """How many posts were added; one whose `source_key` exists already is passed over, whatever became of it."""
    return insert_new(session, Post, rows)


def add_new(session: Session, rows: Iterable[Mapping[str, Any]]) -> int:
    """How many posts were added: all of `rows`. Raises IntegrityError when one of their keys is taken."""
    added = 0
    for batch in bulk.batches(Post, rows):
        bulk.insert(session, batch)
        added += len(batch.values)
    return added


def staged(rows: Iterable[Mapping[str, Any]], mark: str) -> Iterator[Mapping[str, Any]]:
    """New posts as nobody can publish them yet; `flip_staged` with the same `mark` makes them real, all at once."""
    for row in rows:
        yield {**row, "state": "draft", "source_key": f"{STAGED}{mark}:{row['source_key']}"}


def flip_staged(session: Session, file: str, mark: str) -> int:
    """How many posts of `mark` are scheduled now. Raises IntegrityError when one of their keys is taken."""
    key, start = col(Post.source_key), f"{STAGED}{mark}:"
    statement = update(Post).where(*_staged_of(file), func.substr(key, 1, len(start)) == start)
    values = {"state": "scheduled", "source_key": func.substr(key, len(start) + 1)}
    return cast("CursorResult[Any]", session.execute(statement.values(values), **UNSYNCHRONIZED)).rowcount


def _staged_of(file: str) -> tuple[ColumnElement[bool], ...]:
    """The condition on a post that it is one of `file` and only laid down.

    The file is compared so that its index is of no use: it would lead through all the file's posts, the state's to a few.
    """
    return is_staged(), func.coalesce(col(Post.file), "") == file


def has_staged(session: Session, file: str) -> bool:
    """True when something of `file` is only laid down."""
    return session.exec(select(Post.id).where(*_staged_of(file)).limit(1)).first() is not None


def drop_staged(session: Session, file: str, *, but: str = "", only: str = "", limit: int = MANY) -> int:
    """How many staged posts of `file` were removed, up to `limit`: all but those of the mark `but`, or `only` one mark's."""
    key, start = col(Post.source_key), f"{STAGED}{only or but}:"
    own = func.substr(key, 1, len(start)) == start
    found = select(Post.id).where(*_staged_of(file), own if only else ~own).limit(limit)
    gone = delete(Post).where(col(Post.id).in_(found.scalar_subquery()))
    return cast("CursorResult[Any]", session.execute(gone, **UNSYNCHRONIZED)).rowcount


def locked_unknown(session: Session, post_id: int) -> Attempt | None:
    """The post's attempt of unknown outcome, locked before its post as the reconciler does; None when there is none."""
    query = select(Attempt).where(Attempt.post_id == post_id, Attempt.state == "unknown")
    return session.exec(query.with_for_update(), **AS_LOCKED).first()
