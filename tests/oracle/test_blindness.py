"""The run must see what is wrong: each design weakened on purpose disagrees with the model within so many examples."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle import campaign
from tests.oracle.campaign import Plan
from tests.oracle.town import Town
from tests.oracle.weakened import WEAKENED, weakened
from tests.support.databases import Databases

SEED = 7
MOST = 600
"""Examples: as many as a CI run takes on both databases."""


@pytest.fixture(scope="module")
def town(databases: Databases) -> Iterator[Town]:
    """One for all: an example begins with a reset."""
    with campaign.town_on("sqlite", databases) as made:
        yield made


@pytest.mark.parametrize("name", WEAKENED)
def test_a_weakened_design_is_seen(town: Town, name: str) -> None:
    """I1, I2, I3, I5, I6, I7: an agreement that survives this would mean nothing."""
    with weakened(name):
        report = campaign.run_in(town, Plan("sqlite", examples=MOST, seed=SEED), shrink=False)
    assert report.fault
