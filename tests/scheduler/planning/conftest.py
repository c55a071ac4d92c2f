"""What the suites of planning share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from config import clock
from tests.support.calendar_city import Desk, SetClock, open_desk


@pytest.fixture
def now() -> Iterator[SetClock]:
    """The wall clock, standing at 2026-12-01 00:00 UTC."""
    hand = SetClock()
    with clock.use(hand):
        yield hand


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, now: SetClock) -> Desk:
    """A city on either database, whose calendars are applied under that clock."""
    return open_desk(engine, tmp_path)
