"""How often a trial went where it hurts: a harness that never does is blind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.chaos.evidence import Case, Window


def seen(case: Case) -> dict[str, int]:
    """By name: how often it happened."""
    marks: Counter[str] = Counter()
    marks.update(_told(case))
    marks.update(_fallen(case))
    marks.update(_in_store(case))
    marks.update(_beside_stops(case))
    windows = {(window.epoch, window.channels): window for window in case.windows()}.values()
    late = {request.line.seq for window in windows for request in case.inside(window)}
    marks["arrivals"], marks["arrivals after the word, listed"] = len(case.requests), len(late)
    marks["overlapping suspensions"] = _overlaps(list(windows))
    marks[f"trial {case.evidence.plan.variant}"] = 1
    return {name: count for name, count in marks.items() if count}


def _told(case: Case) -> Iterator[str]:
    for line in case.said("answer", "status"):
        yield f"{'crisis' if line['what'] == 'answer' else line['what'] + (' --wait' if line['wait'] else '')} {line['code']}"
        yield from ("ended as hostage-takers" for _ in (line.get("receipt") or {}).get("ended", ()))
        yield from ("in flight at a stop" for _ in (line.get("receipt") or {}).get("in_flight", ()))
    for line in case.said("lifted"):
        yield f"lift of a {line['kind']}"
        yield from ("held at a lift" for _ in range(line["held"]))
    for line in case.said("not lifted"):
        yield "void resume" if "void" in line["why"] else "resume refused or failed"
    for verb in ("edit", "cancel", "release", "reschedule"):
        yield from (f"post {verb}" for line in case.said(verb) for _ in line["posts"])
    yield from (f"cell {line['kind']}" for line in case.said("cell out of order"))
    yield from ("store put back" for _ in case.said("restored"))
    begun = len(case.said("begun")) - len(case.said("answer"))
    yield from ("crisis killed or failed" for _ in range(begun))
    told = {line["pid"] for line in case.said("confirming")} - {
        line["pid"] for line in case.said("lifted", "not lifted")
    }
    yield from ("resume killed" for _ in told)


def _fallen(case: Case) -> Iterator[str]:
    for line in case.evidence.workers:
        if ": SIG" in line["what"]:
            yield line["what"].partition(": ")[2]
    for line in case.evidence.strikes:
        if line["what"] == "strike":
            yield "stopped from outside" if line["stop"] else "killed from outside"
        else:
            yield line["what"]


def _in_store(case: Case) -> Iterator[str]:
    yield from (f"post {post.state}" for post in case.evidence.posts)
    for attempt in case.evidence.attempts:
        detail = attempt.detail or ""
        yield f"attempt {attempt.state}"
        if "fence stands" in detail:
            yield "refused by the fence"
        if "stop cell" in detail:
            yield "refused by the cell"
        if "restored from an older copy" in detail:
            yield "doubted after a restore"
        if attempt.state == "published" and attempt.looks:
            yield "unknown, found after a while"
        if attempt.outcome == "published" and attempt.look_at:
            yield "unknown, found by the reconciler"
    for row in case.evidence.suspensions:
        yield f"suspension by {row.by}" if row.by in ("stop cell", "standfast") else "suspension by a person"


def _beside_stops(case: Case) -> Iterator[str]:
    """Emergency messages, sweeps, planned stops and drills."""
    yield from ("emergency message" for line in case.said("emergency") for _ in line["posts"])
    yield from ("emergency message renewed" for line in case.said("renew") for _ in line["posts"])
    yield from ("emergency message arrived" for request in case.requests if request.tag in case.lane.tags)
    told = {line["pid"] for line in case.said("emergency", "not emergency")}
    yield from ("emergency killed" for line in case.said("emergency?") if line["pid"] not in told)
    for line in case.said("swept"):
        yield "sweep: empty" if line["trouble"] is None else "sweep: trouble"
    yield from ("sweep refused or failed" for _ in case.said("not swept"))
    yield from ("planner fired" for _ in case.evidence.fired)
    yield from ("planner: taken out" for _ in case.evidence.deleted)
    yield from (f"drill {verdict}" for line in case.said("verdicts")[-1:] for _, verdict in line["verdicts"])
    yield from ("drill refused" for _ in case.said("not drill"))
    yield from _of_windows(case)


def _of_windows(case: Case) -> Iterator[str]:
    away = [line["boot_ns"] for line in case.evidence.strikes if line["what"] in ("all away", "back")]
    for window in case.planned_windows():
        yield "planned stop taken back" if window.end_ns < window.start_ns else "planned stop came"
        if len(away) == 2 and away[0] < window.start_ns < away[1]:
            yield "planned stop came while no daemon lived"


def _overlaps(windows: list[Window]) -> int:
    """How many pairs of suspensions stood at the same time."""
    ordered = sorted(windows, key=lambda window: window.start_ns)
    return sum(
        other.start_ns < window.end_ns and other.epoch != window.epoch
        for number, window in enumerate(ordered)
        for other in ordered[number + 1 :]
    )
