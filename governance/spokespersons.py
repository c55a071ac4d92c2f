"""The spokesperson register (policy VIII A): leave to represent the city on an account of one's own.

Two different persons sign, neither of them the spokesperson: the director of their department (by a designation in writing)
and Communications (who holds ``channels``). Before both have, and once either the spokesperson has left or it was ended, it
is not active.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from config import clock
from governance import access, deeds, designations, entry, people, standing
from governance.authority import EVERY_CHANNEL, Identity
from governance.people import PeopleError
from store.governance_tables import Spokesperson
from store.tables import Person

SIGNATURES = ("director", "communications")


def ask(session: Session, actor: Identity, person: str, subject: str) -> int:
    """The number of a new entry that waits for its signatures. Raises Refused, PeopleError."""
    entry.record(session, actor.person, "people.ask_spokesperson", person, {"subject": subject})
    if actor.person != person:
        access.check(session, actor, "people", EVERY_CHANNEL, action="people.ask_spokesperson", subject=person)
    found = people.active(session, person)
    if found.employment != standing.EMPLOYEE or not found.department:
        raise PeopleError(f"{person} is not an employee of a department here: `standfast people employ {person}` first")
    if not subject.strip():
        raise PeopleError("the register says what somebody speaks about: give --subject")
    made = Spokesperson(person=person, subject=subject.strip(), asked_by=actor.person, asked_at=clock.wall_us())
    session.add(made)
    session.flush()
    return made.id or 0


def sign(session: Session, actor: Identity, number: int, signature: str) -> bool:
    """True when this signature made the entry active. Raises Refused, PeopleError."""
    entry.record(session, actor.person, "people.sign_spokesperson", f"spokesperson {number}", {"as": signature})
    row = _open(session, number)
    person = people.active(session, row.person)
    _check_signer(session, actor, row, signature, person)
    setattr(row, signature, actor.person)
    setattr(row, f"{signature}_at", clock.wall_us())
    session.flush()
    return row.director is not None and row.communications is not None


def _check_signer(session: Session, actor: Identity, row: Spokesperson, signature: str, person: Person) -> None:
    """Raise Refused or PeopleError unless `actor` may give this signature."""
    action, subject = "people.sign_spokesperson", f"spokesperson {row.id}"
    if signature == "communications":
        access.check(session, actor, "channels", EVERY_CHANNEL, action=action, subject=subject)
    elif not designations.holds(session, actor.person, designations.DIRECTOR, person.department or ""):
        why = f"{actor.person} is not {designations.DIRECTOR} of {person.department} in writing"
        raise access.Refused(
            f"{actor.person} may not {deeds.words(action, subject)} as director: {why}; "
            "`standfast people designate` records it",
            actor=actor.person, permission="director", channel=EVERY_CHANNEL, action=action,
            subject=subject,
        )  # fmt: skip
    if actor.person == row.person:
        raise PeopleError(f"{row.person} cannot sign for themselves: two other persons do")
    if actor.person in (row.director, row.communications):
        raise PeopleError(f"{actor.person} has signed {subject} already: the other signature is another person's")
    if getattr(row, signature) is not None:
        raise PeopleError(f"{subject} is signed as {signature} already, by {getattr(row, signature)}")


def end(session: Session, actor: Identity, number: int) -> str:
    """Whose leave has ended. Raises Refused, PeopleError."""
    entry.begin(session, actor, "people.end_spokesperson", f"spokesperson {number}", {})
    row = _open(session, number)
    row.ended_by, row.ended_at = actor.person, clock.wall_us()
    session.flush()
    return row.person


def _open(session: Session, number: int) -> Spokesperson:
    found = session.get(Spokesperson, number) if 0 < number < 2**63 else None
    if found is None or found.ended_at is not None:
        raise PeopleError(
            f"there is no spokesperson {number} in the register: `standfast people spokespersons` names them"
        )
    return found


def listing(session: Session) -> list[dict[str, Any]]:
    """The register, oldest first, each with its state."""
    query = select(Spokesperson, Person).join(Person, col(Person.id) == col(Spokesperson.person))
    return [_described(row, person) for row, person in session.exec(query.order_by(col(Spokesperson.id))).all()]


def _described(row: Spokesperson, person: Person) -> dict[str, Any]:
    names = ("id", "person", "subject", "asked_by", "director", "communications", "ended_by")
    return {name: getattr(row, name) for name in names} | {"department": person.department, "state": state(row, person)}


def state(row: Spokesperson, person: Person) -> str:
    """``active``, or why it is not."""
    if row.ended_at is not None:
        return "ended"
    if person.state != "active" or person.employment != standing.EMPLOYEE:
        return f"lapsed: {person.id} is no longer an employee"
    missing = [name for name in SIGNATURES if getattr(row, name) is None]
    return f"waits for {' and '.join(missing)}" if missing else "active"
