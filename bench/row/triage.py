"""Row 8: the receipt and the triage of many missed posts, each a whole process, beside a bare loop over as many rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise

from sqlalchemy import text

from bench import probe, seed
from bench.bench import Bench
from bench.city import BenchCity, bench_city
from bench.figure import AT_LEAST, Figure, Result, median, spread
from config import clock
from store.engine import reading
from tests.support.databases import libpq

RECEIPT_S, TRIAGE_S, GAP_S = 1.0, 2.0, 1.0
POSTS = 10_000
LATENESS_US = 3600 * clock.SECOND

BARE_SQLITE = """
import typer, sqlite3
c = sqlite3.connect({url!r}, isolation_level=None)
c.execute("PRAGMA journal_mode=WAL")
c.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b INTEGER)")
c.execute("BEGIN IMMEDIATE")
for n in range({count}):
    c.execute("INSERT INTO t VALUES (?, 0) ON CONFLICT (a) DO UPDATE SET b = b + 1", (n,))
c.execute("COMMIT")
print("COMMITTED", flush=True)
"""
BARE_POSTGRES = """
import typer, psycopg
c = psycopg.connect({url!r})
c.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b INTEGER)")
for n in range({count}):
    c.execute("INSERT INTO t VALUES (%s, 0) ON CONFLICT (a) DO UPDATE SET b = t.b + 1", (n,))
c.commit()
print("COMMITTED", flush=True)
"""
"""What is least done to as many rows one by one, in one transaction."""
WHO, ALL_CLEAR = "olga", ("--reason", "all clear")


def measure(bench: Bench, database: str) -> Result:
    """One suspension after another on the same posts: stop, resume, and each verb over what was held, in turns."""
    posts, turns = bench.size(POSTS, 200), bench.size(5, 1)
    took: dict[str, list[float]] = {}
    gaps: list[float] = []
    with ExitStack() as stack:
        city = stack.enter_context(bench_city(bench.stores, database, 0))
        bare_url = stack.enter_context(bench.stores.empty(database))
        _queue(city, posts)
        desk = _Desk(city, took)
        for turn in range(turns):
            bench.tell(f"triage, {database}: turn {turn + 1} of {turns}")
            took.setdefault("bare", []).append(_bare(city, database, bare_url, posts))
            gaps.append(_turn(desk))
    return _result(database, posts, desk, min(gaps))


def _queue(city: BenchCity, posts: int) -> None:
    """Posts whose time has passed, and a person who may resume, release and queue."""
    first = clock.wall_us() - (posts + 60) * clock.SECOND
    seed.queue(city.engine, posts, first_us=first, every_us=clock.SECOND, lateness_us=LATENESS_US)
    seed.add_person(city.engine, WHO, "operator")


class _Desk:
    """Somebody who types commands; each is timed until its process has ended."""

    def __init__(self, city: BenchCity, took: dict[str, list[float]]) -> None:
        self.city, self.took, self.environ = city, took, city.environ_of(WHO)
        self.cpu: dict[str, list[float]] = {}

    def does(self, name: str, *words: str) -> probe.Said:
        """One command. Raises RuntimeError when it was refused."""
        said = probe.run(self.city.city.command(*words), self.city.city.root, self.environ)
        if said.code not in (0, 10):
            raise RuntimeError(f"{words} ended with {said.code}: {[line for _, line in said.lines[-3:]]}")
        self.took.setdefault(name, []).append(said.ended_s)
        self.cpu.setdefault(name, []).append(said.cpu_s)
        return said


def _turn(desk: _Desk) -> float:
    """The least distance (s) between two posts that were released on one channel."""
    desk.does("receipt", "crisis", "--no-wait")
    desk.does("status", "crisis", "status")
    number = str(_newest(desk.city))
    offer = desk.does("resume, step one", "resume", *ALL_CLEAR)
    line = next(text for _, text in offer.lines if "--confirm" in text)
    desk.does("resume, step two", "resume", "--confirm", line.partition("--confirm ")[2].split()[0], *ALL_CLEAR)
    held = ("--suspension", number)
    desk.does("list", "post", "list", "--state", "held")
    desk.does("release, dry run", "post", "release", *held, "--dry-run")
    desk.does("release", "post", "release", *held)
    gap = _least_gap_s(desk.city)
    desk.does("hold", "post", "hold", "--state", "scheduled")
    desk.does("reschedule over ten days", "post", "reschedule", "--all-held", "--over", "10d")
    desk.does("hold", "post", "hold", "--state", "scheduled")
    desk.does("cancel", "post", "cancel", "--all-held")
    _missed_again(desk.city)
    return gap


def _newest(city: BenchCity) -> int:
    with reading(city.engine) as session:
        return int(session.connection().execute(text("SELECT max(id) FROM suspension")).scalar_one())


def _least_gap_s(city: BenchCity) -> float:
    query = text("SELECT channel, due_at FROM post WHERE state = 'scheduled' ORDER BY channel, due_at")
    with reading(city.engine) as session:
        found = list(session.connection().execute(query))
    return float(min(b.due_at - a.due_at for a, b in pairwise(found) if a.channel == b.channel)) / clock.SECOND


def _missed_again(city: BenchCity) -> None:
    """The same posts once more, past every rule."""
    with city.engine.begin() as connection:
        past = {"past": clock.wall_us() - 60 * clock.SECOND}
        connection.execute(
            text("UPDATE post SET state = 'scheduled', due_at = :past - id, ready_at = :past - id"), past
        )


def _bare(city: BenchCity, database: str, url: str, count: int) -> float:
    script = BARE_SQLITE if database == "sqlite" else BARE_POSTGRES
    target = url.removeprefix("sqlite:///") if database == "sqlite" else libpq(url)
    command = [city.city.command()[0], "-c", script.format(url=target, count=count)]
    return probe.run(command, city.city.root, city.city.environ).ended_s


def _result(database: str, posts: int, desk: _Desk, gap: float) -> Result:
    took, cpu = desk.took, desk.cpu
    runs, bare = len(took["bare"]), median(took["bare"])
    figures = [_figure(database, f"receipt beside {posts:,} missed posts", took["receipt"], cpu["receipt"], RECEIPT_S)]
    figures += [
        _figure(database, f"{name}, {posts:,} posts", samples, cpu[name], TRIAGE_S)
        for name, samples in took.items()
        if name not in ("bare", "receipt")
    ]
    ratio = median(took["release"]) / bare
    beside = f"bare loop over {posts:,} rows: {spread(took['bare'], 's')}"
    figures.append(
        Figure("release, against a bare loop over as many rows", database, ratio, "×", runs=runs, beside=beside)
    )
    figures.append(
        Figure("least distance of two released posts on a channel", database, gap, "s", GAP_S, AT_LEAST, runs=runs)
    )
    return Result("triage", figures, {f"{database}: {name}": samples for name, samples in took.items()})


def _figure(database: str, what: str, samples: Sequence[float], cpu: Sequence[float], aim: float) -> Figure:
    beside = f"{spread(samples, 's')}; {median(cpu):.2f} s CPU"
    return Figure(what, database, median(samples), "s", aim, runs=len(samples), beside=beside)
