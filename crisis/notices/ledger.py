"""What is to be told to whom and what became of it, as rows: each notice once, each delivery in one process's hands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from config import clock
from crisis.plan import Notice as Listed
from records import log
from scheduler import killswitch
from store.crisis_tables import Acknowledgement, Delivery, Notice
from store.engine import cursor, dialect
from store.tables import Suspension

FIRST_RETRY_S, MOST_TRIES = 30.0, 4
ABANDONED_S = 120.0
"""A delivery that a process took and never ended (it died) is tried again after this."""
EXCERPT = 300
OUTLIVES_THE_LIFT = ("lifted", "break-glass")
"""Kinds that are told also when their suspension is lifted; any other would say what is no longer so."""
NO_ADDRESS = "the plan names no address of theirs"
LIFTED = "not sent: the suspension was lifted before"
DIED = "whether it arrived is not known: the process that sent it ended"


@dataclass(frozen=True)
class Occasion:
    """Something that happened and is to be told: `cause` makes it one of its kind."""

    kind: str
    cause: str
    suspension: int | None
    facts: dict[str, str]


def known(session: Session, occasions: Collection[Occasion]) -> set[tuple[str, str]]:
    """(kind, cause) of those of the occasions that are notices already."""
    causes = {item.cause for item in occasions}
    return {*session.exec(select(Notice.kind, Notice.cause).where(col(Notice.cause).in_(causes)))} if causes else set()


def add(session: Session, occasion: Occasion, to: Iterable[Listed]) -> bool:
    """True when the occasion is new; then it is on its way to every address of `to`."""
    if (occasion.kind, occasion.cause) in known(session, [occasion]):
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
    rows = [found for item in to for found in _deliveries(row.id, item, now)]
    session.add_all(rows)
    people = sorted({item.person for item in rows})
    log.record(session, "standfast", "notice", occasion.cause, {"kind": occasion.kind, "to": people})
    return True


def is_race(error: IntegrityError) -> bool:
    """True when another process wrote the same notice, acknowledgement or tick first: nothing of ours was kept."""
    return "unique" in str(error.orig).lower()


def _deliveries(notice: int, item: Listed, now: int) -> Iterator[Delivery]:
    made: dict[str, Any] = {"notice_id": notice, "person": item.person, "language": item.language, "due_at": now}
    yield from (Delivery(variable=variable, **made) for variable in item.targets)
    if not item.targets:
        yield Delivery(variable="", state="failed", detail=NO_ADDRESS, ended_at=now, **made)


# --- one delivery ----------------------------------------------------------------------------------------------------


def _is_due() -> Any:
    """Waiting and its time has come; or taken by a process that is no more."""
    now = clock.wall_us()
    lost = (col(Delivery.state) == "sending") & (col(Delivery.due_at) <= now - int(ABANDONED_S * clock.SECOND))
    return (col(Delivery.state) == "waiting") & (col(Delivery.due_at) <= now) | lost


def _of(suspension: int) -> Any:
    return col(Delivery.notice_id).in_(select(Notice.id).where(Notice.suspension_id == suspension))


def people_due(session: Session, suspension: int | None = None) -> set[str]:
    """Who has a delivery that is due (of one suspension alone, where one is given)."""
    found = select(Delivery.person).where(_is_due()).distinct()
    return {*session.exec(found if suspension is None else found.where(_of(suspension)))}


def take(session: Session, but_for: Collection[str] = (), suspension: int | None = None) -> Delivery | None:
    """The next delivery that is due, now this process's; None when there is none. `but_for`: people left out.

    What was tried least comes first. One that has become pointless is ended instead.
    """
    while (found := _next(session, but_for, suspension)) is not None:
        pointless = _pointless(session, found)
        if pointless is None:
            found.state, found.due_at, found.tries = "sending", clock.wall_us(), found.tries + 1
            return found
        _fail(session, found, pointless)
        session.flush()
    return None


def _next(session: Session, but_for: Collection[str], suspension: int | None) -> Delivery | None:
    found = select(Delivery).where(_is_due(), col(Delivery.person).not_in(but_for))
    if suspension is not None:
        found = found.where(_of(suspension))
    ordered = found.order_by(col(Delivery.tries), col(Delivery.id)).limit(1)
    return session.exec(ordered.with_for_update(skip_locked=True)).first()


def _pointless(session: Session, row: Delivery) -> str | None:
    if row.tries >= MOST_TRIES:
        return DIED
    notice = session.get_one(Notice, row.notice_id)
    if notice.kind in OUTLIVES_THE_LIFT or notice.suspension_id is None:
        return None
    suspension = session.get(Suspension, notice.suspension_id)
    return LIFTED if suspension is not None and suspension.lifted_epoch is not None else None


def end(session: Session, number: int, trouble: str | None) -> None:
    """What became of a delivery: delivered, to be tried again, or failed for good."""
    row, now = session.get_one(Delivery, number), clock.wall_us()
    if row.state != "sending":  # it took so long that another process has taken it over, and ended it
        return
    if trouble is not None and row.tries < MOST_TRIES:
        row.state, row.detail = "waiting", trouble[:EXCERPT]
        row.due_at = now + int(FIRST_RETRY_S * 2 ** (row.tries - 1) * clock.SECOND)
    elif trouble is not None:
        _fail(session, row, trouble)
    else:
        row.state, row.detail, row.ended_at = "delivered", "", now
        _note(session, row)


def _fail(session: Session, row: Delivery, why: str) -> None:
    row.state, row.detail, row.ended_at = "failed", why[:EXCERPT], clock.wall_us()
    _note(session, row)


def _note(session: Session, row: Delivery) -> None:
    detail = {name: getattr(row, name) for name in ("state", "person", "variable", "tries", "detail")}
    log.record(session, "standfast", "notice.delivery", f"notice {row.notice_id}", detail)


# --- who knows -------------------------------------------------------------------------------------------------------


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
  s.lift_reason FROM suspension s WHERE s.begun_at IS NOT NULL AND (s.lifted_epoch IS NULL OR (EXISTS
  (SELECT 1 FROM notice n WHERE n.kind = 'suspended' AND n.suspension_id = s.id) AND NOT EXISTS
  (SELECT 1 FROM notice n WHERE n.kind = 'lifted' AND n.suspension_id = s.id))) ORDER BY s.id"""


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
    """Those that stand, and those whose lift is still to be told to who heard of the stop."""
    for number, kind, scope, value, by, reason, begun, lifted, lifted_by, why in killswitch.rows(
        cursor(session), dialect(session), SUSPENSIONS
    ):
        named = "everything" if scope == killswitch.ALL else f"{scope}:{value}"
        yield Told(int(number), kind, named, by, reason, int(begun), lifted, lifted_by or "", why or "")
