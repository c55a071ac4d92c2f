"""Where the ledger and this host's STOP cell meet: stops the ledger does not know are recorded, known ones become the fence."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

from config.essentials import Essentials
from governance import break_glass
from scheduler import exercise, killswitch, stop_cell, switch, witness
from scheduler.killswitch import STOP_CELL, Order, Recorded
from scheduler.switch import Switch
from store.chain import Cursor

NEWEST = (
    "SELECT COALESCE((SELECT MAX(id) FROM attempt), 0), "
    "COALESCE((SELECT value FROM meta WHERE key = 'attempts_skipped_to'), '0')"
)
STATES = "SELECT id, state FROM attempt WHERE id >= ?"


def unrecorded(cursor: Cursor, dialect: str, essential: Essentials) -> list[Order]:
    """The suspensions that the cell asks for and the ledger lacks; a cell that cannot be read asks for one of its own."""
    try:
        stops = stop_cell.read(essential.cell_file).stops
    except stop_cell.CellError as error:
        return _for_lost_cell(cursor, dialect, str(error))
    orders = [Order(stop, STOP_CELL, "the stop cell was set while the store could not record it") for stop in stops]
    return [order for order in orders if killswitch.find(cursor, dialect, order.request_id) is None]


def _for_lost_cell(cursor: Cursor, dialect: str, reason: str) -> list[Order]:
    if _all_is_suspended(cursor, dialect):
        return []
    epoch = killswitch.epoch_or_zero(cursor, dialect)
    return [Order(f"lost-cell-{epoch}", STOP_CELL, reason)]


def _all_is_suspended(cursor: Cursor, dialect: str) -> bool:
    """Whether the ledger lets nothing pass: a stop of everything of which a part was lifted does not, and an exercise explains
    no cell that is out of order."""
    query = (
        "SELECT 1 FROM suspension s WHERE s.lifted_epoch IS NULL AND s.begun_at IS NOT NULL AND s.scope_kind = 'all' "
        "AND s.kind <> ? AND NOT EXISTS (SELECT 1 FROM suspension_release r WHERE r.suspension_id = s.id)"
    )
    return bool(killswitch.rows(cursor, dialect, query, (exercise.DRILL,)))


def adopt(cursor: Cursor, dialect: str, essential: Essentials) -> list[Recorded]:
    """The suspensions recorded now for stops that only the cell knew; the caller holds the exclusive lock and commits."""
    if unrecorded(cursor, dialect, essential):
        notice_restore(cursor, dialect, essential)
    least = seen_epoch(cursor, dialect, essential) + 1
    adopted = [
        killswitch.suspend(cursor, dialect, order, at_least_epoch=least)
        for order in unrecorded(cursor, dialect, essential)
    ]
    for item in adopted:
        break_glass.use(cursor, dialect, item.request_id, item.suspension)
    return adopted


def raise_fence(
    cursor: Cursor, dialect: str, essential: Essentials, *, lifted_all: bool = False, step: str = ""
) -> str | None:
    """Lift the cell's fence to the ledger's epoch and take out the stops that the ledger has; why not, or None.

    The caller reads the ledger in a transaction that began after the commit in question. A cell that cannot be read means stop:
    it is laid down anew only when the ledger stops everything, or a person has just lifted such a stop (`lifted_all`).
    `step` names the failpoints.
    """
    epoch = killswitch.epoch_or_zero(cursor, dialect)
    trouble = _raise_cell(cursor, dialect, essential, epoch, lifted_all, f"{step}.fence")
    noted = note_epoch(cursor, dialect, essential, epoch, f"{step}.witness")  # also where the cell is out of order
    return trouble or noted


def _raise_cell(
    cursor: Cursor, dialect: str, essential: Essentials, epoch: int, lifted_all: bool, step: str
) -> str | None:
    try:
        known = [stop for stop in _stops(essential) if killswitch.find(cursor, dialect, stop) is not None]
    except stop_cell.CellError as error:
        if not (lifted_all or _all_is_suspended(cursor, dialect)):
            return f"{error}: nothing is sent from this host until `standfast resume`"
        known = []
    try:
        if epoch:
            stop_cell.raise_fence(essential.cell_file, epoch, known, step)
    except stop_cell.CellError as error:
        return str(error)
    return None


def _stops(essential: Essentials) -> tuple[str, ...]:
    return stop_cell.read(essential.cell_file).stops


def note_epoch(cursor: Cursor, dialect: str, essential: Essentials, epoch: int, step: str = "") -> str | None:
    """Tell an existing witness that the ledger has come to `epoch`; a missing one is the daemon's. Why not, or None."""
    file = witness_file(cursor, dialect, essential)
    try:
        if file is not None and file.exists():
            witness.note(file.absolute(), epoch=epoch, durable=True, step=step)
    except (witness.WitnessError, OSError) as error:
        return str(error)
    return None


RESTORE = "restore"
"""The kind of the suspension by which a restored store stops itself."""
EXTENT = (
    "SELECT (SELECT MAX(epoch) FROM gate), COALESCE((SELECT MAX(epoch) FROM suspension), 0), "
    "COALESCE((SELECT MAX(lifted_epoch) FROM suspension), 0), COALESCE((SELECT MAX(epoch) FROM suspension_release), 0), "
    "COALESCE((SELECT MAX(id) FROM attempt), 0), "
    "COALESCE((SELECT value FROM meta WHERE key = 'attempts_skipped_to'), '0')"
)


