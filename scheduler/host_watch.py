"""One host only on SQLite: a daemon of another one on the same store is told by its heartbeats, which go on while we look.

File locks do not reach from host to host, and neither do clocks: only a counter that moves proves that somebody is there.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Event

from sqlalchemy import Engine
from sqlmodel import col, select

from config import clock
from scheduler import liveness
from scheduler.host_lock import HostFault
from store.engine import StoreError, reading
from store.tables import Worker

LOOK_S = 0.5
"""Time between two looks before the first claim."""


class HostWatch:
    """Remembers how often the workers of other hosts have beaten. PostgreSQL serves several hosts: there it sees nothing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._seen: dict[str, int] = {}

    def refuse_living(self, stop: Event, for_s: float) -> None:
        """Return when no other host's worker has beaten for `for_s` (at once where there never was one), or `stop` is set.

        Raises HostFault naming the one that has, StoreError when the store cannot be read.
        """
        until = clock.boot_s() + for_s
        while (moved := self._moved()) is None and self._seen and clock.boot_s() < until and not stop.wait(LOOK_S):
            pass
        if moved is not None:
            raise HostFault(_refusal(moved))

    def look(self) -> None:
        """Raise HostFault when another host's worker has beaten since the last look (unless the store cannot be read)."""
        with suppress(StoreError):
            if (moved := self._moved()) is not None:
                raise HostFault(_refusal(moved))

    def _moved(self) -> Worker | None:
        before, rows = self._seen, self._others()
        self._seen = {row.id: row.heartbeat for row in rows}
        return next((row for row in rows if before.get(row.id, row.heartbeat) != row.heartbeat), None)

    def _others(self) -> list[Worker]:
        """The workers that have not ended, of other hosts: not only by name, which can change between two starts."""
        if self.engine.dialect.name != "sqlite":
            return []
        query = select(Worker).where(
            col(Worker.ended_at).is_(None), Worker.host != liveness.host(), Worker.boot_id != clock.boot_id()
        )
        with reading(self.engine) as session:
            rows = list(session.exec(query))
            session.expunge_all()
        return rows


def _refusal(worker: Worker) -> str:
    return (
        f"process {worker.pid} on the host {worker.host} publishes from this SQLite store, which serves one host only: "
        "stop it there, or use PostgreSQL"
    )
