"""A city in this process whose database operations can fail: commands run as people run them, the sandbox is a process."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog
import typer
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

import cli
from config import clock, essentials, settings
from config.essentials import Essentials
from config.settings import Settings
from scheduler import cell_keeper, drain, emergency_stop, liveness, reconciler, rescuer, restore, switch_sqlite, worker
from scheduler.account import ConnectorPool
from scheduler.cell_keeper import CellKeeper
from scheduler.publisher import Place, Publisher
from scheduler.worker import Worker
from store.engine import open_engine, writing
from store.tables import Worker as WorkerRow
from tests.faults.fault import Injector
from tests.faults.sqlite_fault import SqliteInjector
from tests.faults.wire_fault import WireInjector
from tests.support import city as cities
from tests.support.databases import Databases
from tests.support.live_city import LiveCity, live_city, until

PATIENCE: tuple[tuple[Any, str, float], ...] = (
    (switch_sqlite, "GIVE_UP_S", 0.1),
    (switch_sqlite, "READ_GIVE_UP_S", 0.05),
    (drain, "SETTLE_EVERY_S", 0.1),
    (drain, "POLL_S", 0.01),
    (emergency_stop, "DRAIN_MARGIN_S", 0.2),
    (cell_keeper, "PATIENCE_S", 0.0),
)
"""How long the product waits before it gives up on what lasts: shorter here, so that thousands of runs fit into minutes."""
HASTE = {
    "send_deadline": "1s",
    "prepare_deadline": "2s",
    "settle": "1s",
    "retry_first": "0.01s",
    "retry_most": "0.02s",
    "look_every": "0.01s",
    "busy_timeout": "2s",
    "retries": 50,
    "threads": 1,
}


class Killed(BaseException):
    """Ends a worker where it stands, as SIGKILL does: nothing of ours catches it."""


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> list[str]:
        """The lines for people; the log's are JSON."""
        return [line for line in self.err.splitlines() if line and not line.startswith("{")]

    def json(self) -> Any:
        """What it printed for programs."""
        return json.loads(self.out)


@dataclass
class Hooks:
    """What happens around a connector's steps: called, if any."""

    prepare: Callable[[], None] | None = None
    publish: Callable[[], None] | None = None
    published: Callable[[], None] | None = None


class _Hooked:
    """A connector that lets something happen before and after its calls."""

    def __init__(self, inner: Any, hooks: Hooks, injector: Injector) -> None:
        self._inner, self._hooks, self._injector = inner, hooks, injector

    def prepare(self, *arguments: Any) -> Any:
        self._call(self._hooks.prepare)
        return self._inner.prepare(*arguments)

    def draft(self, *arguments: Any) -> Any:
        return self._inner.draft(*arguments)

    def publish(self, *arguments: Any) -> Any:
        self._call(self._hooks.publish)
        found = self._inner.publish(*arguments)
        self._call(self._hooks.published)
        return found

    def _call(self, hook: Callable[[], None] | None) -> None:
        if hook is not None:
            with self._injector.paused():
                hook()


class Press:
    """A worker of this process on an engine of its own, and the duties that take up what it left."""

    def __init__(self, rig: Rig, engine: Engine, hooks: Hooks | None = None, own_id: str = "") -> None:
        self.rig, self.engine = rig, engine
        self.pool = ConnectorPool(self.engine)
        given = hooks or Hooks()
        place = Place(
            engine=self.engine,
            settings=rig.settings,
            cell_file=rig.essential.cell_file,
            witness_file=rig.witness_file,
            media_dir=rig.essential.data_dir / "media",
            worker=own_id or rig.process.id,
            key_prefix="sf-fault",
        )
        self.publisher = Publisher(place, self._connector_of(given))
        self.workers = Worker(self.engine, self.publisher, 1, lambda: None)

    def _connector_of(self, hooks: Hooks) -> Any:
        return lambda channel: _Hooked(self.pool(channel), hooks, self.rig.injector)

    def dispatch(self) -> None:
        """Start what is due and wait until it ended; a store that fails is tried again at the next call, as the engine does."""
        with contextlib.suppress(Exception):
            self.workers.dispatch()
        until(lambda: not self.workers.busy, "the call ended", 120)

    def duties(self) -> None:
        """One turn of the daemon's duties, each by itself."""
        for duty in (self.dispatch, self.rescue, self.reconcile, self.rig.keeper.look):
            with contextlib.suppress(Exception):
                duty()

    def rescue(self) -> None:
        """Take up what dead workers left."""
        rescuer.rescue(self.engine)

    def reconcile(self) -> None:
        """Ask the platforms about unknown outcomes."""
        reconciler.reconcile(self.engine, self.rig.settings, self.pool, self.rig.essential.data_dir / "media")

    def close(self) -> None:
        """Give everything back but the engine."""
        self.workers.close()
        self.pool.close()


