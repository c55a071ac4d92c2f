"""Everything about stopping, in plain SQL on the caller's DB-API cursor.

The law is PROTOCOL: the gate is not a flag that workers poll but a short transaction, ordered against the suspension by the
store's lock. Nothing here begins, commits or rolls back; the dialect files beside this one take the lock, and the ORM's
sessions hand in a cursor inside their own transaction (flush before, expire after). Statements are written with ``?`` and
turned into the driver's marks by `sql`. An unreadable or missing gate row raises or means closed, never open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from config import clock
from config.fault import Fault
from scheduler import hold_reason
from store.chain import Cursor, append

ALL, CHANNEL, GROUP = "all", "channel", "group"
REAL = ("crisis", "compromise")
"""The kinds of a stop that is meant, now."""
PLANNED = "planned"
"""The kind that holds from a moment to come; like every other it is ended by a person alone."""
CLAIMED = "('claimed')"
OPEN_STATES = "('sending', 'unknown')"
"""Attempts in these may still have an effect."""
STOP_CELL = "stop cell"
"""Who suspended, when only the cell knew of it."""
RESTORING = "restore_under_way"
"""The key in ``meta`` of a restore that is not finished: what may have gone out is not known yet."""
BANNER = "Publishing is suspended. New posts are accepted and wait behind the closed gate."

REACHES = """(s.scope_kind NOT IN ('channel', 'group')
  OR (s.scope_kind = 'channel' AND s.scope_value = {channel})
  OR (s.scope_kind = 'group' AND (
      EXISTS (SELECT 1 FROM channel_group g WHERE g.channel = {channel} AND g.name = s.scope_value)
      OR EXISTS (SELECT 1 FROM suspension_channel sc WHERE sc.suspension_id = s.id AND sc.channel = {channel}))))"""
"""Whether suspension ``s`` was declared over a channel, whatever was lifted of it since. A scope that is not understood covers
everything. For what the stop itself found and did: I2 and I7 know of no resume."""
COVERS = f"""({REACHES} AND NOT EXISTS (
  SELECT 1 FROM suspension_release r WHERE r.suspension_id = s.id AND r.channel = {{channel}}))"""
"""Whether suspension ``s`` covers a channel now: a staged resume has not lifted it for that channel. For the gate, and for what
a lift would change."""
HAS_COME = "(s.begun_at IS NOT NULL OR s.starts_at <= ?)"
"""Whether the moment of suspension ``s`` has come at the wall time (µs) that is the parameter: what has begun does not ask."""
ACTIVE = f"s.lifted_epoch IS NULL AND {HAS_COME}"
"""Whether suspension ``s`` is in force at the wall time (µs) that is the parameter."""


class SwitchError(Fault):
    """The switch cannot do what was asked: one line; nothing was changed."""


class GateClosed(SwitchError):
    """No gate row: everything is suspended until `resume` lays it down again."""


@dataclass(frozen=True)
class Scope:
    """What a suspension covers: everything, one channel, or the channels of a group."""

    kind: str = ALL
    value: str = ""

    @classmethod
    def parse(cls, text: str) -> Scope:
        """The scope that ``all``, ``channel:NAME`` or ``group:NAME`` names. Raises SwitchError."""
        kind, colon, value = text.strip().partition(":")
        if kind == ALL and not colon:
            return cls()
        if kind in (CHANNEL, GROUP) and value:
            return cls(kind, value)
        raise SwitchError(f"scope {text!r} is none of all, channel:NAME, group:NAME")

    def __str__(self) -> str:
        return self.kind if self.kind == ALL else f"{self.kind}:{self.value}"


@dataclass(frozen=True)
class Order:
    """A suspension asked for: by whom, why, and under which id it can be found again; a planned one's start in wall µs."""

    request_id: str
    by: str
    reason: str = ""
    scope: Scope = Scope()
    kind: str = "crisis"
    starts_at: int = 0
    asked_at: int = 0
    """Wall time (µs) when somebody asked for it; 0: not known."""


