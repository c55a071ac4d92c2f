"""Places at which a worker of the trials stops or kills itself: between two steps of a publish, and inside a transaction.

The product has no such hook: the worker of the tests wraps the publisher's steps and listens to its engine's statements.
"""

from __future__ import annotations

import mmap
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import Any, Protocol
from unittest.mock import patch

from sqlalchemy import Engine, event

from connectors.wire import Wire

IN_TRANSACTION = "in a transaction"
IN_AMBUSH = "between the last look and the first byte"
FROZEN = "between the leave to send and the last look"
WENT_ON = "went on"
CALM, AMBUSH, CELL = 0, 1, 2
"""In the memory shared with the trial: nobody falls any more; where the next one that comes by stops (1: before its first
byte, 2: before its last look); the stop cell cannot be written."""
AT_FIRST_BYTE, AT_LAST_LOOK = 1, 2
PLACES = {AT_FIRST_BYTE: IN_AMBUSH, AT_LAST_LOOK: FROZEN}
LOCKS = ("BEGIN IMMEDIATE", "SELECT pg_advisory_xact_lock_shared")
SHARE = 0.25
MOST_STATEMENTS = 8
"""A stop inside a transaction falls on one of its first statements."""


class Log(Protocol):
    """Writes a line about this process."""

    def __call__(self, what: str, /, **more: Any) -> None: ...


def fall(sign: signal.Signals) -> None:
    """Stop or kill this process at this very place: sent to the process, the signal might let this thread run on a little."""
    signal.pthread_kill(get_ident(), sign)


class Points:
    """Draws at each place whether to fall there. `memory` is shared with the trial: once it is calm nobody falls."""

    def __init__(self, seed: str, likelihood: float, log: Log, memory: mmap.mmap, most: int = 2) -> None:
        self._random, self._lock = random.Random(seed), Lock()
        self._likelihood, self._log, self._memory, self._left = likelihood, log, memory, most

    def reach(self, place: str, share: float = 1.0, **about: Any) -> None:
        """Stop or kill this process here, or go on; `share` makes it less likely where one comes by more often."""
        with self._lock:
            falls = self._random.random() < self._likelihood * share and self._left > 0 and not self._memory[CALM]
            if falls:
                self._left -= 1
                sign = signal.SIGKILL if self._random.random() < 0.3 else signal.SIGSTOP
                self._log(f"{signal.Signals(sign).name} {place}", **about)
        if falls:
            fall(sign)
            self._log(f"{WENT_ON} {place}", **about)

    def lie_in_wait(self, where: int, **about: Any) -> None:
        """Stop here if the trial has asked for that; it says when to go on."""
        if self._memory[AMBUSH] == where and not self._memory[CALM]:
            self._memory[AMBUSH] = 0
            self._log(f"SIGSTOP {PLACES[where]}", **about)
            fall(signal.SIGSTOP)
            self._log(f"{WENT_ON} {PLACES[where]}", **about)

    @contextmanager
    def watching_wire(self) -> Iterator[None]:
        """Lie in wait where the deadline has been looked at for the last time and the first byte is about to be written."""
        genuine = Wire._arm

        def arm(wire: Wire) -> None:
            genuine(wire)
            if wire._leave.permit is not None and not wire._leave.wrote:
                self.lie_in_wait(AT_FIRST_BYTE)

        with patch.object(Wire, "_arm", arm):
            yield

    def watch(self, engine: Engine) -> None:
        """Also fall inside this engine's write transactions, at a statement drawn when the store's lock was taken."""

        def executed(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if any(lock in statement for lock in LOCKS):
                with self._lock:
                    connection.info["falls_in"] = self._random.randrange(MOST_STATEMENTS)
            elif "falls_in" in connection.info:
                connection.info["falls_in"] -= 1
            if connection.info.get("falls_in") == 0:
                self.reach(IN_TRANSACTION, SHARE)

        def ended(connection: Any) -> None:
            if not connection.invalidated:
                connection.info.pop("falls_in", None)

        def committing(connection: Any) -> None:
            if "falls_in" in connection.info:
                self.reach(f"{IN_TRANSACTION}, before its COMMIT", SHARE)
            ended(connection)

        event.listen(engine, "after_cursor_execute", executed)
        event.listen(engine, "commit", committing)
        event.listen(engine, "rollback", ended)
