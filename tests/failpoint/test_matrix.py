"""kill -9 before and after every step, at its first and second hit, in each phase of a stop; and again on who recovers.

After each the city recovers by itself or by the command that the documentation names, I1 to I8 hold by the arrival log, nothing
is lost or double, and the log's chain is whole. This runs a part of the matrix; `python -m tests.failpoint --all` runs it all.
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

from config import failpoint
from tests.conftest import SERVER_FOLDER
from tests.failpoint import table
from tests.failpoint.case import NEEDS, Case
from tests.failpoint.scenes import SCENES
from tests.support.city import CHECKOUT

LEAST, LEAST_DOUBLE = 300, 100
PHASE_LEAST = 50
CHUNKS = {"sqlite": 2, "postgresql": 1}


def run(config: pytest.Config, database: str, *more: str) -> list[dict[str, Any]]:
    """The results of a run of its own, which forks its cases from one process."""
    command = [sys.executable, "-m", "tests.failpoint", "--database", database, "--json", *more]
    command += ["--server", str(config.stash[SERVER_FOLDER])]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-3000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def complaints(results: list[dict[str, Any]], database: str) -> list[str]:
    """One line for everything that is wrong, with the command that repeats it."""
    return [
        f"{item['name']}: {line}   (again: python -m tests.failpoint --database {database} --case '{item['name']}')"
        for item in results
        for line in item["wrong"]
    ]


# --- the table -------------------------------------------------------------------------------------------------------


def test_every_cell_of_the_matrix_is_a_case_or_not_applicable_by_name() -> None:
    """Step × before, after × first, second hit × phase: none is left out silently, and none is both."""
    cases, reasons = table.covered(), dict(table.absent())
    assert table.whole() - cases - set(reasons) == set()
    assert cases & set(reasons) == set()
    assert (cases | set(reasons)) - table.whole() == set()
    assert all(reason.strip() for reason in reasons.values())
    assert max(Counter(cell for cell, _ in table.absent()).values()) == 1


def test_a_cell_that_is_forgotten_is_seen() -> None:
    """The twin: without the cases of one scene the table is not whole."""
    crisis = {cell for cell in table.covered() if cell[0] == "draining" and cell[1].startswith("crisis.cell")}
    assert crisis
    assert table.whole() - (table.covered() - crisis) - {cell for cell, _ in table.absent()} == crisis


def test_what_runs_with_every_change_is_a_fair_part_of_the_matrix() -> None:
    """At least 300 single and 100 double crashes, from every phase and scene, on both databases."""
    chosen = {database: table.ours(database) for database in table.DATABASES}
    every = [case for cases in chosen.values() for case in cases]
    assert sum(not case.second for case in every) >= LEAST
    assert sum(bool(case.second) for case in every) >= LEAST_DOUBLE
    phases = Counter(SCENES[case.scene].phase for case in every)
    assert min(phases[phase] for phase in table.PHASES) >= PHASE_LEAST
    assert {case.scene for case in every} == set(SCENES)
    assert {hit for case in every for hit in [case.hit]} == {1, 2}
    for database, cases in chosen.items():
        assert len({case.name for case in cases}) == len(cases), database
        assert {case.point.partition(":")[2] for case in cases} == set(failpoint.SIDES)


def test_the_whole_matrix_holds_every_step_and_every_double_case_has_two() -> None:
    singles = table.singles()
    assert {case.point.partition(":")[0] for case in singles} == set(failpoint.registry())
    assert len({case.name for case in singles}) == len(singles)
    steps = failpoint.registry()
    for case in table.doubles():
        assert {case.point.partition(":")[0], case.second.partition(":")[0]} <= set(steps), case.name
        assert Case.named(case.name) == case


# --- the runs --------------------------------------------------------------------------------------------------------


def missed(scene: str, reached: dict[str, int]) -> dict[str, int]:
    """The points by which the table says that the scene comes more often than it did."""
    expected = {point: n for point, n in table.reached(scene).items() if not point.startswith(tuple(NEEDS))}
    return {point: n for point, n in expected.items() if reached.get(point, 0) < n}


def traced(config: pytest.Config, *scenes: str) -> dict[str, dict[str, int]]:
    """Scene → what its first process came by, as often as `reached`."""
    results = run(config, "sqlite", "--trace", *(word for scene in scenes for word in ("--scene", scene)))
    assert [line for item in results for line in item["violations"]] == []
    return {item["name"].partition(" / ")[0]: item["reached"] for item in results}


def test_the_table_says_what_each_scene_comes_by(pytestconfig: pytest.Config) -> None:
    """A trace of every scene, in which nobody falls: each case's point is reached, and what is called absent is not."""
    traces = traced(pytestconfig)
    assert set(traces) == set(SCENES)
    for _ in range(2):  # on a busy machine a post may have missed its moment
        if late := [scene for scene, reached in traces.items() if missed(scene, reached)]:
            traces |= traced(pytestconfig, *late)
    assert {scene: lacking for scene, reached in traces.items() if (lacking := missed(scene, reached))} == {}
    come_by = {
        (SCENES[scene].phase, point, hit)
        for scene, reached in traces.items()
        for point, count in reached.items()
        for hit in range(1, min(count, 2) + 1)
    }
    assert come_by & {cell for cell, _ in table.absent()} == set()


@pytest.mark.parametrize(
    ("database", "chunk"), [(name, chunk) for name, count in CHUNKS.items() for chunk in range(count)]
)
def test_who_is_killed_at_any_step_leaves_a_city_that_recovers(
    pytestconfig: pytest.Config, database: str, chunk: int, tmp_path: Path
) -> None:
    """I1 to I8, KS-19: kill -9 before and after each step, and on the one who recovers."""
    part = f"{chunk}/{CHUNKS[database]}"
    results = run(pytestconfig, database, "--part", part, "--keep", str(tmp_path))
    assert complaints(results, database) == []
    assert len(results) >= len(table.ours(database)) // CHUNKS[database]
    assert all(item["first_hit"] for item in results)


def test_a_case_can_be_run_again_by_hand() -> None:
    """The command that a failure prints, and its last line."""
    name = "publish / publish.send.write:after@2 + rescue.commit:before@1"
    command = [sys.executable, "-m", "tests.failpoint", "--case", name]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 cases on sqlite, 1 fell at their point, 1 of them twice; 0 failed" in done.stdout
