"""Row 3: how soon QUIET CONFIRMED follows the last answer, when every call in flight gets a documented one."""

from __future__ import annotations

import random
from dataclasses import dataclass

from bench import naive, probe, seed
from bench.arrival import Arrived, Tail
from bench.bench import Bench
from bench.city import BenchCity, bench_city
from bench.figure import Figure, Result, median, percentile, spread
from bench.waiting import pause
from config import clock
from sandbox import client

MARGIN_S = 1.0
CALLS = 16
FASTEST_S, SLOWEST_S = 1.0, 3.0
FAULTS = ("delay", "slow_body", "slow_headers", "late")
"""Ways in which a platform takes its time and then says what it did."""


@dataclass(frozen=True)
class Trial:
    """One stop: seconds from its start to SUSPENDED, to QUIET CONFIRMED, to the last answer, and of the slowest call."""

    suspended_s: float
    quiet_s: float
    answered_s: float
    slowest_s: float

    @property
    def beyond_s(self) -> float:
        """What the aim bounds: the whole stop, less the slowest call."""
        return self.quiet_s - self.slowest_s

    @property
    def after_answer_s(self) -> float:
        """From the moment both were there, the last answer and the word SUSPENDED."""
        return self.quiet_s - max(self.answered_s, self.suspended_s)


def measure(bench: Bench, database: str) -> Result:
    """Stops while calls are in flight, one after the other in one city; then the naive design's pause."""
    turns, calls = bench.size(30, 2), bench.size(CALLS, 4)
    trials = []
    with bench_city(bench.stores, database, bench.size(100_000, 300), threads=CALLS) as city:
        city.start_daemon()
        tail = Tail(city.sandbox.log)
        for turn in range(turns):
            bench.tell(f"quiet, {database}: stop {turn + 1} of {turns}")
            trials.append(_trial(city, tail, turn, calls))
    return _result(database, calls, trials, _naive(bench, database, calls))


def _trial(city: BenchCity, tail: Tail, turn: int, calls: int) -> Trial:
    words, chance = f"turn{turn}", random.Random(turn)  # noqa: S311
    slow = {number: chance.uniform(FASTEST_S, SLOWEST_S) for number in range(calls)}
    for number, seconds in slow.items():
        name = FAULTS[number % len(FAULTS)]
        city.sandbox.fault(name, seconds=seconds, text=f"{words}-{number}.", platform="x")
    for number in range(calls):
        city.queue_one(number, f"{words}-{number}. {words}", clock.wall_us() + clock.SECOND)
    arrived = _await_calls(tail, words, calls)
    said = probe.run(city.city.command("crisis"), city.city.root, city.city.environ)
    quiet = said.at("QUIET CONFIRMED")
    arrived += tail.drain(words)
    city.sandbox.clear_faults()
    city.lift_all()
    answers = [_answered(item, slow) - said.start_s for item in arrived if item.boot_s < said.start_s]
    return Trial(said.at("SUSPENDED"), quiet, max(answers, default=0.0), max(slow.values()))


def _await_calls(tail: Tail, words: str, calls: int) -> list[Arrived]:
    """Those that have arrived once all calls are with the sandbox (a ``late`` one stands in the log only when it is done)."""
    late = sum(FAULTS[number % len(FAULTS)] == "late" for number in range(calls))
    arrived = tail.collect(calls - late, 30, words)
    pause(0.1)
    return arrived


def _answered(item: Arrived, slow: dict[int, float]) -> float:
    """The boot time (s) of the last byte of the answer."""
    number = int(item.text.partition("-")[2].partition(".")[0])
    return item.boot_s + slow[number]


def _naive(bench: Bench, database: str, calls: int) -> str:
    """What the naive design says and does when it is paused during calls."""
    bench.tell(f"quiet, {database}: the naive design")
    with bench.stores.empty(database) as url, client.start(bench.scratch / f"naive-{clock.boot_ns()}.log") as sandbox:
        naive.lay_down(url, 0)
        tail = Tail(sandbox.log)
        sandbox.fault("late", seconds=SLOWEST_S, count=None, platform="x")
        with naive.running(url, sandbox.url):
            due = clock.to_datetime(clock.wall_us() + 3 * clock.SECOND)
            naive.queue(url, [due] * calls, seed.CHANNELS, "naive")
            naive.await_moment(due, 1.0)
            said = probe.run(naive.command("pause", url), bench.scratch, naive.environ())
            moment = said.start_s + said.at("PAUSED")
            pause(SLOWEST_S + 1)
            later = sum(item.boot_s + SLOWEST_S > moment for item in tail.drain("naive"))
    return f"naive: says PAUSED at once, and {later} of {calls} posts went out after that"


def _result(database: str, calls: int, trials: list[Trial], naive_words: str) -> Result:
    beyond = [trial.beyond_s for trial in trials]
    after = [trial.after_answer_s for trial in trials]
    beside = f"p50 {median(beyond):.2g} s; SUSPENDED {spread([t.suspended_s for t in trials], 's')}; {naive_words}"
    strict = f"p50 {median(after):.2g} s; counted from SUSPENDED where the answer came before it"
    figures = [
        Figure(
            f"crisis to QUIET CONFIRMED, less the slowest of {calls} calls in flight, p99",
            database,
            percentile(beyond, 0.99),
            "s",
            MARGIN_S,
            runs=len(trials),
            beside=beside,
        ),
        Figure(
            "last answer to QUIET CONFIRMED, p99",
            database,
            percentile(after, 0.99),
            "s",
            MARGIN_S,
            runs=len(trials),
            beside=strict,
        ),
    ]
    return Result("quiet", figures, {f"{database}: after the last answer": after})
