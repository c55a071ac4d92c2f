"""The after-action report (KS-22) as data: all from one reading transaction, lists cut and counts whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from config import clock
from crisis.report import choice, history, office, overrides, posts
from crisis.report.choice import Stop, Wish
from crisis.report.history import Entry
from crisis.report.office import Action, Asked, Code, Delivery, Heard, Swept, Tick
from crisis.report.overrides import LetPass
from crisis.report.posts import Call, Emergency, Held, Sent, Waiting
from crisis.report.scene import Cut, Scene, cut
from scheduler import killswitch
from store.engine import cursor, dialect

IN_FORCE = "plan.in_force"
"""The log's word for the plan that was in force (`crisis.plan_record`)."""


@dataclass(frozen=True)
class PlanFact:
    """A Crisis Communications plan: its version, the SHA-256 of its file, and when it was read (wall µs).

    `recorded`: it was noted while the suspension stood; else it is only what is there now.
    """

    version: str
    sha256: str
    at: int
    recorded: bool


@dataclass(frozen=True)
class Measures:
    """How long it took from the beginning of one suspension, in µs; None: it is not known, or has not come."""

    to_suspended: int | None
    to_quiet: int | None
    to_all_acknowledged: int | None
    silent: tuple[str, ...]
    duration: int


@dataclass(frozen=True)
class Told:
    """One suspension, the plan in force and its measures."""

    stop: Stop
    measures: Measures
    plan: PlanFact | None
    held_by_lift: int | None


@dataclass(frozen=True)
class Counts:
    """Whole numbers, also where the lists are cut. `outcomes` and `fates` add up to `held` and `in_flight`."""

    in_flight: int
    fates: Mapping[str, int]
    held: int
    outcomes: Mapping[str, int]
    sent_since: int
    covered: int
    passed: int
    past_the_gate: int
    recall: int
    emergencies: int
    emergencies_sent: int
    let_pass: int
    delivered: int
    failed_notices: int
    actions_open: int
    actions_done: int
    refused: int


@dataclass(frozen=True)
class Report:
    """All of it. `interim`: one of the suspensions still stands; `exercise`: they are drills."""

    made_at: int
    interim: bool
    exercise: bool
    stops: tuple[Told, ...]
    overlapping: tuple[int, ...]
    counts: Counts
    names: Mapping[str, str]
    head: tuple[int, str]
    start: int
    end: int
    calls: Cut[Call]
    recall: Cut[Sent]
    past: Cut[Sent]
    held: Cut[Held]
    emergencies: Cut[Emergency]
    let_pass: Cut[LetPass]
    sweeps: Cut[Swept]
    heard: Cut[Heard]
    failed: Cut[Delivery]
    ticks: Cut[Tick]
    resumes: Cut[Asked]
    codes: Cut[Code]
    actions: Cut[Action]
    entries: Cut[Entry]
    acts: Mapping[tuple[str, str], int]
    marks: Mapping[str, Sequence[int]]
    """Kind of event → its moments (wall µs), for the picture."""


def build(session: Session, wish: Wish, recall_us: int, plan_now: PlanFact | None) -> Report:
    """The report on the suspensions meant; the session's own snapshot makes it one view. Raises ReportError."""
    at, name = cursor(session), dialect(session)
    stops = choice.chosen(at, name, wish)
    scene = Scene(at, name, tuple(stops), clock.wall_us())
    return _Gathered(scene, recall_us, plan_now).report(choice.overlapping(at, name, stops))


