"""The daemon's duty to tell people: what is new becomes notices, what is due is sent, who is silent is passed over to the next.

It looks at the ledger alone: the stop knows nothing of it and is never kept waiting (KS-18).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from calendars import zones
from config import clock
from crisis.notices import address, ledger, of_alerts, words
from crisis.notices.ledger import Occasion, Told
from crisis.plan import Notice as Listed
from crisis.plan import Plan
from store.crisis_tables import BreakGlassCode, Delivery, Notice
from store.engine import reading, writing

logger = structlog.get_logger()
DAY_S = 86400
AT_ONCE = 20
"""Deliveries of one turn: the next turn looks at what is new first."""


class Notifier:
    """Tells the people of `plan_of()`; `environment()` holds their addresses."""

    def __init__(
        self,
        engine: Engine,
        plan_of: Callable[[], Plan],
        environment: Callable[[], Mapping[str, str]],
        zone: str,
        send: Callable[[str, words.Words], str | None] = address.send,
    ) -> None:
        self.engine, self.plan_of, self.environment, self.zone, self.send = engine, plan_of, environment, zone, send

    def run(self) -> int:
        """How many deliveries were tried; what happened since the last turn is told first."""
        self.notice()
        return sum(1 for _ in zip(range(AT_ONCE), iter(self.deliver, False), strict=False))

    def notice(self) -> int:
        """How many occasions were new."""
        plan = self.plan_of()
        if not plan.notices:
            return 0
        with reading(self.engine) as session:
            found = [*self._occasions(session, plan)]
            known = {(row.kind, row.cause) for row in session.exec(select(Notice))}
        return sum(self._add(occasion, to) for occasion, to in found if (occasion.kind, occasion.cause) not in known)

    def _add(self, occasion: Occasion, to: list[Listed]) -> bool:
        with writing(self.engine) as session:
            return ledger.add(session, occasion, to)

    def deliver(self) -> bool:
        """True when a delivery was due and was tried."""
        with writing(self.engine) as session:
            row = ledger.take(session)
            notice = session.get_one(Notice, row.notice_id) if row is not None else None
            session.flush()
            session.expunge_all()
        if row is None or notice is None or row.id is None:
            return False
        trouble = self._send(row, notice)
        with writing(self.engine) as session:
            ledger.end(session, row.id, trouble)
        if trouble is not None:
            logger.warning(
                "notice not delivered", action="notice", person=row.person, variable=row.variable, reason=trouble
            )
        return True

    def _send(self, row: Delivery, notice: Notice) -> str | None:
        url = self.environment().get(row.variable, "").strip()
        if not url:
            return f"{row.variable} is not set: add it to .env"
        return self.send(url, words.of(notice.kind, row.language, notice.facts))

    # --- what there is to tell ----------------------------------------------------------------------------------------

    def _occasions(self, session: Session, plan: Plan) -> Iterator[tuple[Occasion, list[Listed]]]:
        everybody = list(plan.notices)
        for item in ledger.suspensions(session):
            facts = self._facts(item)
            yield Occasion("suspended", f"suspension {item.id}", item.id, facts), everybody
            if item.lifted_at is not None:
                yield self._lifted(item, facts), everybody
                continue
            yield from ((reminder, everybody) for reminder in self._reminders(item, facts, plan))
            yield from self._escalations(session, item, facts, plan)
        yield from ((used, everybody) for used in self._codes(session))
        yield from ((alert, everybody) for alert in of_alerts.occasions(session, self._moment))

    def _facts(self, item: Told) -> dict[str, str]:
        about = {"scope": item.scope, "kind": item.kind, "by": item.by, "reason": item.reason}
        return {**about, "at": self._moment(item.begun_at), "suspension": str(item.id)}

    def _moment(self, at_us: int) -> str:
        return f"{zones.local_of(at_us, self.zone).replace('T', ' ')} {self.zone}"

    def _lifted(self, item: Told, facts: dict[str, str]) -> Occasion:
        changed = {"by": item.lifted_by, "reason": item.lift_reason, "at": self._moment(item.lifted_at or 0)}
        return Occasion("lifted", f"suspension {item.id}", item.id, facts | changed)

    def _reminders(self, item: Told, facts: dict[str, str], plan: Plan) -> Iterator[Occasion]:
        """The newest reminder that is due: what was slept through is not made up for."""
        stood_s = (clock.wall_us() - item.begun_at) / clock.SECOND
        if plan.reminder is None or stood_s < plan.reminder.first_s:
            return
        turn = int((stood_s - plan.reminder.first_s) // plan.reminder.every_s) if plan.reminder.every_s else 0
        days = {"days": str(int(stood_s // DAY_S))}
        yield Occasion("reminder", f"suspension {item.id}, reminder {turn + 1}", item.id, facts | days)

    def _escalations(
        self, session: Session, item: Told, facts: dict[str, str], plan: Plan
    ) -> Iterator[tuple[Occasion, list[Listed]]]:
        """To whom each silent person's notice goes instead."""
        known = ledger.acknowledged(session, item.id)
        stood_s = (clock.wall_us() - item.begun_at) / clock.SECOND
        for listed in plan.notices:
            late = listed.acknowledge_within_s and stood_s >= listed.acknowledge_within_s
            if late and listed.escalate_to and listed.person not in known:
                to = [other for other in plan.notices if other.person == listed.escalate_to]
                cause = f"suspension {item.id}, {listed.person}"
                yield Occasion("escalation", cause, item.id, facts | {"silent": listed.person}), to

    def _codes(self, session: Session) -> Iterator[Occasion]:
        used = select(BreakGlassCode).where(
            col(BreakGlassCode.used_at).is_not(None), col(BreakGlassCode.reviewed_at).is_(None)
        )
        for row in session.exec(used):
            facts = {"code": str(row.id), "label": row.label, "at": self._moment(row.used_at or 0)}
            yield Occasion(
                "break-glass", f"code {row.id}", row.suspension_id, facts | {"suspension": str(row.suspension_id)}
            )
