"""Row 5: a thousand posts due within one second over fifty channels, against a bare tweepy loop at the same server."""

from __future__ import annotations

import json
import subprocess
import sys

from bench import naive, seed
from bench.arrival import Arrived, Tail
from bench.bench import Bench
from bench.city import BenchCity, bench_city
from bench.figure import Figure, Result, median, spread
from bench.waiting import pause
from config import clock
from sandbox import client

AIM = 0.5
AHEAD_US = 2 * clock.SECOND
SCRIPT = "from bench.row import burst; burst.loop()"


def measure(bench: Bench, database: str) -> Result:
    """Interleaved pairs: a burst of ours, then the bare loop; the naive design's burst at the end."""
    count, pairs = bench.size(1_000, 40), bench.size(15, 2)
    ours, bare = [], []
    with bench_city(bench.stores, database, bench.size(100_000, 500)) as city:
        city.start_daemon()
        tail = Tail(city.sandbox.log)
        _ours(city, tail, seed.CHANNELS, "warm")
        for turn in range(pairs):
            bench.tell(f"burst, {database}: pair {turn + 1} of {pairs}")
            bare.append(_bare(city, tail, count, f"bare{turn}"))
            ours.append(_ours(city, tail, count, f"burst{turn}"))
    sent, rate = _naive(bench, database, count)
    return _result(database, count, ours, bare, sent, rate)


def _ours(city: BenchCity, tail: Tail, count: int, words: str) -> float:
    """Posts a second, from the first due moment to the last request."""
    first = clock.wall_us() + AHEAD_US
    seed.queue(city.engine, count, first_us=first, every_us=clock.SECOND // count, words=words)
    city.name_posts(words)
    pause(max(0.0, (first - clock.wall_us()) / clock.SECOND))
    return _rate(tail.collect(count, 120, f"{words} "), first)


def _rate(arrived: list[Arrived], first_us: int) -> float:
    return len(arrived) / ((max(item.wall_us for item in arrived) - first_us) / clock.SECOND)


def _bare(city: BenchCity, tail: Tail, count: int, words: str) -> float:
    """Posts a second of a process that does nothing but call tweepy, one call after the other."""
    command = [sys.executable, "-c", SCRIPT, city.sandbox.url, str(count), words]
    ran = subprocess.run(command, cwd=city.city.root, env=city.city.environ, capture_output=True, text=True, check=True)
    took: float = json.loads(ran.stdout)
    assert len(tail.drain(f"{words} ")) == count
    return count / took


def loop() -> None:
    """The bare loop's program: prints how many seconds its calls took."""
    sandbox, count, words = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    clients = [naive.client(number, sandbox) for number in range(seed.CHANNELS)]
    for each in clients:
        each.get_me()
    start = clock.boot_s()
    for index in range(count):
        clients[index % len(clients)].create_tweet(text=f"{words} {index}")
    print(json.dumps(clock.boot_s() - start))


def _naive(bench: Bench, database: str, count: int) -> tuple[int, float]:
    """(how many of the posts the naive design sent at all, at which rate)."""
    bench.tell(f"burst, {database}: the naive design")
    with bench.stores.empty(database) as url, client.start(bench.scratch / f"naive-{clock.boot_ns()}.log") as sandbox:
        naive.lay_down(url, 0)
        tail = Tail(sandbox.log)
        with naive.running(url, sandbox.url):
            first = clock.wall_us() + 2 * AHEAD_US
            due = [clock.to_datetime(first + index * clock.SECOND // count) for index in range(count)]
            naive.queue(url, due, seed.CHANNELS, "naive")
            naive.await_moment(due[-1], bench.size(30, 3))
            arrived = tail.drain("naive")
    return len(arrived), _rate(arrived, first) if arrived else 0.0


def _result(database: str, count: int, ours: list[float], bare: list[float], sent: int, rate: float) -> Result:
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    beside = f"ours {median(ours):.0f}/s, bare loop {median(bare):.0f}/s; pairs {spread(ratios, '×')}"
    lost = f"naive: {rate:.0f}/s; {count - sent} of {count} never sent"
    what = f"{count:,} posts due in one second over {seed.CHANNELS} channels, against a bare tweepy loop"
    figures = [
        Figure(what, database, median(ours) / median(bare), "×", AIM, "≥", runs=len(ours), beside=f"{beside}; {lost}")
    ]
    return Result("burst", figures, {f"{database}: ours": ours, f"{database}: bare loop": bare})