class _Gathered:
    """What was read, before it is cut and counted."""

    def __init__(self, scene: Scene, recall_us: int, plan_now: PlanFact | None) -> None:
        self.scene, self.plan_now = scene, plan_now
        self.past_log = history.read(scene)
        parts = history.parts(scene)
        self.calls, self.past = posts.calls(scene), posts.past_the_gate(scene, parts)
        self.held = posts.held(scene, history.decisions(scene, self.past_log.first))
        self.waiting = posts.waiting(scene, parts) if scene.standing else Waiting()
        self.recall, self.emergencies = posts.recall(scene, recall_us), posts.emergencies(scene)
        self.let_pass = overrides.let_pass(scene, self.past_log.first)
        self.deliveries, self.acknowledged = office.deliveries(scene), office.acknowledgements(scene)
        self.actions = office.actions(scene)

    def report(self, overlapping: Sequence[int]) -> Report:
        """All of it, lists cut."""
        scene, log = self.scene, self.past_log
        return Report(
            made_at=scene.now,
            interim=bool(scene.standing),
            exercise=all(stop.is_drill for stop in scene.stops),
            stops=tuple(self._told()),
            overlapping=tuple(overlapping),
            counts=self._counts(),
            names=office.names(scene),
            head=log.head,
            start=scene.start,
            end=scene.end,
            calls=cut(self.calls),
            recall=cut(self.recall),
            past=cut(self.past),
            held=cut(self.held),
            emergencies=cut(self.emergencies),
            let_pass=cut(self.let_pass),
            sweeps=cut(office.sweeps(scene)),
            heard=cut(office.heard(self.deliveries, self.acknowledged)),
            failed=cut([item for item in self.deliveries if item.state == "failed"]),
            ticks=cut(office.ticks(scene)),
            resumes=cut(office.resumes(scene)),
            codes=cut(office.codes(scene)),
            actions=cut(self.actions),
            entries=log.entries,
            acts=log.acts,
            marks=self._marks(),
        )

    def _counts(self) -> Counts:
        outcomes, fates = Counter(item.outcome for item in self.held), Counter(call.fate for call in self.calls)
        delivered = Counter(item.state for item in self.deliveries)
        done = sum(item.done_at is not None for item in self.actions)
        return Counts(
            in_flight=len(self.calls),
            fates={fate: fates[fate] for fate in posts.FATES},
            held=len(self.held),
            outcomes={outcome: outcomes[outcome] for outcome in posts.OUTCOMES},
            sent_since=sum(item.state == "published" for item in self.held),
            covered=self.waiting.covered,
            passed=self.waiting.passed,
            past_the_gate=len(self.past),
            recall=len(self.recall),
            emergencies=len(self.emergencies),
            emergencies_sent=sum(item.state == "published" for item in self.emergencies),
            let_pass=len(self.let_pass),
            delivered=delivered["delivered"],
            failed_notices=delivered["failed"],
            actions_open=len(self.actions) - done,
            actions_done=done,
            refused=sum(number for (_, action), number in self.past_log.acts.items() if action == "refused"),
        )

    def _told(self) -> list[Told]:
        asked = _asked(history.facts_of(self.scene, "suspend"))
        lifts = _held_by([*history.facts_of(self.scene, "lift"), *history.facts_of(self.scene, "lift_part")])
        plans = {subject: _plan(at, detail) for subject, at, detail in reversed(history.facts_of(self.scene, IN_FORCE))}
        return [
            Told(stop, self._measures(stop, asked.get(own)), plans.get(own, self.plan_now), lifts.get(own))
            for stop in self.scene.stops
            for own in [f"suspension {stop.id}"]
        ]

    def _measures(self, stop: Stop, asked_at: int | None) -> Measures:
        known = self.acknowledged[stop.id]
        listed = {
            item.person for item in self.deliveries if item.suspension == stop.id and item.kind == office.SUSPENDED
        }
        silent = tuple(sorted(listed - set(known)))
        all_known = max((known[person] for person in listed), default=None) if not silent else None
        began = asked_at if stop.kind != killswitch.PLANNED else stop.starts_at
        return Measures(
            to_suspended=_since(began, stop.begun_at) if began is not None else None,
            to_quiet=_since(stop.begun_at, stop.quiet_at),
            to_all_acknowledged=_since(stop.begun_at, all_known),
            silent=silent,
            duration=(stop.lifted_at or self.scene.now) - stop.begun_at,
        )

    def _marks(self) -> dict[str, list[int]]:
        ended = {"delivered": list[int](), "failed": list[int]()}
        for item in self.deliveries:
            if item.ended_at is not None:
                ended[item.state].append(item.ended_at)
        return {
            "in flight": [call.finished_at or call.sending_at or self.scene.start for call in self.calls],
            "emergency": [item.published_at or item.at for item in self.emergencies],
            "notices": ended["delivered"],
            "failed notices": ended["failed"],
            "acknowledged": [at for one in self.acknowledged.values() for at in one.values()],
        }


def _asked(entries: Sequence[tuple[str, int, dict[str, Any]]]) -> dict[str, int]:
    """By suspension: when it was first asked for, where that is known."""
    known = [(subject, detail["asked_at"]) for subject, _, detail in entries if isinstance(detail.get("asked_at"), int)]
    return {subject: at for subject, at in sorted(known, reverse=True)}


def _since(began: int, ended: int | None) -> int | None:
    return None if ended is None else max(0, ended - began)


def _held_by(entries: Sequence[tuple[str, int, dict[str, Any]]]) -> dict[str, int]:
    """By suspension: how many posts its lift held, by the log."""
    found = Counter[str]()
    for subject, _, detail in entries:
        found[subject] += detail["held"] if isinstance(detail.get("held"), int) else 0
    return found


def _plan(at: int, detail: Mapping[str, Any]) -> PlanFact:
    return PlanFact(str(detail.get("version", "")), str(detail.get("sha256", "")), at, recorded=True)
