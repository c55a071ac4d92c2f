"""One process of the rig: real code in a thread of its own that runs only from one boundary to the next.

Whoever calls `Puppet.step` waits until the thread stands at its next boundary or has ended, so exactly one runs at a time and
the interleaving is the caller's. A boundary is a call of `pause` in the thread; outside of a puppet `pause` does nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from threading import Semaphore, Thread
from typing import Any

PATIENCE_S = 60.0
"""Longer than any wait of the real code: a thread that does not come back by then hangs."""
BORN, DONE = "born", "done"


class Killed(BaseException):
    """The process ends here, as by kill -9: nothing of the real code catches it."""


class Stuck(AssertionError):
    """A thread did not reach a boundary in time."""


class Puppet:
    """Real code (`job`) as a process that moves when told. `at` is the boundary it stands at, ``born`` or ``done``."""

    def __init__(self, name: str, job: Callable[[], object]) -> None:
        self.name, self.at = name, BORN
        self.order = ""
        """What the caller asked of the stretch that runs now (a fault to meet); read by the rig's hooks."""
        self.attempt = 0
        """The attempt whose number it last told the witness."""
        self.replaced: Any = None
        """The engine of the store it keeps using after another was put in its place."""
        self.result: object = None
        self.error: Exception | None = None
        self._job, self._killed = job, False
        self._go, self._back = Semaphore(0), Semaphore(0)
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def step(self, order: str = "") -> str:
        """The boundary reached next, ``done`` when the job has ended."""
        assert self.at != DONE, f"{self.name} has ended"
        self.order = order
        if self.at == BORN:
            self._thread.start()
        self._go.release()
        if not self._back.acquire(timeout=PATIENCE_S):
            raise Stuck(f"{self.name} did not come back after {self.at}")
        self.order = ""
        return self.at

    def run(self, to: Collection[str] = (), order: str = "") -> str:
        """Step until a boundary of `to`, or the end; at least one step."""
        while self.step(order) != DONE and self.at not in to:
            pass
        return self.at

    def kill(self) -> None:
        """End the process where it stands; what it held is free, what it knew is lost."""
        if self.at not in (BORN, DONE):
            self._killed = True
            self.step()
        self.at = DONE

    def _run(self) -> None:
        self._go.acquire()
        _own.puppet = self
        try:
            self.result = self._job()
        except Killed:
            pass
        except Exception as error:  # the caller judges what the real code let through
            self.error = error
        finally:
            self.at = DONE
            self._back.release()

    def _stand(self, place: str) -> None:
        if self._killed:  # what ends on its way out of a killed process stops nowhere
            return
        self.at = place
        self._back.release()
        self._go.acquire()
        if self._killed:
            raise Killed


class _Own(threading.local):
    puppet: Puppet | None = None


_own = _Own()


def current() -> Puppet | None:
    """The puppet in whose thread this runs."""
    return _own.puppet


def order() -> str:
    """What was asked of the stretch that runs now; empty outside of a puppet."""
    return _own.puppet.order if _own.puppet is not None else ""


def pause(place: str) -> None:
    """Stand at the boundary `place` until told to go on. Raises Killed when the process ends here."""
    if _own.puppet is not None:
        _own.puppet._stand(place)
