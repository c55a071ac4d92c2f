"""The judge of a trial: what went out is read from the sandbox's arrival log alone; store and receipts are the accused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from config import clock
from sandbox.arrivals import Arrival
from store.tables import Attempt, Channel, Gate, Post, Suspension, SuspensionInflight
from tests.chaos.plan import Plan

PROVABLY_NOT_SENT = ("claimed", "aborted", "not_sent")
SOON_US = 5 * clock.SECOND
"""What is to be tried again sooner is waited for."""
FOREVER = 1 << 62
DARK = ("gate lost", "store locked")


@dataclass(frozen=True)
class Evidence:
    """All that a trial left behind."""

    plan: Plan
    settled: bool
    posts: Sequence[Post]
    attempts: Sequence[Attempt]
    channels: Sequence[Channel]
    suspensions: Sequence[Suspension]
    listed: Sequence[SuspensionInflight]
    gate: Gate | None
    arrivals: Sequence[Arrival]
    people: Sequence[dict[str, Any]]
    workers: Sequence[dict[str, Any]]
    strikes: Sequence[dict[str, Any]]
    publisher: str
    kept_by: str


@dataclass
class Verdict:
    """The violations of one trial, each beginning with its invariant, and what happened in it."""

    seed: int
    violations: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a trial."""
    case = _Case(evidence)
    found = [line for rule in RULES for line in rule(case)]
    if evidence.kept_by:
        found.append(f"trial: a process of it failed: {evidence.kept_by.strip().splitlines()[-1]}")
    return Verdict(evidence.plan.seed, found, case.seen())


@dataclass(frozen=True)
class _Window:
    """From `start_ns` (the word was out) to `end_ns` (the lift was being asked for), covering `channels`."""

    suspension: int
    start_ns: int
    start_us: int
    end_ns: int
    end_us: int
    channels: frozenset[str]

    def holds(self, line: Arrival, post: Post) -> bool:
        """True when the request arrived in this window, on a channel that it covers."""
        return post.channel in self.channels and self.start_ns < line.boot_ns < self.end_ns


class _Case:
    """The evidence, put in order."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.post_of = {post.text: post for post in evidence.posts}
        self.arrivals = [(line, self.post_of[line.text]) for line in evidence.arrivals]
        self.attempts: dict[int, list[Attempt]] = {}
        for attempt in evidence.attempts:
            self.attempts.setdefault(attempt.post_id, []).append(attempt)
        self.released = {post: line["wall_us"] for line in self.said("released") for post in line["posts"]}

    def said(self, what: str) -> list[dict[str, Any]]:
        return [line for line in self.evidence.people if line["what"] == what]

    def arrivals_of(self, post: Post) -> list[Arrival]:
        return [line for line, whose in self.arrivals if whose.id == post.id]

    def channels_of(self, number: int) -> frozenset[str]:
        row = next(row for row in self.evidence.suspensions if row.id == number)
        every = frozenset(channel.name for channel in self.evidence.channels)
        return every if row.scope_kind == "all" else frozenset({row.scope_value})

    def windows(self) -> list[_Window]:
        """One for each suspension that was told: nothing but what its receipt lists may arrive in it."""
        return [self._window(line["suspension"], line) for line in self.said("suspended")]

    def quiet_windows(self) -> Iterator[_Window]:
        """One for each time that quiet was confirmed."""
        for line in self.said("answer"):
            if line["code"] == 0 and line["receipt"]:
                yield self._window(line["receipt"]["suspension"], line)
        for line in self.said("status"):
            if line["code"] == 0:
                for item in line["data"]["suspensions"]:
                    yield self._window(item["suspension"], line)

    def _window(self, number: int, start: dict[str, Any]) -> _Window:
        ends = [line for line in self.said("confirming") if line["suspension"] == number and self._was_lifted(line)]
        end = ends[-1] if ends else {"boot_ns": FOREVER, "wall_us": FOREVER}
        channels = self.channels_of(number)
        return _Window(number, start["boot_ns"], start["wall_us"], end["boot_ns"], end["wall_us"], channels)

    def _was_lifted(self, confirming: dict[str, Any]) -> bool:
        number = confirming["suspension"]
        return any(row.id == number and row.lifted_epoch is not None for row in self.evidence.suspensions)

    def reported(self, number: int) -> set[int]:
        """The posts of the calls that the receipt named; of a crisis killed before it, the ledger's list."""
        receipts = [line["receipt"] for line in self.said("answer") if line["receipt"]]
        receipts += [item for line in self.said("status") for item in line["data"].get("suspensions", [])]
        own = [item for item in receipts if item["suspension"] == number]
        if own:
            return {call["post"] for call in own[0]["in_flight"]}
        attempts = {row.attempt_id for row in self.evidence.listed if row.suspension_id == number}
        return {attempt.post_id for attempt in self.evidence.attempts if attempt.id in attempts}

    def seen(self) -> dict[str, int]:
        """How often the trial went where it hurts: a harness that never does is blind."""
        marks: Counter[str] = Counter()
        marks.update(_place(line["what"]) for line in self.evidence.workers if ": SIG" in line["what"])
        marks.update(
            "stopped from outside" if line["stop"] else "killed from outside"
            for line in self.evidence.strikes
            if line["what"] == "strike"
        )
        marks.update(f"crisis {line['code']}" for line in self.said("answer"))
        marks.update(f"status {line['code']}" for line in self.said("status"))
        marks.update(f"post {post.state}" for post in self.evidence.posts)
        marks.update(f"attempt {attempt.state}" for attempt in self.evidence.attempts)
        receipts = [line["receipt"] for line in self.said("answer") if line["receipt"]]
        windows = self.windows()
        late = [
            (w, a)
            for w in windows
            for a, p in self.arrivals
            if w.start_ns < a.boot_ns < w.end_ns and p.channel in w.channels
        ]
        marks["arrivals"] = len(self.arrivals)
        marks["arrivals after the word, listed"] = len(late)
        marks["in flight at a stop"] = sum(len(item["in_flight"]) for item in receipts)
        marks["ended as hostage-takers"] = sum(len(item["ended"]) for item in receipts)
        marks["settled late"] = len([line for line in self.evidence.strikes if line["what"] == "late"])
        marks["lifted late"] = len([line for line in self.evidence.strikes if line["what"] == "lifted late"])
        marks["held at a lift"] = sum(line["held"] for line in self.said("lifted"))
        marks["released"] = len(self.released)
        marks["cancelled"] = len(self.said("cancelled"))
        marks["crisis killed or failed"] = len(self.said("begun")) - len(self.said("answer"))
        return {name: count for name, count in marks.items() if count}


