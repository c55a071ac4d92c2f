"""The processes of one case: forked, armed, awaited, felled and buried by their one parent, which has no threads."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config import clock, failpoint

PR_SET_PDEATHSIG = 1
TICK_S = 0.06
HIT = re.compile(r"standfast: failpoint (\S+), hit (\d+): (\w+)")


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent ends: no case leaves anything behind."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Child:
    """A process: the part it plays, its standard error, whether it stands still, and its status once it has ended."""

    pid: int
    part: str
    said: Path
    stopped: bool = False
    status: int | None = None

    @property
    def alive(self) -> bool:
        """True until it has been seen to end."""
        return self.status is None

    @property
    def killed(self) -> bool:
        """True when SIGKILL ended it."""
        return self.status is not None and os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL

    def signal(self, sign: signal.Signals) -> None:
        """Send `sign`, unless it has ended."""
        if self.alive:
            os.kill(self.pid, sign)

    def hits(self) -> list[tuple[str, int, str]]:
        """(point, number of the hit, action) of each armed point that it came to."""
        found = HIT.findall(self.said.read_text(errors="replace")) if self.said.exists() else []
        return [(point, int(number), task) for point, number, task in found]


class Cast:
    """All processes of the case, in the order in which they were begun."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors = folder / "errors.txt"
        self.children: list[Child] = []
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})

    def fork(self, part: str, run: Callable[[], None], arms: str = "") -> Child:
        """A process that does `run`, with the failpoints `arms` on in it."""
        sys.stdout.flush()
        said = self.folder / f"{len(self.children)}-{part}.err"
        pid = os.fork()
        if pid == 0:
            self._be(run, said, arms)
        child = Child(pid, part, said)
        self.children.append(child)
        return child

    def _be(self, run: Callable[[], None], said: Path, arms: str) -> None:
        code = 1
        try:
            die_with_parent()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            failpoint.arm(arms)
            run()
            code = 0
        except BaseException:
            with self.errors.open("a") as file:
                traceback.print_exc(file=file)
        finally:
            os._exit(code)

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

    def notice(self) -> None:
        """Take note of who stopped, went on or ended."""
        for child in [child for child in self.children if child.alive]:
            pid, status = os.waitpid(child.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                continue
            child.stopped = os.WIFSTOPPED(status)
            if not child.stopped and not os.WIFCONTINUED(status):
                child.status = status

    def bury(self) -> None:
        """Kill whoever is left."""
        for child in self.children:
            if child.alive:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
                _, child.status = os.waitpid(child.pid, 0)
