"""What the scheduler's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from config import clock
from store.engine import open_engine
from tests.scheduler.press import ManualClock, Press, opened
from tests.support.city import City


@pytest.fixture
def press(city: City, engine: Engine) -> Iterator[Press]:
    """A publisher with a scripted connector, once on each database."""
    with opened(city, engine) as made:
        yield made


@pytest.fixture
def sqlite_press(sqlite_city: City) -> Iterator[Press]:
    """The same on SQLite alone, for long tables of cases that no database tells apart."""
    engine = open_engine(sqlite_city.url)
    with opened(sqlite_city, engine) as made:
        yield made
    engine.dispose()


@pytest.fixture
def postgres_press(postgres_city: City) -> Iterator[Press]:
    """The same on PostgreSQL alone, for what only a server costs."""
    engine = open_engine(postgres_city.url)
    with opened(postgres_city, engine) as made:
        yield made
    engine.dispose()


@pytest.fixture
def hands() -> Iterator[ManualClock]:
    """A clock that moves when told; ask for it before what is to live by it."""
    made = ManualClock()
    with clock.use(made):
        yield made
