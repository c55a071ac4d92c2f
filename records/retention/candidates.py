"""What is due now: the store is looked through in pages, and what a hold keeps back is counted by its name."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from records.retention import facts, holds
from records.retention.facts import Item
from records.retention.judge import judge
from records.retention.schedule import MODERATION as REGISTER
from records.retention.schedule import Schedule
from store.moderation_tables import Moderation
from store.record_tables import Record
from store.retention_tables import APPROVED, CARRYING, MODERATION, PROPOSED, RECORD, Disposition, DispositionItem
from store.tables import LogEntry

PAGE = 1000
OPEN = (PROPOSED, APPROVED, CARRYING)
ENTERED = ("moderation.add", "moderation.undo")
SUBJECT = re.compile(r"moderation ([1-9]\d{0,18})", re.ASCII)


@dataclass(frozen=True)
class Due:
    """A line of a disposition's list."""

    kind: str
    number: int
    rule: str
    due_at: int
    hash: str
    size: int


@dataclass
class Found:
    """What is due, and by hold how much that is due it keeps back. `more`: there is more than was asked for."""

    due: list[Due] = field(default_factory=list)
    held: Counter[str] = field(default_factory=Counter)
    more: bool = False


def find(session: Session, schedule: Schedule, zone: ZoneInfo, now: int, most: int) -> Found:
    """At most `most` of what is due at `now` and not listed in an open disposition, the oldest numbers first."""
    found, in_force = Found(), holds.active(session)
    for page in _pages(session, schedule):
        due = {item.key: verdict for item in page if (verdict := judge(item, schedule, zone)).due_at is not None}
        ripe = [item for item in page if item.key in due and (due[item.key].due_at or now + 1) <= now]
        kept = holds.keeping(session, ripe, in_force)
        found.held.update(name for names in kept.values() for name in names)
        free = [item for item in ripe if item.key not in kept]
        found.due += [
            Due(*item.key, due[item.key].rule, due[item.key].due_at or now, item.hash, item.size) for item in free
        ]
        if len(found.due) > most:
            found.due, found.more = found.due[:most], True
            break
    return found


def _pages(session: Session, schedule: Schedule) -> Iterator[list[Item]]:
    covered = frozenset(name for rule in schedule.rules.values() for name in rule.records)
    last = 0
    while rows := _records(session, sorted(covered - {REGISTER}), last):
        yield facts.of_records(session, rows)
        last = rows[-1].id or 0
    last = 0
    hashes = hashes_of_moderation(session) if REGISTER in covered else {}
    while REGISTER in covered and (entries := _entries(session, last)):
        yield facts.of_moderation(session, entries, hashes)
        last = entries[-1].id


def _records(session: Session, series: Sequence[str], after: int) -> list[Record]:
    """The next records that the chain names and nobody has disposed of or is about to."""
    query = select(Record).where(col(Record.disposed_by).is_(None), col(Record.entry_seq).is_not(None))
    query = query.where(col(Record.series).in_(series), col(Record.id) > after, ~_listed(RECORD, Record.id))
    return list(session.exec(query.order_by(col(Record.id)).limit(PAGE)))


def _entries(session: Session, after: int) -> list[Moderation]:
    query = select(Moderation).where(col(Moderation.disposed_by).is_(None), Moderation.id > after)
    query = query.where(~_listed(MODERATION, Moderation.id))
    return list(session.exec(query.order_by(col(Moderation.id)).limit(PAGE)))


def _listed(kind: str, number: Any) -> Any:
    """The condition that it stands in a disposition that is not over."""
    own = select(DispositionItem.number).join(Disposition, col(Disposition.id) == col(DispositionItem.disposition_id))
    return own.where(
        DispositionItem.kind == kind, DispositionItem.number == number, col(Disposition.state).in_(OPEN)
    ).exists()


def hashes_of_moderation(session: Session, only: Sequence[int] | None = None) -> dict[int, str]:
    """By entry of the moderation register (`only` these, where given): its hash as the chain has it; none where that cannot
    be read."""
    found: dict[int, str] = {}
    query = select(LogEntry.subject, LogEntry.detail).where(col(LogEntry.action).in_(ENTERED))
    if only is not None:
        query = query.where(col(LogEntry.subject).in_([f"moderation {number}" for number in only]))
    for subject, detail in session.exec(query):
        number = SUBJECT.fullmatch(subject)
        try:
            digest = str(json.loads(detail)["entry_sha256"])
        except (ValueError, KeyError, TypeError):
            continue
        if number is not None:
            found[int(number[1])] = digest
    return found
