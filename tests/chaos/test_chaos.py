"""Chaos: real processes around crises, resumes and restores, with kill -9 and SIGSTOP, also inside a transaction (I1 to I8).

``STANDFAST_CHAOS`` sets how many trials per database (200 and 100); `./dev chaos` runs more. A violation names its seed and the
way to run it again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.verdicts import falls, run, total, violations
from tests.conftest import BOTH
from tests.support.city import CHECKOUT

TRIALS: Mapping[str, int] = {"sqlite": 200, "postgresql": 100}
ENOUGH = 100
"""So many trials must have met everything; after fewer nothing is asked."""
EXTRA = 40
MUST_BE_SEEN = (
    "SIGSTOP between the last look and the first byte",
    "SIGSTOP between the leave to send and the last look",
    "arrivals after the word, listed",
    "attempt unknown",
    "cell folder",
    "cell garbled",
    "cell missing",
    "cell unwritable",
    "crisis 0",
    "crisis 10",
    "crisis killed or failed",
    "doubted after a restore",
    "drill overtaken",
    "emergency killed",
    "emergency message arrived",
    "emergency message renewed",
    "ended by itself",
    "held at a lift",
    "in flight at a stop",
    "killed from outside",
    "lift of a drill",
    "lift of a planned",
    "overlapping suspensions",
    "planned stop came",
    "planned stop came while no daemon lived",
    "planner fired",
    "planner: taken out",
    "post cancel",
    "post edit",
    "post release",
    "post reschedule",
    "refused by the cell",
    "refused by the fence",
    "restarted",
    "resume killed",
    "status --wait 0",
    "stopped from outside",
    "store put back",
    "sweep: empty",
    "suspension by standfast",
    "suspension by stop cell",
    "unknown, found by the reconciler",
    "void resume",
)
"""What the trials of a run must have met, or they show nothing about it."""


def unseen(verdicts: list[dict[str, Any]]) -> list[str]:
    """What these trials have not met, so that they would show nothing about it."""
    seen = total(verdicts)
    missing = [name for name in MUST_BE_SEEN if not seen[name]]
    if not any(name.startswith("SIGSTOP in a transaction") for name in seen):
        missing.append("SIGSTOP in a transaction")
    return [*missing, *(["falls"] if falls(seen) < len(verdicts) else [])]


def planned(database: str) -> range:
    """The seeds of this run."""
    return range(int(os.environ.get("STANDFAST_CHAOS", TRIALS[database])))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the files of trials with a violation stay."""
    return tmp_path


@pytest.mark.parametrize("database", BOTH)
def test_no_trial_breaks_an_invariant(pytestconfig: pytest.Config, database: str, kept: Path) -> None:
    """KS-1, KS-2, KS-5, KS-10, I1 to I8: judged by the arrival log alone."""
    seeds = planned(database)
    verdicts = run(pytestconfig, seeds, database, kept=kept)
    assert violations(verdicts, database, kept) == []
    for first in (10_000, 20_000):
        if len(seeds) >= ENOUGH and unseen(verdicts):  # chance: draw on until everything was met
            verdicts += run(pytestconfig, range(first, first + EXTRA), database, kept=kept)
            assert violations(verdicts, database, kept) == []
    if len(seeds) >= ENOUGH:
        assert unseen(verdicts) == []


@pytest.mark.parametrize("database", BOTH)
def test_the_same_trials_without_a_crisis_publish_everything(
    pytestconfig: pytest.Config, database: str, kept: Path
) -> None:
    """The twin: silence shows something only where the same posts go out without a stop."""
    verdicts = run(pytestconfig, range(4), database, "--variant", "quiet twin", kept=kept)
    assert violations(verdicts, database, kept) == []
    assert total(verdicts)["post published"] >= 4 * 9


@pytest.mark.parametrize("database", BOTH)
def test_workers_that_fall_without_a_crisis_lose_and_double_nothing(
    pytestconfig: pytest.Config, database: str, kept: Path
) -> None:
    """I3, I4, I5 and KS-19: kills and stops alone."""
    verdicts = run(pytestconfig, range(4), database, "--variant", "calm", kept=kept)
    assert violations(verdicts, database, kept) == []
    assert falls(total(verdicts)) >= len(verdicts)


def test_a_trial_can_be_run_again_by_hand(tmp_path: Path) -> None:
    """The command that a failure prints, and the line that it ends with."""
    command = [sys.executable, "-m", "tests.chaos", "--seed", "3", "--database", "sqlite", "--keep", str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1].startswith("chaos: 1 trials, 0 violations"), done.stdout + done.stderr
    assert (tmp_path / "sqlite" / "seed-3" / "people.jsonl").exists()
