"""A crisis of a trial and what follows it: called again when it fell, perhaps asked about, and lifted after a while."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from config import clock
from tests.chaos import acts
from tests.chaos.family import Child, Family
from tests.chaos.plan import Crisis
from tests.chaos.worker import Diary, read_diary

ACT, CRISIS = "act", "crisis"
STANDS_S = 0.5
"""How long a stopped crisis stands still."""


class Episode:
    """One crisis from its call to its lift; `over` when nobody does anything about it any more."""

    def __init__(self, item: Crisis, family: Family, people: Path, continue_all: Callable[[], None]) -> None:
        self.item, self.family, self.people, self.continue_all = item, family, people, continue_all
        self.over, self.called_s = False, 0.0
        self.callers: list[Child] = []

    def begin(self) -> None:
        """Call the crisis, two at once when planned so."""
        self.called_s = clock.boot_s()
        caller = self._call(self.item.subprocess)
        if self.item.twice:
            self._call(False)
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

    def _call(self, subprocess: bool) -> Child:
        act, item = acts.stop_by_command if subprocess else acts.stop, self.item
        child = self.family.fork(CRISIS, lambda: act(self._note(), item.scope, item.wait), self._answered)
        self.callers.append(child)
        return child

    def _answered(self) -> None:
        if not self.called:
            return
        if not self._lines("answer") and len(self.callers) < 3:  # it fell on its way: called again
            self._call(False)
            return
        if not self.item.status:
            self._rest()
            return
        if self.item.status == "wait":
            self.continue_all()
        wait = self.item.status == "wait"
        self.family.fork(ACT, lambda: acts.status(self._note(), wait), self._rest)

    def _rest(self) -> None:
        if self.item.resume == "none":
            self.over = True
        else:
            self.family.later(clock.boot_s() + self.item.dwell_s, self._resume)

    def _resume(self) -> None:
        own = [line["suspension"] for line in self._lines("suspended")] if self.item.resume == "own" else []
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
