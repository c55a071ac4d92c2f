"""Races of real processes around a crisis and a resume, with kill -9 and SIGSTOP, also inside a transaction (KS-1, I1 to I8).

``STANDFAST_RACES`` sets how many per database (200). A violation names its seed and the command that runs it again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BOTH, SERVER_FOLDER
from tests.support.city import CHECKOUT

RACES = int(os.environ.get("STANDFAST_RACES", "200"))
CHUNK = 50
NAIVE = 20
WEAK = 8
CHUNKS = [range(first, min(first + CHUNK, RACES)) for first in range(0, RACES, CHUNK)]
MUST_BE_SEEN = (
    "arrivals",
    "arrivals after the word, listed",
    "attempt published",
    "attempt unknown",
    "crisis 0",
    "crisis 10",
    "held at a lift",
    "in flight at a stop",
    "stopped from outside",
    "SIGSTOP between the last look and the first byte",
)
"""What a chunk of races must have met, or it shows nothing."""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the files of trials with a violation stay."""
    return tmp_path


def race(
    pytestconfig: pytest.Config, seeds: range, database: str, *more: str, kept: Path | None = None
) -> list[dict[str, Any]]:
    """The verdicts of these trials, run by one process that forks them."""
    command = [sys.executable, "-m", "tests.race", "--seeds", f"{seeds.start}:{seeds.stop}", "--database", database]
    command += ["--server", str(pytestconfig.stash[SERVER_FOLDER]), "--json", *more]
    command += ["--keep-failing", str(kept)] if kept else []
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-3000:]
    verdicts: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(verdicts) == len(seeds)
    return verdicts


def fallen(verdicts: list[dict[str, Any]], *invariants: str) -> list[int]:
    """The seeds of the trials that broke one of `invariants`; a trial that failed by itself does not count."""
    return [item["seed"] for item in verdicts if any(line.startswith(invariants) for line in item["violations"])]


def falls(seen: Counter[str]) -> int:
    """How many workers fell, by whatever way."""
    return sum(count for name, count in seen.items() if name.startswith("SIG") or name.endswith("from outside"))


def violations(verdicts: list[dict[str, Any]], database: str, kept: Path) -> list[str]:
    """One line per violation, with the way to run it again and its files."""
    return [
        f"{line}   (again: python -m tests.race --seed {seed} --database {database}; files: {kept / f'seed-{seed}'})"
        for verdict in verdicts
        for line in verdict["violations"]
        for seed in [verdict["seed"]]
    ]


def total(verdicts: list[dict[str, Any]]) -> Counter[str]:
    """What happened in all of them."""
    seen: Counter[str] = Counter()
    for verdict in verdicts:
        seen.update(verdict["seen"])
    return seen


@pytest.mark.parametrize("database", BOTH)
@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_no_race_breaks_an_invariant(pytestconfig: pytest.Config, seeds: range, database: str, kept: Path) -> None:
    """KS-1, KS-2, KS-10, I1 to I8: judged by the arrival log alone."""
    verdicts = race(pytestconfig, seeds, database, kept=kept)
    assert violations(verdicts, database, kept) == []
    if len(seeds) == CHUNK:
        seen = total(verdicts)
        assert [name for name in MUST_BE_SEEN if not seen[name]] == []
        assert any(name.startswith("SIGSTOP in a transaction") for name in seen)
        assert falls(seen) >= len(seeds)


@pytest.mark.parametrize("database", BOTH)
def test_the_same_races_without_a_crisis_publish_everything(
    pytestconfig: pytest.Config, database: str, kept: Path
) -> None:
    """The twin: silence shows something only where the same posts go out without a stop."""
    verdicts = race(pytestconfig, range(6), database, "--variant", "quiet twin", kept=kept)
    assert violations(verdicts, database, kept) == []
    assert total(verdicts)["post published"] >= 6 * 8


@pytest.mark.parametrize("database", BOTH)
def test_workers_that_fall_without_a_crisis_lose_and_double_nothing(
    pytestconfig: pytest.Config, database: str, kept: Path
) -> None:
    """I3, I4, I5 and KS-19: kills and stops alone."""
    verdicts = race(pytestconfig, range(8), database, "--variant", "calm", kept=kept)
    assert violations(verdicts, database, kept) == []
    assert falls(total(verdicts)) >= len(verdicts)


@pytest.mark.parametrize("database", BOTH)
def test_what_was_about_to_write_its_first_byte_is_listed_and_waited_for(
    pytestconfig: pytest.Config, database: str, kept: Path
) -> None:
    """I1 and I2 where the gap is widest: a worker stopped after its last look goes on after the word, or after 1.7 s."""
    verdicts = race(pytestconfig, range(100, 100 + WEAK), database, "--variant", "ambush", kept=kept)
    assert violations(verdicts, database, kept) == []
    assert total(verdicts)["arrivals after the word, listed"] >= WEAK / 2


@pytest.mark.parametrize("weakness", ["quiet at once", "lease re-queues", "empty report"])
def test_a_weakened_design_falls_in_the_races(pytestconfig: pytest.Config, weakness: str) -> None:
    """The shortest counterexamples of the protocol are met: a design without that part of it fails most trials."""
    verdicts = race(pytestconfig, range(100, 100 + WEAK), "sqlite", "--weakened", weakness)
    assert len(fallen(verdicts, "I")) >= WEAK / 2


@pytest.mark.parametrize("database", BOTH)
def test_a_naive_publisher_fails_most_races(pytestconfig: pytest.Config, database: str) -> None:
    """A publisher that looks at a flag and then sends: if it passed, these races would show nothing."""
    verdicts = race(pytestconfig, range(1000, 1000 + NAIVE), database, "--publisher", "naive")
    assert len(fallen(verdicts, "I1", "I2", "I3")) > NAIVE / 2
    assert len(fallen(verdicts, "I1", "I2")) > NAIVE / 4
    assert len(fallen(verdicts, "I3")) > NAIVE / 4


@pytest.mark.parametrize("database", BOTH)
def test_a_naive_publisher_stopped_before_its_first_byte_publishes_into_the_quiet(
    pytestconfig: pytest.Config, database: str
) -> None:
    """I1 and I2 by arrivals alone, in the races that the publisher of this project passes with no violation."""
    seeds = range(100, 100 + WEAK)
    verdicts = race(pytestconfig, seeds, database, "--publisher", "naive", "--variant", "ambush")
    assert len(fallen(verdicts, "I1", "I2")) > WEAK / 2


def test_a_race_can_be_run_again_by_hand(tmp_path: Path) -> None:
    """The command that a failure prints."""
    command = [sys.executable, "-m", "tests.race", "--seed", "3", "--database", "sqlite", "--keep", str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)
    assert "0 of 1 trials with a violation" in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "seed-3" / "people.jsonl").exists()
