"""Runs of a crisis beside the stop itself: a planned window and its beginning, emergency messages, a live drill."""

from __future__ import annotations

from contextlib import suppress
from threading import Event

from sqlmodel import col, select

from config import clock
from scheduler import killswitch, stop_cell, switch
from scheduler.cell_keeper import CellKeeper
from scheduler.killswitch import PLANNED, Order
from store.crisis_tables import Override
from store.drill_tables import Drill
from store.engine import reading
from store.tables import Gate, LogEntry, Post, Suspension, SuspensionInflight
from tests.faults.desk_runs import no_denial
from tests.faults.fault import Tally
from tests.faults.judge import told
from tests.faults.publish_runs import Publish
from tests.faults.scenario import Scenario
from tests.support.live_city import X

AHEAD_US = clock.SECOND // 10
"""How long before its moment a window is planned: longer than the statements between may take."""


class PlanWindow(Scenario):
    """A window put on record: it stands once, or people hear that it is not known; until its moment everything goes out."""

    name = "crisis, planned"
    least = 10

    def go(self) -> None:
        words = ("--kind", "planned", "--starts", "2190-01-01 09:00", "--reason", "works")
        self.ran = self.rig.run("crisis", *words, who="dora")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 20)
        planned = self.judge.active()
        assert len(planned) <= 1
        if self.ran.code == 0:
            assert planned, f"PLANNED was said, the ledger has nothing: {self.ran.words}"
            assert any(line.startswith("PLANNED") for line in self.ran.words)
        else:
            assert not tally.clean
            assert any("NOT KNOWN" in line for line in self.ran.words), self.ran.words
            assert not any("NOTHING IS SUSPENDED" in line for line in self.ran.words) or not planned, self.ran.words
        assert stop_cell.read(self.rig.essential.cell_file).stops == ()

    def afterwards(self) -> None:
        if not self.judge.active():  # told that it is not known, people look and ask again
            self.go()
            told(self.ran, 0)
        assert len(self.judge.active()) == 1
        if self.clean:
            self.goes_out(*self.queue("before the window"))
        self.resume()


class WindowBegins(Scenario):
    """The daemon begins a window whose moment has come, while a call's outcome is unknown and a post is due."""

    name = "window begins"
    least = 10

    def prepare(self) -> None:
        self.sent = self.unknown("in flight", arrived=True)
        own = switch.open_switch(self.rig.essential)
        try:
            with switch.exclusive(own) as cursor:
                starts_at = clock.wall_us() + AHEAD_US
                order = Order(self.rig.text("window"), "dora", "works", kind=PLANNED, starts_at=starts_at)
                planned = killswitch.suspend(cursor, own.name, order)
                assert not planned.begun
                self.number = planned.suspension
        finally:
            own.close()
        while clock.wall_us() < starts_at:
            Event().wait(AHEAD_US / clock.SECOND)
        self.post, self.text = self.queue("in the window")

    def go(self) -> None:
        with suppress(Exception):
            CellKeeper(self.rig.essential, self.press().engine).look()

    def _row(self) -> Suspension:
        with reading(self.rig.engine) as session:
            found = session.get_one(Suspension, self.number)
            session.expunge(found)
            return found

    def _in_flight(self) -> int:
        """How many calls are kept with it."""
        with reading(self.rig.engine) as session:
            query = select(SuspensionInflight).where(SuspensionInflight.suspension_id == self.number)
            return len(session.exec(query).all())

    def _begun(self) -> int:
        """How often its beginning is in the log."""
        with reading(self.rig.engine) as session:
            query = select(LogEntry).where(LogEntry.action == "begin", LogEntry.subject == f"suspension {self.number}")
            return len(session.exec(query).all())

    def at_once(self, tally: Tally) -> None:
        assert self.rig.injector.arrived.wait(30)  # three looks: none may see a COMMIT that is still on its way
        begun = self._row().begun_at is not None
        assert begun or not tally.clean
        kept = (self._begun(), self._in_flight())
        assert kept == (int(begun),) * 2, f"half begun: {begun}, {kept}"

    def afterwards(self) -> None:
        self.silent(self.post, self.text)
        self.turns_until(self.rig.steady, lambda: self._row().begun_at is not None, "the window begins")
        assert self._begun() == 1, "begun once"
        fence = lambda: stop_cell.read(self.rig.essential.cell_file).fence == self._row().epoch  # noqa: E731
        self.turns_until(self.rig.steady, fence, "the fence rises")
        self.turns_until(self.rig.steady, lambda: self.state(self.sent[0]) == "published", "what was sent is found")
        self.held_after_resume(self.post, self.text)


