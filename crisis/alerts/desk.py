"""What a person says of an alert: that nothing is to be done. It lifts nothing and undoes nothing."""

from __future__ import annotations

from sqlmodel import Session

from config import clock
from config.fault import Fault
from records import log
from store.alert_tables import UNJUDGED, AlertRecord
from store.chain import storable

WAITS = ("told", "suggested")
"""What can be dismissed; what was ignored needs no word, and what was held has happened."""


class DeskError(Fault):
    """It cannot be dismissed: one line that names the alert and the remedy."""


def dismiss(session: Session, number: int, person: str, note: str) -> AlertRecord:
    """The alert, dismissed by `person` with `note`, in the caller's transaction. Raises DeskError."""
    row = session.get(AlertRecord, number, with_for_update=True) if number < 2**63 else None
    if row is None:
        raise DeskError(f"there is no alert {number}: `standfast alert list` names them")
    if (why := _why_not(row)) is not None:
        raise DeskError(f"alert {number} {why}")
    row.outcome, row.note = "dismissed", storable(note)
    row.dismissed_by, row.dismissed_at = person, clock.wall_us()
    session.add(row)
    log.record(
        session, person, "alert.dismiss", f"alert {number}", {"note": note, "kind": row.kind, "event": row.event}
    )
    return row


def _why_not(row: AlertRecord) -> str | None:
    if row.outcome in WAITS:
        return None
    if row.outcome == "dismissed":
        return f"was dismissed by {row.dismissed_by} already"
    if row.outcome in ("holding", "held"):
        return "has suspended by the whitelist: what is clear now is said by `standfast resume`"
    if row.kind == UNJUDGED:
        return "waits for the rules for alerts: mend them, then it is judged"
    return "came to nothing, so that there is nothing to dismiss"
