"""What the processes of a case do: a daemon, and people's commands, each writing down what it was told and when."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from threading import Event
from typing import Any

import structlog

from config import clock, essentials, settings
from config.fault import Fault
from scheduler import daemon as daemons
from scheduler import emergency_stop, restore
from scheduler import status as status_command
from scheduler.change import ChangeWatch
from scheduler.emergency_stop import EmergencyStop, Request
from scheduler.killswitch import PLANNED, Scope
from scheduler.resumption import Resumption, active
from scheduler.switch import open_switch, reading

QUICK = {"HEARTBEAT_S": 0.25, "RESCUE_S": 0.25, "RECONCILE_S": 0.25, "CELL_S": 0.25, "ARCHIVE_S": 0.25}
"""The daemon's duties, often enough for a case of seconds."""
WATCH_S = 0.1
RESTORE_BATCH = 1
"""Posts that a restored store doubts in one transaction: two posts are two batches."""
AHEAD_S = 1.0
"""How long before its moment a window is planned."""
DRAIN_MARGIN_S = 2.0
"""A case has no five seconds for what will not become quiet."""


class Diary:
    """Lines with wall time, appended with one write each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, what: str, **more: Any) -> None:
        """Add a line."""
        line = {"wall_us": clock.wall_us(), "pid": os.getpid(), "what": what, **more}
        os.write(self._descriptor, json.dumps(line, default=str).encode() + b"\n")

    def read(self) -> list[dict[str, Any]]:
        """Its whole lines."""
        return [json.loads(line) for line in self._path.read_bytes().split(b"\n")[:-1]]


class _SlowWatch(ChangeWatch):
    """Notices the others' writes a little later, which costs a case less."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.every_s = WATCH_S


def daemon(diary: Diary) -> None:
    """`standfast daemon`, until SIGTERM."""
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    for name, seconds in QUICK.items():
        setattr(daemons, name, seconds)
    restore.BATCH = RESTORE_BATCH
    daemons.ChangeWatch = _SlowWatch  # type: ignore[attr-defined,assignment]  # the name it imports
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    daemons.Daemon(settings.load(), essentials.load()).run(stop, lambda line: diary.write("ready", notes=line))


def stop(diary: Diary, *, wait: bool = True) -> None:
    """`standfast crisis`."""
    emergency_stop.DRAIN_MARGIN_S = DRAIN_MARGIN_S
    request = Request(Scope(), "failpoint", wait=wait)
    answer = EmergencyStop(essentials.load(), dict(os.environ), lambda line: _told(diary, line)).run(request)
    receipt = answer.receipt.as_json() if answer.receipt else None
    diary.write("answer", code=answer.code, receipt=receipt, words=answer.words)


def stop_and_go(diary: Diary) -> None:
    """`standfast crisis --no-wait`."""
    stop(diary, wait=False)


def plan(diary: Diary) -> None:
    """`standfast crisis --kind planned`: everything, from `AHEAD_S` on."""
    starts_at = clock.wall_us() + int(AHEAD_S * clock.SECOND)
    request = Request(Scope(), "failpoint", PLANNED, starts_at=starts_at)
    answer = EmergencyStop(essentials.load(), dict(os.environ), lambda _: None).run(request)
    diary.write("planned", suspension=answer.facts.get("suspension"), starts_at=starts_at, words=answer.words)


def _told(diary: Diary, line: str) -> None:
    if line.startswith("SUSPENDED  "):
        diary.write("suspended", suspension=int(line.partition("(suspension ")[2].partition(",")[0]))


def refused_stop(diary: Diary) -> None:
    """`standfast crisis` by somebody who may not."""
    environ = {**os.environ, "STANDFAST_TOKEN": os.environ["EVES_TOKEN"]}
    try:
        EmergencyStop(essentials.load(), environ, lambda line: _told(diary, line)).run(Request(Scope(), "refused"))
    except Fault as error:
        diary.write("refused", why=str(error))


def status(diary: Diary) -> None:
    """`standfast crisis status --wait`."""
    status_command.DRAIN_MARGIN_S = DRAIN_MARGIN_S  # type: ignore[attr-defined]  # the name it imports
    code, data, _ = status_command.Status(essentials.load()).run(wait=True)
    diary.write("status", code=code, data=data)


def ask(diary: Diary) -> None:
    """`standfast resume`, of the oldest suspension."""
    own = Resumption(essentials.load(), dict(os.environ))
    try:
        numbers = suspensions()
        if numbers:
            offer = own.ask("failpoint", scope=None, suspension=numbers[0])
            diary.write("asked", code=offer.code, suspension=offer.suspension)
    except Fault as error:
        diary.write("not asked", why=str(error))
    finally:
        own.close()


def confirm(diary: Diary) -> None:
    """`standfast resume --confirm`, with the newest code."""
    own = Resumption(essentials.load(), dict(os.environ))
    try:
        asked = [line for line in diary.read() if line["what"] == "asked"][-1]
        diary.write("confirming", suspension=asked["suspension"])
        lifted = own.confirm(asked["code"], "failpoint")
        diary.write("lifted", suspension=asked["suspension"], warning=lifted.warning)
    except Fault as error:
        diary.write("not lifted", why=str(error))
    finally:
        own.close()


def refused_resume(diary: Diary) -> None:
    """`standfast resume --confirm` with a code that nobody gave."""
    own = Resumption(essentials.load(), dict(os.environ))
    try:
        own.confirm("22222222", "refused")
    except Fault as error:
        diary.write("refused", why=str(error))
    finally:
        own.close()


def suspensions() -> list[int]:
    """The suspensions that are not lifted."""
    own = open_switch(essentials.load())
    try:
        with reading(own) as cursor:
            return [item.id for item in active(cursor, own.name)]
    finally:
        own.close()
