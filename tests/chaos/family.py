"""A trial's processes: forked, stopped, continued, killed and waited for by their one parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config import clock

PR_SET_PDEATHSIG = 1
TICK_S = 0.1
NOTHING: Callable[[], object] = lambda: None  # noqa: E731  # compared with


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent ends: no trial leaves anything behind."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Child:
    """A process of the trial: `status` once it has ended, `stopped` while it is; `then` is done when it has ended."""

    pid: int
    kind: str
    stopped: bool = False
    status: int | None = None
    then: Callable[[], object] = NOTHING

    @property
    def alive(self) -> bool:
        """True until it has been seen to end."""
        return self.status is None

    def signal(self, sign: signal.Signals) -> None:
        """Send `sign`, unless it has ended."""
        if self.alive:
            os.kill(self.pid, sign)


class Family:
    """The children of this process, and what shall be done at which moment."""

    def __init__(self, errors: Path, begin: Callable[[], None]) -> None:
        self.children: list[Child] = []
        self.on_stop: Callable[[Child], None] = lambda _: None
        self.on_end: Callable[[Child], None] = lambda _: None
        self._errors, self._begin = errors, begin
        self._planned: list[tuple[float, Callable[[], object]]] = []
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})

    def fork(self, kind: str, run: Callable[[], None], then: Callable[[], object] = NOTHING) -> Child:
        """A child that does `run` and ends; `then` is done when it has."""
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            self._be_child(run)
        child = Child(pid, kind, then=then)
        self.children.append(child)
        return child

    def _be_child(self, run: Callable[[], None]) -> None:
        code = 1
        try:
            die_with_parent()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            self._begin()
            run()
            code = 0
        except BaseException:
            with self._errors.open("a") as file:
                traceback.print_exc(file=file)
        finally:
            os._exit(code)

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
            self._notice()
        return True

    def _act(self) -> None:
        now = clock.boot_s()
        due = [item for item in self._planned if item[0] <= now]
        self._planned = [item for item in self._planned if item[0] > now]
        for _, act in sorted(due, key=lambda item: item[0]):
            act()

    def _notice(self) -> None:
        for child in [child for child in self.children if child.alive]:
            pid, status = os.waitpid(child.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                continue
            if os.WIFSTOPPED(status):
                child.stopped = True
                self.on_stop(child)
            elif os.WIFCONTINUED(status):
                child.stopped = False
            else:
                child.status = status
                self.on_end(child)
                child.then()

    def end_all(self) -> None:
        """Kill and bury every child."""
        for child in self.children:
            if child.alive:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
                _, child.status = os.waitpid(child.pid, 0)
