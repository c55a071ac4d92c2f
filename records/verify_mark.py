"""How far the last verification came: a mark in the data directory, bound to the store and to the hash that was there.

Whoever can change the store can change the mark as well: it saves time, and proves nothing. A mark that cannot be read is none.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from config import clock
from records.verify_all import Way

NAME = "verified.json"
EVERY_S = 2.0


@dataclass(frozen=True)
class Mark:
    """At `at` (wall µs) entry `seq` of the store `store` had `hash`; it and all before it were whole, with their records."""

    store: str
    seq: int
    hash: str
    at: int


def read(folder: Path, store: str) -> Mark | None:
    """The mark of this store; None when there is none."""
    try:
        found = Mark(**json.loads((folder / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    kinds = isinstance(found.seq, int) and isinstance(found.at, int) and isinstance(found.hash, str)
    return found if kinds and found.store == store and found.seq > 0 else None


class Keeper:
    """Writes the mark now and then. One that cannot be written is not: whoever only reads the store may not be able to."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder, self.store = folder, store
        self._next_s = clock.boot_s() + EVERY_S
        self._way: Way | None = None

    def hear(self, way: Way) -> None:
        """The walk has come this far."""
        self._way = way
        if clock.boot_s() >= self._next_s:
            self.keep()

    def keep(self) -> None:
        """Write what was heard last."""
        self._next_s = clock.boot_s() + EVERY_S
        if self._way is not None:
            with suppress(OSError):
                _write(self.folder, Mark(self.store, self._way.seq, self._way.hash, clock.wall_us()))


def _write(folder: Path, mark: Mark) -> None:
    """Whole or not at all."""
    fresh = folder / f".{NAME}.{os.getpid()}"
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(mark), file)
        fresh.replace(folder / NAME)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
