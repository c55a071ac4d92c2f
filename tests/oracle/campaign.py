"""A run of the model beside the real code: examples on one or both databases, a summary line, and a code."""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from config import clock
from tests.oracle import boundary
from tests.oracle.ground import postgres_ground, sqlite_ground
from tests.oracle.machine import CHANNELS, EVERYTHING, Tally, machine
from tests.oracle.town import Town, opened
from tests.support.databases import Databases
from tests.support.postgres_server import PostgresSession

GROUNDS = {"sqlite": sqlite_ground, "postgresql": postgres_ground}
EXAMPLES, STEPS = 300, 40


@dataclass(frozen=True)
class Plan:
    """What to run; `seed` repeats it exactly."""

    database: str
    examples: int = EXAMPLES
    steps: int = STEPS
    seed: int = 0


@dataclass(frozen=True)
class Report:
    """What came of it: `fault` is the shortest history that hypothesis found, empty when both agreed throughout."""

    plan: Plan
    examples: int
    steps: int
    seconds: float
    taken: dict[str, int]
    missing: tuple[str, ...]
    fault: str = ""


def run(plan: Plan, databases: Databases, *, shrink: bool = True) -> Report:
    """Run `plan` in this process."""
    with town_on(plan.database, databases) as town:
        return run_in(town, plan, shrink=shrink)


@contextmanager
def town_on(database: str, databases: Databases) -> Iterator[Town]:
    """A town on a store of `database`, with the boundaries in place."""
    with GROUNDS[database](databases) as ground, opened(ground, CHANNELS) as town, boundary.installed(town.outage):
        yield town


def run_in(town: Town, plan: Plan, *, shrink: bool = True) -> Report:
    """Run `plan` on `town`; a fault is told as it was found, or (`shrink`) as short as hypothesis can make it."""
    tally, began = Tally(), clock.SystemClock().boot_ns()
    chosen = settings(
        max_examples=plan.examples,
        stateful_step_count=plan.steps,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        deadline=None,
        database=None,
        print_blob=False,
    )
    fault = ""
    try:
        run_state_machine_as_test(seed(plan.seed)(machine(town, EVERYTHING, tally)), settings=chosen)
    except Exception as error:
        fault = "\n".join(_told(error))
    seconds = (clock.SystemClock().boot_ns() - began) / 1e9
    taken = {" ".join(key): count for key, count in sorted(tally.taken.items())}
    return Report(plan, tally.examples, tally.steps, seconds, taken, tuple(tally.missing(EVERYTHING)), fault)


def _told(error: Exception) -> Iterator[str]:
    """The words of an error and its notes; hypothesis packs several into a group."""
    if isinstance(error, ExceptionGroup):
        for item in error.exceptions:
            yield from _told(item)
        return
    yield from (f"{type(error).__name__}: {error}", *getattr(error, "__notes__", []))


def main(words: list[str] | None = None) -> int:
    """1 when model and code disagreed, or an action was never taken."""
    asked = _arguments(words)
    first = new_seed() if asked.seed is None else asked.seed
    databases = [asked.database] if asked.database else list(GROUNDS)
    return verdict(list(_in_processes([Plan(name, asked.examples, asked.steps, first) for name in databases])))


def verdict(reports: list[Report]) -> int:
    """1, after all was told, when model and code disagreed anywhere, or an action was taken nowhere."""
    for report in reports:
        _tell(report)
    never = sorted(set.intersection(*(set(report.missing) for report in reports)))
    if never:
        print(f"NEVER TAKEN, and so never compared (are the examples too few?): {', '.join(never)}")
    faults = sum(bool(report.fault) for report in reports)
    names = " and ".join(report.plan.database for report in reports)
    print(
        f"oracle: {'FAILED' if faults or never else 'ok'}, {sum(report.examples for report in reports)} examples, "
        f"{sum(report.steps for report in reports)} steps on {names}, {faults} disagreements, "
        f"{max(report.seconds for report in reports):.0f} s, seed {reports[0].plan.seed}"
    )
    return int(bool(faults or never))


def new_seed() -> int:
    """Another one for each run: what a run has not seen, the next may."""
    return random.SystemRandom().randrange(2**32)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="on each database")
    parser.add_argument("--steps", type=int, default=STEPS, help="in each example")
    parser.add_argument("--database", choices=tuple(GROUNDS), help="one alone; otherwise both, side by side")
    parser.add_argument("--seed", type=int, help="repeats a run")
    return parser.parse_args(words)


def _in_processes(plans: list[Plan]) -> Iterator[Report]:
    """Each plan in a process of its own."""
    server = PostgresSession()
    try:
        with ProcessPoolExecutor(len(plans), get_context("spawn")) as pool:
            yield from pool.map(_run_alone, plans, [server.folder] * len(plans))
    finally:
        server.end()


def _run_alone(plan: Plan, server: Path) -> Report:
    with tempfile.TemporaryDirectory(prefix="standfast-oracle-") as scratch:
        return run(plan, Databases(server, Path(scratch)))


def _tell(report: Report) -> None:
    each = report.seconds / max(report.steps, 1) * 1000
    print(f"{report.plan.database}: {report.examples} examples, {report.steps} steps, {each:.1f} ms each")
    print("  taken: " + ", ".join(f"{name} {count}" for name, count in report.taken.items()))
    if report.fault:
        print(report.fault)