def _place(what: str) -> str:
    return what.partition(": ")[2]


def _quiet_holds(case: _Case) -> Iterator[str]:
    """I1: nothing arrives between QUIET CONFIRMED and the lift."""
    for window in case.quiet_windows():
        for line, post in case.arrivals:
            if window.holds(line, post):
                late = (line.boot_ns - window.start_ns) / 1e6
                yield f"I1: post {post.id} arrived {late:.1f} ms after suspension {window.suspension} was called quiet"


def _quiet_knows_all(case: _Case) -> Iterator[str]:
    """I1: a receipt that calls it quiet knows what became of each call it lists."""
    for line in case.said("answer"):
        for call in line["receipt"]["in_flight"] if line["code"] == 0 and line["receipt"] else ():
            if call["state"] in ("claimed", "sending", "unknown"):
                yield f"I1: suspension {line['receipt']['suspension']} is called quiet, post {call['post']} is {call['state']}"


def _reported_in_flight(case: _Case) -> Iterator[str]:
    """I2: what arrives after the word SUSPENDED is named in the receipt."""
    for window in case.windows():
        named = case.reported(window.suspension)
        for line, post in case.arrivals:
            if (
                post.channel in window.channels
                and window.start_ns < line.boot_ns < window.end_ns
                and post.id not in named
            ):
                late = (line.boot_ns - window.start_ns) / 1e6
                yield f"I2: post {post.id} arrived {late:.1f} ms after SUSPENDED and unnamed by receipt {window.suspension}"


def _accepted_once(case: _Case) -> Iterator[str]:
    """I3: nothing is sent again after the platform took it (the sandbox would refuse the copy: the asking counts)."""
    for post in case.evidence.posts:
        lines = case.arrivals_of(post)
        first = next((number for number, line in enumerate(lines) if line.accepted), len(lines))
        if len(lines) > first + 1:
            yield f"I3: post {post.id} arrived {len(lines)} times, the last {len(lines) - first - 1} after it was accepted"


def unsettled(posts: Sequence[Post], attempts: Sequence[Attempt], channels: Sequence[Channel]) -> list[str]:
    """Posts in a state that they may not stay in, one line each; also when there is nothing to be read."""
    if not posts:
        return ["the store cannot be read"]
    free = {channel.name: max(channel.not_before_at, channel.next_free_at) for channel in channels}
    doubtful = {item.post_id: item for item in attempts if item.state in ("claimed", "sending", "unknown")}
    now = clock.wall_us()
    return [line for post in posts if (line := _why_unsettled(post, doubtful.get(post.id or 0), free, now))]


def _why_unsettled(post: Post, attempt: Attempt | None, free: dict[str, int], now: int) -> str | None:
    if attempt is not None and attempt.state != "unknown":
        return f"post {post.id} has an attempt {attempt.id} that is {attempt.state}"
    match post.state:
        case "published" | "failed" | "cancelled" if attempt is None:
            return None
        case "held" if post.hold_reason:
            return None
        case "scheduled" if max(post.ready_at, free[post.channel]) > now + SOON_US:
            return None
    return f"post {post.id} is {post.state} ({'no open attempt' if attempt is None else attempt.state})"


def _nothing_stuck(case: _Case) -> Iterator[str]:
    """I4: each post came to an end that it may stay in."""
    found = case.evidence
    if case.evidence.publisher != "naive" and not found.settled:
        lines = unsettled(found.posts, found.attempts, found.channels)
        yield f"I4: not settled in time: {'; '.join(lines) or 'only just'}"


