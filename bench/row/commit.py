"""Row 2: how long the suspension's commit takes while sixteen workers write, and while a stopped one holds the lock."""

from __future__ import annotations

import os
import signal
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg

from bench import busy, naive, seed
from bench.bench import Bench
from bench.city import BenchCity, bench_city
from bench.figure import Figure, Result, percentile, spread
from bench.waiting import until
from config import clock
from scheduler import killswitch, stop_ledger, switch
from scheduler.killswitch import Order
from tests.support.databases import libpq

P99_MS, HOSTAGE_S = 100.0, 2.0
WORKERS = 16
NOTE = "INSERT INTO meta (key, value) VALUES ('bench', {mark}) ON CONFLICT (key) DO UPDATE SET value = {mark}"


def measure(bench: Bench, database: str) -> Result:
    """Pairs of a bare write and a suspension, each begun while all workers are at work; then the hostages."""
    posts, turns, count = bench.size(100_000, 300), bench.size(150, 4), bench.size(WORKERS, 3)
    bare, stops, after = [], [], 0
    with bench_city(bench.stores, database, posts) as city:
        # Ready now and due later: a worker always has a post, and the lifts between the stops hold none of them.
        queued = bench.size(60_000, 2_000)
        first = clock.wall_us() + seed.FAR_US
        seed.queue(
            city.engine, queued, first_us=first, every_us=1, channels=count, words="busy", ready_us=clock.wall_us()
        )
        with busy.workers(city, count) as calls:
            bench.tell(f"commit, {database}: {turns} suspensions beside {count} busy workers")
            for _ in range(turns):
                _until_busy(calls, count)
                bare.append(_bare(city))
                took, late = _suspended(city, calls)
                stops.append(took)
                after += late
            hostage = [_hostage(bench, city, database) for _ in range(bench.size(5, 1))]
    paused, naive_after = _naive(bench, database, bench.size(30, 2), count)
    return _result(database, posts, {"bare": bare, "ours": stops, "naive": paused}, hostage, (after, naive_after))


def _until_busy(calls: Path, count: int) -> None:
    size = calls.stat().st_size
    until(lambda: busy.calls_since(calls, size) >= count, "the workers at work again", 60)


def _bare(city: BenchCity) -> float:
    """ms for a row committed by a process that knows nothing of the switch, connection included."""
    start = clock.boot_s()
    if city.city.url.startswith("sqlite"):
        own = sqlite3.connect(city.city.url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
        own.execute("PRAGMA synchronous=FULL")
        own.execute("BEGIN IMMEDIATE")
        own.execute(NOTE.format(mark="?1"), ("x",))
        own.execute("COMMIT")
        own.close()
    else:
        with psycopg.connect(libpq(city.city.url)) as connection:
            connection.execute(NOTE.format(mark="'x'"))
    return (clock.boot_s() - start) * 1000


def _suspended(city: BenchCity, calls: Path) -> tuple[float, int]:
    """(ms until the suspension's commit was acknowledged, connection included; calls that began later than that)."""
    took, acknowledged = _suspend(city)
    until(lambda: _in_flight(city) == 0, "the calls in flight", 30)
    late = sum(moment > acknowledged for moment in busy.moments(calls)[-4 * WORKERS :])
    city.lift_all()
    return took, late


def _suspend(city: BenchCity) -> tuple[float, float]:
    start = clock.boot_s()
    own = switch.open_switch(city.essential)
    try:
        with switch.exclusive(own) as cursor:
            killswitch.suspend(cursor, own.name, Order(uuid.uuid4().hex, seed.DIRECTOR))
        acknowledged = clock.boot_s()
        with switch.reading(own) as cursor:
            stop_ledger.raise_fence(cursor, own.name, city.essential)
    finally:
        own.close()
    return (acknowledged - start) * 1000, acknowledged


def _in_flight(city: BenchCity) -> int:
    own = switch.open_switch(city.essential)
    try:
        with switch.reading(own) as cursor:
            query = "SELECT count(*) FROM attempt WHERE state IN ('sending', 'unknown')"
            return int(killswitch.rows(cursor, own.name, query)[0][0])
    finally:
        own.close()


def _hostage(bench: Bench, city: BenchCity, database: str) -> float:
    """Seconds until the suspension's commit while a stopped worker holds the lock."""
    bench.tell(f"commit, {database}: a stopped worker holds the lock")
    with busy.holder(city) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        took, _ = _suspend(city)
    city.lift_all()
    return took / 1000


def _naive(bench: Bench, database: str, turns: int, count: int) -> tuple[list[float], float]:
    """(ms that the naive pause took, mean number of calls under way when it said so)."""
    bench.tell(f"commit, {database}: the naive design")
    took, under_way = [], 0
    with bench_city(bench.stores, database, 0) as city, bench.stores.empty(database) as url:
        naive.lay_down(url, 0)
        with busy.naive_workers(city, url, count) as calls:
            for _ in range(turns):
                _until_busy(calls, count)
                start = clock.boot_s()
                naive.set_flag(url, True)
                said = clock.boot_s()
                took.append((said - start) * 1000)
                under_way += sum(said - busy.FASTEST_S < moment for moment in _settled(calls))
                naive.set_flag(url, False)
    return took, under_way / turns


def _settled(calls: Path) -> list[float]:
    """The moments at which calls began, once no more begin."""
    size = -1

    def still() -> bool:
        nonlocal size
        before, size = size, calls.stat().st_size
        return before == size

    until(still, "the naive workers paused", 30, look_s=2 * busy.SLOWEST_S)
    return busy.moments(calls)


def _result(
    database: str,
    posts: int,
    took: dict[str, list[float]],
    hostage: list[float],
    after: tuple[int, float],
) -> Result:
    ours, naive_after = after
    p99: Callable[[list[float]], float] = lambda samples: percentile(samples, 0.99)  # noqa: E731
    beside = f"bare writer: {spread(took['bare'], 'ms')}; calls begun after the commit: {ours}"
    paused = f"naive pause: {spread(took['naive'], 'ms')}; when it says PAUSED, {naive_after:.1f} calls it does not name go on"
    figures = [
        Figure(
            f"suspension's commit, {WORKERS} busy workers, {posts:,} posts, p99",
            database,
            p99(took["ours"]),
            "ms",
            P99_MS,
            runs=len(took["ours"]),
            beside=f"{spread(took['ours'], 'ms')}; {beside}",
        ),
        Figure("calls begun after a suspension's commit", database, ours, "", 0, runs=len(took["ours"]), beside=paused),
        Figure(
            "suspension's commit, a stopped worker holds the lock, longest",
            database,
            max(hostage),
            "s",
            HOSTAGE_S,
            runs=len(hostage),
        ),
    ]
    return Result("commit", figures, {f"{database}: {name}": samples for name, samples in took.items()})
