"""The judge's rules for what a crisis has beside the stop itself: the emergency lane, sweeps, planned stops, drills.

What went out is read from the sandbox's arrival log: its requests, what fired from a planner, what was taken out of one. When a
worker asked for leave is its own diary's word, written before it asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from scheduler import exercise
from tests.chaos.evidence import Case, Line
from tests.chaos.stage import tag_of

TAKEN_OUT = "and taken out in suspension"
"""How the product says of a copy that it will not fire any more."""
OVERTAKEN = "overtaken"


# --- the emergency lane -----------------------------------------------------------------------------------------------


def _message_in_its_epoch(case: Case) -> Iterator[str]:
    """I9: an emergency message asks for leave only in an epoch for which it has one; sent once it is by I3, as all are."""
    steps = case.said("suspended", "lifted")
    for request in case.requests:
        if request.tag not in case.lane.tags or case.let_go(request.tag, 0):
            continue
        asked, newest = case.asked(request), case.lane.newest(request.tag, request.line.boot_ns)
        before = [line["epoch"] for line in steps if asked is None or line["boot_ns"] < asked["boot_ns"]]
        if max(before, default=1) > newest:
            yield f"lane: message {request.tag} went in epoch {max(before)} or later, its newest leave was for {newest}"


def _message_blocks_no_quiet(case: Case) -> Iterator[str]:
    """A message that had its leave under a suspension is none of the calls that its quiet waits for."""
    for receipt in case.receipts():
        for call in receipt["unconfirmed"]:
            tag = tag_of(call["text"])
            given = [epoch for _, epoch in case.lane.all_of(tag)] if tag in case.lane.tags else []
            if given and min(given) >= receipt["epoch"] and not case.let_go(tag, 0):
                yield f"lane: message {tag} keeps epoch {receipt['epoch']} from being called quiet"


# --- planned stops ----------------------------------------------------------------------------------------------------


def _window_holds(case: Case) -> Iterator[str]:
    """From a planned stop's moment on nobody gets leave on its channels, whether or not anybody has begun it."""
    for window in case.planned_windows():
        for request in case.requests:
            asked = case.asked(request)
            late = asked is None or asked["boot_ns"] > window.start_ns
            if late and request.within(window) and request.tag not in case.lane.tags:
                yield f"window: post {request.tag} had leave and arrived after the moment of a planned stop"


# --- the platforms' own schedulers ------------------------------------------------------------------------------------


def _laid(case: Case) -> Iterator[tuple[Line, Line]]:
    for line in case.said("laid"):
        yield from ((line, post) for post in line["posts"])


def _sweeps(case: Case) -> Iterator[tuple[Line, Line]]:
    """(where the sweep began, what it said of a channel)."""
    begun: dict[int, Line] = {}
    for line in case.said("sweeping", "swept"):
        if line["what"] == "sweeping":
            begun[line["pid"]] = line
        else:
            yield begun[line["pid"]], line


def _empty_means_empty(case: Case) -> Iterator[str]:
    """KS-16: nothing that lay in a planner as its sweep began fires after the sweep said that it is empty."""
    fired = {line.remote_id: line.boot_ns for line in case.evidence.fired}
    for began, swept in _sweeps(case):
        for laid, post in _laid(case) if swept["trouble"] is None else ():
            was_there = laid["boot_ns"] < began["boot_ns"] and post["channel"] == swept["channel"]
            if was_there and fired.get(post["remote_id"], 0) > swept["boot_ns"]:
                yield f"sweep: {post['post']} fired after {swept['channel']} was called empty"


def _copied_before_taken_out(case: Case) -> Iterator[str]:
    """KS-16: what the platform was made to forget was in the store before, also in one that was replaced since."""
    posts = {post["remote_id"]: post["post"] for _, post in _laid(case)}
    for line in case.evidence.deleted:
        tag = posts.get(line.path.rpartition("/")[2])
        if tag is None or (case.restored is not None and line.boot_ns < case.restored["after_ns"]):
            continue
        if case.lost_copy_us(tag) < line.wall_us:  # and lost later
            continue
        if tag not in case.rows or case.rows[tag].created_at > line.wall_us:
            yield f"sweep: {tag} was taken out of its planner before it was copied"


