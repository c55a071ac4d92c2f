"""Dispositions on their way: proposed with an exact list, approved by a second person for that list alone, or withdrawn."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from config import clock
from records import log
from records.retention import candidates
from records.retention.candidates import Due
from records.retention.holds import RetentionError
from records.retention.schedule import Schedule
from store import bulk
from store.engine import reading, writing
from store.retention_tables import APPROVED, CARRYING, DONE, PROPOSED, VOID, Disposition, DispositionItem
from store.tables import Alarm

MOST = 10_000
"""How much one proposal lists."""
CHANGED_LIST = "its list is no longer the one that was approved"
CHANGED_SCHEDULE = "the schedule says something else of these records now"
Check = Callable[[Session], None]
"""Raises what the room above raises when whoever acts may not."""


@dataclass
class Proposal:
    """What was found. `number`: None when nothing is due. `held`: by hold, how many it keeps back."""

    number: int | None
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    more: bool = False


def propose(engine: Engine, by: str, schedule: Schedule, zone: ZoneInfo, check: Check, most: int = MOST) -> Proposal:
    """A disposition of at most `most` of what is due. Raises RetentionError, StoreError, and what `check` raises."""
    if not schedule.own:
        raise RetentionError(
            "nothing is disposed of by the shipped example: give the city's schedule with the setting `retention`"
        )
    now = clock.wall_us()
    with reading(engine) as session:
        check(session)
        trust_clock(session)
        found = candidates.find(session, schedule, zone, now, most)
    rules = _counted(found.due, schedule)
    proposal = Proposal(None, rules, dict(found.held), found.more)
    if found.due:
        with writing(engine) as session:
            check(session)
            proposal.number = _enter(session, by, found.due, rules)
    return proposal


def trust_clock(session: Session) -> None:
    """Raise RetentionError while a person must look at the clock: by one that runs ahead, everything is due."""
    if session.exec(select(Alarm.id).where(col(Alarm.confirmed_at).is_(None)).limit(1)).first() is not None:
        raise RetentionError("the clock is in doubt, so nothing is called due: see `standfast doctor`")


def _counted(due: Sequence[Due], schedule: Schedule) -> dict[str, dict[str, Any]]:
    counts, sizes, oldest = Counter[str](), Counter[str](), dict[str, int]()
    for item in due:
        counts[item.rule] += 1
        sizes[item.rule] += item.size
        oldest[item.rule] = min(oldest.get(item.rule, item.due_at), item.due_at)
    return {
        name: {
            "says": schedule.rules[name].described(),
            "count": counts[name],
            "bytes": sizes[name],
            "oldest_due": clock.to_text(oldest[name]),
        }
        for name in sorted(counts)
    }


def _enter(session: Session, by: str, due: Sequence[Due], rules: dict[str, Any]) -> int:
    made = Disposition(proposed_by=by, proposed_at=clock.wall_us(), rules=rules, digest="", count=len(due))
    session.add(made)
    session.flush()
    number = made.id or 0
    fresh = {"disposition_id": number, "state": "waiting", "why": ""}
    for batch in bulk.batches(DispositionItem, ({**fresh, **vars(item)} for item in due)):
        bulk.insert(session, batch)
    made.digest = digest(session, made)
    detail = {"count": len(due), "rules": {name: rule["count"] for name, rule in rules.items()}, "sha256": made.digest}
    log.record(session, by, "records.dispose.propose", f"disposition {number}", detail)
    return number


def digest(session: Session, disposition: Disposition) -> str:
    """The SHA-256 (hex) of a disposition's list and of what its rules say: what an approval is bound to."""
    names = ("kind", "number", "rule", "due_at", "hash")
    rows = columns(*(getattr(DispositionItem, name) for name in names))
    rows = rows.where(col(DispositionItem.disposition_id) == disposition.id)
    own = hashlib.sha256(json.dumps([disposition.id, says(disposition)], sort_keys=True).encode())
    for row in session.execute(rows.order_by(col(DispositionItem.kind), col(DispositionItem.number))):
        own.update(b"\n" + json.dumps(list(row)).encode())
    return own.hexdigest()


