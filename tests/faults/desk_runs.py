"""Runs of what people ask for: calendars and posts; and the daemon's start, its looks at a restored store among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from sqlmodel import col, select

import scheduler.daemon
from scheduler import witness
from scheduler.daemon import Daemon
from store.engine import reading
from store.tables import CalendarEntry, Post
from tests.faults.fault import Tally
from tests.faults.judge import told
from tests.faults.scenario import Scenario
from tests.support.live_city import X

LONG_AGO_S = -5.0
FIRST = {"one": "2190-03-01 09:00", "two": "2190-03-02 09:00", "three": "2190-03-03 09:00"}
SECOND = {"one": "2190-03-01 10:00", "three": "2190-03-03 09:00", "four": "2190-03-04 09:00"}


class CalendarSync(Scenario):
    """A calendar file applied as a difference, for the first time and after an edit: all of it, or nothing."""

    name = "calendar sync"
    least = 40

    def prepare(self) -> None:
        self.path = self.rig.settings.calendars_dir / f"{self.rig.text('plan').replace(' ', '-')}.csv"
        self._write(FIRST)
        told(self.rig.run("calendar", "sync", str(self.path), who="ann"), 0)
        self.before = self._posts()
        self._write(SECOND)

    def _write(self, plan: dict[str, str]) -> None:
        rows = "".join(f"{name},{at},{name} of {self.path.stem}\n" for name, at in plan.items())
        self.path.write_text(f"# owner: ann\n# timezone: UTC\n# channels: {X}\nid,at,text\n{rows}")

    def _posts(self) -> set[tuple[str, str, str]]:
        """(entry, local time, state) of the file's posts that are real."""
        with reading(self.rig.engine) as session:
            query = select(Post).where(Post.file == self.path.name, col(Post.state) != "draft")
            return {(str(post.entry), post.local_time, post.state) for post in session.exec(query)}

    def _left(self) -> int:
        """How much of an ended sync lies about."""
        with reading(self.rig.engine) as session:
            drafts = session.exec(select(Post.id).where(Post.file == self.path.name, Post.state == "draft")).all()
            query = select(CalendarEntry).where(col(CalendarEntry.file).like(f"%{self.path.name}"))
            return len(drafts) + len(session.exec(query).all())

    def go(self) -> None:
        self.ran = self.rig.run("calendar", "sync", str(self.path), who="ann")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 1)
        self.after = {
            ("one", "2190-03-01T10:00", "scheduled"),
            ("two", "2190-03-02T09:00", "cancelled"),
            ("three", "2190-03-03T09:00", "scheduled"),
            ("four", "2190-03-04T09:00", "scheduled"),
        }
        found = self._posts()
        assert found in (self.before, self.after), f"half applied: {found}"
        assert found == self.after or self.ran.code == 1
        if found == self.after and self.ran.code:
            no_denial(self.ran.words)

    def afterwards(self) -> None:
        told(self.rig.run("calendar", "sync", str(self.path), who="ann"), 0)
        assert self._posts() == self.after
        self.path.unlink()
        told(self.rig.run("calendar", "sync", "--remove", self.path.name, who="ann"), 0)
        assert self._left() == 0


class PostAdd(Scenario):
    """A post queued: it is there or it is not; who is told that it failed is not told that nothing was done unless so."""

    name = "post add"
    least = 10

    def prepare(self) -> None:
        self.text = self.rig.text("post add")

    def _count(self) -> int:
        with reading(self.rig.engine) as session:
            return len(session.exec(select(Post.id).where(Post.text == self.text)).all())

    def go(self) -> None:
        words = ("post", "add", "--channel", X, "--at", "2190-01-01 09:00", "--text", self.text)
        self.ran = self.rig.run(*words, who="ann")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 1)
        assert self._count() <= 1
        if self.ran.code == 0:
            assert self._count() == 1
        if self._count() and self.ran.code:
            no_denial(self.ran.words)

    def afterwards(self) -> None:
        # Told that it is not known, people look before they repeat it; sooner than the request's own way they see nothing.
        assert self.rig.injector.arrived.wait(30)
        if not self._count():
            self.go()
        assert self._count() == 1


def no_denial(words: list[str]) -> None:
    """Raise AssertionError when the words deny what was done."""
    line = words[0]
    assert "nothing was changed" not in line, line
    assert "not known" in line, f"it was done, and people are told only that it failed: {line}"


class PostVerb(Scenario):
    """A post changed by a person."""

    name = "post verb"
    least = 10
    verb: tuple[str, ...]
    state_before = "scheduled"
    find: Callable[[Post], Any]
    after: Any

    def prepare(self) -> None:
        self.post, self.text = self.queue("changed", in_s=1e9)
        if self.state_before == "held":
            told(self.rig.run("post", "hold", str(self.post), who="omar"), 0)
        if self.state_before == "unknown":
            self.post, self.text = self.unknown("to be closed", arrived=False)
        self.before = type(self).find(self.rig.live.post(self.post))
        assert self.before != self.after

    def go(self) -> None:
        name, *rest = self.verb
        self.ran = self.rig.run("post", name, str(self.post), *rest, who="omar")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 1)
        found = type(self).find(self.rig.live.post(self.post))
        assert found in (self.before, self.after)
        if self.ran.code == 0:
            assert found == self.after
        elif found == self.after:
            no_denial(self.ran.words)

    def afterwards(self) -> None:
        if type(self).find(self.rig.live.post(self.post)) == self.before:
            self.go()
            told(
                self.ran, 0, 1
            )  # a COMMIT that was still on its way may have come first: then there is nothing left to do
        assert type(self).find(self.rig.live.post(self.post)) == self.after
        if self.state(self.post) not in ("cancelled",):
            told(self.rig.run("post", "cancel", str(self.post), who="omar"), 0)


