"""Refusals at the stop page, entered in the hash chain at a bounded rate: what was too much is counted in the next entry.

A stranger must not fill the record, nor hold the store's lock against the stop, by guessing. Each person, and all who are
unknown together, have a first few entries and then one every `EVERY_S`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

from config import clock
from config.essentials import Essentials
from scheduler import switch
from store import chain

FIRST = 5
EVERY_S = 10.0
MOST_PERSONS = 1000


@dataclass
class _Told:
    left: float = FIRST
    at: float = 0.0
    kept_back: int = 0


class RefusalLog:
    """Takes refusals from any thread; one thread of its own writes."""

    def __init__(self, load: Callable[[], Essentials]) -> None:
        self.load = load
        self._persons: dict[str, _Told] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(1, "stop-page-log")

    def note(self, person: str, why: str, action: str = "suspend") -> None:
        """Enter that `person` (or ``unknown``) was refused, and why; or count it."""
        with self._lock:
            if person not in self._persons and len(self._persons) >= MOST_PERSONS:
                person = "unknown"
            told = self._persons.setdefault(person, _Told(at=clock.boot_s()))
            now = clock.boot_s()
            told.left = min(FIRST, told.left + (now - told.at) / EVERY_S)
            told.at = now
            if told.left < 1:
                told.kept_back += 1
                return
            told.left -= 1
            further, told.kept_back = told.kept_back, 0
        with suppress(RuntimeError):  # it was closed
            self._pool.submit(self._write, person, why, action, further)

    def _write(self, person: str, why: str, action: str, further: int) -> None:
        own = switch.open_switch(self.load())
        detail = {"why": why, "action": action, "where": "stop page", "further_refusals": further}
        try:
            with switch.exclusive(own) as cursor:
                chain.append(cursor, own.name, actor=person, action="refused", subject="", detail=detail)
        except switch.SwitchUnavailable:
            with self._lock:  # the next one that can be written says of it
                self._persons[person].kept_back += 1 + further
        finally:
            own.close()

    def flush(self) -> None:
        """Enter what was only counted: before the page ends."""
        with self._lock:
            left = [(person, told.kept_back) for person, told in self._persons.items() if told.kept_back]
            for _person, told in self._persons.items():
                told.kept_back = 0
        for person, count in left:
            with suppress(RuntimeError):
                self._pool.submit(self._write, person, "refused too often to be entered one by one", "suspend", count)

    def close(self) -> None:
        """Enter what was counted, and end; returns at once."""
        self.flush()
        self._pool.shutdown(wait=False)
