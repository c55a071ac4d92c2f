"""Row 4: how long after its due moment a single post's request has reached the platform, a million posts being queued."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from sqlalchemy import text

from bench import naive, seed
from bench.arrival import Arrived, Tail
from bench.bench import Bench
from bench.city import BenchCity, bench_city
from bench.figure import Figure, Result, median, percentile, spread
from config import clock
from sandbox import client

P50_MS, P99_MS = 15.0, 60.0
OURS, BARE, NAIVE = "single", "bare", "naive"
EVERY_US = 220_000
"""Moments fall everywhere within a second, and leave each call the machine to itself."""
AHEAD_US = 4 * clock.SECOND
SCRIPT = "from bench.row import lateness; lateness.timer()"


def measure(bench: Bench, database: str) -> Result:
    """Our posts and a bare timer's take turns; the naive design follows on the same machine with as many jobs."""
    posts, singles = bench.size(1_000_000, 2_000), bench.size(200, 6)
    with bench_city(bench.stores, database, posts) as city:
        bench.tell(f"lateness, {database}: {singles} posts due one by one, {posts:,} queued")
        ours, bare, woken = _ours(city, singles)
    bench.tell(f"lateness, {database}: the naive design, {posts:,} jobs")
    late, lost = _naive(bench, database, posts, singles)
    return _result(database, posts, ours, bare, woken, late, lost)


def _ours(city: BenchCity, singles: int) -> tuple[list[float], list[float], list[float]]:
    """(ours, a bare timer's call, its waking alone), each in ms after the due moment."""
    city.start_daemon()
    tail = Tail(city.sandbox.log)
    _warm(city, tail)
    first = clock.wall_us() + AHEAD_US
    seed.queue(city.engine, singles, first_us=first, every_us=EVERY_US, words=OURS)
    due = _own_texts(city)
    between = [first + EVERY_US // 2 + index * EVERY_US for index in range(singles)]
    woken = _run_timer(city, between)
    arrived = tail.collect(2 * singles, 120)
    bare_due = {f"{BARE} {index}": moment for index, moment in enumerate(between)}
    return _late(arrived, due), _late(arrived, bare_due), woken


def _warm(city: BenchCity, tail: Tail) -> None:
    """One post of each of ten channels, so that both sides are measured after their first call."""
    seed.queue(city.engine, 10, first_us=clock.wall_us(), every_us=1, words="warm")
    tail.collect(10, 60)


def _own_texts(city: BenchCity) -> dict[str, int]:
    """Due moment by text, after each post was given a text of its own."""
    city.name_posts(OURS)
    with city.engine.connect() as connection:
        rows = connection.execute(text("SELECT text, due_at FROM post WHERE substr(text, 1, 6) = :w"), {"w": OURS})
        return {str(row[0]): int(row[1]) for row in rows}


def _late(arrived: Sequence[Arrived], due: dict[str, int]) -> list[float]:
    return [(item.wall_us - due[item.text]) / 1000 for item in arrived if item.text in due]


def _run_timer(city: BenchCity, moments: Sequence[int]) -> list[float]:
    """How late a bare timer woke for each of `moments`, in ms; it also makes its call."""
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, city.sandbox.url, str(moments[0]), str(EVERY_US), str(len(moments))],
        cwd=city.city.root,
        env=city.city.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in process.stdout.split()]


def timer() -> None:
    """The bare timer's program: sleep until each moment, make one call, print how late it woke (ms)."""
    from bench.waiting import pause

    sandbox, first, every, count = sys.argv[1], *map(int, sys.argv[2:])
    twitter = naive.client(0, sandbox)
    twitter.get_me()
    for index in range(count):
        due = first + index * every
        pause(max(0.0, (due - clock.wall_us()) / clock.SECOND))
        late = (clock.wall_us() - due) / 1000
        twitter.create_tweet(text=f"{BARE} {index}")
        print(late)


def _naive(bench: Bench, database: str, jobs: int, singles: int) -> tuple[list[float], int]:
    """(how late the naive design's calls came in ms, how many never came)."""
    with bench.stores.empty(database) as url, client.start(bench.scratch / f"naive-{clock.boot_ns()}.log") as sandbox:
        naive.lay_down(url, jobs)
        tail = Tail(sandbox.log)
        with naive.running(url, sandbox.url):
            first = clock.wall_us() + AHEAD_US
            due = [first + index * EVERY_US for index in range(singles)]
            naive.queue(url, [clock.to_datetime(moment) for moment in due], seed.CHANNELS, NAIVE)
            naive.await_moment(clock.to_datetime(due[-1]), 5)
            arrived = tail.drain(NAIVE)
    numbered = {f"{NAIVE} {naive.FIRST + index}": moment for index, moment in enumerate(due)}
    late = _late(arrived, numbered)
    return late, singles - len(late)


def _result(
    database: str,
    posts: int,
    ours: list[float],
    bare: list[float],
    woken: list[float],
    late: list[float],
    lost: int,
) -> Result:
    beside = f"bare timer's call: {spread(bare, 'ms')}; its waking alone: {spread(woken, 'ms')}"
    there = spread(late, "ms") if late else "none came"
    naive_words = f"naive: {there}" + (f", {lost} of {lost + len(late)} never sent" if lost else "")
    figures = [
        Figure(
            f"lateness of a single post, {posts:,} queued, p50",
            database,
            median(ours),
            "ms",
            P50_MS,
            runs=len(ours),
            beside=beside,
        ),
        Figure(
            f"lateness of a single post, {posts:,} queued, p99",
            database,
            percentile(ours, 0.99),
            "ms",
            P99_MS,
            runs=len(ours),
            beside=naive_words,
        ),
    ]
    series = {f"{database}: ours": ours, f"{database}: bare timer": bare, f"{database}: naive": late}
    return Result("lateness", figures, series)
