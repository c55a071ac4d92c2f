"""Chaos: real processes around a crisis and a resume, with kill -9 and SIGSTOP, also inside a transaction (KS-1, I1 to I8).

``STANDFAST_CHAOS`` sets how many trials per database (50); `./dev chaos` runs more. A violation names its seed and the way to
run it again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.verdicts import WEAK, falls, run, total, violations
from tests.conftest import BOTH
from tests.support.city import CHECKOUT

TRIALS = int(os.environ.get("STANDFAST_CHAOS", "50"))
CHUNK = 50
EXTRA = 25
CHUNKS = [range(first, min(first + CHUNK, TRIALS)) for first in range(0, TRIALS, CHUNK)]
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
"""What a chunk of trials must have met, or it shows nothing."""


def unseen(verdicts: list[dict[str, Any]]) -> list[str]:
    """What these trials have not met, so that they would show nothing about it."""
    seen = total(verdicts)
    missing = [name for name in MUST_BE_SEEN if not seen[name]]
    if not any(name.startswith("SIGSTOP in a transaction") for name in seen):
        missing.append("SIGSTOP in a transaction")
    return [*missing, *(["falls"] if falls(seen) < CHUNK else [])]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the files of trials with a violation stay."""
    return tmp_path


@pytest.mark.parametrize("database", BOTH)
@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_no_trial_breaks_an_invariant(pytestconfig: pytest.Config, seeds: range, database: str, kept: Path) -> None:
    """KS-1, KS-2, KS-10, I1 to I8: judged by the arrival log alone."""
    verdicts = run(pytestconfig, seeds, database, kept=kept)
    assert violations(verdicts, database, kept) == []
    first = 10_000 + seeds.start
    for more in (range(first, first + EXTRA), range(first + EXTRA, first + 2 * EXTRA)):
        if len(seeds) == CHUNK and unseen(verdicts):  # chance: draw on until everything was met
            verdicts += run(pytestconfig, more, database, kept=kept)
            assert violations(verdicts, database, kept) == []
    if len(seeds) == CHUNK:
        assert unseen(verdicts) == []


@pytest.mark.parametrize("database", BOTH)
def test_the_same_trials_without_a_crisis_publish_everything(
    pytestconfig: pytest.Config, database: str, kept: Path
) -> None:
    """The twin: silence shows something only where the same posts go out without a stop."""
    verdicts = run(pytestconfig, range(6), database, "--variant", "quiet twin", kept=kept)
    assert violations(verdicts, database, kept) == []
    assert total(verdicts)["post published"] >= 6 * 8


@pytest.mark.parametrize("database", BOTH)
def test_workers_that_fall_without_a_crisis_lose_and_double_nothing(
    pytestconfig: pytest.Config, database: str, kept: Path
) -> None:
    """I3, I4, I5 and KS-19: kills and stops alone."""
    verdicts = run(pytestconfig, range(8), database, "--variant", "calm", kept=kept)
    assert violations(verdicts, database, kept) == []
    assert falls(total(verdicts)) >= len(verdicts)


@pytest.mark.parametrize("database", BOTH)
def test_what_was_about_to_write_its_first_byte_is_listed_and_waited_for(
    pytestconfig: pytest.Config, database: str, kept: Path
) -> None:
    """I1 and I2 where the gap is widest: a worker stopped after its last look goes on after the word, or after 1.7 s."""
    verdicts: list[dict[str, Any]] = []
    for first in (100, 200, 300):
        if total(verdicts)["arrivals after the word, listed"] < WEAK / 2:
            verdicts += run(pytestconfig, range(first, first + WEAK), database, "--variant", "ambush", kept=kept)
            assert violations(verdicts, database, kept) == []
    assert total(verdicts)["arrivals after the word, listed"] >= WEAK / 2


def test_a_trial_can_be_run_again_by_hand(tmp_path: Path) -> None:
    """The command that a failure prints."""
    command = [sys.executable, "-m", "tests.chaos", "--seed", "3", "--database", "sqlite", "--keep", str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)
    assert "chaos: 1 trials, 0 violations" in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "seed-3" / "people.jsonl").exists()
