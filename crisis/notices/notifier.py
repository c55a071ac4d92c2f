"""Telling people: what is new becomes notices, what is due is sent, several people's at a time.

It looks at the ledger alone: the stop knows nothing of it and is never kept waiting (KS-18). Nobody's address keeps anybody
waiting: whoever runs this hands the sending to threads of its own and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Condition, Thread

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from calendars import zones
from config import clock
from crisis.notices import address, ledger, words
from crisis.notices.ledger import Occasion
from crisis.notices.occasions import Occasions
from crisis.plan import Notice as Listed
from crisis.plan import Plan
from store.crisis_tables import Delivery, Notice
from store.engine import reading, writing

logger = structlog.get_logger()
AT_ONCE = 8
"""Most people who are told at the same time: as many threads, each for one person's addresses, one after another."""
Send = Callable[[str, words.Words], str | None]


def log_trouble(row: Delivery, trouble: str) -> None:
    """The daemon's log of a delivery that failed, without the address."""
    logger.warning("notice not delivered", action="notice", person=row.person, variable=row.variable, reason=trouble)


class Notifier:
    """Tells the people of `plan_of()`; `environment()` holds their addresses. `only`: of this suspension alone."""

    def __init__(
        self,
        engine: Engine,
        plan_of: Callable[[], Plan],
        environment: Callable[[], Mapping[str, str]],
        zone: str,
        send: Send = address.send,
        *,
        only: int | None = None,
        at_once: int = AT_ONCE,
        on_trouble: Callable[[Delivery, str], None] = log_trouble,
    ) -> None:
        self.engine, self.plan_of, self.environment, self.zone, self.send = engine, plan_of, environment, zone, send
        self.only, self.at_once, self.on_trouble = only, at_once, on_trouble
        self._changed = Condition()
        self._in_hand: set[str] = set()
        self._threads = self._tried = 0
        self._failure: Exception | None = None
        self._until_s = float("inf")

    def run(self) -> int:
        """How many occasions were new; what is due is on its way when this returns. Raises what a thread met meanwhile."""
        new = self.notice()
        self._start()
        self._raise_failure()
        return new

    def wait(self, within_s: float) -> int:
        """How many deliveries were tried since the last wait; returns when none is under way, or after `within_s`. Raises
        what a thread met meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._threads, within_s)
            tried, self._tried = self._tried, 0
        self._raise_failure()
        return tried

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def take_no_more_after(self, seconds: float) -> None:
        """After so many seconds from now what is due is left to others; what is under way is brought to its end."""
        self._until_s = clock.boot_s() + seconds

    # --- what is new -------------------------------------------------------------------------------------------------

    def notice(self) -> int:
        """How many occasions were new."""
        plan = self.plan_of()
        if not plan.notices:
            return 0
        with reading(self.engine) as session:
            found = [*Occasions(plan, self.moment).found(session, self.only)]
            known = ledger.known(session, [occasion for occasion, _ in found])
        return sum(self._add(occasion, to) for occasion, to in found if (occasion.kind, occasion.cause) not in known)

    def moment(self, at_us: int) -> str:
        """A moment as notices say it: the city's own time."""
        return f"{zones.local_of(at_us, self.zone).replace('T', ' ')} {self.zone}"

    def _add(self, occasion: Occasion, to: list[Listed]) -> bool:
        try:
            with writing(self.engine) as session:
                return ledger.add(session, occasion, to)
        except IntegrityError as error:
            if not ledger.is_race(error):
                raise
            return False

    # --- what is due -------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """As many threads as there are people to tell, at most so many."""
        with reading(self.engine) as session:
            people = ledger.people_due(session, self.only)
        with self._changed:
            for _ in range(min(self.at_once - self._threads, len(people - self._in_hand))):
                Thread(target=self._work, name="notices", daemon=True).start()
                self._threads += 1

    def _work(self) -> None:
        try:
            while clock.boot_s() < self._until_s and self._deliver():
                pass
        except Exception as error:  # told by the next turn; what was taken is tried again when it counts as lost
            self._failure = error
        finally:
            with self._changed:
                self._threads -= 1
                self._changed.notify_all()

    def _deliver(self) -> bool:
        """True when a delivery was due and was tried."""
        with self._changed:
            row, notice = self._take()
            if row is None or notice is None:
                return False
            self._in_hand.add(row.person)
        try:
            self._try(row, notice)
        finally:
            with self._changed:
                self._in_hand.discard(row.person)
                self._tried += 1
        return True

    def _take(self) -> tuple[Delivery | None, Notice | None]:
        with writing(self.engine) as session:
            row = ledger.take(session, self._in_hand, self.only)
            notice = session.get_one(Notice, row.notice_id) if row is not None else None
            session.flush()
            session.expunge_all()
        return row, notice

    def _try(self, row: Delivery, notice: Notice) -> None:
        trouble = self._sent(row, notice)
        assert row.id is not None
        with writing(self.engine) as session:
            ledger.end(session, row.id, trouble)
        if trouble is not None:
            self.on_trouble(row, trouble)

    def _sent(self, row: Delivery, notice: Notice) -> str | None:
        url = self.environment().get(row.variable, "").strip()
        if not url:
            return f"{row.variable} is not set: add it to .env"
        return self.send(url, words.of(notice.kind, row.language, notice.facts))