class EmergencyPost(Scenario):
    """An emergency message queued past the gate: with its leave, or not at all."""

    name = "crisis post"
    least = 15

    def prepare(self) -> None:
        self.suspend()
        self.other, self.others_text = self.queue("behind the gate")
        self.text = self.rig.text("take shelter")

    def found(self) -> list[int]:
        """The posts of this text."""
        with reading(self.rig.engine) as session:
            return [number or 0 for number in session.exec(select(Post.id).where(Post.text == self.text))]

    def leaves(self, post: int) -> int:
        """How many unused leaves of this epoch it has."""
        with reading(self.rig.engine) as session:
            epoch = session.get_one(Gate, 1).epoch
            query = select(Override.id).where(Override.post_id == post, Override.epoch == epoch)
            return len(session.exec(query.where(col(Override.used_at).is_(None))).all())

    def go(self) -> None:
        self.ran = self.rig.run("crisis", "post", "--channel", X, "--text", self.text, who="stew")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 1)
        found = self.found()
        assert len(found) <= 1
        assert [self.leaves(post) for post in found] == [1] * len(found), "half applied"
        if self.ran.code == 0:
            assert found
        elif found:
            no_denial(self.ran.words)

    def afterwards(self) -> None:
        # As with any post: told that it is not known, people look before they repeat it.
        assert self.rig.injector.arrived.wait(30)
        if not self.found():
            self.go()
            told(self.ran, 0)
        (post,) = self.found()
        self.passes(post)

    def passes(self, post: int) -> None:
        """It goes out through the closed gate, once; what has no leave does not."""
        self.goes_out(post, self.text)
        self.silent(self.other, self.others_text)
        self.put_away(self.other)
        self.resume()


class EmergencyRenew(EmergencyPost):
    """A message that a second stop has voided is given leave anew, once."""

    name = "crisis post, renewed"

    def prepare(self) -> None:
        super().prepare()
        told(self.rig.run("crisis", "post", "--channel", X, "--text", self.text, who="stew"), 0)
        self.suspend()
        (self.post,) = self.found()
        assert self.leaves(self.post) == 0

    def go(self) -> None:
        self.ran = self.rig.run("crisis", "post", "--renew", "--json", who="stew")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 1)
        leaves = self.leaves(self.post)
        assert leaves <= 1
        if self.ran.code == 0:
            assert (self.ran.json()["renewed"], leaves) == ([self.post], 1)
        elif leaves:
            no_denial(self.ran.words)

    def afterwards(self) -> None:
        assert self.rig.injector.arrived.wait(30)
        if not self.leaves(self.post):
            self.silent(self.post, self.text)
            self.go()
            told(self.ran, 0)
        assert self.leaves(self.post) == 1
        self.passes(self.post)


class EmergencyPublish(Publish):
    """An emergency message on its way through the closed gate: its leave is used by what was sent, and by nothing else."""

    name = "publish past the gate"

    def prepare(self) -> None:
        self.suspend()
        self.text = self.rig.text("past the gate")
        ran = self.rig.run("crisis", "post", "--channel", X, "--text", self.text, "--json", who="stew")
        told(ran, 0)
        self.post = ran.json()["posts"][X]

    def afterwards(self) -> None:
        super().afterwards()
        self.resume()


class LiveDrill(Scenario):
    """An exercise that really holds: what stands afterwards is told, marked, and ends like any stop."""

    name = "live drill"
    least = 30

    def prepare(self) -> None:
        self.post, self.text = self.queue("due")

    def go(self) -> None:
        self.ran = self.rig.run("crisis", "drill", "--live", "--reason", "practice", "--json", who="dora")

    def _drills(self, suspension: int) -> list[str]:
        with reading(self.rig.engine) as session:
            return list(session.exec(select(Drill.verdict).where(Drill.suspension_id == suspension)))

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 1, 10, 20)
        active = self.judge.active()
        assert self.ran.code == 0 or not tally.clean
        assert stop_cell.read(self.rig.essential.cell_file).stops == (), "an exercise leaves the cell alone"
        if self.ran.code in (0, 10):
            assert len(active) == 1, f"SUSPENDED was said, the ledger has {active}"
            assert any("SUSPENDED" in line for line in self.ran.words)
            assert all("EXERCISE" in line for line in self.ran.words), self.ran.words
        elif self.ran.code == 20:
            assert any("NOT KNOWN" in line for line in self.ran.words), self.ran.words
        else:
            assert active == [], f"it is suspended, and people are told that it was refused: {self.ran.words}"
        assert not active or "nothing was changed" not in self.ran.err, self.ran.words
        if tally.clean:
            assert self._drills(active[0]) == ["running"]

    def afterwards(self) -> None:
        if not self.judge.active():
            self.go()
            told(self.ran, 0)
        assert len(self.judge.active()) == 1
        self.silent(self.post, self.text)
        (number,) = self.judge.active()
        self.held_after_resume(self.post, self.text)
        told(self.rig.run("crisis", "drill", "--show", who="dora"), 0)
        assert all(verdict != "running" for verdict in self._drills(number))
