"""Whether the chaos can see: a design without a part of the protocol, and a publisher that checks and then acts, must fall."""

from __future__ import annotations

import pytest

from tests.chaos.verdicts import fallen, run
from tests.conftest import BOTH

WEAK, NAIVE = 6, 10
"""Trials against a weakened design, and against the naive one."""


@pytest.mark.parametrize(
    "weakness",
    [
        "quiet at once",
        "empty report",
        "lease re-queues",
        "fence ignored",
        "restore not noticed",
        "gate fails open",
        "cell fails open",
    ],
)
def test_a_weakened_design_falls_in_the_chaos(pytestconfig: pytest.Config, weakness: str) -> None:
    """Counterexamples of the protocol are met: a design without that part of it fails half of its trials or more."""
    verdicts = run(pytestconfig, range(100, 100 + WEAK), "sqlite", "--weakened", weakness)
    assert len(fallen(verdicts, "I", "fence", "numbers")) >= WEAK / 2


@pytest.mark.parametrize("database", BOTH)
def test_a_naive_publisher_fails_most_trials(pytestconfig: pytest.Config, database: str) -> None:
    """A publisher that looks at a flag and then sends: if it passed, the chaos would show nothing."""
    verdicts = run(pytestconfig, range(1000, 1000 + NAIVE), database, "--publisher", "naive")
    assert len(fallen(verdicts, "I1", "I2", "I3", "I8")) > NAIVE / 2


@pytest.mark.parametrize("database", BOTH)
def test_a_naive_publisher_stopped_before_its_first_byte_publishes_into_the_quiet(
    pytestconfig: pytest.Config, database: str
) -> None:
    """I1 and I2 by arrivals alone, in the trials that the publisher of this project passes with no violation."""
    seeds = range(100, 100 + WEAK)
    verdicts = run(pytestconfig, seeds, database, "--publisher", "naive", "--variant", "ambush")
    assert len(fallen(verdicts, "I1", "I2")) > WEAK / 2
