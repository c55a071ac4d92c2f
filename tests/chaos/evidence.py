"""All that a trial left behind, put in order for the judge.

A post is known by the first word of its text, a suspension by its epoch: both outlive a store that was put back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sandbox.arrivals import Arrival
from store.crisis_tables import Override
from store.tables import Attempt, Channel, Gate, Post, Suspension, SuspensionInflight
from tests.chaos.desk import due_by
from tests.chaos.leaves import Lane
from tests.chaos.plan import Plan
from tests.chaos.stage import tag_of
from tests.chaos.worker import ASKS, LEAVE

FOREVER = 1 << 62
Line = dict[str, Any]
PERSON_LETS_GO = ("release?", "release", "reschedule?", "reschedule")
"""From when somebody was at it until it was done: it took effect in between."""


@dataclass(frozen=True)
class Evidence:
    """What the sandbox, people, workers, the harness and the store say."""

    plan: Plan
    settled: bool
    posts: Sequence[Post]
    attempts: Sequence[Attempt]
    channels: Sequence[Channel]
    suspensions: Sequence[Suspension]
    listed: Sequence[SuspensionInflight]
    gate: Gate | None
    arrivals: Sequence[Arrival]
    people: Sequence[Line]
    workers: Sequence[Line]
    strikes: Sequence[Line]
    publisher: str
    kept_by: str
    lost_lists: Sequence[tuple[int, str]] = ()
    lost_copies: Sequence[tuple[int, str]] = ()
    fired: Sequence[Arrival] = ()
    """What went public from a Page's own planner."""
    deleted: Sequence[Arrival] = ()
    """What the platform took out because it was asked to."""
    overrides: Sequence[Override] = ()


@dataclass
class Verdict:
    """The violations of one trial, each beginning with its invariant, and what happened in it."""

    seed: int
    violations: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """From `start_ns` (people were told) to `end_ns` (the lift was being asked for), covering `channels`.

    `named`: the posts whose calls people were told of as being in flight.
    """

    epoch: int
    start_ns: int
    end_ns: int
    end_us: int
    channels: frozenset[str]
    named: frozenset[str]


@dataclass(frozen=True)
class Request:
    """A request that arrived, and the channel of its post."""

    tag: str
    channel: str
    line: Arrival

    def within(self, window: Window) -> bool:
        """True when it arrived in this window, on a channel that it covers."""
        return self.channel in window.channels and window.start_ns < self.line.boot_ns < window.end_ns


