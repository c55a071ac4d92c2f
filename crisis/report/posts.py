"""What a suspension did to posts: calls in flight and what became of them, posts held and what a person did with each.

A held post is counted as held and as nothing else, whatever was planned for it (KS-13).
"""
# statements are put together from constants and parameter marks; every value is a parameter

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crisis.report.history import Decision
from crisis.report.plain import excerpt
from crisis.report.scene import COVERED, Scene

ESCAPED, NOT_PUBLISHED, UNKNOWN, EMERGENCY = "escaped", "not published", "unknown", "emergency"
FATES = (ESCAPED, NOT_PUBLISHED, UNKNOWN, EMERGENCY)
OPEN = ("claimed", "sending", "unknown")
OUTCOMES = ("released", "rescheduled", "cancelled", "found published", "otherwise", "still held")
DECISIONS = {"release": "released", "reschedule": "rescheduled"}


@dataclass(frozen=True)
class Call:
    """A publish call that had begun when the stop was recorded. `fate`: one of `FATES`."""

    attempt: int
    post: int
    channel: str
    suspension: int
    state_then: str
    state: str
    fate: str
    link: str | None
    sending_at: int | None
    finished_at: int | None
    closed_by: str | None
    detail: str
    text: str


CALLS = """SELECT a.id, a.post_id, a.channel, min(i.suspension_id), min(i.state_then), a.state, a.link, a.sending_at,
  a.finished_at, a.closed_by, a.detail, p.text, a.override_id FROM suspension_inflight i JOIN attempt a ON a.id = i.attempt_id
  JOIN post p ON p.id = a.post_id WHERE i.suspension_id IN ({marks}) GROUP BY a.id, p.id ORDER BY a.id"""


def calls(scene: Scene) -> list[Call]:
    """Every call that was in flight, by name (KS-3)."""
    return [_call(row) for row in scene.ask_of_stops(CALLS.format(marks=scene.marks))]


def _call(row: Any) -> Call:
    attempt, post, channel, stop, then, state, link, sending, finished, closed_by, detail, text, override = row
    fate = EMERGENCY if override is not None else _fate(state, link)
    about = (int(attempt), int(post), channel, int(stop), then, state, fate, link, sending, finished, closed_by)
    return Call(*about, excerpt(detail or ""), excerpt(text))


def _fate(state: str, link: str | None) -> str:
    """What became of a call; of one that a person closed, what they said."""
    if state == "published" or (state == "closed_by_person" and link):
        return ESCAPED
    return UNKNOWN if state in OPEN else NOT_PUBLISHED


@dataclass(frozen=True)
class Sent:
    """A post that is out."""

    post: int
    channel: str
    at: int | None
    link: str | None
    text: str


PAST = """SELECT DISTINCT p.id, a.channel, COALESCE(a.finished_at, a.sending_at), a.link, p.text, s.id, a.authorise_epoch
  FROM attempt a JOIN suspension s ON s.id IN ({marks}) AND a.authorise_epoch >= s.epoch
    AND (s.lifted_epoch IS NULL OR a.authorise_epoch < s.lifted_epoch) JOIN post p ON p.id = a.post_id
  WHERE a.state = 'published' AND a.override_id IS NULL AND {covers} ORDER BY 1"""
"""What had leave to be sent while it was covered, without being an emergency message: there may be none. What was in flight had
its leave in an earlier epoch."""
Parts = Mapping[tuple[int, str], int]
"""(suspension, channel) → the epoch from which it is resumed before the rest (`history.parts`)."""


def past_the_gate(scene: Scene, parts: Parts) -> list[Sent]:
    """Posts that went out though the stop was recorded before they had leave: each would be a fault of the program."""
    found = scene.ask_of_stops(PAST.format(marks=scene.marks, covers=COVERED.format(channel="a.channel")))
    passed = {int(row[0]): row[:5] for row in found if row[6] < parts.get((int(row[5]), row[1]), row[6] + 1)}
    return _sent([*passed.values()])


RECALL = """SELECT p.id, p.channel, p.published_at, p.link, p.text FROM post p WHERE p.state = 'published'
  AND p.published_at >= ? AND p.published_at < ? AND EXISTS (SELECT 1 FROM suspension s WHERE s.id IN ({marks}) AND {covers})
  ORDER BY p.published_at DESC, p.id"""


def recall(scene: Scene, recall_us: int) -> list[Sent]:
    """What was published shortly before (KS-15): perhaps to be taken down by hand."""
    query = RECALL.format(marks=scene.marks, covers=COVERED.format(channel="p.channel"))
    return _sent(scene.ask_of_stops(query, scene.start - recall_us, scene.start))


def _sent(found: list[Any]) -> list[Sent]:
    return [Sent(int(post), channel, at, link, excerpt(text)) for post, channel, at, link, text in found]


@dataclass(frozen=True)
class Waiting:
    """Scheduled posts behind the gate of what still stands; `passed`: those whose time is over, which a lift will hold."""

    covered: int = 0
    passed: int = 0


