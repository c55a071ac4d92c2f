"""Duties given in writing: who is a department's director, who its designated administrator, and where the paper is."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from config import clock
from governance import entry, people
from governance.authority import Identity
from governance.people import PeopleError
from governance.training import COURSE
from store.governance_tables import Designation

DIRECTOR = "department-director"
"""The title whose holder signs for a department."""


def make(session: Session, actor: Identity, person: str, title: str, department: str, document: str) -> int:
    """The number of a new designation. Raises Refused, PeopleError."""
    detail = {"title": title, "department": department, "document": document}
    entry.begin(session, actor, "people.designate", person, detail)
    people.active(session, person)
    if not COURSE.fullmatch(title):
        raise PeopleError(f"title {title[:70]!a} cannot be one: use a-z, 0-9 and '-', such as {DIRECTOR}")
    for option, value in (("--department", department), ("--document", document)):
        if not value.strip():
            raise PeopleError(f"a designation names the department and where the paper is: give {option}")
    where, paper = department.strip(), document.strip()
    made = Designation(person=person, title=title, department=where, document=paper, made_by=actor.person)
    made.made_at = clock.wall_us()
    session.add(made)
    session.flush()
    return made.id or 0


def end(session: Session, actor: Identity, number: int) -> str:
    """Whose designation has ended. Raises Refused, PeopleError."""
    entry.begin(session, actor, "people.end_designation", f"designation {number}", {})
    found = session.get(Designation, number) if 0 < number < 2**63 else None
    if found is None or found.ended_at is not None:
        raise PeopleError(f"there is no designation {number} in force: `standfast people designations` names them")
    found.ended_by, found.ended_at = actor.person, clock.wall_us()
    session.flush()
    return found.person


def holds(session: Session, person: str, title: str, department: str) -> bool:
    """True while `person` has `title` in `department` in writing."""
    query = select(Designation.id).where(Designation.person == person, Designation.title == title)
    query = query.where(Designation.department == department, col(Designation.ended_at).is_(None))
    return session.exec(query.limit(1)).first() is not None


def listing(session: Session) -> list[dict[str, Any]]:
    """Every designation, oldest first."""
    names = ("id", "person", "title", "department", "document", "made_by", "ended_by")
    rows = session.exec(select(Designation).order_by(col(Designation.id))).all()
    return [
        {name: getattr(row, name) for name in names} | {"state": "in force" if row.ended_at is None else "ended"}
        for row in rows
    ]
