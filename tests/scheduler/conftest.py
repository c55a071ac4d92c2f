"""What the scheduler's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config import clock
from tests.connectors.conftest import _sandbox, box
from tests.scheduler.press import ManualClock

__all__ = ["_sandbox", "box", "hands"]


@pytest.fixture
def hands() -> Iterator[ManualClock]:
    """A clock that moves when told; ask for it before what is to live by it."""
    made = ManualClock()
    with clock.use(made):
        yield made
