"""A whole incident, made by the real code: calls in flight, posts held, messages, sweeps, notices, a resume, and the triage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from calendars.entry import Occurrence
from config import clock, essentials
from connectors.errors import Rejected, Uncertain
from connectors.protocol import Prepared
from crisis import corrective, plan, plan_record
from crisis.notices import ledger
from crisis.notices.notifier import Notifier
from crisis.notices.words import Words
from crisis.plan import Notice as Listed
from crisis.report import report as reports
from crisis.report.choice import Wish
from crisis.report.report import Report
from crisis.sweep import Sweeper
from governance import access
from governance.access import Refused
from governance.authority import Identity
from scheduler.planning import emergency, post_verbs
from scheduler.planning.post_selection import Wanted
from scheduler.planning.post_verbs import NewTime, Request
from scheduler.resumption import Resumption
from store.crisis_tables import Tick
from store.engine import reading, writing
from store.tables import Channel
from tests.crisis.test_sweep import Planner, _planner
from tests.scheduler.press import PUBLISHED, ManualClock, Press

CHICAGO = "America/Chicago"
ANN, ERIN, OMAR, DORA = (Identity(name, name.title(), "token") for name in ("ann", "erin", "omar", "dora"))
RECALL = 3600 * clock.SECOND
LIST = (Listed("dora", ("DORA_PHONE",), "en", 0.0, ""), Listed("omar", ("OMAR_MAIL",), "es", 0.0, ""))


def read(press: Press, *numbers: int, **wish: Any) -> Report:
    """The report on these suspensions, or on the newest."""
    with reading(press.engine) as session:
        return reports.build(session, Wish(numbers, **wish), RECALL, plan_record.as_read_now(plan.SHIPPED))


def stop_during(press: Press, order: Callable[[], Any]) -> dict[str, int]:
    """Posts by their fate when `order` (a stop) comes during three calls and one upload: the calls have begun before it."""
    names = ("escaped", "refused", "unknown", "aborted")
    posts = {name: press.queue(channel, text=f"post {name}") for name, channel in zip(names, CHANNELS, strict=True)}

    def begin(name: str) -> None:
        assert press.publisher.publish_post(posts[name]) != "not_claimed"

    def call(permit: Any) -> Any:
        del permit
        text = press.connector.published[-1].text.removeprefix("post ")
        if text == "aborted":
            raise AssertionError("it was aborted before its call")
        begin(names[names.index(text) + 1])
        if text == "refused":
            raise Rejected("the platform says no")
        if text == "unknown":
            raise Uncertain("no answer")
        return PUBLISHED

    def upload() -> Prepared:
        if press.connector.prepared[-1].text == "post aborted":
            order()
        return Prepared()

    press.connector.on_publish, press.connector.on_prepare = call, upload
    begin("escaped")
    press.connector.on_publish, press.connector.on_prepare = PUBLISHED, Prepared()
    return posts


CHANNELS = ("parks", "pool", "police", "hall")


@dataclass
class Incident:
    """A city in which all of it happens, `hands` being its clock."""

    press: Press
    hands: ManualClock
    posts: dict[str, int] = field(default_factory=dict)
    number: int = 0

    def begin(self, **order: Any) -> None:
        """Two posts before, the stop during four, and one that falls due behind the gate."""
        press = self.press
        with writing(press.engine) as session:
            session.add(Channel(name="hall", platform="outbox", created_at=1))
        for _ in range(2):
            assert press.publisher.publish_post(press.queue(text="shortly before")) == "published"
            self.hands.pass_s(60)
        self.posts = stop_during(press, lambda: self._suspend(**order))
        self.hands.pass_s(1)
        plan_record.PlanKeeper(press.engine, plan.SHIPPED).run()
        self.posts |= {f"missed {n}": press.queue(in_s=30 + n, text=f"missed {n}") for n in range(4)}

    def _suspend(self, **order: Any) -> None:
        self.number = self.press.suspend(asked_at=clock.wall_us() - clock.SECOND // 4, **order).suspension

    def work(self) -> None:
        """What the office does while it stands."""
        self._announce()
        self._sweep()
        self._tell()
        with writing(self.press.engine) as session:
            session.add(Tick(suspension_id=self.number, item="stop", by="dora", at=clock.wall_us(), note="at once"))
        try:
            access.require(self.press.engine, ANN, "resume", "*", "resume", f"suspension {self.number}")
        except Refused:
            self.hands.pass_s(10)

    def _announce(self) -> None:
        at = Occurrence("2026-04-01T02:00", "UTC", clock.wall_us())
        message = emergency.Message({"parks": "Take shelter now."}, at, 60 * clock.SECOND, "tornado-warning")
        with access.acting(self.press.engine) as session:
            self.posts["emergency"] = emergency.send(session, ERIN, message).ids["parks"]
        assert self.press.publisher.publish_post(self.posts["emergency"]) == "published"
        self.hands.pass_s(30)

    def _sweep(self) -> None:
        self.press.change(Channel, "hall", platform="facebook")
        planners: dict[str, Planner] = {"hall": _planner("planned on the platform")}
        assert [*Sweeper(self.press.engine, planners.__getitem__, "dora", 1).run(self.number, 5)]

    def _tell(self) -> None:
        own = replace(plan.read(), notices=LIST, reminder=None)
        addresses = {"DORA_PHONE": "phone", "OMAR_MAIL": "mail"}

        def send(url: str, words: Words) -> str | None:
            del words
            return "no such number" if url == "phone" else None

        notifier = Notifier(self.press.engine, lambda: own, lambda: addresses, CHICAGO, send)
        for _ in range(8):
            notifier.run()
            notifier.wait(20)
            self.hands.pass_s(60)
        with writing(self.press.engine) as session:
            assert ledger.acknowledge(session, self.number, "omar")

    def lift(self) -> None:
        """The resume, by the two steps of a person."""
        with self.own("omar") as own:
            code = own.ask("it is over", scope=None, suspension=self.number).code
            self.hands.pass_s(5)
            own.confirm(code, "the storm has passed")

    @contextmanager
    def own(self, person: str) -> Iterator[Resumption]:
        """`standfast resume` as `person`."""
        environ = essentials.merged().environ | {"STANDFAST_TOKEN": self.press.tokens[person]}
        made = Resumption(essentials.load(environ), environ)
        try:
            yield made
        finally:
            made.close()

    def decide(self) -> None:
        """One post each is released and goes out, rescheduled, cancelled, and left."""
        self.hands.pass_s(60)
        self._verb(post_verbs.release, "missed 0", clock.SECOND)
        self.hands.pass_s(2)
        assert self.press.publisher.publish_post(self.posts["missed 0"]) == "published"
        later = clock.wall_us() + 3600 * clock.SECOND
        at = Occurrence(clock.to_text(later)[:19], "UTC", later)
        self._verb(post_verbs.reschedule, "missed 1", NewTime(at, clock.SECOND))
        self._verb(post_verbs.cancel, "missed 2")

    def _verb(self, verb: Any, name: str, *more: Any) -> None:
        with access.acting(self.press.engine) as session:
            verb(session, Request(Wanted((self.posts[name],)), OMAR), *more)

    def learn(self) -> None:
        """Two corrective actions, one of them done."""
        with access.acting(self.press.engine) as session:
            for text in ("Mend Dora's number.", "Drill again."):
                wanted = corrective.Wanted(text, "dora", date(2126, 12, 31), self.number)
                corrective.add(session, DORA, wanted, date(2026, 1, 1), ())
            corrective.done(session, OMAR, 1, "mended")


def whole(press: Press, hands: ManualClock, **order: Any) -> Incident:
    """The incident from beginning to end."""
    made = Incident(press, hands)
    made.begin(**order)
    made.work()
    made.lift()
    made.decide()
    made.learn()
    return made
