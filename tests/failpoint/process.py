"""The processes of one case: forked, armed and awaited."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config import clock, failpoint
from tests.support.forked import Brood, Forked

TICK_S = 0.06
HIT = re.compile(r"standfast: failpoint (\S+), hit (\d+): (\w+)")


@dataclass
class Child(Forked):
    """A process with the part it plays and its standard error."""

    part: str
    said: Path

    def hits(self) -> list[tuple[str, int, str]]:
        """(point, number of the hit, action) of each armed point that it came to."""
        found = HIT.findall(self.said.read_text(errors="replace")) if self.said.exists() else []
        return [(point, int(number), task) for point, number, task in found]


class Cast(Brood[Child]):
    """All processes of the case, in the order in which they were begun."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "errors.txt")
        self.folder = folder

    def fork(self, part: str, run: Callable[[], None], arms: str = "") -> Child:
        """A process that does `run`, with the failpoints `arms` on in it."""
        said = self.folder / f"{len(self.children)}-{part}.err"

        def armed() -> None:
            descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            failpoint.arm(arms)
            run()

        return self.begin(armed, lambda pid: Child(pid, part, said))

    def await_(self, done: Callable[[], object], limit_s: float) -> bool:
        """True once `done` says so, which is asked after each sign of life and every few hundredths; False after `limit_s`."""
        until = clock.boot_s() + limit_s
        while True:
            self.notice()
            if done():
                return True
            if clock.boot_s() >= until:
                return False
            signal.sigtimedwait({signal.SIGCHLD}, TICK_S)
