"""What alerts give to tell: a suggestion, a hold, a note, what could not be read, and why alerts do not arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlmodel import Session, col, select

from config import clock
from crisis.alerts import trouble
from crisis.notices.ledger import Occasion
from store.alert_tables import UNJUDGED, UNREADABLE, AlertRecord

NEWS_US = 24 * 3600 * clock.SECOND
"""What came before that is no news: a list that gets its first address must not be flooded."""
MOST_UNREADABLE = 10
"""Of a day, told one by one: a source that sends rubbish must not bury what matters."""
KINDS = {"told": "alert-note", "suggested": "alert", "held": "alert-held"}
"""What became of an alert → the kind of notice."""


def occasions(session: Session, moment: Callable[[int], str]) -> Iterator[Occasion]:
    """What there is to tell of alerts; `moment` writes a wall time (µs) in the city's time."""
    recent = select(AlertRecord).where(col(AlertRecord.came_at) > clock.wall_us() - NEWS_US)
    judged = recent.where(col(AlertRecord.outcome).in_(KINDS), col(AlertRecord.kind) != UNREADABLE)
    for row in session.exec(judged.order_by(col(AlertRecord.id))):
        yield _of(row, KINDS[row.outcome], moment)
    unreadable = recent.where(AlertRecord.kind == UNREADABLE, AlertRecord.outcome == "told")
    for row in session.exec(unreadable.order_by(col(AlertRecord.id)).limit(MOST_UNREADABLE)):
        yield _of(row, "alert-unreadable", moment)
    first = recent.where(AlertRecord.kind == UNJUDGED).order_by(col(AlertRecord.id)).limit(1)
    yield from (_of(row, "alert-unjudged", moment) for row in session.exec(first))
    yield from _troubles(session, moment)


def _of(row: AlertRecord, kind: str, moment: Callable[[int], str]) -> Occasion:
    what = row.event or row.msg_type or "alert"
    facts = {
        "number": str(row.id),
        "what": f"{row.mark}: {what}" if row.mark else what,
        "sender": row.sender,
        "area": row.area,
        "source": row.source,
        "at": moment(row.came_at),
        "reasons": "; ".join(row.reasons),
        "doubts": "; ".join(row.doubts),
        "scope": ", ".join(row.scopes),
        "suspension": ", ".join(map(str, row.suspensions)),
    }
    return Occasion(kind, f"alert {row.id}", row.suspensions[0] if row.suspensions else None, facts)


def _troubles(session: Session, moment: Callable[[int], str]) -> Iterator[Occasion]:
    for row in trouble.listed(session):
        patience_us = int(trouble.PATIENCE_S.get(row.name, 0.0) * clock.SECOND)
        if clock.wall_us() - row.since >= patience_us:
            facts = {"name": row.name, "host": row.host, "trouble": row.text, "at": moment(row.since)}
            yield Occasion("alert-trouble", f"{row.name} on {row.host} since {row.since}", None, facts)
