"""A live city on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.city import City
from tests.support.live_city import LiveCity, live_city


@pytest.fixture
def live(city: City) -> Iterator[LiveCity]:
    """Sandbox running, people and channels there, daemon not started; once on each database."""
    with live_city(city) as made:
        yield made
