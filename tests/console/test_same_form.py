"""Which stop a form that comes again belongs to: a second tap shows the first one's receipt, and never keeps a new stop out."""

from __future__ import annotations

import pytest

from config import clock
from console.stops import SAME_TAP_S, Stop, Stops
from scheduler.emergency_stop import DONE, NOT_CONFIRMED, NOT_RECORDED, Answer
from scheduler.killswitch import Scope

KEY = ("form", "credential", "all")


def _known(stop: Stop) -> Stop | None:
    stops = Stops(lambda: pytest.fail("nothing is begun here"), lambda _: None)
    stops._by_form[KEY] = stop
    return stops.of_form(KEY)


def _stop(ended_ago_s: float | None, answer: Answer | None = None, fault: str = "") -> Stop:
    ended = None if ended_ago_s is None else clock.boot_s() - ended_ago_s
    return Stop("id", Scope(), clock.boot_s() - 20, answer=answer, ended=ended, fault=fault)


@pytest.mark.parametrize("code", [DONE, NOT_CONFIRMED])
def test_a_second_tap_belongs_to_the_stop_that_runs_or_has_just_ended(code: int) -> None:
    for stop in (_stop(None), _stop(None, Answer(code, "SUSPENDED")), _stop(SAME_TAP_S / 2, Answer(code, "SUSPENDED"))):
        assert _known(stop) is stop


def test_a_form_that_comes_again_later_is_a_new_stop() -> None:
    """What it stopped then may have been resumed since."""
    assert _known(_stop(SAME_TAP_S + 1, Answer(DONE, "SUSPENDED"))) is None


@pytest.mark.parametrize("fault", ["", "OSError: the disk is full"])
def test_what_was_not_recorded_or_failed_keeps_no_second_try_out(fault: str) -> None:
    answer = None if fault else Answer(NOT_RECORDED, "NOT RECORDED", recorded=False)
    assert _known(_stop(SAME_TAP_S / 2, answer, fault)) is None
