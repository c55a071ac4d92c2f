"""Whether the chaos can see: a design without a part of the protocol, and a publisher that checks and then acts, must fall."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.verdicts import fallen, run
from tests.chaos.weakened import WEAKENED
from tests.conftest import BOTH

WEAK, NAIVE = 6, 10
"""Trials against a weakened design at a time, and against the naive publisher."""
FALLEN, TURNS = 3, 6
"""So many trials show that the chaos sees a weakness; chance has this many turns of `WEAK` trials for them."""
VARIANTS = {"window holds once begun": "window", "sweep believes": "planner", "sweep copies last": "planner"}
"""What happens in few of the ordinary trials is looked for in those that are about it."""
SHOWN = ("I1", "I2", "I3", "I5", "I6", "I7", "I8", "fence", "numbers", "lane", "window", "sweep", "drill")
"""Not I4, which a slow machine can break."""


@pytest.mark.parametrize("weakness", WEAKENED)
def test_a_weakened_design_falls_in_the_chaos(pytestconfig: pytest.Config, weakness: str) -> None:
    """Counterexamples of the protocol are met: a design without that part of it falls again and again."""
    verdicts: list[dict[str, Any]] = []
    variant = ("--variant", VARIANTS[weakness]) if weakness in VARIANTS else ()
    for first in range(100, 100 + TURNS * WEAK, WEAK):
        verdicts += run(pytestconfig, range(first, first + WEAK), "sqlite", "--weakened", weakness, *variant)
        if len(fallen(verdicts, *SHOWN)) >= FALLEN:
            return
    pytest.fail(f"{verdicts}")


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