def _state(post: Post) -> str:
    return post.state


class PostEdit(PostVerb):
    """Other words."""

    name = "post edit"
    verb = ("edit", "--set-tag", "edited")
    find = staticmethod(lambda post: tuple(post.tags))
    after = ("edited",)


class PostHold(PostVerb):
    """It waits for a person."""

    name = "post hold"
    verb = ("hold",)
    find = staticmethod(_state)
    after = "held"


class PostRelease(PostVerb):
    """It goes on."""

    name = "post release"
    verb = ("release",)
    state_before = "held"
    find = staticmethod(_state)
    after = "scheduled"


class PostReschedule(PostVerb):
    """Another time."""

    name = "post reschedule"
    verb = ("reschedule", "--at", "2190-05-01 09:00")
    find = staticmethod(lambda post: post.local_time)
    after = "2190-05-01T09:00"


class PostCancel(PostVerb):
    """It never goes out."""

    name = "post cancel"
    verb = ("cancel",)
    find = staticmethod(_state)
    after = "cancelled"


class PostClose(PostVerb):
    """A person says that it is not out."""

    name = "post close"
    verb = ("close", "--not-published")
    state_before = "unknown"
    find = staticmethod(_state)
    after = "held"


class Look(Scenario):
    """Commands that only read."""

    name = "look"
    least = 30
    commits = 0

    def go(self) -> None:
        lines = (("doctor",), ("post", "list"), ("records", "verify"), ("calendar", "list"), ("channel", "list"))
        self.ran = [self.rig.run(*words, who="omar") for words in lines]

    def at_once(self, tally: Tally) -> None:
        doctor, *others = self.ran
        assert doctor.code in (0, 1)
        assert "Traceback" not in doctor.out + doctor.err
        assert "this is a bug" not in doctor.err
        for ran in others:
            told(ran, 0, 1)

    def afterwards(self) -> None:
        self.go()
        assert [ran.code for ran in self.ran[1:]] == [0, 0, 0, 0]


class _Start(Daemon):
    """A daemon up to the moment it would publish."""

    def _publish(self, engine: Any, own_id: str, stop: Any, ready: Callable[[], None]) -> None:
        ready()


class Start(Scenario):
    """The daemon's start on the store that it knows."""

    name = "daemon start"
    least = 25

    def go(self) -> None:
        with patch.object(scheduler.daemon, "Daemon", _Start), patch("signal.signal"):
            self.ran = self.rig.run("daemon")

    def at_once(self, tally: Tally) -> None:
        told(self.ran, 0, 1)
        assert self.ran.code == 0 or not tally.clean
        if self.ran.code == 0:
            assert "ready" in self.ran.err

    def afterwards(self) -> None:
        self.go()
        told(self.ran, 0)
        assert self.judge.active() == []
        self.goes_out(*self.queue("after the start"))


class StartRestored(Start):
    """The daemon's start on a store that was put back: it suspends itself, and doubts what was due and what this host sent.

    The posts were due so long ago that "not found" is believed at the first look.
    """

    name = "daemon start, restored"
    least = 60

    def prepare(self) -> None:
        self.waiting = [self.queue("due since the copy", in_s=LONG_AGO_S), self.queue("sent since it", in_s=LONG_AGO_S)]
        seen = witness.read(self.rig.witness_file)
        assert seen is not None
        lost, sent = seen.attempt + 1000, self.waiting[1][0]
        witness.note(self.rig.witness_file, attempt=lost, post=sent, durable=True)

    def at_once(self, tally: Tally) -> None:
        super().at_once(tally)
        if self.ran.code == 0:
            assert "SUSPENDED" in self.ran.err
            self._doubted()

    def _doubted(self) -> None:
        assert self.judge.active()
        for post, text in self.waiting:
            assert self.state(post) in ("unknown", "held")
            assert self.judge.times(text) == 0

    def afterwards(self) -> None:
        """A second start does not call it restored once more, but never forgets what the first one knew."""
        self.go()
        told(self.ran, 0)
        self._doubted()
        for post, text in self.waiting:
            self.turns_until(self.rig.steady, lambda post=post: self.state(post) == "held", "it waits for a person")
            assert self.judge.times(text) == 0
        self._cleared()
        self.goes_out(*self.queue("after it"))

    def _cleared(self) -> None:
        """What waits is put away: as people do it once per loop, else as the test does, which is quicker."""
        numbers = [post for post, _ in self.waiting]
        if not self.clean:
            self.put_away(*numbers)
            return self.resume()
        for post in numbers:
            told(self.rig.run("post", "close", str(post), "--not-published", who="omar"), 0)
        self.resume()
        for post in numbers:
            told(self.rig.run("post", "cancel", str(post), who="omar"), 0)
        return None