def says(disposition: Disposition) -> dict[str, Any]:
    """By rule: what the schedule said of it when it was proposed."""
    return {name: rule["says"] for name, rule in disposition.rules.items()}


def found(session: Session, number: int) -> Disposition:
    """The disposition, its row locked. Raises RetentionError."""
    session.exec(select(Disposition.id).where(Disposition.id == number).with_for_update()).first()
    return look(session, number)


def look(session: Session, number: int) -> Disposition:
    """The disposition, to be read. Raises RetentionError."""
    row = session.get(Disposition, number)
    if row is None:
        raise RetentionError(f"there is no disposition {number}: `standfast records dispose list` shows them")
    return row


def approve(session: Session, by: str, number: int, schedule: Schedule) -> str | None:
    """None when the exact list is approved now; else why it is void from here on. Raises RetentionError."""
    row = found(session, number)
    if row.state != PROPOSED:
        raise RetentionError(f"disposition {number} is {_state(row)}: only what is proposed can be approved")
    if row.proposed_by == by:
        raise RetentionError(f"{by} proposed disposition {number}: another person approves it")
    if (why := changed(session, row, row.digest, schedule)) is not None:
        return void(session, by, row, why)
    row.state, row.approved_by, row.approved_at, row.approved_digest = APPROVED, by, clock.wall_us(), row.digest
    detail = {"count": row.count, "sha256": row.digest}
    log.record(session, by, "records.dispose.approve", f"disposition {number}", detail)
    return None


def changed(session: Session, row: Disposition, bound_to: str | None, schedule: Schedule) -> str | None:
    """Why the list is no longer what it was proposed and approved as; None when it is."""
    if digest(session, row) != bound_to:
        return CHANGED_LIST
    return None if _in_force(schedule, says(row)) else CHANGED_SCHEDULE


def _in_force(schedule: Schedule, said: Mapping[str, Any]) -> bool:
    return schedule.own and all(
        name in schedule.rules and schedule.rules[name].described() == words for name, words in said.items()
    )


def void(session: Session, by: str, row: Disposition, why: str) -> str:
    """`why`; nothing is carried out by this disposition any more."""
    row.state, row.void_reason, row.ended_at = VOID, why, clock.wall_us()
    log.record(session, by, "records.dispose.void", f"disposition {row.id}", {"why": why})
    return why


def withdraw(session: Session, by: str, number: int, reason: str) -> None:
    """End a disposition that nobody has begun to carry out; what it listed can be proposed anew. Raises RetentionError."""
    row = found(session, number)
    if row.state not in (PROPOSED, APPROVED):
        raise RetentionError(f"disposition {number} is {_state(row)}: it cannot be withdrawn")
    row.state, row.void_reason, row.ended_at = VOID, reason, clock.wall_us()
    log.record(session, by, "records.dispose.withdraw", f"disposition {number}", {"reason": reason})


def _state(row: Disposition) -> str:
    return {CARRYING: "being carried out", DONE: "done", VOID: f"void ({row.void_reason})"}.get(row.state, row.state)


def listed(session: Session) -> list[dict[str, Any]]:
    """Every disposition, newest first, as JSON-ready data."""
    return [described(row) for row in session.exec(select(Disposition).order_by(col(Disposition.id).desc()))]


def described(row: Disposition) -> dict[str, Any]:
    """A disposition as JSON-ready data."""
    moments = ("proposed_at", "approved_at", "begun_at", "ended_at")
    return {
        "disposition": row.id,
        **{name: getattr(row, name) for name in ("state", "count", "rules", "digest", "proposed_by", "approved_by")},
        "carried_by": row.carried_by,
        **{name: None if (at := getattr(row, name)) is None else clock.to_text(at) for name in moments},
        "certificate": row.certificate,
        "void_reason": row.void_reason,
    }


def items(session: Session, number: int, limit: int | None = None) -> list[DispositionItem]:
    """What a disposition lists, in order."""
    query = select(DispositionItem).where(DispositionItem.disposition_id == number)
    return list(session.exec(query.order_by(col(DispositionItem.kind), col(DispositionItem.number)).limit(limit)))
