"""What is to be told to whom and what became of it, as rows: each notice once, each delivery in one process's hands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlmodel import Session, col, select

from config import clock
from crisis.plan import Notice as Listed
from records import log
from scheduler import killswitch
from store.crisis_tables import Acknowledgement, Delivery, Notice
from store.engine import cursor, dialect

FIRST_RETRY_S, MOST_TRIES = 30.0, 4
ABANDONED_S = 120.0
"""A delivery that a process took and never ended (it died) is tried again after this."""
EXCERPT = 300


@dataclass(frozen=True)
class Occasion:
    """Something that happened and is to be told: `cause` makes it one of its kind."""

    kind: str
    cause: str
    suspension: int | None
    facts: dict[str, str]


def add(session: Session, occasion: Occasion, to: Iterable[Listed]) -> bool:
    """True when the occasion is new; then it is on its way to every address of `to`."""
    known = select(Notice).where(Notice.kind == occasion.kind, Notice.cause == occasion.cause)
    if session.exec(known).first() is not None:
        return False
    now = clock.wall_us()
    row = Notice(
        kind=occasion.kind,
        cause=occasion.cause,
        suspension_id=occasion.suspension,
        facts=occasion.facts,
        made_at=now,
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    rows = [_delivery(row.id, item, variable, now) for item in to for variable in item.targets]
    session.add_all(rows)
    people = sorted({item.person for item in rows})
    log.record(session, "standfast", "notice", occasion.cause, {"kind": occasion.kind, "to": people})
    return True


def _delivery(notice: int, item: Listed, variable: str, now: int) -> Delivery:
    return Delivery(notice_id=notice, person=item.person, variable=variable, language=item.language, due_at=now)


def take(session: Session) -> Delivery | None:
    """The next delivery that is due, now this process's; None when there is none."""
    now = clock.wall_us()
    lost = (col(Delivery.state) == "sending") & (col(Delivery.due_at) <= now - int(ABANDONED_S * clock.SECOND))
    due = (col(Delivery.state) == "waiting") & (col(Delivery.due_at) <= now)
    found = session.exec(
        select(Delivery).where(due | lost).order_by(col(Delivery.id)).limit(1).with_for_update()
    ).first()
    if found is not None:
        found.state, found.due_at, found.tries = "sending", now, found.tries + 1
    return found


def end(session: Session, number: int, trouble: str | None) -> None:
    """What became of a delivery: delivered, to be tried again, or failed for good."""
    row, now = session.get_one(Delivery, number), clock.wall_us()
    again = trouble is not None and row.tries < MOST_TRIES
    row.state = "delivered" if trouble is None else "waiting" if again else "failed"
    row.detail = (trouble or "")[:EXCERPT]
    row.ended_at = None if again else now
    row.due_at = now + int(FIRST_RETRY_S * 2 ** (row.tries - 1) * clock.SECOND) if again else row.due_at
    if not again:
        detail = {
            "state": row.state,
            "person": row.person,
            "variable": row.variable,
            "tries": row.tries,
            "detail": row.detail,
        }
        log.record(session, "standfast", "notice.delivery", f"notice {row.notice_id}", detail)


def acknowledge(session: Session, suspension: int, person: str) -> bool:
    """True when `person` says for the first time that they know of the suspension."""
    if session.get(Acknowledgement, (suspension, person)) is not None:
        return False
    session.add(Acknowledgement(suspension_id=suspension, person=person, at=clock.wall_us()))
    log.record(session, person, "acknowledge", f"suspension {suspension}", {})
    return True


def acknowledged(session: Session, suspension: int) -> dict[str, int]:
    """Person → when (wall µs) they said that they know of the suspension."""
    rows = session.exec(select(Acknowledgement).where(Acknowledgement.suspension_id == suspension))
    return {row.person: row.at for row in rows}


SUSPENSIONS = """SELECT s.id, s.kind, s.scope_kind, s.scope_value, s.by, s.reason, s.begun_at, s.lifted_at, s.lifted_by,
  s.lift_reason FROM suspension s WHERE s.begun_at IS NOT NULL AND (s.lifted_epoch IS NULL OR EXISTS
  (SELECT 1 FROM notice n WHERE n.kind = 'suspended' AND n.suspension_id = s.id)) ORDER BY s.id"""


@dataclass(frozen=True)
class Told:
    """A suspension as notices speak of it; moments in wall µs."""

    id: int
    kind: str
    scope: str
    by: str
    reason: str
    begun_at: int
    lifted_at: int | None
    lifted_by: str
    lift_reason: str


def suspensions(session: Session) -> Iterator[Told]:
    """Those that stand, and those that people were told of and that are lifted since."""
    for number, kind, scope, value, by, reason, begun, lifted, lifted_by, why in killswitch.rows(
        cursor(session), dialect(session), SUSPENSIONS
    ):
        named = "everything" if scope == killswitch.ALL else f"{scope}:{value}"
        yield Told(int(number), kind, named, by, reason, int(begun), lifted, lifted_by or "", why or "")
