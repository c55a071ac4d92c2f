"""Database operations of every whole run fail, on both databases, until a run passes clean.

With every change a part of them: `python -m tests.faults` lets each operation fail once, `--all` each in every way.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import rig
from tests.faults.desk_runs import StartRestored
from tests.faults.loop import SCENARIOS, loop
from tests.faults.scenario import Scenario
from tests.support.databases import Databases

EVERY = {"sqlite": 4, "postgresql": 8}
"""Database → of how many runs one is made here: as many as fit into the minutes that store faults have in every run."""
LONG = 3
"""So many times fewer of those that start a daemon in a restored store: each takes a second."""


@pytest.mark.parametrize("database", list(EVERY))
@pytest.mark.parametrize("kind", SCENARIOS, ids=lambda kind: kind.name)
def test_whatever_operation_fails_nothing_is_lost_doubled_or_half_done(
    kind: type[Scenario], database: str, tmp_path: Path, databases: Databases
) -> None:
    """I1, I3, I4, I5, I7, I8, KS-4: people hear it in one line, nothing goes out after a stop, and all goes on by itself."""
    every = EVERY[database] * (LONG if kind is StartRestored else 1)
    with rig.opened(database, tmp_path, databases) as made:
        found = loop(kind, made, every=every)
    assert found.operations >= kind.least
    assert found.runs >= found.operations // every