@dataclass(frozen=True)
class Recorded:
    """A suspension as it stands in the ledger, with the attempts that were in flight in its own transaction."""

    suspension: int
    epoch: int
    at: int
    request_id: str
    in_flight: tuple[int, ...]
    aborted: int = 0
    by: str = ""
    begun: bool = True
    """False for a planned one whose moment is to come."""


def sql(dialect: str, text: str) -> str:
    """`text` with the driver's parameter marks."""
    return text if dialect == "sqlite" else text.replace("?", "%s")


def rows(cursor: Cursor, dialect: str, text: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """All rows of a query."""
    cursor.execute(sql(dialect, text), tuple(parameters))
    found: list[Any] = cursor.fetchall()
    return found


def run(cursor: Cursor, dialect: str, text: str, parameters: Sequence[Any] = ()) -> None:
    """Execute a statement that returns nothing."""
    cursor.execute(sql(dialect, text), tuple(parameters))


def epoch(cursor: Cursor, dialect: str) -> int:
    """The gate's epoch. Raises GateClosed when the row is missing."""
    found = rows(cursor, dialect, "SELECT epoch FROM gate WHERE id = 1")
    if not found:
        raise GateClosed("the gate's row is missing: everything is suspended until `standfast resume`")
    return int(found[0][0])


def closed_by(cursor: Cursor, dialect: str, channel: str, now_us: int) -> list[int]:
    """The active suspensions that cover `channel`; empty means open. Raises GateClosed.

    Only a planned one looks at the clock: no jump of wall time can open a gate.
    """
    epoch(cursor, dialect)
    query = f"SELECT s.id FROM suspension s WHERE {ACTIVE} AND {COVERS.format(channel='?')} ORDER BY s.id"
    return [int(row[0]) for row in rows(cursor, dialect, query, (now_us, *[channel] * 4))]


def closed_channels(cursor: Cursor, dialect: str, now_us: int) -> frozenset[str]:
    """The channels for which `closed_by` is not empty. Raises GateClosed."""
    epoch(cursor, dialect)
    query = f"SELECT c.name FROM channel c WHERE EXISTS (SELECT 1 FROM suspension s WHERE {ACTIVE} AND {COVERS})"
    return frozenset(str(row[0]) for row in rows(cursor, dialect, query.format(channel="c.name"), (now_us,)))


def declared_since(cursor: Cursor, dialect: str, channel: str, claim_epoch: int) -> int:
    """The newest suspension of `channel` that has begun after `claim_epoch`, lifted (whole or for that channel) or not; else 0.

    `REACHES`, since a post that was in hand at the stop waits for a person also where its channel was resumed meanwhile (I7).
    """
    query = (
        "SELECT COALESCE(MAX(s.id), 0) FROM suspension s WHERE s.epoch > ? AND s.begun_at IS NOT NULL "
        f"AND {REACHES.format(channel='?')}"
    )
    return int(rows(cursor, dialect, query, (claim_epoch, channel, channel, channel))[0][0])


def check_scope(cursor: Cursor, dialect: str, scope: Scope) -> None:
    """Raise SwitchError, naming the known ones, when `scope` names a channel or group that does not exist."""
    if scope.kind == ALL:
        return
    table, column = ("channel", "name") if scope.kind == CHANNEL else ("channel_group", "name")
    known = [row[0] for row in rows(cursor, dialect, f"SELECT DISTINCT {column} FROM {table} ORDER BY 1")]
    if scope.value not in known:
        raise SwitchError(f"there is no {scope.kind} {scope.value!r} (known: {', '.join(known) or 'none'})")


def find(cursor: Cursor, dialect: str, request_id: str) -> Recorded | None:
    """The suspension recorded under `request_id`, or None."""
    query = "SELECT id, epoch, at, request_id, by, begun_at FROM suspension WHERE request_id = ?"
    found = rows(cursor, dialect, query, (request_id,))
    if not found:
        return None
    number, its_epoch, at, own, by, begun_at = found[0]
    attempts = rows(
        cursor, dialect, "SELECT attempt_id FROM suspension_inflight WHERE suspension_id = ? ORDER BY 1", (number,)
    )
    listed = tuple(int(row[0]) for row in attempts)
    return Recorded(int(number), int(its_epoch), int(at), str(own), listed, by=str(by), begun=begun_at is not None)


def suspend(cursor: Cursor, dialect: str, order: Order, *, at_least_epoch: int = 0) -> Recorded:
    """Record the suspension; the caller holds the exclusive lock and commits. The same request twice is recorded once.

    `at_least_epoch`: after a restore the epoch must rise above all that this host has witnessed.
    """
    if (known := find(cursor, dialect, order.request_id)) is not None and not stands_whole(
        cursor, dialect, known.suspension
    ):
        # Lifted, be it for one channel, while its own process stood still: who is told SUSPENDED must be.
        return suspend(
            cursor, dialect, replace(order, request_id=f"{order.request_id}+"), at_least_epoch=at_least_epoch
        )
    if known is not None:
        _name_person(cursor, dialect, known.suspension, order)
        return known
    check_scope(cursor, dialect, order.scope)
    now = clock.wall_us()
    if order.kind == PLANNED and order.starts_at > now:
        return _plan(cursor, dialect, order, now)
    new_epoch = next_epoch(cursor, dialect, at_least_epoch)
    number = _insert(cursor, dialect, order, new_epoch, now, begun_at=now)
    aborted = _abort_claimed(cursor, dialect, number, now)
    in_flight = _copy_in_flight(cursor, dialect, number)
    detail = {"epoch": new_epoch, "scope": str(order.scope), "kind": order.kind, "reason": order.reason}
    detail |= {"in_flight": list(in_flight), "aborted": aborted, "request": order.request_id}
    detail |= {"asked_at": order.asked_at} if order.asked_at else {}
    append(cursor, dialect, actor=order.by, action="suspend", subject=f"suspension {number}", detail=detail)
    return Recorded(number, new_epoch, now, order.request_id, in_flight, aborted, order.by)


def _plan(cursor: Cursor, dialect: str, order: Order, now: int) -> Recorded:
    """Put a window on record that holds from its moment by `ACTIVE` alone, whoever runs then; `begin_due` takes its step."""
    own = epoch(cursor, dialect)
    number = _insert(cursor, dialect, order, own, now, begun_at=None)
    detail: dict[str, Any] = {"scope": str(order.scope), "reason": order.reason}
    detail |= {"request": order.request_id, "starts_at": order.starts_at}
    append(cursor, dialect, actor=order.by, action="plan", subject=f"suspension {number}", detail=detail)
    return Recorded(number, own, now, order.request_id, (), by=order.by, begun=False)


DUE = "begun_at IS NULL AND lifted_epoch IS NULL AND starts_at <= ?"


def has_due(cursor: Cursor, dialect: str) -> bool:
    """True when a planned suspension waits for `begin_due`."""
    return bool(rows(cursor, dialect, f"SELECT 1 FROM suspension WHERE {DUE} LIMIT 1", (clock.wall_us(),)))


def begin_due(cursor: Cursor, dialect: str) -> list[int]:
    """The planned suspensions whose moment has come and that nobody had begun: each takes its epoch, aborts what is claimed and
    lists what is in flight now. The caller holds the exclusive lock and commits."""
    now = clock.wall_us()
    query = f"SELECT id FROM suspension WHERE {DUE} ORDER BY starts_at, id"
    found = [int(row[0]) for row in rows(cursor, dialect, query, (now,))]
    for number in found:
        new_epoch = next_epoch(cursor, dialect, 0)
        run(cursor, dialect, "UPDATE suspension SET epoch = ?, begun_at = ? WHERE id = ?", (new_epoch, now, number))
        aborted, in_flight = _abort_claimed(cursor, dialect, number, now), _copy_in_flight(cursor, dialect, number)
        detail = {"epoch": new_epoch, "aborted": aborted, "in_flight": list(in_flight)}
        append(cursor, dialect, actor="standfast", action="begin", subject=f"suspension {number}", detail=detail)
    return found


def is_lifted(cursor: Cursor, dialect: str, number: int) -> bool:
    """True when suspension `number` was lifted."""
    query = "SELECT 1 FROM suspension WHERE id = ? AND lifted_epoch IS NOT NULL"
    return bool(rows(cursor, dialect, query, (number,)))


def stands_whole(cursor: Cursor, dialect: str, number: int) -> bool:
    """True while nobody has lifted suspension `number`, neither all of it nor for a channel."""
    return not is_lifted(cursor, dialect, number) and not released(cursor, dialect, number)


def released(cursor: Cursor, dialect: str, number: int) -> list[tuple[str, str, int]]:
    """(channel, by, wall µs) for each channel that suspension `number` was lifted for ahead of the rest."""
    query = "SELECT channel, by, at FROM suspension_release WHERE suspension_id = ? ORDER BY channel"
    return [(str(channel), str(by), int(at)) for channel, by, at in rows(cursor, dialect, query, (number,))]


def _name_person(cursor: Cursor, dialect: str, number: int, order: Order) -> None:
    """Put the person's name to a suspension that was first taken from the stop cell, which knows no names."""
    found = rows(cursor, dialect, "SELECT by FROM suspension WHERE id = ?", (number,))
    if str(found[0][0]) != STOP_CELL or order.by == STOP_CELL:
        return
    run(cursor, dialect, "UPDATE suspension SET by = ?, reason = ? WHERE id = ?", (order.by, order.reason, number))
    detail: dict[str, Any] = {"reason": order.reason, "request": order.request_id, "first_taken_from": STOP_CELL}
    detail |= {"asked_at": order.asked_at} if order.asked_at else {}
    append(cursor, dialect, actor=order.by, action="suspend", subject=f"suspension {number}", detail=detail)


def next_epoch(cursor: Cursor, dialect: str, at_least: int) -> int:
    """The new epoch, written to the gate: above the gate's, every suspension's and `at_least`."""
    highest = rows(
        cursor,
        dialect,
        "SELECT COALESCE(MAX(g.e), 0) FROM (SELECT epoch AS e FROM gate UNION ALL SELECT epoch FROM suspension"
        " UNION ALL SELECT lifted_epoch FROM suspension UNION ALL SELECT epoch FROM suspension_release) g",
    )
    new = max(int(highest[0][0]) + 1, at_least)
    upsert = "INSERT INTO gate (id, epoch, generation) VALUES (1, ?, 1) ON CONFLICT (id) DO UPDATE SET epoch = ?"
    run(cursor, dialect, upsert, (new, new))
    return new


def _insert(cursor: Cursor, dialect: str, order: Order, its_epoch: int, now: int, begun_at: int | None) -> int:
    columns = "epoch, kind, scope_kind, scope_value, reason, by, at, starts_at, begun_at, request_id"
    starts_at = now if begun_at is not None else order.starts_at
    values = (
        its_epoch,
        order.kind,
        order.scope.kind,
        order.scope.value,
        order.reason,
        order.by,
        now,
        starts_at,
        begun_at,
    )
    added = rows(
        cursor,
        dialect,
        f"INSERT INTO suspension ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (*values, order.request_id),
    )
    number = int(added[0][0])
    if order.scope.kind == GROUP:
        freeze = "INSERT INTO suspension_channel (suspension_id, channel) SELECT ?, channel FROM channel_group WHERE name = ?"
        run(cursor, dialect, freeze, (number, order.scope.value))
    return number


def freeze_groups(cursor: Cursor, dialect: str, channel: str) -> None:
    """Keep `channel` under the active suspensions of its groups until they are lifted, also when it leaves a group again."""
    freeze = (
        "INSERT INTO suspension_channel (suspension_id, channel) SELECT s.id, g.channel FROM suspension s "
        "JOIN channel_group g ON g.name = s.scope_value WHERE g.channel = ? AND s.scope_kind = 'group' "
        "AND s.lifted_epoch IS NULL ON CONFLICT DO NOTHING"
    )
    run(cursor, dialect, freeze, (channel,))


def _covered_attempts(state: str) -> str:
    """A condition on attempt ``a``: in `state` (SQL) and covered, at the stop, by the suspension whose id is the parameter.

    `REACHES`, since what was in flight at the stop stays on its list when its channel is resumed (I2).
    """
    covers = REACHES.format(channel="a.channel")
    return f"a.state IN {state} AND EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {covers})"


def _abort_claimed(cursor: Cursor, dialect: str, number: int, now: int) -> int:
    """How many claimed attempts ended here. Their posts were due, so they wait for a person (I7)."""
    query = f"SELECT a.id, a.post_id FROM attempt a WHERE {_covered_attempts(CLAIMED)}"
    found = rows(cursor, dialect, query, (number,))
    for attempt, post in found:
        run(
            cursor,
            dialect,
            "UPDATE attempt SET state = 'aborted', finished_at = ?, outcome = 'suspended' WHERE id = ? AND state = 'claimed'",
            (now, attempt),
        )
        run(
            cursor,
            dialect,
            "UPDATE post SET state = 'held', hold_reason = ?, updated_at = ? WHERE id = ? AND state = 'publishing'",
            (hold_reason.came_due(number), now, post),
        )
    return len(found)


def _copy_in_flight(cursor: Cursor, dialect: str, number: int) -> tuple[int, ...]:
    """The attempts that the suspension found sending or unknown, kept with it."""
    copy = (
        "INSERT INTO suspension_inflight (suspension_id, attempt_id, state_then) SELECT ?, a.id, a.state FROM attempt a "
        f"WHERE {_covered_attempts(OPEN_STATES)} RETURNING attempt_id"
    )
    return tuple(sorted(int(row[0]) for row in rows(cursor, dialect, copy, (number, number))))


_FROM_A_LOST_STORE = "EXISTS (SELECT 1 FROM suspension l WHERE l.kind = 'restore' AND l.epoch > a.claim_epoch)"
"""An older copy was put back since attempt ``a``: what it says of the attempt stands for what nobody knows any more."""


def unconfirmed(cursor: Cursor, dialect: str, number: int) -> list[int]:
    """The covered attempts that are still sending or unknown, but for emergency messages claimed under it and what was claimed
    on a channel after that was resumed; quiet means there is none. What was in flight at the stop was claimed before both."""
    query = (
        f"SELECT a.id FROM attempt a WHERE {_covered_attempts(OPEN_STATES)} AND ({_FROM_A_LOST_STORE} OR "
        "((a.override_id IS NULL OR a.claim_epoch < (SELECT s.epoch FROM suspension s WHERE s.id = ?)) AND NOT EXISTS ("
        "SELECT 1 FROM suspension_release r WHERE r.suspension_id = ? AND r.channel = a.channel AND a.claim_epoch >= r.epoch"
        "))) ORDER BY a.id"
    )
    return [int(row[0]) for row in rows(cursor, dialect, query, (number, number, number))]


def note_quiet(cursor: Cursor, dialect: str, number: int) -> None:
    """Write down when quiet was first confirmed; the caller holds the lock."""
    statement = "UPDATE suspension SET quiet_at = ? WHERE id = ? AND quiet_at IS NULL"
    run(cursor, dialect, statement, (clock.wall_us(), number))


def is_restoring(cursor: Cursor, dialect: str) -> bool:
    """True while a restored store is not looked through to the end."""
    return bool(rows(cursor, dialect, "SELECT 1 FROM meta WHERE key = ?", (RESTORING,)))


def epoch_or_zero(cursor: Cursor, dialect: str) -> int:
    """The epoch, 0 when the gate's row is missing (a resume lays it down again)."""
    try:
        return epoch(cursor, dialect)
    except GateClosed:
        return 0
