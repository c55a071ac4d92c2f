"""The daemon's clock: dispatch at the moment asked for, again when poked, duties that fail do not end, and an end that ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from config import clock
from scheduler.engines import local
from scheduler.engines.local import Duty, LocalEngine

WITHIN_S = 20.0


class Tally:
    """Counts calls; `wait` returns when the next one came."""

    def __init__(self, then: Callable[[int], int | None] = lambda count: None) -> None:
        self.count, self.then, self.came = 0, then, threading.Semaphore(0)
        self.at: list[int] = []

    def __call__(self) -> int | None:
        self.count += 1
        self.at.append(clock.wall_us())
        try:
            return self.then(self.count)
        finally:
            self.came.release()

    def wait(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.came.acquire(timeout=WITHIN_S)


@contextmanager
def running(
    dispatch: Callable[[], int | None],
    *duties: Duty,
    changed: Callable[[], bool] = lambda: False,
    jumped: Callable[[], bool] = lambda: False,
) -> Iterator[LocalEngine]:
    """An engine that was started, stopped at the end."""
    made = LocalEngine(dispatch, duties, changed, jumped, 0.005)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def test_the_first_dispatch_comes_at_once_and_the_next_when_asked_for() -> None:
    moments: list[int] = []

    def later(count: int) -> int | None:
        moments.append(clock.wall_us() + clock.SECOND // 5)
        return moments[0] if count == 1 else None

    dispatch = Tally(later)
    with running(dispatch):
        dispatch.wait(2)
    assert dispatch.at[1] >= moments[0]


def test_a_moment_that_has_passed_is_dispatched_and_not_dropped() -> None:
    """No misfire: a post whose moment passed while nobody could run is still looked at."""
    dispatch = Tally(lambda count: 1 if count < 4 else None)
    with running(dispatch):
        dispatch.wait(4)


def test_a_poke_during_a_dispatch_is_not_lost() -> None:
    inside, go = threading.Event(), threading.Event()

    def slow(count: int) -> None:
        if count == 1:
            inside.set()
            assert go.wait(WITHIN_S)

    dispatch = Tally(slow)
    with running(dispatch) as own:
        assert inside.wait(WITHIN_S)
        own.poke()
        go.set()
        dispatch.wait(2)


def test_what_another_process_wrote_is_looked_at() -> None:
    answers = iter([False, True])
    dispatch = Tally()
    with running(dispatch, changed=lambda: next(answers, False)):
        dispatch.wait(2)


def test_it_looks_from_time_to_time_whatever_was_noticed() -> None:
    dispatch = Tally()
    with running(dispatch):
        dispatch.wait(2)
    assert dispatch.at[1] - dispatch.at[0] >= 0.5 * local.TICK_S * clock.SECOND


def test_a_dispatch_that_fails_is_tried_again() -> None:
    """A store that is away for a while stops nothing for ever."""

    def fails(count: int) -> None:
        if count == 1:
            raise OSError("the store is away")

    dispatch = Tally(fails)
    with running(dispatch):
        dispatch.wait(2)


def test_a_duty_that_fails_comes_again_and_keeps_no_other() -> None:
    def fails(_count: int) -> None:
        raise RuntimeError("no")

    bad, good = Tally(fails), Tally()
    with running(Tally(), Duty("bad", 0.05, bad), Duty("good", 0.05, good)):
        bad.wait(2)
        good.wait(2)


def test_a_question_that_fails_is_asked_again() -> None:
    def fails(count: int) -> int:
        if count < 3:
            raise RuntimeError("no")
        return int(count == 3)

    asked, dispatch = Tally(fails), Tally()
    with running(dispatch, changed=lambda: bool(asked())):
        dispatch.wait(2)
    assert asked.count >= 3


def test_after_a_jump_the_duties_are_armed_anew() -> None:
    """A scheduler that lives by wall time would wait a day after a day's jump back."""
    jump = iter([True])
    dispatch, duty = Tally(), Tally()
    with running(dispatch, Duty("beat", 0.05, duty), jumped=lambda: next(jump, False)):
        dispatch.wait(2)
        duty.wait(2)


def test_nothing_runs_after_the_end() -> None:
    dispatch, duty = Tally(lambda count: clock.wall_us()), Tally()
    with running(dispatch, Duty("beat", 0.02, duty)) as own:
        dispatch.wait(3)
        duty.wait()
    before = (dispatch.count, duty.count)
    own.poke()
    assert own._scheduler.running is False
    assert (dispatch.count, duty.count) == before


def test_an_end_while_a_dispatch_arms_the_next_does_not_wait_for_it_for_ever() -> None:
    """The scheduler waits for its threads with the lock in hand that a thread needs to add a job."""
    arming, ending = threading.Event(), threading.Event()
    dispatch = Tally(lambda count: clock.wall_us() + 3600 * clock.SECOND if count > 1 else None)
    own = LocalEngine(dispatch, (), lambda: False, lambda: False, 0.005)
    own.start()
    dispatch.wait()
    add_job, own_threads = own._scheduler.add_job, own._scheduler._executors["default"]
    shutdown = own_threads.shutdown

    def add_late(*arguments: Any, **named: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            arming.set()
            ending.wait(0.5)
        add_job(*arguments, **named)

    def tell_and_shut_down(wait: bool) -> None:
        ending.set()
        shutdown(wait)

    own._scheduler.add_job, own_threads.shutdown = add_late, tell_and_shut_down
    own.poke()
    assert arming.wait(WITHIN_S)
    end = threading.Thread(target=own.stop, daemon=True)
    end.start()
    end.join(WITHIN_S)
    assert not end.is_alive()


def test_a_rehearsal_s_moment_comes_sooner_by_its_factor() -> None:
    rehearsal = clock.RehearsalClock(0, clock.boot_ns(), 60.0)
    with clock.use(rehearsal):
        ahead = local._real(clock.wall_us() + 60 * clock.SECOND)
        wait_s = (ahead - clock.to_datetime(clock.machine_wall_us())).total_seconds()
    assert 0.5 < wait_s <= 1.0
