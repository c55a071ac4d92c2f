"""Which suspensions a report is about: the ones named, those of a time, or the newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.fault import Fault
from scheduler import killswitch
from scheduler.killswitch import rows
from store.chain import Cursor

MOST = 20
DRILL = "drill"
COLUMNS = (
    "id, kind, scope_kind, scope_value, by, reason, at, starts_at, begun_at, epoch, quiet_at, "
    "lifted_at, lifted_epoch, lifted_by, lift_reason"
)


class ReportError(Fault):
    """There is no such report, or it cannot be written: one line that says what and what to do."""


@dataclass(frozen=True)
class Wish:
    """Suspensions by number, or those that stood between two moments (wall µs); nothing: the newest."""

    numbers: tuple[int, ...] = ()
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True)
class Stop:
    """A suspension that has begun; moments in wall µs."""

    id: int
    kind: str
    scope_kind: str
    scope_value: str
    by: str
    reason: str
    at: int
    starts_at: int
    begun_at: int
    epoch: int
    quiet_at: int | None
    lifted_at: int | None
    lifted_epoch: int | None
    lifted_by: str | None
    lift_reason: str | None

    @property
    def scope(self) -> str:
        """What it covers, as people write it."""
        return str(killswitch.Scope(self.scope_kind, self.scope_value))

    @property
    def is_drill(self) -> bool:
        """True for an exercise: that word stands on every line about it."""
        return self.kind == DRILL


def chosen(cursor: Cursor, dialect: str, wish: Wish) -> list[Stop]:
    """The suspensions meant, oldest first. Raises ReportError."""
    found = _named(cursor, dialect, wish.numbers) if wish.numbers else _of_time(cursor, dialect, wish)
    if len(found) > MOST:
        raise ReportError(f"{len(found)} suspensions are too many for one report (at most {MOST}): name fewer")
    if len({stop.is_drill for stop in found}) > 1:
        drills = ", ".join(str(stop.id) for stop in found if stop.is_drill)
        raise ReportError(f"a drill ({drills}) and a real suspension are reported apart: name one with --suspension")
    return found


def _named(cursor: Cursor, dialect: str, numbers: Sequence[int]) -> list[Stop]:
    wanted = sorted(set(numbers))[: MOST + 1]
    marks = ", ".join("?" * len(wanted))
    found = _stops(cursor, dialect, f"id IN ({marks})", wanted)
    if missing := sorted(set(wanted) - {stop.id for stop in found}):
        raise ReportError(f"no suspension {missing[0]} has begun: `standfast records list --action suspend` shows them")
    return found


def _of_time(cursor: Cursor, dialect: str, wish: Wish) -> list[Stop]:
    if wish.since is None and wish.until is None:
        found = _stops(cursor, dialect, "id = (SELECT max(id) FROM suspension WHERE begun_at IS NOT NULL)", ())
    else:
        found = _within(cursor, dialect, wish.since, wish.until)
    if not found:
        raise ReportError("nothing was suspended then: there is nothing to report")
    return found


def _within(cursor: Cursor, dialect: str, since: int | None, until: int | None) -> list[Stop]:
    """What stood in that time; drills only where there was nothing else."""
    parameters = [item for item in (since, until) if item is not None]
    after = "(lifted_at IS NULL OR lifted_at >= ?)" if since is not None else "1 = 1"
    before = "begun_at <= ?" if until is not None else "1 = 1"
    found = _stops(cursor, dialect, f"{after} AND {before}", parameters)
    return [stop for stop in found if not stop.is_drill] or found


def _stops(cursor: Cursor, dialect: str, where: str, parameters: Sequence[Any]) -> list[Stop]:
    query = f"SELECT {COLUMNS} FROM suspension WHERE begun_at IS NOT NULL AND {where} ORDER BY id"  # noqa: S608 (constants)
    return [Stop(*row) for row in rows(cursor, dialect, query, parameters)]


def overlapping(cursor: Cursor, dialect: str, stops: Sequence[Stop]) -> list[int]:
    """The other suspensions that stood at a moment at which one of `stops` did, drills and real ones apart."""
    found = _stops(cursor, dialect, "1 = 1", ())
    own = {stop.id for stop in stops}
    return [other.id for other in found if other.id not in own and any(_meet(other, stop) for stop in stops)]


def _meet(one: Stop, other: Stop) -> bool:
    ends_before = one.lifted_at is not None and one.lifted_at < other.begun_at
    begins_after = other.lifted_at is not None and one.begun_at > other.lifted_at
    return not ends_before and not begins_after and one.is_drill == other.is_drill
