"""Where alerts are taken in for a test: a store, a switch, and rules that can be changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import col, select

from crisis import plan as plans
from crisis.alerts.hold import Held, Holder
from crisis.alerts.intake import Intake, Taken
from crisis.alerts.rule_reader import RulesError
from crisis.alerts.rules import Rules
from crisis.notices.notifier import Notifier
from crisis.notices.words import Words
from crisis.plan import Notice as Listed
from scheduler import resumption
from store.alert_tables import AlertRecord
from store.crisis_tables import Notice
from store.engine import cursor, dialect, reading
from tests.crisis.alerts.build import WHITELIST
from tests.scheduler.press import ManualClock, Press

ONE, TWO = WHITELIST.holds
HERE = replace(WHITELIST, holds=(ONE, replace(TWO, scope="group:outdoors")))
"""The whitelist with a group that the press has."""


@dataclass
class Room:
    """`rules` None: they cannot be read. `told` has the lines of the switch, `sent` the notices."""

    press: Press
    hands: ManualClock
    rules: Rules | None = HERE
    told: list[str] = field(default_factory=list)
    sent: list[Words] = field(default_factory=list)

    def rules_now(self) -> Rules:
        if self.rules is None:
            raise RulesError(["alerts.toml: place is missing: write [place]"])
        return self.rules

    def intake(self, **changed: Any) -> Intake:
        return Intake(self.press.engine, self.rules_now, **changed)

    def take(self, *documents: bytes) -> list[Taken]:
        """What became of documents that came one after another."""
        return [taken for data in documents for taken in self.intake().take(data, "in/alert.xml")]

    def holder(self) -> Holder:
        return Holder(self.press.engine, self.press.essential, {}, self.told.append)

    def hold(self) -> list[Held]:
        return self.holder().run()

    def rows(self) -> list[AlertRecord]:
        with reading(self.press.engine) as session:
            found = list(session.exec(select(AlertRecord).order_by(col(AlertRecord.id))))
            session.expunge_all()
        return found

    def outcomes(self) -> list[tuple[str, str]]:
        """(kind, what became of it) of each row."""
        return [(row.kind, row.outcome) for row in self.rows()]

    def standing(self) -> list[str]:
        """The scopes that are suspended now."""
        with reading(self.press.engine) as session:
            return [str(item.scope) for item in resumption.active(cursor(session), dialect(session))]

    def tell(self) -> list[str]:
        """The kinds of the notices that are new."""
        plan = replace(plans.read(), notices=(Listed("dora", ("MAIL",), "en", 0.0, ""),), reminder=None)

        def send(_: str, words: Words) -> None:
            self.sent.append(words)

        own = Notifier(self.press.engine, lambda: plan, lambda: {"MAIL": "mail"}, "America/Chicago", send)
        with reading(self.press.engine) as session:
            before = len(session.exec(select(Notice.id)).all())
        own.run()
        own.wait(20)
        with reading(self.press.engine) as session:
            return list(session.exec(select(Notice.kind).order_by(col(Notice.id))))[before:]
