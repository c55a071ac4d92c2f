from __future__ import annotations

import pytest

from tests.crisis.alerts.build import NOW_US
from tests.crisis.alerts.room import Room
from tests.scheduler.press import ManualClock, Press


@pytest.fixture
def room(hands: ManualClock, press: Press) -> Room:
    """A store, a switch and the whitelist, at the moment for which the documents of `build` are made."""
    hands.wall = NOW_US
    return Room(press, hands)
