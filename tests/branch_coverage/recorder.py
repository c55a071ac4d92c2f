"""What is recorded of which files, and while which tests run."""

from __future__ import annotations

from pathlib import Path

from coverage import Coverage

from tests.support.city import CHECKOUT

FILES = tuple(f"scheduler/{name}.py" for name in ("killswitch", "publisher", "post_queue", "rescuer", "reconciler"))
"""The way of a post from ``scheduled`` on, and of its stop: none of their branches may be without a test."""
SUITES = tuple(
    f"tests/scheduler/test_{name}.py"
    for name in (
        *(
            "killswitch",
            "same_request",
            "publisher",
            "publisher_claim",
            "publisher_gate",
            "publisher_steps",
            "post_queue",
            "rescuer",
        ),
        *("reconciler", "worker", "group_scope", "lift"),
    )
)
"""The tests that are to take every branch, on both databases; only they pay for being watched."""
DATA = CHECKOUT / ".cache" / "branch-coverage"


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
