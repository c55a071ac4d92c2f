"""Trials run by one process that forks them, and what their verdicts say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SERVER_FOLDER
from tests.support.city import CHECKOUT


def run(
    pytestconfig: pytest.Config, seeds: range, database: str, *more: str, kept: Path | None = None
) -> list[dict[str, Any]]:
    """The verdicts of these trials, run by one process that forks them."""
    command = [sys.executable, "-m", "tests.chaos", "--seeds", f"{seeds.start}:{seeds.stop}", "--database", database]
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
        f"{line}   (again: python -m tests.chaos --seed {seed} --database {database}; "
        f"files: {kept / database / f'seed-{seed}'})"
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
