"""The scheduler's part of the daemon: guard the store, take up what is left, then publish until told to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import structlog
from sqlalchemy import Engine

from config import clock
from config.essentials import Essentials
from config.settings import Settings
from governance import people
from records import archive, index
from scheduler import clock_guard, host_lock, liveness, post_queue, reconciler, rescuer, restore, worker
from scheduler.account import ConnectorPool
from scheduler.cell_keeper import CellKeeper
from scheduler.change import ChangeWatch
from scheduler.clock_guard import ClockGuard
from scheduler.engines.local import Duty, LocalEngine
from scheduler.host_watch import HostWatch
from scheduler.planning import stager
from scheduler.planning.reload import Reloader
from scheduler.publisher import Place, Publisher
from scheduler.rules_watch import RulesWatch
from scheduler.store_identity import StoreIdentity
from scheduler.worker import Worker
from store import migration
from store.engine import StoreError, open_engine, reading
from store.tables import Meta

logger = structlog.get_logger()
SQLITE = "sqlite:///"
HEARTBEAT_S, RESCUE_S, RECONCILE_S, CELL_S, STAGE_S, STORE_S, ARCHIVE_S = 5.0, 2.0, 1.0, 0.5, 3600.0, 1.0, 2.0
RULES_S = 1.0
INDEXED = 2_000
"""Texts that the index for words takes in at one time."""
SILENT_S = 2 * HEARTBEAT_S + 2.0
"""How long the workers of another host must have been silent before a daemon takes over a SQLite store."""
DAEMON = "daemon"


class Daemon:
    """Everything between `standfast daemon` and the publisher. `more_duties` come from the rooms above."""

    def __init__(
        self,
        settings: Settings,
        essential: Essentials,
        more_duties: Callable[[Engine], Sequence[Duty]] = lambda _: (),
        kind: str = DAEMON,
    ) -> None:
        self.settings, self.essential = settings, essential
        self.more_duties, self.kind = more_duties, kind
        self.rules = RulesWatch(settings)

    def run(self, stop: Event, ready: Callable[[str], None]) -> None:
        """Publish until `stop` is set; `ready` is called once with a line for people. Raises Fault or StoreError."""
        with ExitStack() as stack:
            self._take_host(stack)
            self.identity = StoreIdentity(self.essential.database_url)
            engine = open_engine(
                self.essential.database_url,
                busy_timeout_s=self.settings.busy_timeout,
                pool_size=self.settings.threads + 8,
            )
            stack.callback(engine.dispose)
            migration.check(engine)
            self.hosts = HostWatch(engine)
            self.hosts.refuse_living(stop, SILENT_S)
            process = stack.enter_context(liveness.registered(self.essential.workers_dir, self.kind))
            worker.enrol(engine, process)
            stack.callback(worker.retire, engine, process.id)
            notes = self._guard(engine)
            self._publish(engine, process.id, stop, lambda: ready("; ".join(["publishing", *notes])))

    def _take_host(self, stack: ExitStack) -> None:
        url = self.essential.database_url
        if url.startswith(SQLITE):
            file = Path(url.removeprefix(SQLITE))
            host_lock.refuse_network(file)
            if not file.exists():  # connecting would make an empty one in its place
                raise host_lock.HostFault(f"the store {url} does not exist: run `standfast init`, or put it back")
            stack.enter_context(host_lock.held(file.with_name(file.name + ".daemon.lock")))
        else:
            stack.enter_context(host_lock.held(self.essential.data_dir / "daemon.lock"))

    # --- before the first claim --------------------------------------------------------------------------------------

    def _guard(self, engine: Engine) -> list[str]:
        """What people must know before anything is published, after the store, the cell and the clock were looked at."""
        liveness.clear_dead(self.essential.workers_dir)
        witness_file = restore.file_of(engine, self.essential)
        restore.begin_if_unused(engine, self.essential, witness_file)
        restored = restore.guard(engine, self.essential, witness_file)
        CellKeeper(self.essential, engine).keep()
        alarm = clock_guard.check_start(engine, self.settings.clock_jump)
        people.refresh_authority(engine, self.essential.authority_file)
        rescuer.rescue(engine)
        notes = [f"SUSPENDED: {restored}"] if restored else []
        return [*notes, f"NOTHING IS CLAIMED: {alarm}"] if alarm else notes

    # --- publishing --------------------------------------------------------------------------------------------------

    def _publish(self, engine: Engine, own_id: str, stop: Event, ready: Callable[[], None]) -> None:
        pool = ConnectorPool(engine)
        guard = ClockGuard(self.settings.clock_jump)
        watch = ChangeWatch(engine)
        publisher = Publisher(self._place(engine, own_id, guard), pool)
        workers = Worker(engine, publisher, self.settings.threads, lambda: local.turn())
        look_pool = ConnectorPool(engine)
        witnessing = Duty("witness", HEARTBEAT_S, publisher.note_extent)
        duties = [*self._duties(engine, own_id, look_pool), witnessing, *self.more_duties(engine)]
        local = LocalEngine(workers.dispatch, duties, watch.changed, lambda: guard.watch(engine), watch.every_s)
        calendars = Thread(target=Reloader(engine, self.settings, stop).run, name="calendars")
        warming = Thread(target=_warm, args=(pool,), name="warm")
        local.start()
        try:
            calendars.start()
            warming.start()
            ready()
            while not stop.wait(STORE_S):
                self._refuse_other_store(publisher)
        finally:
            stop.set()
            local.stop()
            calendars.join()
            warming.join()
            workers.close()
            watch.close()
            pool.close()
            look_pool.close()

    def _refuse_other_store(self, publisher: Publisher) -> None:
        self.hosts.look()
        if publisher.store_went_back:
            raise host_lock.HostFault(
                "the store was replaced by an older copy while the daemon ran; nothing more is published: start it again"
            )
        if not self.identity.is_same():
            raise host_lock.HostFault(
                f"{self.identity.file} was replaced or removed while the daemon ran; nothing more is published: start it again"
            )

    def _place(self, engine: Engine, own_id: str, guard: ClockGuard) -> Place:
        with reading(engine) as session:
            store_id = session.get_one(Meta, "store_id").value
        return Place(
            engine=engine,
            settings=self.settings,
            cell_file=self.essential.cell_file,
            witness_file=restore.file_of(engine, self.essential),
            media_dir=self.essential.data_dir / "media",
            worker=own_id,
            key_prefix=post_queue.key_prefix(store_id),
            clock_guard=guard,
            is_same_store=self.identity.is_same,
            rules=self.rules.in_force,
        )

    def _duties(self, engine: Engine, own_id: str, look_pool: ConnectorPool) -> list[Duty]:
        keeper = CellKeeper(self.essential, engine)
        media_dir = self.essential.data_dir / "media"
        return [
            Duty("heartbeat", HEARTBEAT_S, lambda: worker.beat(engine, own_id)),
            Duty("stop_cell", CELL_S, keeper.look),
            Duty("rescue", RESCUE_S, lambda: rescuer.rescue(engine)),
            Duty("reconcile", RECONCILE_S, lambda: reconciler.reconcile(engine, self.settings, look_pool, media_dir)),
            Duty("rules", RULES_S, self.rules.in_force),
            Duty("archive", ARCHIVE_S, lambda: archive.catch_up(engine, media_dir)),
            Duty("index", ARCHIVE_S, lambda: index.catch_up(engine, INDEXED)),
            Duty("stage", STAGE_S, lambda: stager.stage_due_horizon(engine, self.settings, clock.wall_us())),
        ]


def _warm(pool: ConnectorPool) -> None:
    try:
        pool.warm()
    except StoreError as error:  # the first dispatch says it, too
        logger.warning("connectors not opened yet", action="warm", error=str(error))
