"""The lift of a suspension, in plain SQL on the caller's DB-API cursor like `scheduler.killswitch`: what it covered and whose
time has passed waits for a person from that transaction on."""

from __future__ import annotations

from config import clock
from scheduler import killswitch
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
    check_looked_through(cursor, dialect)
    if (current := killswitch.epoch_or_zero(cursor, dialect)) != asked_epoch:
        raise killswitch.SwitchError(
            f"the request is void: it was made in epoch {asked_epoch}, and now it is {current} "
            "(something was suspended or lifted in between): run `standfast resume` again"
        )
    active = rows(cursor, dialect, "SELECT 1 FROM suspension WHERE id = ? AND lifted_epoch IS NULL", (number,))
    if not active:
        raise killswitch.SwitchError(f"suspension {number} is not active: see `standfast crisis status`")
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


def check_looked_through(cursor: Cursor, dialect: str) -> None:
    """Raise SwitchError while a restore is not finished: a lift would call held what may have gone out already."""
    if killswitch.is_restoring(cursor, dialect):
        raise killswitch.SwitchError(
            "the store was restored and is not looked through to the end: start the daemon, which does it; NOT LIFTED"
        )


def _hold_missed(cursor: Cursor, dialect: str, number: int, now: int, reconfirm_us: int) -> int:
    """How many covered posts whose time has passed, or comes within `reconfirm_us`, became held."""
    covers = killswitch.COVERS.format(channel="post.channel")
    statement = (
        "UPDATE post SET state = 'held', hold_reason = CASE WHEN due_at <= ? THEN ? ELSE ? END, updated_at = ? "
        "WHERE state = 'scheduled' AND due_at <= ? "
        f"AND EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {killswitch.HAS_COME} AND {covers}) RETURNING id"
    )
    values = (now, *_reasons(number), now, now + reconfirm_us, number, now)
    return len(rows(cursor, dialect, statement, values))


def _reasons(number: int) -> tuple[str, str]:
    """Why a post is held by a lift: its time has passed, or it waits to be confirmed."""
    return f"its time passed during suspension {number}", f"it waits to be confirmed after suspension {number}"


def keep_held(cursor: Cursor, dialect: str, number: int) -> None:
    """Put on record which posts suspension `number` has held, in the lift's own transaction: their reason goes when they do."""
    keep = (
        "INSERT INTO suspension_post (suspension_id, post_id, at) SELECT ?, id, ? FROM post "
        "WHERE state = 'held' AND hold_reason IN (?, ?) ON CONFLICT DO NOTHING"
    )
    run(cursor, dialect, keep, (number, clock.wall_us(), *_reasons(number)))


def missed(cursor: Cursor, dialect: str, number: int, reconfirm_us: int = 0) -> int:
    """How many posts a lift of suspension `number` would hold now."""
    covers = killswitch.COVERS.format(channel="post.channel")
    query = (
        "SELECT count(*) FROM post WHERE state = 'scheduled' AND due_at <= ? "
        f"AND EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {killswitch.HAS_COME} AND {covers})"
    )
    latest = latest_us(cursor, dialect)
    return int(rows(cursor, dialect, query, (latest + reconfirm_us, number, latest))[0][0])


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