def why_behind(cursor: Cursor, dialect: str, essential: Essentials) -> str | None:
    """Why the store must be taken for an older copy that no daemon has looked through yet, or None."""
    # The witness and the cell before the store: what is noted in between then shows in the store alone.
    seen, fence = _seen(cursor, dialect, essential)
    gate, *epochs, attempt, skipped = killswitch.rows(cursor, dialect, EXTENT)[0]
    if killswitch.is_restoring(cursor, dialect):
        return "the store was restored and is not looked through to the end"
    # A gate whose row is lost tells no epoch, and stops everything by itself until a resume lays it down anew.
    epoch = seen.epoch if gate is None else max(gate, *epochs)
    why = witness.is_behind(seen, epoch=epoch, attempt=max(int(attempt), int(skipped)), used=False)
    return why or (
        f"the store is at epoch {epoch}, behind the stop cell's fence" if gate is not None and fence > epoch else None
    )


def why_older(cursor: Cursor, dialect: str, essential: Essentials) -> str | None:
    """The same, and why a store with the right numbers is an older copy all the same: it calls not sent what this host sent."""
    if (why := why_behind(cursor, dialect, essential)) is not None:
        return why
    file = witness_file(cursor, dialect, essential)
    try:
        noted = witness.sent(file) if file is not None else {}
    except witness.WitnessError:
        return None
    unknown = _unaccounted(cursor, dialect, noted)
    return f"attempt {unknown} was sent from here, and the store does not know it" if unknown else None


def _unaccounted(cursor: Cursor, dialect: str, noted: Mapping[int, int]) -> int:
    """The newest attempt that this host sent and the store does not know as sent, 0 for none."""
    states = dict(killswitch.rows(cursor, dialect, STATES, (min(noted),))) if noted else {}
    return max(witness.unaccounted(noted, states), default=0)


def _seen(cursor: Cursor, dialect: str, essential: Essentials) -> tuple[witness.Seen, int]:
    """(what the witness has seen, the cell's fence); nothing where they cannot be read, which is the daemon's to judge."""
    file = witness_file(cursor, dialect, essential)
    try:
        seen = witness.read(file) if file is not None else None
    except witness.WitnessError:
        seen = None
    try:
        fence = stop_cell.read(essential.cell_file).fence
    except stop_cell.CellError:
        fence = 0
    return seen or witness.Seen(0, 0), fence


def seen_epoch(cursor: Cursor, dialect: str, essential: Essentials) -> int:
    """The highest epoch that this host has seen, also in a store that was replaced: a new one must lie above it."""
    seen, fence = _seen(cursor, dialect, essential)
    return max(seen.epoch, fence)


def notice_restore(cursor: Cursor, dialect: str, essential: Essentials) -> str | None:
    """Why the store was called restored just now, everything in it being suspended, or None; the caller holds the lock.

    A stop that raised the epoch of an older copy would hide from the next daemon that suspensions were lost with the store.
    """
    why = why_behind(cursor, dialect, essential)
    if why is None or killswitch.is_restoring(cursor, dialect):
        return None
    order = Order(f"restore-{uuid.uuid4().hex}", "standfast", f"store restored: {why}", kind=RESTORE)
    killswitch.run(
        cursor, dialect, "INSERT INTO meta (key, value) VALUES (?, ?)", (killswitch.RESTORING, order.request_id)
    )
    killswitch.suspend(cursor, dialect, order, at_least_epoch=seen_epoch(cursor, dialect, essential) + 1)
    return why


def check_whole(cursor: Cursor, dialect: str, essential: Essentials) -> None:
    """Raise SwitchError while the store is an older copy that no daemon has looked through: a lift would hold what is out."""
    if (why := why_older(cursor, dialect, essential)) is not None:
        raise killswitch.SwitchError(f"{why}: start the daemon, which looks through it; NOT LIFTED")


def lost_attempts(own: Switch, essential: Essentials) -> str | None:
    """Why the store cannot name every call under way, or None: this host has seen attempts that the store does not know.

    Its file or its -wal was replaced or removed while a daemon ran, or an older copy was put back. Raises SwitchUnavailable.
    """
    with switch.reading(own) as cursor:
        file = witness_file(cursor, own.name, essential)
    try:
        seen = witness.read(file) if file is not None else None
        noted = witness.sent(file) if file is not None else {}
    except witness.WitnessError:  # the next daemon calls the store restored
        return None
    with switch.reading(own) as cursor:  # after the witness: an attempt that was noted in between is in the store
        newest = max(map(int, killswitch.rows(cursor, own.name, NEWEST)[0]))
        unknown = _unaccounted(cursor, own.name, noted)
    if seen is None or (seen.attempt <= newest and not unknown):
        return None
    return (
        f"this host has seen attempt {max(seen.attempt, unknown)}, which the store does not know: what else is under way is "
        "not known; restart the daemon, which calls the store restored"
    )


def witness_file(cursor: Cursor, dialect: str, essential: Essentials) -> Path | None:
    """This host's witness of the store, None when the store has no id."""
    found = killswitch.rows(cursor, dialect, "SELECT value FROM meta WHERE key = 'store_id'")
    return witness.file_for(essential.state_dir, str(found[0][0])) if found else None
