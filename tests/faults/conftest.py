"""A live city on each database, whose ordinary writers give up on a busy store after a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import places
from tests.support.city import City
from tests.support.live_city import LiveCity, live_city


@pytest.fixture
def live(city: City) -> Iterator[LiveCity]:
    """Sandbox running, people and channels there, daemon not started; once on each database."""
    with live_city(city, busy_timeout="1s") as made:
        yield made


@pytest.fixture
def postgres_live(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveCity]:
    """The same on PostgreSQL alone."""
    with live_city(places.city_at(tmp_path, postgres_url, monkeypatch), busy_timeout="1s") as made:
        yield made


@pytest.fixture
def sqlite_live(sqlite_city: City) -> Iterator[LiveCity]:
    """The same on SQLite alone."""
    with live_city(sqlite_city, busy_timeout="1s") as made:
        yield made
