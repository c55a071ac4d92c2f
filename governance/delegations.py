"""Who approves in whose place while somebody is away."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from config import clock
from governance import access, days, entry, people
from governance.authority import EVERY_CHANNEL, GROUP, Identity
from governance.clearance import APPROVES
from governance.people import PeopleError
from store.governance_tables import FOR_EVER, Delegation
from store.tables import ChannelGroup


def make(
    session: Session, actor: Identity, person: str, delegate: str, channel: str, first: str, last: str, zone: str
) -> int:
    """The number of a delegation from the day `first` to the day `last`. One's own, or by who holds ``people``.

    Raises Refused, PeopleError, DayFault.
    """
    detail = {"to": delegate, "channel": channel, "from": first, "until": last}
    entry.record(session, actor.person, "people.delegate", person, detail)
    if actor.person != person:
        access.check(session, actor, "people", EVERY_CHANNEL, action="people.delegate", subject=person)
    people.active(session, person), people.active(session, delegate)
    people.check_place(session, channel)
    if person == delegate:
        raise PeopleError(f"{person} cannot stand in for themselves: name another person with --to")
    if not access.may(session, person, APPROVES, channel):
        where = "all channels" if channel == EVERY_CHANNEL else channel
        raise PeopleError(f"{person} may not approve on {where}, and cannot pass it on: name another channel")
    begins, ends = days.parse(first, "the first day"), days.parse(last, "the last day")
    if ends < begins or days.end_us(ends, zone) <= clock.wall_us():
        raise PeopleError(f"the last day {last} comes too early: give one from {first} on that is not over")
    made = Delegation(person=person, delegate=delegate, channel=channel, made_by=actor.person)
    made.from_at, made.until_at = days.start_us(begins, zone), days.end_us(ends, zone)
    made.made_at = clock.wall_us()
    session.add(made)
    session.flush()
    return made.id or 0


def end(session: Session, actor: Identity, number: int) -> str:
    """Whose delegation has ended. Raises Refused, PeopleError."""
    entry.record(session, actor.person, "people.end_delegation", f"delegation {number}", {})
    found = session.get(Delegation, number) if 0 < number < 2**63 else None
    if found is None or actor.person not in (found.person, found.delegate):
        subject = f"delegation {number}"
        access.check(session, actor, "people", EVERY_CHANNEL, action="people.end_delegation", subject=subject)
    if found is None or found.ended_at is not None:
        raise PeopleError(f"there is no delegation {number} in force: `standfast people delegations` names them")
    found.ended_by, found.ended_at = actor.person, clock.wall_us()
    session.flush()
    return found.person


def principals(session: Session, delegate: str, channel: str) -> list[str]:
    """In whose place `delegate` may approve on `channel` now, as far as they themselves still may."""
    now = clock.wall_us()
    query = select(Delegation.person).where(Delegation.delegate == delegate, col(Delegation.ended_at).is_(None))
    query = query.where(Delegation.from_at <= now, Delegation.until_at > now)
    query = query.where(col(Delegation.channel).in_(_places(session, channel))).order_by(col(Delegation.id))
    found = dict.fromkeys(session.exec(query))
    return [person for person in found if access.may(session, person, APPROVES, channel)]


def _places(session: Session, channel: str) -> list[str]:
    """The places of delegations that hold on `channel`: all, itself, and its groups."""
    groups = session.exec(select(ChannelGroup.name).where(ChannelGroup.channel == channel)).all()
    return [EVERY_CHANNEL, channel, *(GROUP + name for name in groups)]


def listing(session: Session) -> list[dict[str, Any]]:
    """Every delegation, oldest first."""
    rows = session.exec(select(Delegation).order_by(col(Delegation.id))).all()
    return [_described(row, clock.wall_us()) for row in rows]


def _described(row: Delegation, now: int) -> dict[str, Any]:
    state = (
        "ended"
        if row.ended_at is not None
        else "over"
        if row.until_at <= now
        else "to come"
        if row.from_at > now
        else ""
    )
    told = {name: getattr(row, name) for name in ("id", "person", "delegate", "channel", "made_by")}
    return told | {
        "from": clock.to_text(row.from_at),
        "until": None if row.until_at >= FOR_EVER else clock.to_text(row.until_at),
        "state": state or "in force",
    }
