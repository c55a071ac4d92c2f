"""Whether the chaos can see: a design without a part of the protocol, and a publisher that checks and then acts, must fall."""

from __future__ import annotations

import pytest

from tests.chaos.verdicts import WEAK, fallen, run
from tests.conftest import BOTH

NAIVE = 20


@pytest.mark.parametrize("weakness", ["quiet at once", "lease re-queues", "empty report"])
def test_a_weakened_design_falls_in_the_chaos(pytestconfig: pytest.Config, weakness: str) -> None:
    """The shortest counterexamples of the protocol are met: a design without that part of it fails most trials."""
    verdicts = run(pytestconfig, range(100, 100 + WEAK), "sqlite", "--weakened", weakness)
    assert len(fallen(verdicts, "I")) >= WEAK / 2


@pytest.mark.parametrize("database", BOTH)
def test_a_naive_publisher_fails_most_trials(pytestconfig: pytest.Config, database: str) -> None:
    """A publisher that looks at a flag and then sends: if it passed, the chaos would show nothing."""
    verdicts = run(pytestconfig, range(1000, 1000 + NAIVE), database, "--publisher", "naive")
    assert len(fallen(verdicts, "I1", "I2", "I3")) > NAIVE / 2
    assert len(fallen(verdicts, "I1", "I2")) > NAIVE / 4
    assert len(fallen(verdicts, "I3")) > NAIVE / 4


@pytest.mark.parametrize("database", BOTH)
def test_a_naive_publisher_stopped_before_its_first_byte_publishes_into_the_quiet(
    pytestconfig: pytest.Config, database: str
) -> None:
    """I1 and I2 by arrivals alone, in the trials that the publisher of this project passes with no violation."""
    seeds = range(100, 100 + WEAK)
    verdicts = run(pytestconfig, seeds, database, "--publisher", "naive", "--variant", "ambush")
    assert len(fallen(verdicts, "I1", "I2")) > WEAK / 2