def _only_a_sweep_takes_out(case: Case) -> Iterator[str]:
    """Nothing is taken out but by the sweep of a real stop that covers its channel: a drill reaches no planner."""
    posts = {post["remote_id"]: post for _, post in _laid(case)}
    for line in case.evidence.deleted if case.restored is None else ():
        channel = posts[line.path.rpartition("/")[2]]["channel"]
        sweeps = [item for item in case.said("sweeping") if item["boot_ns"] < line.boot_ns]
        if not any(channel in case.evidence.plan.covered(item["scope"]) for item in sweeps):
            yield f"sweep: something was taken out of the planner of {channel}, which nobody was sweeping"


def _copies_wait(case: Case) -> Iterator[str]:
    """A copy goes out only when a person lets it go, and it does not say that it was taken out if it fired."""
    for tag in {post["post"] for _, post in _laid(case)}:
        if case.requests_of(tag) and not case.let_go(tag, 0):
            yield f"sweep: the copy of {tag} arrived, nobody let it go"
        row = case.rows.get(tag)
        if row is not None and tag in case.fired and TAKEN_OUT in (row.hold_reason or ""):
            yield f"sweep: {tag} fired, and its copy says that it was taken out"


# --- drills -----------------------------------------------------------------------------------------------------------


def _standing_is_shown(case: Case) -> Iterator[str]:
    """I6: a suspension that people were told of is shown by the status until somebody sets about lifting it."""
    for line in case.said("status"):
        if "suspensions" not in line["data"]:
            continue
        asked = max(item["boot_ns"] for item in case.said("status?") if item["pid"] == line["pid"])
        shown = {item["epoch"] for item in line["data"]["suspensions"]}
        for told in case.said("suspended"):
            stands = told["boot_ns"] < asked and line["boot_ns"] < case.ends_ns(told) and not case.is_lost(told)
            if stands and told["epoch"] not in shown:
                yield f"I6: the status does not show the suspension of epoch {told['epoch']}, which nobody lifted"


def _real_wins(case: Case) -> Iterator[str]:
    """KS-20: a real stop during a drill is never refused and stands after the drill's lift; the drill is then no passed one."""
    for line in case.said("answer"):
        if line["kind"] != exercise.DRILL and line["code"] in (1, 2):
            yield f"drill: a {line['kind']} ended with code {line['code']}: {line['words']}"
    for drill, lift in _drills(case):
        for real in case.said("suspended"):
            if real["kind"] == exercise.DRILL or not drill["boot_ns"] < real["boot_ns"] < lift["asked_ns"]:
                continue
            if case.ends_ns(real) > lift["boot_ns"] and not case.is_lost(real):
                yield from _opened(case, real, lift)
            verdict = lift["verdicts"].get(drill["epoch"], OVERTAKEN)
            if real["epoch"] > drill["epoch"] and verdict != OVERTAKEN and not case.is_lost(real):
                yield f"drill: epoch {drill['epoch']} is {verdict}, and the real stop of {real['epoch']} came in it"


def _opened(case: Case, real: Line, lift: Line) -> Iterator[str]:
    """What the lift of a drill let out though a real stop covers it."""
    channels, ends_ns = case.evidence.plan.covered(real["scope"]), case.ends_ns(real)
    for request in case.requests:
        asked = case.asked(request)
        in_time = asked is not None and asked["boot_ns"] > lift["boot_ns"] and request.line.boot_ns < ends_ns
        if in_time and request.channel in channels and not case.lane.passes(request, real["epoch"]):
            yield f"drill: post {request.tag} had leave after a drill's lift, under the real stop of {real['epoch']}"


def _drills(case: Case) -> Iterator[tuple[Line, Line]]:
    """(told, lifted) of each drill that was lifted; `asked_ns`: when its lift began, `verdicts`: what was told after it."""
    for drill in case.said("suspended"):
        lifts = [line for line in case.said("lifted") if line["suspended_epoch"] == drill["epoch"]]
        for line in lifts if drill["kind"] == exercise.DRILL else ():
            own = [item for item in case.said("verdicts") if item["pid"] == line["pid"]]
            after = [item for item in own if item["boot_ns"] > line["boot_ns"]]
            told = {int(epoch): verdict for item in after[:1] for epoch, verdict in item["verdicts"]}
            yield drill, {**line, "asked_ns": case.ends_ns(drill), "verdicts": told}


RULES: tuple[Callable[[Case], Iterator[str]], ...] = (
    _message_in_its_epoch,
    _message_blocks_no_quiet,
    _window_holds,
    _empty_means_empty,
    _copied_before_taken_out,
    _only_a_sweep_takes_out,
    _copies_wait,
    _standing_is_shown,
    _real_wins,
)