def _never_called_unsent(case: _Case) -> Iterator[str]:
    """I5: there are not more arrivals than attempts that may have sent; a receipt never says "not published" of one."""
    for post in case.evidence.posts if case.evidence.publisher != "naive" else ():
        lines = case.arrivals_of(post)
        attempts = case.attempts.get(post.id or 0, [])
        may_have = [attempt for attempt in attempts if attempt.state not in PROVABLY_NOT_SENT]
        if len(lines) > len(may_have):
            states = ", ".join(attempt.state for attempt in attempts) or "none"
            yield f"I5: post {post.id} arrived {len(lines)} times, its attempts are: {states}"
        accepted = any(line.accepted for line in lines)
        if accepted and not any(attempt.state in ("published", "unknown", "closed_by_person") for attempt in attempts):
            yield f"I5: post {post.id} was accepted, its attempts are {[attempt.state for attempt in attempts]}"
        if post.state == "published" and not accepted:
            yield f"I5: post {post.id} is called published, and was never accepted"


def _receipts_true(case: _Case) -> Iterator[str]:
    """I5 of the receipts: a call that is said not to have been published never is."""
    accepted = {post.id for line, post in case.arrivals if line.accepted}
    receipts = [line["receipt"] for line in case.said("answer") if line["receipt"]]
    receipts += [item for line in case.said("status") for item in line["data"].get("suspensions", [])]
    for receipt in receipts:
        for call in receipt["in_flight"]:
            if call["result"].startswith("not published") and call["post"] in accepted - case.released.keys():
                yield f"I5: the receipt of {receipt['suspension']} says {call['result']!r} of post {call['post']}, which was"


def _only_resume_lifts(case: _Case) -> Iterator[str]:
    """I6: what is lifted was lifted by the person, and the epoch counts each step once."""
    asked = {line["suspension"] for line in case.said("confirming")}
    for row in case.evidence.suspensions:
        if row.lifted_epoch is not None and (row.lifted_by != "ana" or row.id not in asked):
            yield f"I6: suspension {row.id} was lifted by {row.lifted_by}, nobody asked"
    for line in case.said("lifted"):
        if all(row.id != line["suspension"] or row.lifted_epoch is None for row in case.evidence.suspensions):
            yield f"I6: suspension {line['suspension']} was called lifted and is not"
    steps = sorted(
        [row.epoch for row in case.evidence.suspensions] + [row.lifted_epoch or 0 for row in case.evidence.suspensions]
    )
    steps = [step for step in steps if step]
    if len(set(steps)) != len(steps) or (case.evidence.gate and case.evidence.gate.epoch != max([1, *steps])):
        yield f"I6: the gate is at {case.evidence.gate}, the ledger's steps are {steps}"


def _missed_waits(case: _Case) -> Iterator[str]:
    """I7: whose time had passed when the lift was asked for does not arrive afterwards, unless a person released it."""
    for window in case.windows():
        named = case.reported(window.suspension)
        for line, post in case.arrivals:
            missed = post.channel in window.channels and post.due_at < window.end_us and line.boot_ns > window.end_ns
            # One that was in flight when the stop came may still be finished by its own sender, but never tried anew.
            own = post.id in named and not _tried_after(case, post, window.end_us)
            if missed and not own and (post.id or 0) not in case.released and post.created_at < window.end_us:
                yield f"I7: post {post.id}, due in suspension {window.suspension}, arrived after its lift by itself"


def _tried_after(case: _Case, post: Post, us: int) -> bool:
    return any(attempt.claimed_at > us for attempt in case.attempts.get(post.id or 0, []))


def _dark_is_silent(case: _Case) -> Iterator[str]:
    """I8: without a gate, or with a store that cannot be written, only what was in flight already arrives."""
    for what in DARK:
        for line in case.said(what):
            ends = [item["boot_ns"] for item in case.said("confirming")] if what == "gate lost" else [line["open_ns"]]
            end_ns = min(ends, default=FOREVER)
            for arrival, post in case.arrivals:
                if line["locked_ns"] < arrival.boot_ns < end_ns and post.id not in line["in_flight"]:
                    yield f"I8: post {post.id} arrived while the state was {what!r}"


def _cancelled_stays(case: _Case) -> Iterator[str]:
    """A post that a person cancelled before it went out never goes out."""
    for line in case.said("cancelled"):
        for arrival, post in case.arrivals:
            if post.id in line["posts"] and arrival.boot_ns > line["boot_ns"]:
                yield f"cancelled: post {post.id} arrived after a person had cancelled it"


def _twin_publishes(case: _Case) -> Iterator[str]:
    """The twin without crisis, stops and faults publishes everything."""
    for post in case.evidence.posts:
        if case.evidence.plan.variant == "quiet twin" and post.state != "published":
            yield f"twin: post {post.id} is {post.state} ({post.hold_reason})"


RULES: tuple[Callable[[_Case], Iterator[str]], ...] = (
    _quiet_holds,
    _quiet_knows_all,
    _reported_in_flight,
    _accepted_once,
    _nothing_stuck,
    _never_called_unsent,
    _receipts_true,
    _only_resume_lifts,
    _missed_waits,
    _dark_is_silent,
    _cancelled_stays,
    _twin_publishes,
)
