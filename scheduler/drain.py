"""Waiting for quiet: until no covered attempt is sending or unknown, and never a moment less.

Time running out is not quiet. An attempt whose worker is proven dead is taken up and looked for on the platform; only then
are the connectors loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event

from config import clock
from config.essentials import Essentials
from scheduler import killswitch, liveness, switch
from scheduler.killswitch import rows
from scheduler.switch import Switch, SwitchUnavailable
from store.chain import Cursor

POLL_S = 0.05
SETTLE_EVERY_S = 2.0
WORKER_COLUMNS = "w.id, w.kind, w.host, w.boot_id, w.pid, w.pid_start, w.lock_file, w.ended_at"


def until_quiet(
    own: Switch,
    essential: Essentials,
    suspensions: Sequence[int],
    limit_s: float,
    warn: Callable[[str], None],
    tell: Callable[[str], None] = lambda _: None,
) -> bool:
    """True once all of `suspensions` are quiet (then noted in the ledger); False when `limit_s` has passed before that.

    `tell` hears once what is waited for.
    """
    until = clock.boot_s() + limit_s
    told = limit_s <= 0
    next_settle = clock.boot_s()
    while True:
        with switch.reading(own, step="crisis.drain") as cursor:
            waiting = _waiting(cursor, own.name, suspensions)
            helpless = [number for number in waiting if _needs_settling(cursor, own.name, number)]
        if not waiting:
            _note(own, suspensions)
            return True
        if clock.boot_s() >= until:
            return False
        if not told:
            tell(
                f"  waiting up to {limit_s:.0f} s for {len(waiting)} call(s) that had begun; Ctrl-C leaves the stop in place"
            )
            told = True
        if helpless and clock.boot_s() >= next_settle:
            _settle(essential, frozenset(helpless), until, warn)
            next_settle = clock.boot_s() + SETTLE_EVERY_S
        Event().wait(POLL_S)


def _waiting(cursor: Cursor, dialect: str, suspensions: Sequence[int]) -> list[int]:
    found = {attempt for number in suspensions for attempt in killswitch.unconfirmed(cursor, dialect, number)}
    return sorted(found)


def _needs_settling(cursor: Cursor, dialect: str, attempt: int) -> bool:
    """True when the attempt will not settle by itself: it is unknown, or its worker is proven dead."""
    query = f"SELECT a.state, {WORKER_COLUMNS} FROM attempt a LEFT JOIN worker w ON w.id = a.worker WHERE a.id = ?"  # noqa: S608 (constants only)
    found = rows(cursor, dialect, query, (attempt,))
    if not found:
        return False
    state, *worker = found[0]
    if state == "unknown":
        return True
    return worker[0] is not None and (worker[-1] is not None or liveness.is_dead(liveness.Process(*worker[:-1])))


def _settle(essential: Essentials, attempts: frozenset[int], until: float, warn: Callable[[str], None]) -> None:
    """Take up what dead workers left and ask the platforms: the first moment that the connectors are loaded."""
    try:
        from scheduler import settling

        settling.settle(essential, attempts, until)
    except Exception as error:  # the stop stands whatever goes wrong here; what is not settled stays unconfirmed
        warn(f"could not ask the platform: {type(error).__name__}: {error}")


def _note(own: Switch, suspensions: Sequence[int]) -> None:
    """Keep the moment of quiet; a store that cannot be written now changes nothing about the quiet."""
    try:
        with switch.reading(own) as cursor:
            open_notes = [n for n in suspensions if _quiet_at(cursor, own.name, n) is None]
        if open_notes:
            with switch.exclusive(own, step="crisis.quiet") as cursor:
                for number in open_notes:
                    killswitch.note_quiet(cursor, own.name, number)
    except SwitchUnavailable:
        return


def _quiet_at(cursor: Cursor, dialect: str, number: int) -> int | None:
    found = rows(cursor, dialect, "SELECT quiet_at FROM suspension WHERE id = ?", (number,))
    return found[0][0] if found else None
