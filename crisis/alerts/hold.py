"""What the whitelist lets an alert do by itself: suspend, as `standfast crisis` does, once. It can do nothing else.

The judgement is kept first (outcome ``holding``), so that a process that dies before the switch has recorded the suspension
leaves it to the next. The suspension's request id is made of the alert's key: however often, and on however many hosts an
alert is read, there is one; and when a person has lifted it, it stays lifted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Engine
from sqlmodel import col, select

from config.essentials import Essentials
from crisis.alerts import book
from crisis.alerts.alert import Key, shown
from records import log
from scheduler import killswitch
from scheduler.emergency_stop import EmergencyStop, Request
from scheduler.killswitch import Order, Scope, SwitchError
from store.alert_tables import AlertRecord
from store.engine import cursor, dialect, reading, writing

logger = structlog.get_logger()
BY = "alert"
"""Who suspends when an alert does."""
HOLDING = "holding"


@dataclass
class Held:
    """What became of an alert that was to suspend: the suspensions that stand for it now, why not, and what is not recorded."""

    alert: int
    suspensions: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    """Words of a stop that the store could not take: the row stays as it is, and the next turn tries again."""


class Holder:
    """Carries out what alerts are to hold; `tell` gets each line for people."""

    def __init__(
        self, engine: Engine, essential: Essentials, environ: Mapping[str, str], tell: Callable[[str], None]
    ) -> None:
        self.engine, self.essential, self.environ, self.tell = engine, essential, environ, tell

    def run(self) -> list[Held]:
        """What became of each alert that waits for the switch, one after another; nobody waits for quiet here."""
        query = select(AlertRecord).where(AlertRecord.outcome == HOLDING).order_by(col(AlertRecord.id))
        with reading(self.engine) as session:
            rows = list(session.exec(query))
            session.expunge_all()
        return [self._hold(row) for row in rows]

    def _hold(self, row: AlertRecord) -> Held:
        assert row.id is not None
        held = Held(row.id)
        for scope in row.scopes:
            self._stop(row, scope, held)
        if not held.unrecorded:
            self._keep(held)
        return held

    def _stop(self, row: AlertRecord, scope: str, held: Held) -> None:
        order = Order(request_id(row, scope), BY, _reason(row), Scope.parse(scope))
        known = self._standing(order)
        if known is not None and known[1]:  # a person has lifted it or a part of it: that stands
            held.suspensions.append(known[0])
            return
        try:
            own = EmergencyStop(self.essential, dict(self.environ), self.tell)
            answer = own.run(Request(order.scope, order.reason, order.kind, wait=False, order=order))
        except SwitchError as error:
            held.refused.append(f"{scope} was not suspended by itself: {error}; decide yourself")
            return
        known = self._standing(order)
        if known is None:
            held.unrecorded.append(answer.words)
            logger.error("an alert's stop is not recorded yet", action="alert", alert=row.id, reason=answer.words)
            return
        held.suspensions.append(known[0])

    def _standing(self, order: Order) -> tuple[int, bool] | None:
        """(the suspension recorded for `order`, whether it or a part of it was lifted since), None when there is none."""
        with reading(self.engine) as session:
            own, name = cursor(session), dialect(session)
            found = killswitch.find(own, name, order.request_id)
            return (
                None if found is None else (found.suspension, not killswitch.stands_whole(own, name, found.suspension))
            )

    def _keep(self, held: Held) -> None:
        """Write down what became of it; what could not be suspended goes to people as a suggestion."""
        with writing(self.engine, alone_on=book.LOCK) as session:
            row = session.get_one(AlertRecord, held.alert)
            if row.outcome != HOLDING:
                return
            row.suspensions = held.suspensions
            row.outcome = "held" if held.suspensions else "suggested"
            row.kind = row.kind if held.suspensions else "suggest"
            row.held = row.held and bool(held.suspensions)
            row.doubts = [*row.doubts, *held.refused]
            session.add(row)
            detail = {"suspensions": held.suspensions, "refused": held.refused, "scopes": row.scopes}
            log.record(session, BY, "alert.hold", f"alert {held.alert}", detail)


def request_id(row: AlertRecord, scope: str) -> str:
    """The name of the suspension of `scope` by this alert, the same for ever and on every host."""
    key = Key(row.sender, row.identifier, row.sent_at)
    return f"alert-{book.sha256(f'{book.key_hash(key)} {scope}'.encode())[:40]}"


def _reason(row: AlertRecord) -> str:
    return shown(f"alert {row.id}: {row.event}, sent by {row.sender}, for {row.area}", 500)
