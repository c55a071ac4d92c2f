"""A city to measure: the product's own processes on a seeded store, publishing to a sandbox."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from bench import seed
from bench.store import Stores
from bench.waiting import until
from config import clock, essentials
from config.essentials import Essentials
from governance import people
from governance.authority import Identity
from sandbox import client
from scheduler import killswitch, lifting, stop_cell, stop_ledger, switch
from store.engine import open_engine, writing
from tests.support import city as cities

SETTINGS: dict[str, object] = {"spacing": "0s", "release_spacing": "1s", "send_deadline": "10s", "lateness": "1h"}


def resident_mb(pid: int) -> float:
    """The resident memory of a process, in MB of 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(f"process {pid} has no memory")


@dataclass
class Daemon:
    """A running `standfast daemon`: `ready_s` from its start to the line that says it is ready."""

    process: subprocess.Popen[str]
    ready_s: float

    def end(self) -> None:
        """Let it end in order."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


@dataclass
class BenchCity:
    """The city's folder, its store and its sandbox."""

    city: cities.City
    engine: Engine
    sandbox: client.Client
    essential: Essentials
    daemons: list[Daemon] = field(default_factory=list)

    def start_daemon(self) -> Daemon:
        """A daemon that has said that it is ready. Raises RuntimeError with what it said instead."""
        start = clock.boot_s()
        said = self.city.root / "daemon.log"
        command = self.city.command("daemon")
        with said.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                command, cwd=self.city.root, env=self.city.environ, stdout=log, stderr=log, text=True
            )
        until(lambda: process.poll() is not None or "ready" in said.read_text(encoding="utf-8"), "daemon ready", 300)
        started = Daemon(process, clock.boot_s() - start)
        self.daemons.append(started)
        if process.poll() is not None:
            raise RuntimeError(f"the daemon ended: {said.read_text(encoding='utf-8')}")
        return started

    def name_posts(self, words: str) -> None:
        """Give each queued post with the text `words` a text of its own: platforms refuse the same text twice."""
        with self.engine.begin() as connection:
            connection.execute(text("UPDATE post SET text = :w || ' ' || id WHERE text = :w"), {"w": words})

    def queue_one(self, channel: int, words: str, due_us: int) -> None:
        """Queue one post with a text of its own."""
        seed.queue_one(self.engine, seed.channel_name(channel), words, due_us)

    def environ_of(self, person: str) -> dict[str, str]:
        """The environment of a process in which `person` is signed in."""
        with writing(self.engine) as session:
            made = people.create_token(session, Identity(seed.STEWARD, seed.STEWARD, "token"), person)
        return {**self.city.environ, "STANDFAST_TOKEN": made.token}

    def lift_all(self) -> None:
        """Lift every suspension, as `resume --confirm` does in its last transaction."""
        own = switch.open_switch(self.essential)
        try:
            with switch.exclusive(own) as cursor:
                query = "SELECT id FROM suspension WHERE lifted_epoch IS NULL ORDER BY id"
                for (number,) in killswitch.rows(cursor, own.name, query):
                    epoch = killswitch.epoch(cursor, own.name)
                    lifting.lift(cursor, own.name, int(number), by=seed.DIRECTOR, reason="", asked_epoch=epoch)
            with switch.reading(own) as cursor:
                stop_ledger.raise_fence(cursor, own.name, self.essential, lifted_all=True)
        finally:
            own.close()


@contextmanager
def bench_city(stores: Stores, database: str, posts: int, **settings: Any) -> Iterator[BenchCity]:
    """A city with `posts` queued posts on `database`; its processes end with the block."""
    with stores.copy(database, posts) as url, _opened(stores, url, settings) as made:
        yield made


@contextmanager
def _opened(stores: Stores, url: str, settings: dict[str, Any]) -> Iterator[BenchCity]:
    root = stores.scratch / f"city-{url.rpartition('/')[0].rpartition('/')[2]}-{clock.boot_ns()}"
    root.mkdir()
    city = cities.make(root, url)
    city.set(**(SETTINGS | settings))
    (root / ".env").write_text(seed.secrets_file(), encoding="utf-8")
    essential = essentials.load(city.environ, root)
    engine = open_engine(url)
    stop_cell.lay_down(essential.cell_file, 0)
    try:
        with client.start(root / "arrivals.log") as sandbox:
            seed.point_to(engine, sandbox.url)
            made = BenchCity(city, engine, sandbox, essential)
            try:
                yield made
            finally:
                for started in made.daemons:
                    if started.process.poll() is None:
                        started.end()
    finally:
        engine.dispose()
