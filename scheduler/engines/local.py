"""The local engine: APScheduler as the daemon's clock on one host.

One date job, re-armed for the next due moment, starts what is due; interval jobs carry the periodic duties. Never one job
per post: the publisher decides whether a post goes out, this decides only when its code runs. A thread of its own, on boot
time, notices other processes' writes and jumps of wall time (which would stall a scheduler that lives by wall time).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Lock, Thread

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from config import clock

logger = structlog.get_logger()
DISPATCH = "dispatch"
RETRY_S = 1.0
"""How soon to try again when the store could not be read."""
TICK_S = 1.0
"""The longest time between two looks at what is due, whatever was or was not noticed."""


@dataclass(frozen=True)
class Duty:
    """Something done again and again, every `every_s` seconds; a failure is logged and the next turn comes all the same."""

    name: str
    every_s: float
    action: Callable[[], object]


class _Every(IntervalTrigger):  # type: ignore[misc]  # the library has no types
    """Every so many seconds, and never twice to make up for what was slept through.

    APScheduler's own names each missed turn before it runs one of them: after a clock that was set by years (a machine that
    began in 1970) it would count for hours, under the lock that everything else waits for.
    """

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """The next turn after `previous`, counted from `now` where that is past already."""
        missed = previous is not None and now - previous > self.interval
        found: datetime = super().get_next_fire_time(None if missed else previous, now)
        return found


class LocalEngine:
    """Runs `dispatch` at the moments it asks for (wall µs) and when `changed` says so, and the duties at theirs.

    `jumped` is asked by the same thread as `changed`, every `watch_s`; when it is true all jobs are armed anew.
    """

    def __init__(
        self,
        dispatch: Callable[[], int | None],
        duties: Sequence[Duty],
        changed: Callable[[], bool],
        jumped: Callable[[], bool],
        watch_s: float,
    ) -> None:
        self.dispatch, self.duties = dispatch, duties
        self.changed, self.jumped, self.watch_s = changed, jumped, watch_s
        pool = ThreadPoolExecutor(len(duties) + 2)
        self._scheduler = BackgroundScheduler(timezone=UTC, executors={"default": pool})
        self._running, self._arming, self._again = Lock(), Lock(), Event()
        self._armed: int | None = None
        self._stop = Event()
        self._watcher = Thread(target=self._watch, name="watch", daemon=True)
        self._failing: set[str] = set()

    def start(self) -> None:
        """Begin; the first dispatch follows at once."""
        for duty in self.duties:
            self._scheduler.add_job(
                self._guarded,
                _Every(seconds=duty.every_s),
                args=(duty,),
                id=duty.name,
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )
        self._scheduler.start()
        self._watcher.start()
        self.poke()

    def stop(self) -> None:
        """End: nothing is dispatched after this returns."""
        self._stop.set()
        self._watcher.join()
        # A dispatch that is under way, also in a thread of somebody else's; and one that has ended and arms the next: the
        # scheduler waits for its threads with the very lock in hand that adding a job needs.
        with self._running, self._arming:
            self._scheduler.pause()  # else it hands a job to its threads after they were told to end
            self._scheduler.remove_all_jobs()  # and fails over one that is due while it ends
        self._scheduler.shutdown(wait=True)

    def poke(self) -> None:
        """Dispatch as soon as possible; a dispatch that is under way looks once more before it ends."""
        self._again.set()
        if not self._running.locked():  # whoever holds it looks at `_again` after letting it go
            self._arm(None)

    def turn(self) -> None:
        """Dispatch now, in the caller's own thread: for who has just become free to take the next post."""
        self._run()

    def _arm(self, wall_us: int | None) -> None:
        with self._arming:
            if self._stop.is_set():
                return
            self._armed = wall_us
            self._scheduler.add_job(
                self._fired,
                DateTrigger(_real(wall_us)),
                id=DISPATCH,
                replace_existing=True,
                misfire_grace_time=None,
                max_instances=100,
            )

    def _fired(self) -> None:
        self._armed = None
        self._run()

    def _run(self) -> None:
        """Dispatch, again if somebody poked meanwhile, then sleep until the next moment."""
        self._again.set()
        if not self._running.acquire(blocking=False):
            return
        try:
            upcoming: int | None = None
            while self._again.is_set() and not self._stop.is_set():
                self._again.clear()
                upcoming = self._dispatch()
        finally:
            self._running.release()
        if self._again.is_set():
            self._arm(None)
        elif upcoming is not None and upcoming != self._armed:
            self._arm(upcoming)

    def _dispatch(self) -> int | None:
        try:
            upcoming = self.dispatch()
        except Exception as error:  # closed until the store can be read again
            self._report(DISPATCH, error)
            return clock.wall_us() + int(RETRY_S * clock.SECOND * clock.factor())
        self._failing.discard(DISPATCH)
        return upcoming

    def _guarded(self, duty: Duty) -> None:
        try:
            duty.action()
        except Exception as error:  # a duty that fails must not end the others
            self._report(duty.name, error)
        else:
            self._failing.discard(duty.name)

    def _report(self, name: str, error: Exception) -> None:
        """Say it once per outage."""
        if name not in self._failing:
            logger.error("duty failed", action=name, error=f"{type(error).__name__}: {error}")
            self._failing.add(name)

    def _watch(self) -> None:
        last = clock.boot_s()
        while not self._stop.wait(self.watch_s):
            if self._ask("jump", self.jumped):
                self._rearm()
            if self._ask("change", self.changed) or clock.boot_s() - last > TICK_S:
                last = clock.boot_s()
                self.poke()

    def _ask(self, name: str, question: Callable[[], bool]) -> bool:
        try:
            answer = question()
        except Exception as error:
            self._report(name, error)
            return False
        self._failing.discard(name)
        return answer

    def _rearm(self) -> None:
        self._armed = None
        for duty in self.duties:
            self._scheduler.reschedule_job(duty.name, trigger=_Every(seconds=duty.every_s))
        self.poke()


def _real(wall_us: int | None) -> datetime:
    """The moment of wall time `wall_us` on the machine's own clock, which APScheduler lives by; None means now."""
    ahead = 0 if wall_us is None else max(0, int((wall_us - clock.wall_us()) / clock.factor()))
    return clock.to_datetime(clock.machine_wall_us() + ahead)
