"""Places at which a worker of the races stops or kills itself: between two steps of a publish, and inside a transaction.

The product has no such hook: the worker of the tests wraps the publisher's steps and listens to its engine's statements.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
from collections.abc import Callable
from threading import Lock
from typing import Any

from sqlalchemy import Engine, event

IN_TRANSACTION = "in a transaction"
BEGINS = ("BEGIN IMMEDIATE", "SELECT pg_advisory_xact_lock_shared")
SHARE = 0.25
MOST_STATEMENTS = 8
"""A stop inside a transaction falls on one of its first statements."""


class Points:
    """Draws at each place whether to fall there. `calm` is memory shared with the trial: once it is set nobody falls."""

    def __init__(
        self, seed: str, likelihood: float, log: Callable[[str], None], calm: mmap.mmap, most: int = 2
    ) -> None:
        self._random, self._lock = random.Random(seed), Lock()
        self._likelihood, self._log, self._calm, self._left = likelihood, log, calm, most

    def reach(self, place: str, share: float = 1.0) -> None:
        """Stop or kill this process here, or go on; `share` makes it less likely where one comes by more often."""
        with self._lock:
            falls = self._random.random() < self._likelihood * share and self._left > 0 and not self._calm[0]
            if falls:
                self._left -= 1
                sign = signal.SIGKILL if self._random.random() < 0.3 else signal.SIGSTOP
                self._log(f"{signal.Signals(sign).name} {place}")
        if falls:
            os.kill(os.getpid(), sign)

    def watch(self, engine: Engine) -> None:
        """Also fall inside this engine's write transactions, at a statement drawn when the store's lock was taken."""

        def executed(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith(BEGINS):
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