@dataclass
class Rig:
    """The city, its sandbox, the injector before its database, and a worker that is alive."""

    live: LiveCity
    injector: Injector
    essential: Essentials
    settings: Settings
    process: liveness.Process
    witness_file: Path
    keeper: CellKeeper
    serial: int = 0

    @property
    def engine(self) -> Engine:
        """The test's own way to the store, on which nothing fails."""
        return self.live.engine

    @cached_property
    def steady(self) -> Press:
        """A worker whose store never fails."""
        return Press(self, self.engine)

    def text(self, what: str) -> str:
        """A text that no other post has."""
        self.serial += 1
        return f"{what} {self.serial}"

    def run(self, *arguments: str, who: str | None = None) -> Ran:
        """What ``standfast ARGUMENTS`` says in this process, as `who`."""
        environ = {"STANDFAST_TOKEN": self.live.tokens[who]} if who else {}
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, environ),
            patch("sys.argv", ["standfast", *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = _code_of(cli.main)
        cli._Told.end = False
        return Ran(code, out.getvalue(), err.getvalue())

    def dead_worker(self) -> str:
        """The id of a registered worker that is proven dead."""
        self.serial += 1
        gone = replace(self.process, id=f"dead-{self.serial}", pid=2**22 + 1, pid_start=1, lock_file="/nowhere")
        with writing(self.engine) as session:
            session.add(WorkerRow(**vars(gone), started_at=clock.wall_us(), heartbeat=1, heartbeat_at=clock.wall_us()))
        return gone.id


def _code_of(command: Callable[[], None]) -> int:
    try:
        command()
    except SystemExit as end:
        return int(end.code or 0) if not isinstance(end.code, str) else 1
    return 0


@contextmanager
def opened(database: str, folder: Path, databases: Databases) -> Iterator[Rig]:
    """A rig on `database` in `folder`; nothing fails until the injector is armed."""
    with ExitStack() as stack:
        url, direct, injector = _database(database, folder, databases, stack)
        (folder / "city").mkdir()
        city = cities.make(folder / "city", url)
        stack.enter_context(patch.dict(os.environ, {"STANDFAST_CONFIG": str(city.settings_file)}))
        stack.enter_context(contextlib.chdir(city.root))
        stack.enter_context(patch.object(cli, "app", typer.main.get_command(cli.app)))
        stack.enter_context(patch.object(cli, "_load", cache(cli._load)))
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        stack.callback(structlog.reset_defaults)
        for module, name, value in PATIENCE:
            stack.enter_context(patch.object(module, name, value))
        live = stack.enter_context(live_city(city, **HASTE))
        live.engine.dispose()
        live.engine = open_engine(direct, pool_size=4)
        stack.callback(live.engine.dispose)
        yield stack.enter_context(_rigged(live, injector))


def _database(
    database: str, folder: Path, databases: Databases, stack: ExitStack
) -> tuple[str, str, SqliteInjector | WireInjector]:
    """(the product's URL, the test's own, what stands between the product and its database)."""
    if database == "sqlite":
        url, injector = databases.sqlite(folder), SqliteInjector()
        stack.enter_context(injector.in_place())
        return url, url, injector
    direct = stack.enter_context(databases.postgres())
    parsed = make_url(direct)
    wire = WireInjector(str(parsed.host), int(parsed.port or 0))
    stack.callback(wire.close)
    return parsed.set(port=wire.port).render_as_string(hide_password=False), direct, wire


@contextmanager
def _rigged(live: LiveCity, injector: Injector) -> Iterator[Rig]:
    essential = essentials.load()
    with liveness.registered(essential.workers_dir, "daemon") as process:
        worker.enrol(live.engine, process)
        witness_file = restore.file_of(live.engine, essential)
        rig = Rig(live, injector, essential, settings.load(), process, witness_file, CellKeeper(essential, live.engine))
        yield rig
        rig.steady.close()
