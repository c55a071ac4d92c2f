"""A trial's processes: forked, stopped, continued, killed and waited for by their one parent, as planned."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config import clock
from tests.support.forked import Brood, Forked

TICK_S = 0.1
NOTHING: Callable[[], object] = lambda: None  # noqa: E731  # compared with


@dataclass
class Child(Forked):
    """A process of the trial; `then` is done when it has ended."""

    kind: str
    then: Callable[[], object] = NOTHING


class Family(Brood[Child]):
    """The children of this process, and what shall be done at which moment."""

    def __init__(self, errors: Path, begin: Callable[[], None]) -> None:
        super().__init__(errors)
        self.on_stop: Callable[[Child], None] = lambda _: None
        self.on_end: Callable[[Child], None] = lambda _: None
        self._first = begin
        self._planned: list[tuple[float, Callable[[], object]]] = []

    def fork(self, kind: str, run: Callable[[], None], then: Callable[[], object] = NOTHING) -> Child:
        """A child that does `run` and ends; `then` is done when it has."""

        def begun() -> None:
            self._first()
            run()

        return self.begin(begun, lambda pid: Child(pid, kind, then))

    def alive(self, *kinds: str) -> list[Child]:
        """The children of these kinds that have not ended."""
        return [child for child in self.children if child.kind in kinds and child.alive]

    def later(self, at_s: float, act: Callable[[], object]) -> None:
        """Do `act` at boot time `at_s`, when the family is being looked after."""
        self._planned.append((at_s, act))

    def forget_plans(self) -> None:
        """Drop what was to be done later."""
        self._planned.clear()

    def look_after(self, done: Callable[[], bool], limit_s: float) -> bool:
        """True once `done`; False when `limit_s` has passed before. What is planned is done, who falls is noticed."""
        until = clock.boot_s() + limit_s
        while not done():
            self._act()
            now = clock.boot_s()
            if now >= until:
                return False
            coming = min((at for at, _ in self._planned), default=until)
            signal.sigtimedwait({signal.SIGCHLD}, max(0.001, min(TICK_S, coming - now, until - now)))
            self.notice()
        return True

    def _act(self) -> None:
        now = clock.boot_s()
        due = [item for item in self._planned if item[0] <= now]
        self._planned = [item for item in self._planned if item[0] > now]
        for _, act in sorted(due, key=lambda item: item[0]):
            act()

    def has_stopped(self, child: Child) -> None:
        """As the trial wants it."""
        self.on_stop(child)

    def has_ended(self, child: Child) -> None:
        """As the trial wants it; then as whoever began the child does."""
        self.on_end(child)
        child.then()
