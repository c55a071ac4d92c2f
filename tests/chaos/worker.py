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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import patch

import structlog
from sqlalchemy import Engine

from config import clock, essentials, settings
from config.fault import Fault
from connectors.protocol import Connector, Message, Permit, Prepared
from scheduler import cell_keeper
from scheduler import daemon as daemon_module
from scheduler.change import ChangeWatch
from scheduler.daemon import Daemon
from scheduler.outcome import Claim, Result
from scheduler.publisher import Leave, Publisher
from store.engine import StoreError, open_engine
from tests.chaos.points import AT_LAST_LOOK, Points
from tests.chaos.stage import tag_of

READY, ASKS, LEAVE, AFTER_LEAVE = "ready", "asks for leave", "leave to send", "after the leave to send"
OFTEN = 3.0
"""More likely where a flag would be believed too long."""
QUICK = {"HEARTBEAT_S": 3.0, "RESCUE_S": 0.9, "RECONCILE_S": 0.9, "CELL_S": 0.8, "STORE_S": 0.5, "ARCHIVE_S": 0.9}
"""The daemon's duties, often enough for a trial of seconds."""
PATIENCE_S = 1.5
"""How long a stop may stand in the cell alone; longer than a crisis needs that is not held up."""
NOTICES_WITHIN_S = 8.0
"""A daemon whose store was replaced has noticed it by then, unless nothing was lost that it could notice."""
WATCH_S = {"sqlite": 0.2, "postgresql": 0.4}
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
    return mmap.mmap(-1, 3)


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
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    show_stacks(config.log)
    serve(config, memory, stop)


def serve(config: Config, memory: mmap.mmap, stop: Event) -> None:
    """Publish until `stop` is set: the daemon with its duties quickened and its steps watched."""
    diary = Diary(config.log)
    points = Points(config.seed, config.likelihood, partial(say, diary, config.name), memory)
    with _patched(points, diary):
        _log_to(config.log)
        try:
            daemon = _Unlocked(settings.load(), essentials.load(), kind="chaos")
            daemon.run(stop, lambda _: diary.write(READY))
        except (StoreError, Fault, OSError) as error:
            # In one line; whoever started a daemon starts it again.
            diary.write(f"{config.name}: ended", why=str(error))


@contextmanager
def _patched(points: Points, diary: Diary) -> Iterator[None]:
    with ExitStack() as stack:
        for name, value in QUICK.items():
            stack.enter_context(patch.object(daemon_module, name, value))
        stack.enter_context(patch.object(cell_keeper, "PATIENCE_S", PATIENCE_S))
        stack.enter_context(patch.object(daemon_module, "open_engine", partial(_watched, points)))
        stack.enter_context(patch.object(daemon_module, "ChangeWatch", _SlowWatch))
        stack.enter_context(patch.object(daemon_module, "Publisher", partial(Faltering, points, diary)))
        stack.enter_context(points.watching_wire())
        yield


def say(diary: Diary, name: str, what: str, /, **more: Any) -> None:
    diary.write(f"{name}: {what}", **more)


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
        self.every_s = WATCH_S[engine.dialect.name]


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
        about = {"post": tag_of(claim.message.text), "attempt": claim.attempt}
        self._diary.write(ASKS, **about)
        leave = super()._authorise(claim)
        if leave is not None:
            self._diary.write(LEAVE, **about)
            self._points.lie_in_wait(AT_LAST_LOOK, **about)
            self._points.reach(AFTER_LEAVE, OFTEN, **about)
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
