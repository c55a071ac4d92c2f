"""Processes that keep a store busy: workers that publish all the time, and one that stops while it holds the lock.

Each call that begins is one line in the file `calls`: the moment (boot time, s). What answers is a stand-in that takes a
twentieth to a fifth of a second, as a platform does; nothing leaves the machine.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import text

from bench import naive, seed
from bench.city import BenchCity
from bench.waiting import pause, until
from config import clock, essentials, settings
from connectors.exchange import Draft
from connectors.protocol import Deadline, Length, Message, Permit, Prepared, Published, Search
from scheduler import liveness, post_queue, restore, worker
from scheduler.publisher import Place, Publisher
from store.engine import open_engine, reading, writing
from store.tables import Meta

FASTEST_S, SLOWEST_S = 0.05, 0.2
IDLE_S = 0.005
SCRIPT = "from bench import busy; busy.main()"
HEAD = (
    "SELECT id FROM post WHERE channel = :c AND state = 'scheduled' AND ready_at <= :now ORDER BY ready_at, id LIMIT 1"
)


class Slow:
    """A connector whose platform takes its time, and that writes down when each call begins."""

    platform = "x"
    required_settings: tuple[str, ...] = ()
    required_secrets: tuple[str, ...] = ()

    def __init__(self, calls: Path, number: int) -> None:
        self._random = random.Random(number)  # noqa: S311 (spreads durations)
        self._file = os.open(calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._sent = 0

    @staticmethod
    def length(text: str) -> Length:
        """Counts nothing."""
        return Length(len(text), 280)

    @staticmethod
    def problems(_message: Message) -> list[str]:
        """None."""
        return []

    def prepare(self, _message: Message, _deadline: Deadline) -> Prepared:
        """Nothing to prepare."""
        return Prepared()

    @staticmethod
    def draft(message: Message, _prepared: Prepared) -> Draft:
        """A request of the post's words."""
        return Draft("busy:", message.text.encode(), "text/plain")

    def publish(self, message: Message, _prepared: Prepared, permit: Permit) -> Published:
        """Take the last look, write the call down, and answer after a while."""
        permit.check()
        self.begin()
        return Published(f"{message.post_id}-{self._sent}", "https://example.org")

    def begin(self) -> None:
        """One call."""
        os.write(self._file, f"{clock.boot_s():.6f}\n".encode())
        self._sent += 1
        pause(self._random.uniform(FASTEST_S, SLOWEST_S))

    def find(self, _message: Message, _search: Search, _deadline: Deadline) -> Published | None:
        """Nothing is ever in doubt."""
        return None

    def test(self, _deadline: Deadline) -> str:
        """Always well."""
        return "busy"

    def close(self) -> None:
        """Nothing to close."""


def calls_since(file: Path, start: int) -> int:
    """How many calls began since the file had `start` bytes; each line has the same length on one machine."""
    return file.read_bytes()[start:].count(b"\n") if file.exists() else 0


def moments(file: Path) -> list[float]:
    """When each call began (boot time, s)."""
    return [float(line) for line in file.read_text(encoding="ascii").splitlines()] if file.exists() else []


@contextmanager
def workers(city: BenchCity, count: int) -> Iterator[Path]:
    """`count` busy workers on a channel each, and the file of their calls; they end with the block."""
    calls = city.city.root / "calls"
    verbs = [["work", str(calls), str(number)] for number in range(count)]
    with _processes(city, verbs, "BUSY"):
        until(lambda: calls_since(calls, 0) >= 2 * count, "all workers busy", 120)
        yield calls


@contextmanager
def naive_workers(city: BenchCity, url: str, count: int) -> Iterator[Path]:
    """As `workers`, of the naive design on its own store."""
    calls = city.city.root / "naive-calls"
    verbs = [["naive", str(calls), str(number), url] for number in range(count)]
    with _processes(city, verbs, "BUSY"):
        until(lambda: calls_since(calls, 0) >= 2 * count, "all naive workers busy", 120)
        yield calls


@contextmanager
def holder(city: BenchCity) -> Iterator[subprocess.Popen[str]]:
    """A registered process that holds the store's lock inside a transaction."""
    with _processes(city, [["hold"]], "HELD") as (process,):
        yield process


@contextmanager
def _processes(city: BenchCity, verbs: list[list[str]], word: str) -> Iterator[list[subprocess.Popen[str]]]:
    with ExitStack() as stack:
        started = []
        for verb in verbs:
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT, *verb],
                cwd=city.city.root,
                env=city.city.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(_end, process)
            started.append(process)
        for process in started:
            assert process.stdout is not None
            if word not in process.stdout.readline():
                raise RuntimeError(f"a busy process ended with {process.wait()}")
        yield started


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


# --- the processes ----------------------------------------------------------------------------------------------------


def main() -> None:
    """What one of the processes does, until its standard input closes or it is ended."""
    verb, *words = sys.argv[1:]
    ended = Event()
    Thread(target=_until_closed, args=(ended,), daemon=True).start()
    if verb == "work":
        _work(ended, *words)
    elif verb == "naive":
        _naive_work(ended, *words)
    else:
        _hold(ended)


def _until_closed(ended: Event) -> None:
    sys.stdin.read()
    ended.set()


def _work(ended: Event, calls: str, number: str) -> None:
    essential = essentials.load()
    engine = open_engine(essential.database_url)
    channel = seed.channel_name(int(number))
    with liveness.registered(essential.workers_dir, "worker") as process:
        worker.enrol(engine, process)
        with reading(engine) as session:
            store_id = session.get_one(Meta, "store_id").value
        place = Place(
            engine=engine,
            settings=settings.load(),
            cell_file=essential.cell_file,
            witness_file=restore.file_of(engine, essential),
            media_dir=essential.data_dir,
            worker=process.id,
            key_prefix=post_queue.key_prefix(store_id),
        )
        connector = Slow(Path(calls), int(number))
        publisher = Publisher(place, lambda _channel: connector)
        print("BUSY", flush=True)
        while not ended.is_set():
            due = _due(publisher, channel)
            if due is None or publisher.publish_post(due) == "not_claimed":
                pause(IDLE_S)


def _due(publisher: Publisher, channel: str) -> int | None:
    with reading(publisher.place.engine) as session:
        if not publisher.may_claim(session) or channel in post_queue.closed_channels(session):
            return None
        found: int | None = session.execute(text(HEAD), {"c": channel, "now": clock.wall_us()}).scalar()
        return found


def _naive_work(ended: Event, calls: str, number: str, url: str) -> None:
    slow = Slow(Path(calls), int(number))
    print("BUSY", flush=True)
    while not ended.is_set():
        if not naive.work_once(url, slow.begin):
            pause(IDLE_S)


def _hold(ended: Event) -> None:
    essential = essentials.load()
    engine = open_engine(essential.database_url, busy_timeout_s=30)
    with liveness.registered(essential.workers_dir, "worker"), writing(engine):
        print("HELD", flush=True)
        ended.wait()
