"""What people did and heard: notices and who has not got them, acknowledgements, ticks, sweeps, the resume, codes, actions."""
# ruff: noqa: S608  # statements are put together from constants and parameter marks; every value is a parameter

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crisis.report.plain import excerpt
from crisis.report.scene import Scene

SUSPENDED = "suspended"
"""The notice that everybody on the list gets as a suspension begins."""


def _shortened(row: Sequence[Any]) -> list[Any]:
    """A row whose last column is what somebody wrote, or nothing."""
    return [*row[:-1], row[-1] and excerpt(row[-1])]


@dataclass(frozen=True)
class Delivery:
    """A notice on its way to one address of one person, named by its variable."""

    suspension: int
    kind: str
    person: str
    variable: str
    state: str
    tries: int
    made_at: int
    ended_at: int | None
    detail: str | None


DELIVERIES = """SELECT n.suspension_id, n.kind, d.person, d.variable, d.state, d.tries, n.made_at, d.ended_at, d.detail
  FROM delivery d JOIN notice n ON n.id = d.notice_id WHERE n.suspension_id IN ({marks}) ORDER BY d.id"""


def deliveries(scene: Scene) -> list[Delivery]:
    """Every delivery of every notice about these suspensions (KS-18)."""
    found = scene.ask_of_stops(DELIVERIES.format(marks=scene.marks))
    return [Delivery(*_shortened(row)) for row in found]


def acknowledgements(scene: Scene) -> dict[int, dict[str, int]]:
    """Suspension → person → when they said that they know of it."""
    query = f"SELECT suspension_id, person, at FROM acknowledgement WHERE suspension_id IN ({scene.marks}) ORDER BY at, person"
    found: dict[int, dict[str, int]] = {number: {} for number in scene.numbers}
    for number, person, at in scene.ask_of_stops(query):
        found[int(number)][person] = int(at)
    return found


@dataclass(frozen=True)
class Heard:
    """One person of the notice list, over all notices and suspensions of the report."""

    person: str
    delivered: int
    failed: int
    waiting: int
    first_at: int | None
    acknowledged_at: int | None


def heard(found: Sequence[Delivery], acknowledged: Mapping[int, Mapping[str, int]]) -> list[Heard]:
    """By person: what reached them, and when they first said that they know."""
    people = sorted({item.person for item in found} | {person for one in acknowledged.values() for person in one})
    return [_heard(person, [item for item in found if item.person == person], acknowledged) for person in people]


def _heard(person: str, own: Sequence[Delivery], acknowledged: Mapping[int, Mapping[str, int]]) -> Heard:
    states = [item.state for item in own]
    reached = [item.ended_at for item in own if item.state == "delivered" and item.ended_at is not None]
    said = [one[person] for one in acknowledged.values() if person in one]
    delivered, failed = states.count("delivered"), states.count("failed")
    first, known = min(reached, default=None), min(said, default=None)
    return Heard(person, delivered, failed, len(states) - delivered - failed, first, known)


@dataclass(frozen=True)
class Tick:
    """A named person said that an item of the checklist is done."""

    suspension: int
    item: str
    by: str
    at: int
    note: str


def ticks(scene: Scene) -> list[Tick]:
    """The checklist as it was ticked off."""
    query = f"SELECT suspension_id, item, by, at, note FROM tick WHERE suspension_id IN ({scene.marks}) ORDER BY at, id"
    return [Tick(*_shortened(row)) for row in scene.ask_of_stops(query)]


@dataclass(frozen=True)
class Swept:
    """The newest look at a channel's own scheduler; `trouble` is None when nothing lay there any more."""

    suspension: int
    channel: str
    by: str
    at: int
    looks: int
    found: int
    gone: int
    trouble: str | None


SWEPT = """SELECT w.suspension_id, w.channel, w.by, w.at, n.looks, w.found, w.gone, w.trouble FROM sweep w JOIN (
    SELECT max(id) AS id, count(*) AS looks FROM sweep WHERE suspension_id IN ({marks}) GROUP BY suspension_id, channel) n
  ON n.id = w.id ORDER BY w.suspension_id, w.channel"""


def sweeps(scene: Scene) -> list[Swept]:
    """What the last sweep of each channel found (KS-16)."""
    found = scene.ask_of_stops(SWEPT.format(marks=scene.marks))
    return [Swept(*_shortened(row)) for row in found]


@dataclass(frozen=True)
class Asked:
    """The first step of a resume; `used_at`: when somebody lifted with its code."""

    suspension: int
    by: str
    at: int
    reason: str
    used_at: int | None


def resumes(scene: Scene) -> list[Asked]:
    """Who asked to resume, and why; who confirmed stands with the suspension."""
    columns = "suspension_id, by, at, reason, used_at"
    query = f"SELECT {columns} FROM resume_request WHERE suspension_id IN ({scene.marks}) ORDER BY id"
    return [Asked(int(n), by, int(at), excerpt(why), used) for n, by, at, why, used in scene.ask_of_stops(query)]


@dataclass(frozen=True)
class Code:
    """A break-glass code that was used (KS-21), and what its review said."""

    id: int
    suspension: int
    label: str
    used_at: int | None
    reviewed_by: str | None
    reviewed_at: int | None
    review: str | None


def codes(scene: Scene) -> list[Code]:
    """The sealed codes with which these suspensions were made."""
    columns = "id, suspension_id, label, used_at, reviewed_by, reviewed_at, review"
    query = f"SELECT {columns} FROM break_glass_code WHERE suspension_id IN ({scene.marks}) ORDER BY id"
    found = scene.ask_of_stops(query)
    return [Code(*_shortened(row)) for row in found]


@dataclass(frozen=True)
class Action:
    """A corrective action: what, whose, until which day, and whether it is done."""

    id: int
    suspension: int
    text: str
    owner: str
    due: str
    made_by: str
    made_at: int
    done_by: str | None
    done_at: int | None
    note: str | None


def actions(scene: Scene) -> list[Action]:
    """What is to change after these suspensions."""
    columns = "id, suspension_id, text, owner, due, made_by, made_at, done_by, done_at, note"
    query = f"SELECT {columns} FROM corrective_action WHERE suspension_id IN ({scene.marks}) ORDER BY due, id"
    found = scene.ask_of_stops(query)
    return [Action(*_shortened(row)) for row in found]


def names(scene: Scene) -> dict[str, str]:
    """Short name → full name of everybody the city knows."""
    return {str(person): excerpt(name, 100) for person, name in scene.ask("SELECT id, name FROM person")}