COVERED_NOW = (
    "SELECT s.id, c.name FROM channel c JOIN suspension s ON s.id IN ({marks}) AND s.lifted_at IS NULL AND {covers}"
)
BEHIND = """SELECT count(*), count(CASE WHEN p.due_at <= ? THEN 1 END) FROM post p WHERE p.state = 'scheduled'
  AND p.channel IN ({channels}) AND NOT EXISTS (SELECT 1 FROM override o WHERE o.post_id = p.id)"""


def waiting(scene: Scene, parts: Parts) -> Waiting:
    """What is covered now, emergency messages aside."""
    pairs = scene.ask_of_stops(COVERED_NOW.format(marks=scene.marks, covers=COVERED.format(channel="c.name")))
    channels = sorted({channel for number, channel in pairs if (int(number), channel) not in parts})
    if not channels:
        return Waiting()
    covered, passed = scene.ask(BEHIND.format(channels=", ".join("?" * len(channels))), (scene.now, *channels))[0]
    return Waiting(int(covered), int(passed))


@dataclass(frozen=True)
class Held:
    """A post that the suspension gave to a person. `outcome`: one of `OUTCOMES`, as it is now."""

    post: int
    channel: str
    held_at: int
    how: str
    state: str
    outcome: str
    decided_by: str | None
    decided_at: int | None
    was_due_at: int
    due_at: int
    link: str | None
    text: str


HELD = """SELECT p.id, p.channel, min(h.at), min(h.how), p.state, p.due_at, p.link, substr(p.text, 1, 300) FROM (
    SELECT post_id, at, 'its time passed' AS how FROM suspension_post WHERE suspension_id IN ({marks})
    UNION ALL SELECT a.post_id, a.finished_at, 'its time came as the stop was recorded' FROM attempt a
      JOIN suspension s ON s.id IN ({marks}) AND a.finished_at = s.begun_at AND a.claim_epoch < s.epoch AND {covers}
      WHERE a.state = 'aborted' AND a.outcome = 'suspended'
    UNION ALL SELECT post_id, found_at, 'taken out of the platform''s own scheduler' FROM native_post
      WHERE suspension_id IN ({marks})) h
  JOIN post p ON p.id = h.post_id GROUP BY p.id ORDER BY p.id"""
"""Kept as it happened: by the lift, by the stop's own transaction (`killswitch.suspend`), and by the sweep."""


def held(scene: Scene, decisions: Mapping[int, Decision]) -> list[Held]:
    """Every post that was held, with what a person did with it last."""
    query = HELD.format(marks=scene.marks, covers=COVERED.format(channel="a.channel"))
    return [_held(row, decisions) for row in scene.ask(query, scene.numbers * 3)]


def _held(row: Any, decisions: Mapping[int, Decision]) -> Held:
    post, channel, at, how, state, due, link, text = row
    decision = decisions.get(int(post))
    outcome, is_out = _outcome(state, decision), state == "published"
    told = None if outcome == "still held" else decision
    was_due = decision.was_due if decision and decision.was_due is not None else due
    return Held(
        post=int(post),
        channel=channel,
        held_at=int(at),
        how=how,
        state=state,
        outcome=outcome,
        decided_by=told.by if told else None,
        decided_at=told.at if told else None,
        was_due_at=int(was_due),
        due_at=int(due),
        link=link if is_out else None,
        text=excerpt(text),
    )


def _outcome(state: str, decision: Decision | None) -> str:
    """What became of a held post; the state alone says whether it is held or cancelled."""
    if state in ("held", "cancelled"):
        return "still held" if state == "held" else "cancelled"
    if decision is not None and decision.verb in DECISIONS:
        return DECISIONS[decision.verb]
    return "found published" if state == "published" else "otherwise"


@dataclass(frozen=True)
class Emergency:
    """A message of the emergency lane, as its post stands now."""

    post: int
    channel: str
    suspension: int
    by: str
    at: int
    leaves: int
    statement: str
    state: str
    published_at: int | None
    link: str | None
    text: str


EMERGENCIES = """SELECT p.id, p.channel, min(o.suspension_id), min(o.by), min(o.at), count(*), min(o.statement), p.state,
  p.published_at, p.link, p.text FROM override o JOIN post p ON p.id = o.post_id WHERE o.suspension_id IN ({marks})
  GROUP BY p.id ORDER BY p.id"""


def emergencies(scene: Scene) -> list[Emergency]:
    """Every message that had leave to pass the gate (KS-14)."""
    return [_emergency(row) for row in scene.ask_of_stops(EMERGENCIES.format(marks=scene.marks))]


def _emergency(row: Any) -> Emergency:
    post, channel, stop, by, at, leaves, statement, state, published, link, text = row
    is_out = state == "published"
    shown = (published if is_out else None, link if is_out else None)
    return Emergency(int(post), channel, int(stop), by, at, int(leaves), statement, state, *shown, excerpt(text))
