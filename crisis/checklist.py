"""How far the checklist of each suspension is, read in plain SQL: it must be shown also where the ORM would not load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config import clock
from scheduler import receipt, resumption
from scheduler.killswitch import rows
from store.chain import Cursor

STOP = "stop"
"""The item that is done by the act it asks for: nobody need say so a second time."""
BY_A_PERSON = "SELECT id FROM suspension WHERE begun_at IS NOT NULL AND kind <> 'restore'"
"""Whose beginning is such an act: not a window to come, nor the stop of a store that was put back."""


@dataclass(frozen=True)
class Ticked:
    """A named person has done an item of a suspension's checklist, or looked at a platform's own scheduler."""

    suspension: int
    item: str
    by: str
    at: str
    note: str


@dataclass(frozen=True)
class Look:
    """A platform's own scheduler that a suspension waits for: `item` ticks it, `where` a person looks, `state` in words."""

    suspension: int
    item: str
    channel: str
    where: str
    state: str
    open: bool


@dataclass(frozen=True)
class Progress:
    """What is ticked, and the platforms' own schedulers, in the suspensions looked at."""

    suspensions: tuple[int, ...] = ()
    ticked: tuple[Ticked, ...] = ()
    looks: tuple[Look, ...] = ()

    def of(self, item: str) -> list[Ticked]:
        """Who ticked `item`, in each suspension."""
        return [found for found in self.ticked if found.item == item]


def progress(cursor: Cursor, dialect: str, suspension: int | None, recall_s: float) -> Progress:
    """Of one suspension, lifted or not; without a number of all that stand. Raises SwitchError for one that is not there."""
    standing = [item.id for item in resumption.active(cursor, dialect) if item.has_come]
    numbers = standing if suspension is None else [suspension]
    found = [receipt.build(cursor, dialect, number, recall_s) for number in numbers]
    ticked = [item for number in numbers for item in ticks(cursor, dialect, number)]
    known = {item.suspension for item in ticked if item.item == STOP}
    begun = {int(row[0]) for row in rows(cursor, dialect, BY_A_PERSON)}
    ticked += [_of_act(item) for item in found if item.suspension not in known and item.suspension in begun]
    looks = [_look(item.suspension, channel) for item in found for channel in item.channels if _has_own(channel)]
    return Progress(tuple(numbers), tuple(ticked), tuple(looks))


def ticks(cursor: Cursor, dialect: str, suspension: int) -> list[Ticked]:
    """What was ticked in a suspension, oldest first."""
    query = "SELECT item, by, at, note FROM tick WHERE suspension_id = ? ORDER BY id"
    return [
        Ticked(suspension, item, by, clock.to_text(at), note)
        for item, by, at, note in rows(cursor, dialect, query, (suspension,))
    ]


def _of_act(stop: receipt.Receipt) -> Ticked:
    return Ticked(stop.suspension, STOP, stop.by, stop.suspended_at, "the stop itself")


def _has_own(channel: dict[str, Any]) -> bool:
    return bool(channel["own_scheduler"] != "none")


def _look(suspension: int, channel: dict[str, Any]) -> Look:
    name, where = channel["channel"], channel["planner"] or ""
    return Look(suspension, receipt.PLANNER + name, name, where, channel["own_scheduler"], channel["look"])
