"""Row 1: how long `standfast crisis` takes to say SUSPENDED, beside the least a process of its kind can do."""

from __future__ import annotations

from contextlib import ExitStack

from bench import naive, probe
from bench.bench import Bench
from bench.city import BenchCity, bench_city
from bench.figure import Figure, Result, median, spread
from config import clock
from tests.support.databases import libpq

RATIO, FLAT = 1.6, 1.2

BARE_SQLITE = """
import typer, sqlite3
c = sqlite3.connect({url!r}, isolation_level=None)
c.execute("PRAGMA journal_mode=WAL")
c.execute("PRAGMA synchronous=FULL")
c.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER)")
c.execute("BEGIN IMMEDIATE")
c.execute("INSERT INTO t VALUES (1)")
c.execute("COMMIT")
print("COMMITTED", flush=True)
"""
BARE_POSTGRES = """
import typer, psycopg
c = psycopg.connect({url!r})
c.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER)")
c.execute("INSERT INTO t VALUES (1)")
c.commit()
print("COMMITTED", flush=True)
"""


def measure(bench: Bench, database: str) -> Result:
    """Interleaved runs: bare process, crisis beside few posts, crisis beside many, the naive design's pause."""
    few, many = bench.size(1_000, 100), bench.size(1_000_000, 2_000)
    took: dict[str, list[float]] = {"bare": [], "few": [], "many": [], "naive": []}
    with ExitStack() as stack:
        small = stack.enter_context(bench_city(bench.stores, database, few))
        large = stack.enter_context(bench_city(bench.stores, database, many))
        bare_url = stack.enter_context(bench.stores.empty(database))
        naive_url = stack.enter_context(bench.stores.empty(database))
        naive.lay_down(naive_url, 0)
        for turn in range(bench.size(25, 3) + 1):
            one = {
                "bare": _bare(small, database, bare_url),
                "few": _crisis(small),
                "many": _crisis(large),
                "naive": probe.run(naive.command("pause", naive_url), small.city.root, small.city.environ).at("PAUSED"),
            }
            for name, seconds in one.items():
                if turn:  # the first fills the caches
                    took[name].append(seconds * 1000)
    return _result(database, took, few, many)


def _bare(city: BenchCity, database: str, url: str) -> float:
    script = BARE_SQLITE if database == "sqlite" else BARE_POSTGRES
    target = url.removeprefix("sqlite:///") if database == "sqlite" else libpq(url)
    command = [city.city.command()[0], "-c", script.format(url=target)]
    return probe.run(command, city.city.root, city.city.environ).at("COMMITTED")


def _crisis(city: BenchCity) -> float:
    said = probe.run(city.city.command("crisis", "--no-wait"), city.city.root, city.city.environ)
    moment = said.at("SUSPENDED")
    city.lift_all()
    return moment


def _result(database: str, took: dict[str, list[float]], few: int, many: int) -> Result:
    runs = len(took["bare"])
    middle = {name: median(samples) for name, samples in took.items()}
    beside = f"bare process {middle['bare']:.0f} ms; naive pause {middle['naive']:.0f} ms"
    ratio = middle["few"] / middle["bare"]
    flat = middle["many"] / middle["few"]
    figures = [
        Figure(
            f"SUSPENDED, against a bare process that commits ({few:,} posts)", database, ratio, "×", RATIO, runs=runs
        ),
        Figure(f"SUSPENDED, {few:,} posts", database, middle["few"], "ms", runs=runs, beside=beside),
        Figure(
            f"SUSPENDED, {many:,} posts", database, middle["many"], "ms", runs=runs, beside=spread(took["many"], "ms")
        ),
        Figure(f"SUSPENDED, {many:,} posts against {few:,}", database, flat, "×", FLAT, runs=runs),
    ]
    series = {f"{database}: {name}": samples for name, samples in took.items()}
    return Result("stop", figures, series, measured={"boot_s": clock.boot_s()})
