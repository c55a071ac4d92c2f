"""What is recorded of which files, and while which tests run."""

from __future__ import annotations

from pathlib import Path

from coverage import Coverage

from tests.support import source
from tests.support.city import CHECKOUT

NAMES = ("killswitch", "lifting", "publisher", "claim_rows", "post_queue", "rescuer", "reconciler")
FILES = tuple(f"scheduler/{name}.py" for name in NAMES)
"""The way of a post from ``scheduled`` on, and of its stop: none of their branches may be without a test."""
FOLDER = Path("tests/scheduler")
PLANNING = FOLDER / "planning"
UNWATCHED = frozenset(f"test_{name}.py" for name in ("calendar_races", "calendar_sync", "post_verbs", "reload"))
"""Suites of `PLANNING` that work on thousands of rows: they would pay most, and each branch has a smaller test of its own."""
DATA = CHECKOUT / ".cache" / "branch-coverage"


def is_watched(suite: Path) -> bool:
    """True when the tests of the file `suite` (relative to the checkout) are to take the branches; only they pay for it."""
    return suite.parent in (FOLDER, PLANNING) and suite.name.startswith("test_") and suite.name not in UNWATCHED


def suites() -> list[str]:
    """All watched suites."""
    return sorted(str(file) for file in source.python_files() if is_watched(file))


def recorder(folder: Path = DATA) -> Coverage:
    """A recorder of the branches of `FILES` that keeps its parts in `folder`; no remark in the code takes a branch out."""
    made = Coverage(
        data_file=str(folder / "taken"),
        data_suffix=True,
        branch=True,
        config_file=False,
        include=[str(CHECKOUT / file) for file in FILES],
        messages=False,
    )
    made.set_option("run:disable_warnings", ["no-data-collected"])  # by the process that hands tests to others, for one
    made.clear_exclude("exclude")
    made.clear_exclude("partial")
    return made
