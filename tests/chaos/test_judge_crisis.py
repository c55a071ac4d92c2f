"""Whether the judge is fair about emergency messages, planned stops, sweeps and drills: each violation beside what is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos import crisis_rules, oracle
from tests.chaos.evidence import Case
from tests.chaos.test_judge import CHANNEL, CRISIS, DESK, STATUS, arrival, case_of, line
from tests.chaos.worker import ASKS

WORKER, EVE = 7, 8
Lines = list[dict[str, Any]]
MESSAGE = [{"post": "a", "channel": CHANNEL}]
PLACED = {"post": "a", "channel": CHANNEL, "remote_id": "9_1", "at_us": 30}
OTHER = next(name for name in case_of([], None).evidence.plan.channels if name != CHANNEL)


def _asks(*at: int) -> Lines:
    return [line(ns, WORKER, ASKS, post="a", attempt=1) for ns in at]


def _told(at: int, epoch: int, kind: str = "crisis", scope: str = "all") -> dict[str, Any]:
    return line(at, CRISIS, "suspended", epoch=epoch, suspension=epoch, scope=scope, kind=kind)


def _lifts(at: int, epoch: int, kind: str) -> Lines:
    about = {"suspended_epoch": epoch, "kind": kind, "reason": "chaos"}
    return [
        line(at, STATUS, "confirming", **about),
        line(at + 1, STATUS, "lifted", epoch=epoch + 9, held=0, warning=None, **about),
    ]


def _message(epoch: int | None) -> Lines:
    """A message set about at 20; told of at 22 with the epoch of its leave, or (None) by nobody."""
    asked = line(20, EVE, "emergency?", posts=MESSAGE)
    return [asked, line(22, EVE, "emergency", posts=MESSAGE, epoch=epoch)] if epoch else [asked]


# --- the emergency lane -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked_at", "is_broken"), [(28, False), (33, True)])
def test_a_message_needs_leave_for_the_epoch_in_which_it_asks(asked_at: int, is_broken: bool) -> None:
    """I9: what had asked before the second stop was told may still arrive; afterwards a renewal is needed."""
    people = [_told(10, 2), *_message(2), _told(30, 3)]
    assert bool([*crisis_rules._message_in_its_epoch(case_of(people, 40, workers=_asks(asked_at)))]) is is_broken
    renewed = [line(31, EVE, "renew?"), line(32, EVE, "renew", posts=[{"post": "a"}], epoch=3)]
    assert [*crisis_rules._message_in_its_epoch(case_of([*people, *renewed], 40, workers=_asks(asked_at)))] == []


@pytest.mark.parametrize(("lifted", "is_broken"), [((), False), (_lifts(30, 1, "crisis"), True)])
def test_a_lift_voids_a_message_as_a_stop_does(lifted: Lines, is_broken: bool) -> None:
    people = [_told(9, 1), _told(10, 2), *_message(2), *lifted]
    assert bool([*crisis_rules._message_in_its_epoch(case_of(people, 40, workers=_asks(33)))]) is is_broken


def test_what_a_person_lets_go_needs_no_leave() -> None:
    people = [_told(10, 2), *_message(2), _told(30, 3), line(34, DESK, "release", posts=[{"post": "a", "due_us": 1}])]
    assert [*crisis_rules._message_in_its_epoch(case_of(people, 40, workers=_asks(36)))] == []


@pytest.mark.parametrize("told", [True, False])
def test_of_a_message_whose_sender_was_killed_the_ledger_tells_the_epoch(told: bool) -> None:
    """I2: under the stop for which it has leave it may arrive, told of or not; under a later one it may not."""
    rows = [SimpleNamespace(id=5, text="a word", created_at=1)]
    overrides = [SimpleNamespace(post_id=5, epoch=2)]
    first = [_told(10, 2), *_message(2 if told else None)]
    assert [*oracle._reported_in_flight(case_of(first, 40, posts=rows, overrides=overrides))] == []
    assert [*oracle._reported_in_flight(case_of([*first, _told(30, 3)], 40, posts=rows, overrides=overrides))] != []


@pytest.mark.parametrize(("epoch", "is_broken"), [(2, True), (3, False)])
def test_quiet_waits_for_no_message_that_had_its_leave_under_it(epoch: int, is_broken: bool) -> None:
    """A stop that comes while the message is under way waits for it like for every call."""
    receipt = {"epoch": epoch, "scope": "all", "in_flight": [], "unconfirmed": [{"text": "a word"}]}
    answer = line(35, CRISIS, "answer", code=10, receipt=receipt, words="", kind="crisis")
    case = case_of([_told(10, 2), *_message(2), answer], None)
    assert bool([*crisis_rules._message_blocks_no_quiet(case)]) is is_broken


# --- planned stops ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked_at", "is_broken"), [(19, False), (22, True)])
@pytest.mark.parametrize("scope", ["all", f"channel:{CHANNEL}", f"channel:{OTHER}"])
def test_from_its_moment_on_a_planned_stop_lets_nobody_have_leave(asked_at: int, is_broken: bool, scope: str) -> None:
    people = [line(20, CRISIS, "planned", suspension=1, scope=scope, starts_us=20, reason="window 1 20")]
    case = case_of(people, 25, workers=_asks(asked_at))
    assert bool([*crisis_rules._window_holds(case)]) is (is_broken and OTHER not in scope)


def test_a_planned_stop_holds_until_somebody_sets_about_lifting_it() -> None:
    told = line(20, CRISIS, "planned", suspension=1, scope="all", starts_us=20, reason="window 1 20")
    lift = line(23, STATUS, "confirming", suspended_epoch=2, kind="planned", reason="window 1 20")
    assert [*crisis_rules._window_holds(case_of([told, lift], 25, workers=_asks(24)))] == []
    another = {**lift, "reason": "window 2 20"}
    assert [*crisis_rules._window_holds(case_of([told, another], 25, workers=_asks(24)))] != []


def test_what_came_due_in_a_planned_stop_waits_for_a_person_after_it() -> None:
    """I7."""
    told = line(10, CRISIS, "planned", suspension=1, scope="all", starts_us=10, reason="window 1 10")
    lift = line(50, STATUS, "confirming", suspended_epoch=2, kind="planned", reason="window 1 10")
    assert [*oracle._missed_waits(case_of([told, lift], 60))] != []
    let_go = line(55, DESK, "release", posts=[{"post": "a", "due_us": 56}])
    assert [*oracle._missed_waits(case_of([told, lift, let_go], 60))] == []


# --- the platforms' own schedulers ------------------------------------------------------------------------------------


def _swept(case_laid_at: int, trouble: str | None = None, scope: str = "all", **more: Any) -> Case:
    """A post laid into a planner, which was being swept from 20 and spoken of at 25."""
    people = [
        line(case_laid_at, DESK, "laid", posts=[PLACED]),
        line(20, CRISIS, "sweeping", suspension=1, scope=scope),
        line(25, CRISIS, "swept", channel=CHANNEL, found=1, gone=1, trouble=trouble),
    ]
    return case_of(people, None, **more)


def _fired(at: int) -> list[Any]:
    return [SimpleNamespace(remote_id="9_1", boot_ns=at, wall_us=at, text="a word")]


@pytest.mark.parametrize(
    ("laid_at", "fired_at", "trouble", "is_broken"),
    [(5, 30, None, True), (5, 24, None, False), (22, 30, None, False), (5, 30, "1 post(s) are still there", False)],
)
def test_empty_is_said_of_what_does_not_fire_any_more(
    laid_at: int, fired_at: int, trouble: str | None, is_broken: bool
) -> None:
    """KS-16: what fired before the word, what was laid there later, and a planner that was not called empty break nothing."""
    case = _swept(laid_at, trouble, fired=_fired(fired_at))
    assert bool([*crisis_rules._empty_means_empty(case)]) is is_broken


@pytest.mark.parametrize(("copied_at", "is_broken"), [(None, True), (23, True), (21, False)])
def test_what_is_taken_out_was_copied_before(copied_at: int | None, is_broken: bool) -> None:
    """KS-16."""
    rows = [] if copied_at is None else [SimpleNamespace(id=5, text="a word", created_at=copied_at)]
    case = _swept(5, posts=rows, deleted=[arrival(22, "other", "/v26.0/9_1", "DELETE", "")])
    assert bool([*crisis_rules._copied_before_taken_out(case)]) is is_broken


@pytest.mark.parametrize(("copied_at", "is_broken"), [(23, True), (21, False)])
def test_a_copy_may_be_lost_with_the_store_that_was_replaced(copied_at: int, is_broken: bool) -> None:
    """KS-16: it was there before the platform was asked to forget the post."""
    taken_out = arrival(22, "other", "/v26.0/9_1", "DELETE", "")
    case = _swept(5, lost_copies=[(copied_at, "a word")], deleted=[taken_out])
    assert bool([*crisis_rules._copied_before_taken_out(case)]) is is_broken


@pytest.mark.parametrize(
    ("scope", "at", "is_broken"), [("all", 22, False), ("all", 19, True), (f"channel:{OTHER}", 22, True)]
)
def test_only_the_sweep_of_a_stop_that_covers_it_takes_anything_out(scope: str, at: int, is_broken: bool) -> None:
    """KS-20: nobody sweeps in a drill."""
    case = _swept(5, scope=scope, deleted=[arrival(at, "other", "/v26.0/9_1", "DELETE", "")])
    assert bool([*crisis_rules._only_a_sweep_takes_out(case)]) is is_broken


def test_a_copy_waits_for_a_person_and_does_not_hide_that_it_fired() -> None:
    """I5, I7."""
    laid, let_go = line(5, DESK, "laid", posts=[PLACED]), line(30, DESK, "release", posts=[{"post": "a", "due_us": 31}])
    assert [*crisis_rules._copies_wait(case_of([laid], 40))] != []
    assert [*crisis_rules._copies_wait(case_of([laid, let_go], 40))] == []
    for reason, is_broken in (
        ("planned for 9:00, and taken out in suspension 1", True),
        ("it may have gone out", False),
    ):
        rows = [SimpleNamespace(id=5, text="a word", created_at=1, hold_reason=reason)]
        case = case_of([laid], None, posts=rows, fired=_fired(30))
        assert bool([*crisis_rules._copies_wait(case)]) is is_broken


# --- drills -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shown", "is_broken"), [([2], True), ([2, 3], False)])
def test_the_status_shows_what_nobody_has_lifted(shown: list[int], is_broken: bool) -> None:
    """I6."""
    told = [{"epoch": epoch, "scope": "all", "in_flight": [], "unconfirmed": []} for epoch in shown]
    people = [
        _told(10, 2, "drill"),
        _told(15, 3),
        line(20, STATUS, "status?"),
        line(22, STATUS, "status", code=10, data={"suspensions": told}, wait=False),
    ]
    assert bool([*crisis_rules._standing_is_shown(case_of(people, None))]) is is_broken
    lifting = line(21, DESK, "confirming", suspended_epoch=3, kind="crisis", reason="chaos")
    assert [*crisis_rules._standing_is_shown(case_of([*people, lifting], None))] == []


@pytest.mark.parametrize(("asked_at", "is_broken"), [(25, False), (35, True)])
@pytest.mark.parametrize("scope", ["all", f"channel:{OTHER}"])
def test_a_drill_s_lift_opens_nothing_that_a_real_stop_covers(asked_at: int, is_broken: bool, scope: str) -> None:
    """KS-20."""
    people = [_told(10, 2, "drill"), _told(15, 3, scope=scope), *_lifts(30, 2, "drill")]
    case = case_of(people, 40, workers=_asks(asked_at))
    assert bool([*crisis_rules._real_wins(case)]) is (is_broken and scope == "all")


@pytest.mark.parametrize(
    ("verdict", "real_at", "is_broken"), [("passed", 15, True), ("overtaken", 15, False), ("passed", 35, False)]
)
def test_a_drill_in_which_a_real_stop_came_is_not_passed(verdict: str, real_at: int, is_broken: bool) -> None:
    verdicts = line(33, STATUS, "verdicts", verdicts=[[2, verdict]])
    people = [_told(10, 2, "drill"), _told(real_at, 3), *_lifts(30, 2, "drill"), verdicts]
    people.sort(key=lambda item: item["boot_ns"])
    assert bool([*crisis_rules._real_wins(case_of(people, None))]) is is_broken


@pytest.mark.parametrize(
    ("kind", "code", "is_broken"), [("crisis", 1, True), ("drill", 1, False), ("crisis", 10, False)]
)
def test_a_real_stop_is_never_refused(kind: str, code: int, is_broken: bool) -> None:
    answer = line(12, CRISIS, "answer", code=code, receipt=None, words="no", kind=kind)
    assert bool([*crisis_rules._real_wins(case_of([_told(10, 2, "drill"), answer], None))]) is is_broken


# --- the stop cell ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("begun_at", "is_broken"), [(12, False), (30, True)])
def test_a_cell_that_a_stop_of_everything_laid_down_anew_lets_its_messages_pass(begun_at: int, is_broken: bool) -> None:
    """I8: until then not even they."""
    row = SimpleNamespace(scope_kind="all", kind="crisis", begun_at=begun_at, lifted_at=None, epoch=2)
    people = [line(10, DESK, "cell out of order", kind="garbled"), _told(13, 2), *_message(2)]
    assert bool([*oracle._no_cell_no_call(case_of(people, 25, suspensions=[row]))]) is is_broken
