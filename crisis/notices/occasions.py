"""What there is to tell, read from the ledger: stops, lifts, reminders, silence, and the use of a sealed code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlmodel import Session, col, select

from config import clock
from crisis.notices import ledger, of_alerts
from crisis.notices.ledger import Occasion, Told
from crisis.plan import Notice as Listed
from crisis.plan import Plan
from store.crisis_tables import BreakGlassCode

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
Found = Iterator[tuple[Occasion, list[Listed]]]
"""Each occasion with whom to tell of it."""


@dataclass(frozen=True)
class Occasions:
    """The occasions of `plan`'s people; `moment` puts wall µs into words."""

    plan: Plan
    moment: Callable[[int], str]

    def found(self, session: Session, suspension: int | None = None) -> Found:
        """All of them, told already or not; those of one suspension, where one is given."""
        everybody = list(self.plan.notices)
        for item in ledger.suspensions(session):
            if suspension in (None, item.id):
                yield from self._of(session, item)
        yield from ((used, everybody) for used in self._codes(session) if suspension in (None, used.suspension))
        if suspension is None:
            yield from ((alert, everybody) for alert in of_alerts.occasions(session, self.moment))

    def _of(self, session: Session, item: Told) -> Found:
        about = {"scope": item.scope, "kind": item.kind, "by": item.by, "reason": item.reason}
        facts = {**about, "at": self.moment(item.begun_at), "suspension": str(item.id)}
        everybody = list(self.plan.notices)
        yield Occasion("suspended", f"suspension {item.id}", item.id, facts), everybody
        if item.lifted_at is not None:
            changed = {"by": item.lifted_by, "reason": item.lift_reason, "at": self.moment(item.lifted_at)}
            changed["standing"] = ", ".join(f"{other.id} ({other.scope})" for other in _standing(session))
            yield Occasion("lifted", f"suspension {item.id}", item.id, facts | changed), everybody
            return
        stood_s = (clock.wall_us() - item.begun_at) / clock.SECOND
        yield from self._reminders(item, facts, stood_s)
        yield from self._escalations(session, item, facts, stood_s)

    def _reminders(self, item: Told, facts: dict[str, str], stood_s: float) -> Found:
        """The newest reminder that is due, and the newest day: what was slept through is not made up for."""
        reminder = self.plan.reminder
        if reminder is None:
            return
        known = facts | {"stood": in_words(stood_s), "days": str(int(stood_s // DAY_S))}
        if stood_s >= reminder.first_s:
            turn = int((stood_s - reminder.first_s) // reminder.every_s) if reminder.every_s else 0
            due_s = reminder.first_s + turn * reminder.every_s
            late = due_s >= reminder.escalate_after_s
            cause = f"suspension {item.id}, reminder {turn + 1}"
            yield Occasion("overdue" if late else "reminder", cause, item.id, known), self._reminded(late)
        if stood_s >= DAY_S:
            cause = f"suspension {item.id}, day {known['days']}"
            yield Occasion("daily", cause, item.id, known), list(self.plan.notices)

    def _reminded(self, late: bool) -> list[Listed]:
        """At first those who stand in for nobody; after `escalate_after` everybody: all who could take it up or resume."""
        stand_ins = {item.escalate_to for item in self.plan.notices}
        first = [item for item in self.plan.notices if item.person not in stand_ins]
        return list(self.plan.notices) if late or not first else first

    def _escalations(self, session: Session, item: Told, facts: dict[str, str], stood_s: float) -> Found:
        """To whom each silent person's notice goes instead."""
        known = ledger.acknowledged(session, item.id)
        for listed in self.plan.notices:
            late = listed.acknowledge_within_s and stood_s >= listed.acknowledge_within_s
            if late and listed.escalate_to and listed.person not in known:
                to = [other for other in self.plan.notices if other.person == listed.escalate_to]
                cause = f"suspension {item.id}, {listed.person}"
                yield Occasion("escalation", cause, item.id, facts | {"silent": listed.person}), to

    def _codes(self, session: Session) -> Iterator[Occasion]:
        used = select(BreakGlassCode).where(
            col(BreakGlassCode.used_at).is_not(None), col(BreakGlassCode.reviewed_at).is_(None)
        )
        for row in session.exec(used):
            facts = {"code": str(row.id), "label": row.label, "at": self.moment(row.used_at or 0)}
            about = facts | {"suspension": str(row.suspension_id)}
            yield Occasion("break-glass", f"code {row.id}", row.suspension_id, about)


def _standing(session: Session) -> Iterator[Told]:
    """What still closes the gate: who hears of a lift must not take it for the end."""
    return (item for item in ledger.suspensions(session) if item.lifted_at is None)


def in_words(seconds: float) -> str:
    """How long something has stood, in units that need no translation: its two largest."""
    left, parts = int(seconds), []
    for unit_s, name in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        number, left = divmod(left, unit_s)
        parts += [f"{number} {name}"] if number else []
    return " ".join(parts[:2]) or "0 min"
