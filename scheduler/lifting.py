"""The lift of a suspension, or of it for some channels first, in plain SQL on the caller's DB-API cursor like
`scheduler.killswitch`: what it covered and whose time has passed waits for a person from that transaction on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from config import clock
from scheduler import hold_reason, killswitch
from scheduler.killswitch import rows, run
from store.chain import Cursor, append

CONFIRM_CLOCK = "confirm_clock"
"""The log's word for a person who said that the clock is right."""
LATEST_OF = 1000
"""The newest entries of the log that are asked for the latest time: after a jump back the newest alone is behind."""


def lift(
    cursor: Cursor, dialect: str, number: int, *, by: str, reason: str, asked_epoch: int, reconfirm_us: int = 0
) -> tuple[int, int]:
    """(new epoch, posts now held) after lifting one suspension; the caller holds the exclusive lock and commits.

    Every post it covered whose time has passed waits for a person from here on; with `reconfirm_us` so do those due within that
    time from now (KS-12). Raises SwitchError when the epoch moved since
    the request, the suspension is lifted already, or a restored store was not looked through yet.
    """
    now = clock.wall_us()
    _check(cursor, dialect, number, asked_epoch)
    held = _hold_missed(cursor, dialect, number, latest_us(cursor, dialect), reconfirm_us)
    keep_held(cursor, dialect, number)
    new_epoch = killswitch.next_epoch(cursor, dialect, 0)
    statement = (
        "UPDATE suspension SET lifted_epoch = ?, lifted_by = ?, lifted_at = ?, lift_reason = ? "
        "WHERE id = ? AND lifted_epoch IS NULL"
    )
    run(cursor, dialect, statement, (new_epoch, by, now, reason, number))
    detail = {"epoch": new_epoch, "reason": reason, "held": held}
    append(cursor, dialect, actor=by, action="lift", subject=f"suspension {number}", detail=detail)
    return new_epoch, held


def lift_part(
    cursor: Cursor,
    dialect: str,
    number: int,
    channels: Sequence[str],
    *,
    by: str,
    reason: str,
    asked_epoch: int,
    reconfirm_us: int = 0,
) -> tuple[int, int]:
    """(new epoch, posts now held) after lifting one suspension for `channels` alone, as `lift` does it for all of it.

    It stands for every other channel, also one that is yet to come. The epoch rises here too: whoever holds a code was shown
    another state of things. Raises SwitchError as `lift` does, and when it does not cover one of the channels now.
    """
    now = clock.wall_us()
    _check(cursor, dialect, number, asked_epoch)
    for channel in channels:
        if not covers(cursor, dialect, number, channel):
            raise killswitch.SwitchError(
                f"suspension {number} does not cover channel {channel!r} now: nothing was changed"
            )
    # Before the rows below are there: they take the channels from under the suspension.
    held = _hold_missed(cursor, dialect, number, latest_us(cursor, dialect), reconfirm_us, channels)
    keep_held(cursor, dialect, number)
    new_epoch = killswitch.next_epoch(cursor, dialect, 0)
    statement = "INSERT INTO suspension_release (suspension_id, channel, epoch, by, at) VALUES (?, ?, ?, ?, ?)"
    for channel in channels:
        run(cursor, dialect, statement, (number, channel, new_epoch, by, now))
    detail = {"epoch": new_epoch, "reason": reason, "held": held, "channels": list(channels)}
    append(cursor, dialect, actor=by, action="lift_part", subject=f"suspension {number}", detail=detail)
    return new_epoch, held


def covers(cursor: Cursor, dialect: str, number: int, channel: str) -> bool:
    """Whether suspension `number` has begun, stands, and covers `channel` now."""
    query = (
        "SELECT 1 FROM suspension s WHERE s.id = ? AND s.lifted_epoch IS NULL AND s.begun_at IS NOT NULL "
        f"AND {killswitch.COVERS.format(channel='?')}"
    )
    return bool(rows(cursor, dialect, query, (number, *[channel] * 4)))


def _check(cursor: Cursor, dialect: str, number: int, asked_epoch: int) -> None:
    """Raise SwitchError when the suspension may not be lifted now by a request of `asked_epoch`."""
    check_looked_through(cursor, dialect)
    if (current := killswitch.epoch_or_zero(cursor, dialect)) != asked_epoch:
        raise killswitch.SwitchError(
            f"the request is void: it was made in epoch {asked_epoch}, and now it is {current} "
            "(something was suspended or lifted in between): run `standfast resume` again"
        )
    active = rows(cursor, dialect, "SELECT 1 FROM suspension WHERE id = ? AND lifted_epoch IS NULL", (number,))
    if not active:
        raise killswitch.SwitchError(f"suspension {number} is not active: see `standfast crisis status`")


