"""Corrective actions: what somebody shall change after a suspension, until when, and that it is done.

Every function works in the caller's transaction (`governance.access.acting`), checks the actor's rights and enters what it
did in the chain. Who may suspend or resume what the suspension covered may write them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from config import clock
from config.fault import Fault
from governance import access, authority
from governance.access import Actor
from governance.roles import did_you_mean
from records.log import record
from scheduler.killswitch import CHANNEL
from store.report_tables import CorrectiveAction
from store.tables import Person, Suspension

WRITERS = ("suspend", "resume")
"""Either right lets somebody write; any of `READERS` lets them read reports and lists."""
READERS = (*WRITERS, "records")
MOST_NUMBER = 2**63 - 1


class ActionError(Fault):
    """It cannot be written so: one line that says what and what to do."""


@dataclass(frozen=True)
class Wanted:
    """A corrective action asked for; `suspension` None: the newest that has begun."""

    text: str
    owner: str
    due: date
    suspension: int | None = None


def add(session: Session, actor: Actor, wanted: Wanted, today: date, roles: Iterable[str]) -> CorrectiveAction:
    """The action recorded. `roles`: who can own one beside the city's people. Raises ActionError, Refused."""
    suspension = _suspension(session, wanted.suspension)
    assert suspension.id is not None
    _check(session, actor, suspension, "action.add")
    if not wanted.text.strip():
        raise ActionError("the action says nothing: write what is to be done")
    if wanted.due < today:
        raise ActionError(f"--by {wanted.due} is past (today is {today}): give a day to come")
    _check_owner(session, wanted.owner, roles)
    made = CorrectiveAction(
        suspension_id=suspension.id,
        text=wanted.text,
        owner=wanted.owner,
        due=wanted.due.isoformat(),
        made_by=actor.person,
        made_at=clock.wall_us(),
    )
    session.add(made)
    session.flush()
    detail = {"action": made.id, "text": made.text, "owner": made.owner, "due": made.due}
    record(session, actor.person, "action.add", f"suspension {suspension.id}", detail)
    return made


def done(session: Session, actor: Actor, number: int, note: str) -> CorrectiveAction:
    """The action, done now. Raises ActionError when there is none or it is done already, Refused."""
    query = select(CorrectiveAction).where(CorrectiveAction.id == number).with_for_update()
    found = session.exec(query).first() if number <= MOST_NUMBER else None
    if found is None:
        raise ActionError(f"there is no corrective action {number}: `standfast crisis action list` shows them")
    suspension = _suspension(session, found.suspension_id)
    _check(session, actor, suspension, "action.done")
    if found.done_at is not None:
        raise ActionError(f"corrective action {number} was done at {clock.to_text(found.done_at)} by {found.done_by}")
    found.done_by, found.done_at, found.note = actor.person, clock.wall_us(), note or None
    session.add(found)
    record(session, actor.person, "action.done", f"suspension {suspension.id}", {"action": number, "note": note})
    return found


def listed(session: Session, suspension: int | None, *, only_open: bool) -> list[CorrectiveAction]:
    """The actions, by the day they are due."""
    query = select(CorrectiveAction).order_by(CorrectiveAction.due, col(CorrectiveAction.id))
    if suspension is not None:
        query = query.where(CorrectiveAction.suspension_id == suspension)
    if only_open:
        query = query.where(col(CorrectiveAction.done_at).is_(None))
    return list(session.exec(query))


def described(row: CorrectiveAction, today: date) -> dict[str, Any]:
    """An action as JSON-ready data; `overdue` only while it is open."""
    moments = {name: at and clock.to_text(at) for name, at in (("made_at", row.made_at), ("done_at", row.done_at))}
    names = ("id", "suspension_id", "text", "owner", "due", "made_by", "done_by", "note")
    overdue = row.done_at is None and row.due < today.isoformat()
    return {**{name: getattr(row, name) for name in names}, **moments, "overdue": overdue}


def _suspension(session: Session, number: int | None) -> Suspension:
    query = select(Suspension).where(col(Suspension.begun_at).is_not(None)).order_by(col(Suspension.id).desc())
    if number is not None:
        query = query.where(Suspension.id == number)
    found = session.exec(query.limit(1)).first()
    if found is None:
        which = "nothing was ever suspended" if number is None else f"no suspension {number} has begun"
        raise ActionError(f"{which}: a corrective action belongs to one")
    return found


def _check(session: Session, actor: Actor, suspension: Suspension, action: str) -> None:
    """Raise Refused unless the actor may write actions of it; the right is asked for where `resume` asks for it."""
    channel = suspension.scope_value if suspension.scope_kind == CHANNEL else authority.EVERY_CHANNEL
    access.check_any(session, actor, WRITERS, channel, action=action, subject=f"suspension {suspension.id}")


def _check_owner(session: Session, owner: str, roles: Iterable[str]) -> None:
    people = session.exec(select(Person.id).where(Person.state == "active")).all()
    known = {*people, *roles}
    if owner not in known:
        raise ActionError(f"--owner {owner[:60]!a} is neither a person nor a role here: {did_you_mean(owner, known)}")
