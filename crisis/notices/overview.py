"""What became of the notices of a suspension: person by person, address by address, never the address itself."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, select

from crisis.notices import ledger
from store.crisis_tables import Delivery, Notice


@dataclass(frozen=True)
class Sent:
    """One notice to one of a person's addresses, which `variable` names; moments in wall µs."""

    notice: str
    cause: str
    made_at: int
    person: str
    variable: str
    language: str
    state: str
    tries: int
    due_at: int
    ended_at: int | None
    detail: str
    acknowledged_at: int | None


def of(session: Session, suspension: int) -> list[Sent]:
    """Every delivery of the suspension's notices, in the order in which they were made."""
    known = ledger.acknowledged(session, suspension)
    found = (
        select(Notice, Delivery)
        .join(Delivery, col(Delivery.notice_id) == col(Notice.id))
        .where(Notice.suspension_id == suspension)
        .order_by(col(Notice.id), col(Delivery.id))
    )
    return [_sent(notice, row, known.get(row.person)) for notice, row in session.exec(found)]


def _sent(notice: Notice, row: Delivery, acknowledged_at: int | None) -> Sent:
    return Sent(
        notice=notice.kind,
        cause=notice.cause,
        made_at=notice.made_at,
        person=row.person,
        variable=row.variable,
        language=row.language,
        state=row.state,
        tries=row.tries,
        due_at=row.due_at,
        ended_at=row.ended_at,
        detail=row.detail,
        acknowledged_at=acknowledged_at,
    )


def newest(session: Session) -> int | None:
    """The newest suspension that people were told of."""
    found = select(Notice.suspension_id).where(Notice.kind == "suspended").order_by(col(Notice.suspension_id).desc())
    return session.exec(found.limit(1)).first()
