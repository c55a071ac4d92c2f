"""Row 6: how soon a daemon with a million queued posts is ready, what it holds in memory, and whether that grows."""

from __future__ import annotations

from bench import naive, seed, soak
from bench.arrival import Tail
from bench.bench import Bench
from bench.city import BenchCity, bench_city, resident_mb
from bench.figure import Figure, Result, median, percentile
from bench.waiting import pause
from config import clock
from sandbox import client

READY_S, RESIDENT_MB = 2.0, 150.0


def measure(bench: Bench, database: str) -> Result:
    """Starts one after the other; memory after posts went out on every channel; growth from the soak's samples."""
    posts = bench.size(1_000_000, 2_000)
    ready, resident = [], 0.0
    with bench_city(bench.stores, database, posts) as city:
        for turn in range(bench.size(15, 2)):
            bench.tell(f"daemon, {database}: start {turn + 1}")
            started = city.start_daemon()
            ready.append(started.ready_s)
            if turn == 0:
                resident = _worked(city, started.process.pid)
            started.end()
    naive_ready, naive_mb = _naive(bench, database, posts)
    beside = f"p99 {percentile(ready, 0.99):.2g} s; naive {naive_ready:.2g} s"
    figures = [
        Figure(
            f"ready with {posts:,} queued posts, median",
            database,
            median(ready),
            "s",
            READY_S,
            runs=len(ready),
            beside=beside,
        ),
        Figure(
            "resident memory after work on every channel",
            database,
            resident,
            "MB",
            RESIDENT_MB,
            beside=f"naive {naive_mb:.0f} MB",
        ),
    ]
    return Result("daemon", figures + soak.figures(database), {f"{database}: ready": ready})


def _worked(city: BenchCity, pid: int) -> float:
    """Resident memory in MB after three posts on each channel."""
    tail = Tail(city.sandbox.log)
    count = 3 * seed.CHANNELS
    seed.queue(city.engine, count, first_us=clock.wall_us(), every_us=1000, words="work")
    city.name_posts("work")
    tail.collect(count, 120, "work")
    pause(1.0)
    return resident_mb(pid)


def _naive(bench: Bench, database: str, jobs: int) -> tuple[float, float]:
    """(seconds to ready, resident MB) of the naive design with as many jobs."""
    bench.tell(f"daemon, {database}: the naive design")
    with bench.stores.empty(database) as url, client.start(bench.scratch / f"naive-{clock.boot_ns()}.log") as sandbox:
        naive.lay_down(url, jobs)
        with naive.running(url, sandbox.url) as started:
            pause(2.0)
            return started.ready_s, resident_mb(started.process.pid)
