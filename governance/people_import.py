"""People from a CSV file: all of them or none, every mistake named with its line.

Columns: ``person, name`` and, where wanted, ``employment, department, role, channel, course, completed_on, valid_until``. A
person may stand on several lines, one for each role or course; what is on record already stays as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from unicodedata import category

from sqlmodel import Session

from config import small_file
from config.fault import Fault
from governance import access, entry, people, roles, training
from governance.authority import EVERY_CHANNEL, Identity
from governance.days import DayFault
from governance.people import PeopleError
from governance.standing import EMPLOYEE
from store.tables import Person

COLUMNS = (
    "person", "name", "employment", "department", "role", "channel", "course", "completed_on", "valid_until",
)  # fmt: skip
NEEDED = ("person", "name")
MOST_BYTES = 4 * 2**20
MOST_ROWS = 10_000
MOST_FAULTS = 50
UNFIT = ("Cc", "Cs", "Zl", "Zp")
"""Kinds of characters that no name is shown with: control characters and what breaks a line, as `people add` refuses them."""
Row = Mapping[str, str]


class ImportFault(Fault):
    """A file that cannot be taken: one line per mistake; nothing was changed."""

    def __init__(self, lines: list[str]) -> None:
        more = len(lines) - MOST_FAULTS
        super().__init__("\n".join(lines[:MOST_FAULTS] + ([f"… and {more} more"] if more > 0 else [])))


def read(file: Path) -> list[tuple[int, Row]]:
    """The rows with the line each ends on. Raises ImportFault."""
    try:
        reader = csv.DictReader(io.StringIO(small_file.text(file, MOST_BYTES), newline=""), strict=True)
        heads = [head.strip() for head in reader.fieldnames or ()]
        if faults := _head_faults(heads):
            raise ImportFault([f"{file}:1: {fault}" for fault in faults])
        reader.fieldnames = heads
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise ImportFault([f"{file}: cannot be read ({why}): mend the file, or save it as CSV in UTF-8"]) from None
    if not rows or len(rows) > MOST_ROWS:
        raise ImportFault([f"{file}: it has {len(rows)} rows: write 1 to {MOST_ROWS} under the header"])
    ragged = [f"{file}:{line}: {fault}" for line, row in rows if (fault := _shape_fault(row))]
    if ragged:
        raise ImportFault(ragged)
    return [(line, {key: value.strip() for key, value in row.items()}) for line, row in rows]


def _head_faults(heads: list[str]) -> list[str]:
    found = [
        f"the column {head[:40]!a} is not known: {roles.did_you_mean(head, COLUMNS)}"
        for head in heads
        if head not in COLUMNS
    ]
    found += [
        f"the column {head!r} stands twice: take one out" for head in sorted({h for h in heads if heads.count(h) > 1})
    ]
    return found + [f"the column {head!r} is missing: write it into the header" for head in NEEDED if head not in heads]


def _shape_fault(row: Mapping[str | None, object]) -> str | None:
    if None in row or None in row.values():
        return "it has more or fewer cells than the header: mend the row"
    wild = [key for key, value in row.items() if any(category(char) in UNFIT for char in str(value))]
    return f"{wild[0]} holds a control character or a line break: take it out" if wild else None


def apply(session: Session, actor: Identity, file: Path, rows: list[tuple[int, Row]], zone: str) -> dict[str, int]:
    """How many people, roles and trainings were added. Raises Refused, ImportFault with every fault."""
    entry.record(session, actor.person, "people.import", file.name, {"rows": len(rows)})
    access.check(session, actor, "people", EVERY_CHANNEL, action="people.import", subject=file.name)
    made = {"people": 0, "roles": 0, "training": 0}
    faults: list[str] = []
    for line, row in rows:
        try:
            for kind in _taken(session, actor, row, zone):
                made[kind] += 1
        except (PeopleError, DayFault) as fault:
            faults.append(f"{file}:{line}: {fault}")
    if faults:
        raise ImportFault(faults)
    return made


def _taken(session: Session, actor: Identity, row: Row, zone: str) -> Iterator[str]:
    """What the row added, one word each. Raises PeopleError, DayFault."""
    person = row["person"]
    known = session.get(Person, person)
    if known is None:
        employment = row.get("employment") or EMPLOYEE
        people.add_person(session, actor, person, row["name"], employment, row.get("department"))
        yield "people"
    elif known.name != row["name"]:
        raise PeopleError(
            f"there is a person {person!r} already, called {known.name}: choose another id, or mend the name"
        )
    else:
        _check_same(known, row)
    yield from _granted(session, actor, row)
    yield from _trained(session, actor, row, zone)


def _check_same(known: Person, row: Row) -> None:
    for key, kept in (("employment", known.employment), ("department", known.department or "")):
        if row.get(key) and row[key] != kept:
            raise PeopleError(
                f"{known.id} has {key} {kept!r} on record, not {row[key]!r}: see `standfast people employ`"
            )


def _granted(session: Session, actor: Identity, row: Row) -> Iterator[str]:
    role, channel = row.get("role", ""), row.get("channel") or EVERY_CHANNEL
    if not role:
        if row.get("channel"):
            raise PeopleError("it names a channel but no role: write the role, or take the channel out")
        return
    if {"role": role, "channel": channel} not in people.roles_of(session, row["person"]):
        people.grant(session, actor, row["person"], role, channel)
        yield "roles"


def _trained(session: Session, actor: Identity, row: Row, zone: str) -> Iterator[str]:
    course, completed, until = (row.get(key, "") for key in ("course", "completed_on", "valid_until"))
    if not course:
        if completed or until:
            raise PeopleError("it names a day of training but no course: write the course")
        return
    same = {"course": course, "completed_on": completed, "valid_until": until or None, "state": "valid"}
    if not any(same.items() <= kept.items() for kept in training.listing(session, row["person"])):
        training.record(session, actor, row["person"], course, completed, until or None, zone)
        yield "training"
