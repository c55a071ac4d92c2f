"""Runs of the switch: crisis, status, resume, and the daemon's care for the stop cell."""

from __future__ import annotations

import uuid
from contextlib import suppress

from config import clock
from scheduler import stop_cell
from scheduler.cell_keeper import CellKeeper
from tests.faults.fault import Tally
from tests.faults.judge import told
from tests.faults.scenario import Scenario
from tests.support.live_city import FACEBOOK


class Crisis(Scenario):
    """A stop of everything while a call's outcome is unknown and a post is due."""

    name = "crisis"
    least = 30
    scope: tuple[str, ...] = ()

    def prepare(self) -> None:
        self.sent = self.unknown("in flight", arrived=True)
        self.post, self.text = self.queue("due")

    def go(self) -> None:
        self.ran = self.rig.run("crisis", "--reason", "storm", "--json", *self.scope, who="dora")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 10, 20)
        active = self.judge.active()
        if tally.clean:
            assert self.ran.code == 0
        if self.ran.code in (0, 10):
            assert len(active) == 1, f"SUSPENDED was said, the ledger has {active}"
            assert any(line.startswith("SUSPENDED") for line in self.ran.words)
        if self.ran.code == 0:
            assert any(line.startswith("QUIET CONFIRMED") for line in self.ran.words)
            assert self.judge.open_attempts() == []
        if self.ran.code == 20:
            self.not_recorded(active)

    def not_recorded(self, active: list[int]) -> None:
        """Exit code 20: the cell stops this host all the same."""
        assert any(line.startswith(("NOT RECORDED", "standfast: NOT KNOWN")) for line in self.ran.words), self.ran.words
        assert active or stop_cell.read(self.rig.essential.cell_file).stops

    def afterwards(self) -> None:
        self.silent(self.post, self.text)
        assert len(self.judge.active()) == 1, "recorded once"
        status = self.rig.run("crisis", "status", "--wait", "--json")
        told(status, 0)
        assert status.json()["quiet_confirmed"] is True
        assert self.state(self.sent[0]) == "published"
        self.held_after_resume(self.post, self.text)


class CrisisOfAPart(Crisis):
    """A stop of one group; another channel's posts go out all the time."""

    name = "crisis of a part"
    scope = ("--scope", "group:outdoors")

    def not_recorded(self, active: list[int]) -> None:
        """A part stands in the ledger or nowhere; people are told that it is not known."""
        assert any("NOT KNOWN" in line for line in self.ran.words), self.ran.words

    def afterwards(self) -> None:
        other = self.queue("elsewhere", channel=FACEBOOK)
        self.goes_out(*other)
        if not self.judge.active():  # told 20, people ask again
            told(self.rig.run("crisis", "--reason", "storm", *self.scope, who="dora"), 0, 10)
            with suppress(AssertionError):
                self.silent(self.post, self.text)
            return self._cleared()
        return super().afterwards()

    def _cleared(self) -> None:
        """The post may have gone out before the second command: either way the suspension is there, and is lifted."""
        assert len(self.judge.active()) == 1
        self.resume()
        if self.state(self.post) in ("held", "scheduled"):
            told(self.rig.run("post", "cancel", str(self.post), who="omar"), 0)


class Status(Scenario):
    """A look at a switch that is closed while a call's outcome is unknown."""

    name = "crisis status"
    least = 10
    commits = 0

    def prepare(self) -> None:
        self.lost = self.unknown("lost", arrived=False)
        self.suspend()

    def go(self) -> None:
        self.ran = self.rig.run("crisis", "status", "--json")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 10)
        data = self.ran.json()
        assert data["suspended"] in (True, None)
        assert not data["quiet_confirmed"]
        assert data["suspended"] or not tally.clean

    def afterwards(self) -> None:
        again = self.rig.run("crisis", "status", "--json")
        told(again, 10)
        assert again.json()["unconfirmed"] == 1
        for verb in (("close", str(self.lost[0]), "--not-published"), ("cancel", str(self.lost[0]))):
            told(self.rig.run("post", *verb, who="omar"), 0)
        told(self.rig.run("crisis", "status", "--wait"), 0)
        self.resume()


class ResumeAsk(Scenario):
    """Step one of a resume: it changes nothing but the request."""

    name = "resume, step one"
    least = 10

    def prepare(self) -> None:
        self.post, self.text = self.queue("missed")
        self.suspend()

    def go(self) -> None:
        self.ran = self.rig.run("resume", "--reason", "clear", "--json", who="omar")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 1)
        assert len(self.judge.active()) == 1
        assert self.ran.code == 0 or not tally.clean

    def afterwards(self) -> None:
        self.silent(self.post, self.text)
        if self.ran.code == 0:
            code = self.ran.json()["code"]
            told(self.rig.run("resume", "--reason", "clear", "--confirm", code, who="omar"), 0)
            assert self.judge.active() == []
        self.held_after_resume(self.post, self.text)


class ResumeConfirm(Scenario):
    """Step two of a resume: it lifts, or it does not, and says which; where it cannot know, it says so."""

    name = "resume, step two"
    least = 10

    def prepare(self) -> None:
        self.post, self.text = self.queue("missed")
        self.suspend()
        asked = self.rig.run("resume", "--reason", "clear", "--json", who="omar")
        told(asked, 0)
        self.code = asked.json()["code"]

    def go(self) -> None:
        self.ran = self.rig.run("resume", "--reason", "clear", "--confirm", self.code, who="omar")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 1)
        active = self.judge.active()
        if self.ran.code == 0:
            assert active == []
        if active:
            assert not tally.clean
        else:
            assert not any("NOT LIFTED" in line for line in self.ran.words), f"it is lifted: {self.ran.words}"
            assert self.state(self.post) == "held"

    def afterwards(self) -> None:
        self.silent(self.post, self.text)
        if self.judge.active():  # the same code still lifts it
            told(self.rig.run("resume", "--reason", "clear", "--confirm", self.code, who="omar"), 0)
        self.held_after_resume(self.post, self.text)
        self.goes_out(*self.queue("after the lift"))


class CellKeeping(Scenario):
    """The daemon finds a stop in the cell that the ledger does not have."""

    name = "cell keeper"
    least = 10

    def prepare(self) -> None:
        self.post, self.text = self.queue("due")
        stop_cell.stop(self.rig.essential.cell_file, uuid.uuid4().hex)

    def go(self) -> None:
        with suppress(Exception):
            CellKeeper(self.rig.essential, self.press().engine).look()

    def at_once(self, tally: Tally) -> None:
        assert len(self.judge.active()) == 1 or not tally.clean
        assert self.judge.active() or stop_cell.read(self.rig.essential.cell_file).stops

    def afterwards(self) -> None:
        until_s = clock.boot_s() + 5
        while not self.judge.active() and clock.boot_s() < until_s:
            self.silent(self.post, self.text)
        assert len(self.judge.active()) == 1, "recorded once"
        self.silent(self.post, self.text)
        assert stop_cell.read(self.rig.essential.cell_file).stops == ()
        self.held_after_resume(self.post, self.text)
