"""A crisis of a trial and what follows it: called again when it fell, perhaps asked about, and lifted after a while."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from config import clock
from scheduler import exercise, killswitch
from tests.chaos import acts, exercises, lane
from tests.chaos.family import Child, Family
from tests.chaos.plan import Crisis, Flare
from tests.chaos.worker import Diary, read_diary

ACT, CRISIS = "act", "crisis"
STANDS_S = 0.5
"""How long a stopped crisis stands still."""
SOON_S = 0.1
"""A message as the lift is near comes so long before it, at most."""


@dataclass(frozen=True)
class Hands:
    """What the trial does for an episode."""

    continue_all: Callable[[], None]
    flare: Callable[[Flare], object]
    renew: Callable[[], object]
    sweeps: bool
    """True where something may lie in a planner."""
    away: Callable[[float], object] = lambda _: None
    """Told the boot time (s) of a planned stop's start."""


class Episode:
    """One crisis from its call to its lift; `over` when nobody does anything about it any more."""

    def __init__(self, item: Crisis, family: Family, people: Path, hands: Hands) -> None:
        self.item, self.family, self.people, self.hands = item, family, people, hands
        self.over, self.called_s = False, 0.0
        self.callers: list[Child] = []

    def begin(self) -> None:
        """Call the crisis, two at once when planned so."""
        self.called_s = clock.boot_s()
        caller = self._call(self.item.subprocess)
        if self.item.twice and self.item.kind != exercise.DRILL:
            self._call(False)
        if self.item.kind != killswitch.PLANNED:
            self._plan_lane()
        if self.item.killed_after_s is not None:
            self.family.later(self.called_s + self.item.killed_after_s, partial(caller.signal, signal.SIGKILL))
        elif self.item.stopped_after_s is not None:
            at = self.called_s + self.item.stopped_after_s
            self.family.later(at, partial(caller.signal, signal.SIGSTOP))
            self.family.later(at + STANDS_S, partial(caller.signal, signal.SIGCONT))

    @property
    def called(self) -> bool:
        """True once all callers have ended."""
        return bool(self.callers) and not any(child.alive for child in self.callers)

    def told(self) -> bool:
        """True once a caller was told SUSPENDED."""
        return bool(self._lines("suspended"))

    def _plan_lane(self) -> None:
        """Messages and renewals once it holds; some messages wait until the lift is near."""
        for flare in self.item.flares:
            if not flare.at_lift:
                self.family.later(self.holds_s + flare.after_s, partial(self.hands.flare, flare))
        if self.item.renews_after_s is not None:
            self.family.later(self.holds_s + self.item.renews_after_s, self.hands.renew)

    @property
    def holds_s(self) -> float:
        """The boot time (s) from when it may hold: its call, or its own start."""
        for line in self._lines("planned"):
            return float(line["boot_ns"] / 1e9 + (line["starts_us"] - line["wall_us"]) / clock.SECOND)
        return self.called_s

    def _call(self, subprocess: bool) -> Child:
        child = self.family.fork(CRISIS, partial(self._stop, subprocess), self._answered)
        self.callers.append(child)
        return child

    def _stop(self, subprocess: bool) -> None:
        item, diary = self.item, self._note()
        if item.kind == exercise.DRILL:
            return exercises.drill(diary, item.scope)
        if item.kind == killswitch.PLANNED:
            return acts.plan(diary, item.scope, item.starts_s)
        if subprocess:
            return acts.stop_by_command(diary, item.scope, item.wait)
        receipt = acts.stop(diary, item.scope, item.wait)
        if receipt is not None and item.wait and self.hands.sweeps:
            lane.swept(diary, receipt.suspension, receipt.scope, receipt.by)
        return None

    def _answered(self) -> None:
        if not self.called:
            return
        if not self._lines("answer") and len(self.callers) < 3:  # it fell on its way: called again
            self._call(False)
            return
        if self.item.kind == killswitch.PLANNED:
            self._plan_lane()
            self.hands.away(self.holds_s)
        if not self.item.status:
            self._rest()
            return
        if self.item.status == "wait":
            self.hands.continue_all()
        wait = self.item.status == "wait"
        self.family.fork(ACT, lambda: acts.status(self._note(), wait), self._rest)

    def _rest(self) -> None:
        if self.item.resume == "none":
            self.over = True
        else:
            at = max(clock.boot_s(), self.holds_s) + self.item.dwell_s
            for flare in self.item.flares:
                if flare.at_lift:
                    self.family.later(at - SOON_S * flare.after_s, partial(self.hands.flare, flare))
            self.family.later(at, self._resume)

    def _resume(self) -> None:
        told = [*self._lines("suspended"), *self._lines("planned")]
        own = [line["suspension"] for line in told] if self.item.resume == "own" else []
        number, item = own[0] if own else None, self.item
        by_command, falls_after_s = item.resume_by_subprocess, item.resume_falls_after_s
        self.family.fork(ACT, lambda: acts.resume(self._note(), number, by_command, falls_after_s), self._resumed)

    def _resumed(self) -> None:
        self.over = True

    def _lines(self, what: str) -> list[dict[str, Any]]:
        pids = [child.pid for child in self.callers]
        return [line for line in read_diary(self.people) if line["what"] == what and line["pid"] in pids]

    def _note(self) -> Diary:
        return Diary(str(self.people))
