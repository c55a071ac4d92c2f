"""Training records: which course somebody completed, when, until when it counts, and who wrote that down."""

from __future__ import annotations

import re
from typing import Any

from sqlmodel import Session, col, select

from config import clock
from governance import days, entry, people
from governance.authority import Identity
from governance.people import PeopleError
from store.governance_tables import Training

COURSE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


def record(
    session: Session, actor: Identity, person: str, course: str, completed: str, until: str | None, zone: str
) -> Training:
    """The record made; `until` None: it counts for ever. Raises Refused, PeopleError, DayFault."""
    detail = {"course": course, "completed_on": completed, "valid_until": until}
    entry.begin(session, actor, "people.train", person, detail)
    return insert(session, actor, person, course, completed, until, zone)


def insert(
    session: Session, actor: Identity, person: str, course: str, completed: str, until: str | None, zone: str
) -> Training:
    """`record` of somebody whose right was looked at."""
    people.active(session, person)
    if person == actor.person:
        raise PeopleError(f"{person} cannot record a training of their own: ask another person")
    if not COURSE.fullmatch(course):
        raise PeopleError(f"course {course[:70]!a} cannot be a name: use a-z, 0-9 and '-', such as social-media")
    done = days.past(completed, "the day of completion", zone)
    last = None if until is None else days.parse(until, "the last valid day")
    if last is not None and last < done:
        raise PeopleError(f"the last valid day {until} comes before the day of completion {completed}: mend one")
    made = Training(person=person, course=course, completed_on=completed, valid_until=until, recorded_by=actor.person)
    made.ends_at, made.recorded_at = days.end_us(last, zone), clock.wall_us()
    session.add(made)
    session.flush()
    return made


def revoke(session: Session, actor: Identity, number: int) -> str:
    """Whose record it was that no longer counts. Raises Refused, PeopleError."""
    entry.begin(session, actor, "people.untrain", f"training {number}", {})
    found = session.get(Training, number) if 0 < number < 2**63 else None
    if found is None or found.revoked_at is not None:
        raise PeopleError(f"there is no training record {number} that counts: `standfast people training` names them")
    found.revoked_by, found.revoked_at = actor.person, clock.wall_us()
    session.flush()
    return found.person


def listing(session: Session, person: str | None = None) -> list[dict[str, Any]]:
    """The records, oldest first; of one person where named."""
    query = select(Training).order_by(col(Training.id))
    rows = session.exec(query if person is None else query.where(Training.person == person)).all()
    return [_described(row, clock.wall_us()) for row in rows]


def _described(row: Training, now: int) -> dict[str, Any]:
    state = "revoked" if row.revoked_at is not None else "valid" if row.ends_at > now else "over"
    names = ("id", "person", "course", "completed_on", "valid_until", "recorded_by")
    return {name: getattr(row, name) for name in names} | {"state": state}
