"""Runs around a publish: claim to record, a stop in its midst, a lost answer, rescue, reconcile."""

from __future__ import annotations

from contextlib import suppress

from sqlmodel import select

from config import clock
from store.engine import writing
from store.tables import Attempt
from tests.faults.fault import Tally
from tests.faults.rig import Hooks, Killed
from tests.faults.scenario import Scenario


class Publish(Scenario):
    """One post from its claim to its record."""

    name = "publish"
    least = 20

    def prepare(self) -> None:
        self.post, self.text = self.queue("on time")

    def go(self) -> None:
        self.worker = self.press()
        self.worker.dispatch()

    def at_once(self, tally: Tally) -> None:
        if tally.clean:
            assert self.state(self.post) == "published"
        assert self.judge.times(self.text) <= 1

    def afterwards(self) -> None:
        """The same worker goes on: what it owes is paid, and the post is out once."""
        self.turns_until(self.worker, lambda: self.state(self.post) == "published", "it is published")
        assert self.judge.times(self.text) == 1


class PublishLostAnswer(Publish):
    """The platform takes the post and its answer is lost: unknown, then found."""

    name = "publish, answer lost"

    def prepare(self) -> None:
        super().prepare()
        self.rig.live.sandbox.fault("reset_after", text=self.text)

    def go(self) -> None:
        super().go()
        with suppress(Exception):
            self.worker.reconcile()

    def at_once(self, tally: Tally) -> None:
        assert self.state(self.post) in ("published", "unknown") or not tally.clean
        assert self.judge.times(self.text) <= 1


class _PublishBehindStop(Scenario):
    """A stop is declared in the midst of a publish: not one byte goes out after it."""

    least = 15

    def hooks(self) -> Hooks:
        raise NotImplementedError

    def prepare(self) -> None:
        self.stopped = False
        self.post, self.text = self.queue("behind a stop")

    def stop(self) -> None:
        """Declare it, once."""
        if not self.stopped:
            self.stopped = True
            self.suspend()

    def go(self) -> None:
        self.worker = self.press(self.hooks())
        self.worker.dispatch()

    def at_once(self, tally: Tally) -> None:
        assert self.judge.times(self.text) == 0
        if not self.stopped:  # what failed came before the claim: the stop comes now
            self.stop()

    def afterwards(self) -> None:
        self.worker.duties()
        self.worker.duties()
        self.silent(self.post, self.text)
        self.held_after_resume(self.post, self.text)


class StopBeforeLeave(_PublishBehindStop):
    """The stop comes between claim and leave."""

    name = "publish, stopped before its leave"

    def hooks(self) -> Hooks:
        return Hooks(prepare=self.stop)


class StopBeforeSend(_PublishBehindStop):
    """The stop comes between leave and send: the last look."""

    name = "publish, stopped before its send"

    def hooks(self) -> Hooks:
        return Hooks(publish=self.stop)


class Rescue(Scenario):
    """What dead workers left: one had claimed, one had sent."""

    name = "rescue"
    least = 15

    def prepare(self) -> None:
        self.claimed = self.killed("claimed", Hooks(prepare=_die))
        self.sent = self.killed("sent", Hooks(published=_die))
        assert (self.judge.times(self.claimed[1]), self.judge.times(self.sent[1])) == (0, 1)

    def go(self) -> None:
        with suppress(Exception):
            self.press().rescue()

    def at_once(self, tally: Tally) -> None:
        if tally.clean:
            assert (self.state(self.claimed[0]), self.state(self.sent[0])) == ("scheduled", "unknown")
        assert self.state(self.sent[0]) in ("publishing", "unknown")

    def afterwards(self) -> None:
        worker = self.rig.steady
        for post, text in (self.claimed, self.sent):
            self.turns_until(worker, lambda post=post: self.state(post) == "published", f"post {post} is published")
            assert self.judge.times(text) == 1


class Reconcile(Scenario):
    """Two calls lost their answers: one post is out and found, the other is not and waits for a person."""

    name = "reconcile"
    least = 15

    def prepare(self) -> None:
        self.sent = self.unknown("sent", arrived=True)
        self.lost = self.unknown("lost", arrived=False)
        with writing(self.rig.engine) as session:  # the settling time has passed
            for row in session.exec(select(Attempt).where(Attempt.state == "unknown")):
                row.finished_at = clock.wall_us() - 60 * clock.SECOND
                row.look_at = 0

    def go(self) -> None:
        with suppress(Exception):
            self.press().reconcile()

    def at_once(self, tally: Tally) -> None:
        if tally.clean:
            assert (self.state(self.sent[0]), self.state(self.lost[0])) == ("published", "held")
        assert self.state(self.sent[0]) in ("unknown", "published")

    def afterwards(self) -> None:
        worker = self.rig.steady
        self.turns_until(worker, lambda: self.state(self.sent[0]) == "published", "what was sent is found")
        self.turns_until(worker, lambda: self.state(self.lost[0]) == "held", "what was not waits for a person")
        assert (self.judge.times(self.sent[1]), self.judge.times(self.lost[1])) == (1, 0)
        close = self.rig.run("post", "close", str(self.lost[0]), "--not-published", who="omar")
        assert close.code == 0, close
        cancel = self.rig.run("post", "cancel", str(self.lost[0]), who="omar")
        assert cancel.code == 0, cancel


def _die() -> None:
    raise Killed
