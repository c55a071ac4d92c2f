"""The publishing worker of the trials: the real daemon without its one-daemon lock, so that several run on one store.

``python -m tests.chaos.worker CONFIG`` runs one by hand, where CONFIG is a JSON file with the fields of `Config`.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import mmap
import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import structlog
from sqlalchemy import Engine

from config import clock, essentials, settings
from connectors.protocol import Connector, Message, Permit, Prepared
from scheduler import daemon
from scheduler.change import ChangeWatch
from scheduler.daemon import Daemon
from scheduler.outcome import Claim, Result
from scheduler.publisher import Leave, Publisher
from store.engine import StoreError, open_engine
from tests.chaos.points import Points

READY, LEAVE = "ready", "leave to send"
OFTEN = 3.0
"""More likely where a flag would be believed too long."""
QUICK = {"HEARTBEAT_S": 2.0, "RESCUE_S": 0.4, "RECONCILE_S": 0.3, "CELL_S": 0.4}
"""The daemon's duties, often enough for a trial of seconds."""
WATCH_S = 0.1
"""How often the store is looked at: each of the others' writes would wake every worker, which costs more than it shows."""


@dataclass(frozen=True)
class Config:
    """One worker: where it writes what it does, how likely it falls at a place, and the seed of that."""

    name: str
    log: str
    seed: str
    likelihood: float = 0.0


def nothing_shared() -> mmap.mmap:
    """The memory by which a trial directs its workers, all zero."""
    return mmap.mmap(-1, 2)


class Diary:
    """Lines with boot time, appended with one write each."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, what: str, **more: Any) -> None:
        """Add a line."""
        line = {"boot_ns": clock.boot_ns(), "wall_us": clock.wall_us(), "pid": os.getpid(), "what": what, **more}
        os.write(self._descriptor, json.dumps(line, default=str).encode() + b"\n")


def read_diary(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a diary; none when there is no such file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def run(config: Config, memory: mmap.mmap) -> None:
    """Publish until SIGTERM."""
    diary = Diary(config.log)
    points = Points(config.seed, config.likelihood, lambda what: diary.write(f"{config.name}: {what}"), memory)
    points.watch_wire()
    show_stacks(config.log)
    _log_to(config.log)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    for name, seconds in QUICK.items():
        setattr(daemon, name, seconds)
    daemon.open_engine = lambda *given, **named: _watched(points, *given, **named)  # type: ignore[attr-defined]  # the name it imports
    daemon.ChangeWatch = _SlowWatch  # type: ignore[attr-defined]  # the name it imports
    daemon.Publisher = lambda *given: Faltering(points, diary, *given)  # type: ignore[attr-defined,assignment]  # the name it imports
    try:
        _Unlocked(settings.load(), essentials.load(), kind="chaos").run(stop, lambda _: diary.write(READY))
    except StoreError as error:
        diary.write(f"{config.name}: ended", why=str(error))  # whoever started a daemon starts it again


def show_stacks(path: str) -> None:
    """Write down where every thread is when SIGUSR1 comes."""
    faulthandler.register(signal.SIGUSR1, Path(path).with_suffix(".stacks").open("a"), all_threads=True)


def _log_to(path: str) -> None:
    file = Path(path).with_suffix(".events").open("a", buffering=1)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it tells of each turn that a stop made late
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.PrintLoggerFactory(file),
        cache_logger_on_first_use=False,
    )


def _watched(points: Points, *given: Any, **named: Any) -> Engine:
    engine = open_engine(*given, **named)
    points.watch(engine)
    return engine


class _SlowWatch(ChangeWatch):
    """Notices the others' writes a little later."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.every_s = WATCH_S


class _Unlocked(Daemon):
    """The daemon, beside others."""

    def _take_host(self, stack: ExitStack) -> None:
        """Take no lock."""


class Faltering(Publisher):
    """The publisher, reaching a point between any two of its steps."""

    def __init__(self, points: Points, diary: Diary, *given: Any) -> None:
        super().__init__(*given)
        self._points, self._diary = points, diary

    def _claim(self, post_id: int) -> Claim | str:
        found = super()._claim(post_id)
        if not isinstance(found, str):
            self._points.reach("after the claim")
        return found

    def _authorise(self, claim: Claim) -> Leave | None:
        leave = super()._authorise(claim)
        self._diary.write(LEAVE)
        self._points.reach("after the leave to send", OFTEN)
        return leave

    def _last_look(self, epoch: int) -> None:
        super()._last_look(epoch)
        self._points.reach("after the last look", OFTEN)

    def _call(self, connector: Connector, message: Message, prepared: Prepared, permit: Permit) -> Result:  # type: ignore[override]  # a static method there
        result = super()._call(connector, message, prepared, permit)
        self._points.reach("after the call")
        return result

    def _write(self, claim: Claim, result: Result) -> str:
        state = super()._write(claim, result)
        self._points.reach("after the record")
        return state


def main() -> None:
    """Run the worker that the file named on the command line describes."""
    run(Config(**json.loads(Path(sys.argv[1]).read_text())), nothing_shared())


if __name__ == "__main__":
    main()