class Case:
    """The evidence, put in order."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        told = [item for line in self.said("added?", "added", "emergency?", "laid") for item in line["posts"]]
        self.channel = {item["post"]: item["channel"] for item in told}
        self.requests = [Request(tag_of(a.text), self.channel[tag_of(a.text)], a) for a in evidence.arrivals]
        self.rows = {tag_of(post.text): post for post in evidence.posts}
        self.attempts: dict[str, list[Attempt]] = {tag: [] for tag in self.rows}
        tags = {post.id: tag for tag, post in self.rows.items()}
        for attempt in evidence.attempts:
            self.attempts[tags[attempt.post_id]].append(attempt)
        self.leaves = [line for line in evidence.workers if line["what"] == LEAVE]
        self.asks = [line for line in evidence.workers if line["what"] == ASKS]
        self.lane = Lane(self)

    def said(self, *what: str) -> list[Line]:
        """What people wrote down under these words, in order."""
        return [line for line in self.evidence.people if line["what"] in what]

    def requests_of(self, tag: str) -> list[Request]:
        """The requests of one post."""
        return [request for request in self.requests if request.tag == tag]

    @cached_property
    def accepted(self) -> frozenset[str]:
        """The posts that the platform took."""
        return frozenset(request.tag for request in self.requests if request.line.accepted)

    @cached_property
    def fired(self) -> frozenset[str]:
        """The posts that went out from a Page's own planner."""
        return frozenset(tag_of(line.text) for line in self.evidence.fired)

    def asked(self, request: Request) -> Line | None:
        """When the worker last began to ask for leave before this request; whatever was in force then forbade it."""
        before = [line for line in self.asks if line["post"] == request.tag]
        before = [line for line in before if line["boot_ns"] < request.line.boot_ns]
        return max(before, key=lambda line: int(line["boot_ns"]), default=None)

    def inside(self, window: Window) -> Iterator[Request]:
        """What arrived in a window, but for emergency messages that had leave under it."""
        for request in self.requests:
            if request.within(window) and not self.lane.passes(request, window.epoch):
                yield request

    @cached_property
    def restored(self) -> Line | None:
        """When the store was put back, if it was."""
        return next(iter(self.said("restored")), None)

    def is_lost(self, line: Line) -> bool:
        """True when what was written down at `line` may be missing in the store since it was put back.

        What a process had begun before that may have gone into the old store, and been told of after it.
        """
        if self.restored is None:
            return False
        copied = next((item["before_ns"] for item in self.said("copied")), 0)
        return bool(copied < line["boot_ns"] and self.begun_ns(line) < self.restored["after_ns"])

    def begun_ns(self, line: Line) -> int:
        """When its process began what it tells of: when it opened the store, else at its line before that one."""
        before = [ns for ns in self._moments_of(line["pid"]) if ns < line["boot_ns"]]
        opened = [item["boot_ns"] for item in self.said("opens") if item["pid"] == line["pid"]]
        return max([ns for ns in opened if ns in before] or before, default=int(line["boot_ns"]))

    def noted_ns(self, line: Line) -> int:
        """When the epoch that it tells of was surely noted beside the store: at a lift, or at its process's next line."""
        if line["what"] == "lifted":
            return int(line["boot_ns"])
        return min((ns for ns in self._moments_of(line["pid"]) if ns > line["boot_ns"]), default=FOREVER)

    def _moments_of(self, pid: int) -> list[int]:
        return [int(item["boot_ns"]) for item in self.evidence.people if item["pid"] == pid]

    def let_go(self, tag: str, after_ns: int) -> bool:
        """True when a person meant to let this post go, or to change its time, after that moment."""
        return any(
            line["boot_ns"] > after_ns and any(item["post"] == tag for item in line["posts"])
            for line in self.said(*PERSON_LETS_GO)
        )

    def was_there(self, tag: str, by_ns: int) -> bool:
        """True when the post was surely added by that moment: one that is still being added may come after it."""
        return any(
            line["boot_ns"] <= by_ns and any(item["post"] == tag for item in line["posts"])
            for line in self.said("added")
        )

    def due_us(self, tag: str, before_ns: int) -> int:
        """When the post was due, by what people had said before that moment."""
        return due_by(list(self.evidence.people), before_ns).get(tag, FOREVER)

    def receipts(self) -> list[Line]:
        """All that people were told of suspensions: the crises' receipts (one that could not be made says only why) and what
        the status shows."""
        found = [line["receipt"] for line in self.said("answer") if line["receipt"] and "epoch" in line["receipt"]]
        return found + [item for line in self.said("status") for item in line["data"].get("suspensions", [])]

    # --- planned stops -----------------------------------------------------------------------------------------------

    def planned_windows(self) -> Iterator[Window]:
        """One for each planned stop that people were told of, from its own start to its end (`named`: what had asked for leave
        before it held)."""
        for line in self.said("planned"):
            start_ns = max(line["boot_ns"], line["boot_ns"] + (line["starts_us"] - line["wall_us"]) * 1000)
            end = self._end_of_plan(line)
            named = frozenset(item["post"] for item in self.asks if item["boot_ns"] < start_ns)
            channels = self.evidence.plan.covered(line["scope"])
            yield Window(0, start_ns, end["boot_ns"], end["wall_us"], channels, named)

    def _end_of_plan(self, line: Line) -> Line:
        """The first confirmation that may have lifted it, or the restore that lost it."""
        asked = [item for item in self.said("confirming") if item["reason"] == line["reason"]]
        ends = [item for item in asked if self._may_have_lifted(item)]
        if self.is_lost(line) and self.restored is not None:
            ends.append({**self.restored, "boot_ns": self.restored["before_ns"]})
        return min(ends, key=lambda item: int(item["boot_ns"]), default={"boot_ns": FOREVER, "wall_us": FOREVER})

    # --- windows -----------------------------------------------------------------------------------------------------

    def windows(self) -> Iterator[Window]:
        """One for each time that people were told of a suspension: nothing but what they were told of may arrive in it."""
        for line in self.said("suspended"):
            yield self._window(line["epoch"], line["scope"], line)
        for line in self.said("status"):
            for item in line["data"].get("suspensions", []):
                yield self._window(item["epoch"], item["scope"], line)

    def quiet_windows(self) -> Iterator[Window]:
        """One for each time that quiet was confirmed."""
        for line in self.said("answer"):
            if line["code"] == 0 and line["receipt"]:
                yield self._window(line["receipt"]["epoch"], line["receipt"]["scope"], line)
        for line in self.said("status"):
            if line["code"] == 0:
                for item in line["data"]["suspensions"]:
                    yield self._window(item["epoch"], item["scope"], line)

    def _window(self, epoch: int, scope: str, start: Line) -> Window:
        end = self._end(epoch, start)
        channels = self.evidence.plan.covered(scope)
        named = self._named(epoch) | (self._lost_list(epoch) if self.is_lost(start) else frozenset())
        return Window(epoch, start["boot_ns"], end["boot_ns"], end["wall_us"], channels, named)

    def _end(self, epoch: int, start: Line) -> Line:
        """The first confirmation that may have lifted it and still stood at `start`, or that of the restore in its place."""
        asked = [line for line in self.said("confirming") if self._may_have_lifted(line)]
        own = [line for line in asked if line["suspended_epoch"] == epoch and not self._is_undone(line, start)]
        if self.is_lost(start):
            own += [line for line in asked if line["kind"] == "restore"]
        return min(own, key=lambda line: int(line["boot_ns"]), default={"boot_ns": FOREVER, "wall_us": FOREVER})

    def _is_undone(self, line: Line, before: Line) -> bool:
        """True when what was done at `line` was lost with the store before the moment `before`."""
        return self.restored is not None and self.is_lost(line) and bool(self.restored["before_ns"] < before["boot_ns"])

    def _may_have_lifted(self, confirming: Line) -> bool:
        """False when the same process wrote down that it did not lift what it was about to."""
        after = [line for line in self.evidence.people if line["pid"] == confirming["pid"]]
        after = [line for line in after if line["boot_ns"] > confirming["boot_ns"]]
        return not after or after[0]["what"] != "not lifted" or self._is_lifted(confirming["suspended_epoch"])

    def ends_ns(self, told: Line) -> int:
        """When the lift of a suspension that people were told of at `told` may have begun."""
        return int(self._end(told["epoch"], told)["boot_ns"])

    def _is_lifted(self, epoch: int) -> bool:
        """True when the ledger says that it was lifted and nobody was told so: an acknowledgement was lost."""
        told = any(line["suspended_epoch"] == epoch for line in self.said("lifted"))
        return not told and any(row.epoch == epoch and row.lifted_epoch for row in self.evidence.suspensions)

    def _named(self, epoch: int) -> frozenset[str]:
        """The posts of the calls that a receipt named; of a crisis killed before it, the ledger's list."""
        own = [item for item in self.receipts() if item["epoch"] == epoch]
        if own:
            return frozenset(
                tag_of(call["text"]) for item in own for call in (*item["in_flight"], *item["unconfirmed"])
            )
        numbers = {row.id for row in self.evidence.suspensions if row.epoch == epoch}
        attempts = {row.attempt_id for row in self.evidence.listed if row.suspension_id in numbers}
        return frozenset(
            tag for tag, found in self.attempts.items() if any(attempt.id in attempts for attempt in found)
        )

    def _lost_list(self, epoch: int) -> frozenset[str]:
        """The posts on the list of a suspension that was replaced with its store before its receipt could be read.

        A receipt that was read is judged by what it says.
        """
        if any(item["epoch"] == epoch for item in self.receipts()):
            return frozenset()
        return frozenset(tag_of(text) for number, text in self.evidence.lost_lists if number == epoch)

    def lost_copy_us(self, tag: str) -> float:
        """When (wall µs) a sweep had copied `tag` into the store that was replaced: it is lost with it."""
        return min((at for at, text in self.evidence.lost_copies if tag_of(text) == tag), default=math.inf)
