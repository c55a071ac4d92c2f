"""What the schedule does not fit: kinds of records that no rule covers, and rules that name what there is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import func
from sqlmodel import Session, col, select

from records.retention import holds
from records.retention.schedule import MODERATION, Schedule
from store.moderation_tables import Moderation
from store.record_tables import Record
from store.tables import Channel, Person


def gaps(session: Session, schedule: Schedule) -> Iterator[str]:
    """One line for each thing that the schedule leaves open, with what to do."""
    yield from _uncovered(session, schedule)
    yield from _strange_channels(session, schedule)
    yield from _ownerless(session)


def _uncovered(session: Session, schedule: Schedule) -> Iterator[str]:
    """A rule that is only about some tags or incidents does not cover all of a kind: what is left of it is kept."""
    found: Counter[str] = Counter()
    for series, channel, number in _kinds(session):
        rules = [rule for rule in schedule.rules.values() if series in rule.records]
        if not any(
            not rule.tags and not rule.incidents and (not rule.channels or channel in rule.channels) for rule in rules
        ):
            found[series] += number
    for series, number in sorted(found.items()):
        yield f"no rule covers every record of {series!r} ({number} there are): what none covers is kept; give it a rule"


def _kinds(session: Session) -> Iterator[tuple[str, str | None, int]]:
    """Kind of record, channel, and how many there are that nobody has disposed of."""
    records = select(Record.series, Record.channel, func.count()).where(col(Record.disposed_by).is_(None))
    yield from session.exec(records.group_by(Record.series, col(Record.channel)))
    entries = select(Moderation.channel, func.count()).where(col(Moderation.disposed_by).is_(None))
    for channel, number in session.exec(entries.group_by(Moderation.channel)):
        yield MODERATION, channel, number


def _strange_channels(session: Session, schedule: Schedule) -> Iterator[str]:
    known = set(session.exec(select(Channel.name)).all())
    for rule in schedule.rules.values():
        for name in sorted(rule.channels - known):
            yield f"{rule.name} is about the channel {name!r}, which there is not: mend series.{rule.name}.channels"


def _ownerless(session: Session) -> Iterator[str]:
    here = set(session.exec(select(Person.id).where(Person.state == "active")).all())
    for hold in holds.active(session):
        if hold.owner not in here:
            yield f"hold {hold.name} is {hold.owner}'s, who has left: release it, and place another with an owner"
