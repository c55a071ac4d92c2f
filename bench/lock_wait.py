"""How long a stop would wait for the store's lock while something else is at work: it is asked for again and again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from bench.waiting import pause
from config import clock
from scheduler.switch_sqlite import RETRY_S
from store.lock import LOCK_KEY
from tests.support.databases import libpq

EVERY_S = 0.02


@contextmanager
def beside(url: str) -> Iterator[list[float]]:
    """Each wait (s) so far for the lock of the store at `url`, which is given back at once; nobody is ended for it."""
    waits: list[float] = []
    ended = threading.Event()
    thread = threading.Thread(target=_wait_often, args=(url, waits, ended))
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()


def _wait_often(url: str, waits: list[float], ended: threading.Event) -> None:
    ask = _on_sqlite if url.startswith("sqlite") else _on_postgres
    with ask(url) as take:
        while not waits or not ended.wait(EVERY_S):
            start = clock.boot_s()
            take()
            waits.append(clock.boot_s() - start)


@contextmanager
def _on_sqlite(url: str) -> Iterator[Callable[[], None]]:
    own = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)

    def take() -> None:
        while True:
            try:
                own.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                pause(RETRY_S)
                continue
            own.execute("ROLLBACK")
            return

    try:
        yield take
    finally:
        own.close()


@contextmanager
def _on_postgres(url: str) -> Iterator[Callable[[], None]]:
    with psycopg.connect(libpq(url), autocommit=True) as own:

        def take() -> None:
            own.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_KEY,))

        yield take
