"""Processes forked, noticed, killed and buried by their one parent, which has no threads."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent ends: nothing is left behind."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Forked:
    """A process: `status` once it has ended, `stopped` while it stands still."""

    pid: int
    stopped: bool = field(default=False, kw_only=True)
    status: int | None = field(default=None, kw_only=True)

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


C = TypeVar("C", bound=Forked)


class Brood(Generic[C]):
    """The children of this process; what one of them could not help raising goes to the file `errors`."""

    def __init__(self, errors: Path) -> None:
        self.errors = errors
        self.children: list[C] = []
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})

    def begin(self, run: Callable[[], None], child_of: Callable[[int], C]) -> C:
        """A child that does `run` and ends; `child_of` makes it from its number."""
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            self._be(run)
        child = child_of(pid)
        self.children.append(child)
        return child

    def _be(self, run: Callable[[], None]) -> None:
        code = 1
        try:
            die_with_parent()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            run()
            code = 0
        except BaseException:
            with self.errors.open("a") as file:
                traceback.print_exc(file=file)
        finally:
            os._exit(code)

    def has_stopped(self, child: C) -> None:
        """Called when `child` was seen to stop."""

    def has_ended(self, child: C) -> None:
        """Called when `child` was seen to end."""

    def notice(self) -> None:
        """Take note of who stopped, went on or ended."""
        for child in [child for child in self.children if child.alive]:
            pid, status = os.waitpid(child.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                continue
            child.stopped = os.WIFSTOPPED(status)
            if child.stopped:
                self.has_stopped(child)
            elif not os.WIFCONTINUED(status):
                child.status = status
                self.has_ended(child)

    def bury(self) -> None:
        """Kill whoever is left."""
        for child in self.children:
            if child.alive:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
                _, child.status = os.waitpid(child.pid, 0)
