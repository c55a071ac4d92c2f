"""Whether the judge of a trial is fair: what it must call a violation, and what only looks like one."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.arrivals import Arrival, ArrivalKind
from store.tables import Attempt, Post
from tests.chaos import oracle
from tests.chaos.draw import draw
from tests.chaos.evidence import LEAVE, Case, Evidence
from tests.chaos.points import WENT_ON
from tests.chaos.worker import AFTER_LEAVE

CRISIS, DESK, STATUS = 1, 2, 3
"""Three processes of people."""
CHANNEL, PLATFORM = next(iter(draw(1, "crisis").channels.items()))


def line(at: int, pid: int, what: str, **more: Any) -> dict[str, Any]:
    """A line of a diary."""
    return {"boot_ns": at, "wall_us": at, "pid": pid, "what": what, **more}


def arrival(
    at: int, kind: ArrivalKind = "publish", path: str = "/", method: str = "POST", text: str = "a word"
) -> Arrival:
    """A line of the sandbox's log."""
    return Arrival(1, at, at, kind, PLATFORM, CHANNEL, method, path, text, "1", True, None, None)


def case_of(people: list[dict[str, Any]], arrived: int | None, **more: Any) -> Case:
    """A trial in which post ``a`` was queued at 1 and arrived at `arrived`, if at all."""
    queued = line(1, DESK, "added", posts=[{"post": "a", "channel": CHANNEL, "due_us": 20}])
    nothing: dict[str, Any] = dict.fromkeys(("posts", "attempts", "channels", "suspensions", "listed", "workers"), ())
    rest = {"gate": None, "strikes": (), "publisher": "standfast", "kept_by": ""}
    arrivals = [] if arrived is None else [arrival(arrived)]
    known = {"plan": draw(1, "crisis"), "settled": True, "arrivals": arrivals, "people": [queued, *people]}
    return Case(Evidence(**{**nothing, **rest, **known, **more}))


PUT_OFF = [
    line(40, DESK, "reschedule?", posts=[{"post": "a", "due_us": 20}]),
    line(52, DESK, "reschedule", posts=[{"post": "a", "due_us": 70}]),
]
SUSPENDED = {"epoch": 2, "scope": "all", "in_flight": [], "unconfirmed": []}


@pytest.mark.parametrize("told_at", [45, 58])
@pytest.mark.parametrize("put_off", [True, False])
def test_a_post_that_was_put_off_while_it_was_lifted_may_go_and_one_that_nobody_touched_may_not(
    told_at: int, put_off: bool
) -> None:
    """I7: whoever asks for the status meanwhile is told of the suspension before or after the lift has begun."""
    people = [
        line(10, CRISIS, "suspended", epoch=2, scope="all"),
        *(PUT_OFF if put_off else ()),
        line(44, STATUS, "status?"),
        line(told_at, STATUS, "status", code=10, data={"suspensions": [SUSPENDED]}),
        line(50, CRISIS, "confirming", suspended_epoch=2, kind="crisis"),
        line(60, CRISIS, "lifted", suspended_epoch=2, epoch=3, held=0, warning=None, kind="crisis"),
    ]
    found = list(oracle._missed_waits(case_of(sorted(people, key=lambda line: line["boot_ns"]), 75)))
    assert bool(found) is not put_off


@pytest.mark.parametrize("arrived", [15, 8])
def test_a_stop_that_could_make_no_receipt_is_judged_all_the_same(arrived: int) -> None:
    """I2: the store was put back while it waited; SUSPENDED was said, and what arrives after it was named by nobody."""
    people = [
        line(10, CRISIS, "suspended", epoch=2, scope="all"),
        line(12, CRISIS, "answer", code=10, receipt={"recorded": True, "words": "SUSPENDED, NOT CONFIRMED"}, words=""),
    ]
    found = list(oracle._reported_in_flight(case_of(people, arrived)))
    assert bool(found) is (arrived > 10)


@pytest.mark.parametrize(("added_at", "is_missed"), [(1, True), (62, False)])
def test_a_post_that_was_still_being_added_at_the_lift_was_not_missed(added_at: int, is_missed: bool) -> None:
    """I7: who adds a post whose time has passed, behind a lift, means it to go."""
    case = case_of(
        [
            line(10, CRISIS, "suspended", epoch=2, scope="all"),
            line(45, DESK, "added?", posts=[{"post": "a", "channel": CHANNEL, "due_us": 20}]),
            line(50, CRISIS, "confirming", suspended_epoch=2, kind="crisis"),
            line(60, CRISIS, "lifted", suspended_epoch=2, epoch=3, held=0, warning=None, kind="crisis"),
        ],
        75,
    )
    case.said("added")[0]["boot_ns"] = added_at
    assert bool(list(oracle._missed_waits(case))) is is_missed


@pytest.mark.parametrize(("opened_at", "is_broken"), [(28, False), (33, True)])
def test_an_edit_of_who_had_the_store_open_as_it_was_put_back_is_lost_with_it(opened_at: int, is_broken: bool) -> None:
    """The edit went into the file that was replaced, and was told of afterwards; the twin opened the store that stands."""
    people = [
        line(2, STATUS, "copied", before_ns=2, after_ns=3),
        line(opened_at, DESK, "opens"),
        line(32, STATUS, "restored", before_ns=30, after_ns=31),
        line(34, DESK, "edit?", posts=[{"post": "a"}]),
        line(36, DESK, "edit", posts=[{"post": "a"}]),
    ]
    assert bool(list(oracle._edited_goes_as_edited(case_of(people, 75)))) is is_broken


@pytest.mark.parametrize(("epoch", "is_broken"), [(3, False), (2, True)])
def test_a_leave_given_as_a_lift_was_being_told_is_newer_than_it(epoch: int, is_broken: bool) -> None:
    """I6: the epoch says which came first; a leave of the epoch before the lift does not outlive it."""
    about = {"post": "a", "attempt": 7}
    workers = [line(20, 9, LEAVE, **about), line(30, 9, f"worker 1: {WENT_ON} {AFTER_LEAVE}", **about)]
    people = [line(22, CRISIS, "lifted", suspended_epoch=2, epoch=3, held=0, warning=None, kind="crisis")]
    rows = {"posts": [Post(id=1, text="a word")], "attempts": [Attempt(id=7, post_id=1, authorise_epoch=epoch)]}
    assert bool(list(oracle._fence_holds(case_of(people, 32, workers=workers, **rows)))) is is_broken