def check_looked_through(cursor: Cursor, dialect: str) -> None:
    """Raise SwitchError while a restore is not finished: a lift would call held what may have gone out already."""
    if killswitch.is_restoring(cursor, dialect):
        raise killswitch.SwitchError(
            "the store was restored and is not looked through to the end: start the daemon, which does it; NOT LIFTED"
        )


def _hold_missed(
    cursor: Cursor, dialect: str, number: int, now: int, reconfirm_us: int, channels: Sequence[str] | None = None
) -> int:
    """How many covered posts (of `channels`) whose time has passed, or comes within `reconfirm_us`, became held."""
    statement = (
        "UPDATE post SET state = 'held', hold_reason = CASE WHEN due_at <= ? THEN ? ELSE ? END, updated_at = ? "
        "WHERE state = 'scheduled' AND due_at <= ? "
        f"AND EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {killswitch.HAS_COME} AND {_COVERS_POST}) "
    )
    passed, waits = hold_reason.passed(number), hold_reason.to_be_confirmed(number)
    own: Any = cursor
    values = (now, passed, waits, now, now + reconfirm_us, number, now)
    run(cursor, dialect, statement + only(channels, "post.channel"), (*values, *(channels or ())))
    return int(own.rowcount)


def keep_held(cursor: Cursor, dialect: str, number: int) -> None:
    """Put on record which posts suspension `number` has held, in the lift's own transaction: their reason goes when they do."""
    keep = (
        "INSERT INTO suspension_post (suspension_id, post_id, at) SELECT ?, id, ? FROM post "
        "WHERE state = 'held' AND hold_reason IN (?, ?) ON CONFLICT DO NOTHING"
    )
    reasons = hold_reason.passed(number), hold_reason.to_be_confirmed(number)
    run(cursor, dialect, keep, (number, clock.wall_us(), *reasons))


_COVERS_POST = killswitch.COVERS.format(channel="post.channel")
"""`COVERS`: what a channel that was resumed before has due goes out in its own way, and is no business of this lift."""


def only(channels: Sequence[str] | None, column: str) -> str:
    """A further condition (SQL): `column` is one of `channels`; none when they are None."""
    return "" if channels is None else f"AND {column} IN ({', '.join('?' * len(channels))}) "


def missed(cursor: Cursor, dialect: str, number: int, reconfirm_us: int = 0) -> int:
    """How many posts a lift of suspension `number` would hold now."""
    return sum(missed_by_channel(cursor, dialect, number, reconfirm_us).values())


def missed_by_channel(
    cursor: Cursor, dialect: str, number: int, reconfirm_us: int = 0, channels: Sequence[str] | None = None
) -> dict[str, int]:
    """By channel: how many posts a lift of suspension `number` (for `channels` alone) would hold now."""
    query = (
        "SELECT post.channel, count(*) FROM post WHERE state = 'scheduled' AND due_at <= ? "
        f"AND EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {killswitch.HAS_COME} AND {_COVERS_POST}) "
        f"{only(channels, 'post.channel')}GROUP BY post.channel ORDER BY post.channel"
    )
    latest = latest_us(cursor, dialect)
    found = rows(cursor, dialect, query, (latest + reconfirm_us, number, latest, *(channels or ())))
    return {str(channel): int(count) for channel, count in found}


def latest_us(cursor: Cursor, dialect: str) -> int:
    """The latest wall time (µs) that is known here or in the store: a clock that is behind must not call the past to come.

    What was written before a person last confirmed the clock may bear the time of one that was ahead, and does not count.
    """
    query = (
        "SELECT COALESCE((SELECT MAX(r.at) FROM (SELECT at FROM log_entry WHERE seq >= "
        f"COALESCE((SELECT MAX(seq) FROM log_entry WHERE action = '{CONFIRM_CLOCK}'), 0) "
        f"ORDER BY seq DESC LIMIT {LATEST_OF}) r), 0), COALESCE((SELECT MAX(heartbeat_at) FROM worker), 0)"
    )
    return max(clock.wall_us(), *map(int, rows(cursor, dialect, query)[0]))
