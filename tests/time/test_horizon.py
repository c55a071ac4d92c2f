"""Recurring entries under a clock that was wrong for a while: no date is left out once it is right again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from config import clock
from scheduler.planning import stager
from tests.support.calendar_city import SetClock, open_desk

DAY_US = 86_400 * clock.SECOND


@pytest.mark.parametrize("years", [1, 12, 80])
def test_dates_that_a_clock_ahead_skipped_are_staged_when_it_is_right(
    engine: Engine, tmp_path: Path, years: int
) -> None:
    """KS-17: the daemon stages a day's dates while the clock shows another year; the days between are not lost."""
    own = SetClock()
    with clock.use(own):
        desk = open_desk(engine, tmp_path, horizon=60 * 86_400)
        desk.write("daily.csv", "walk,2026-12-01 09:00,FREQ=DAILY,A walk", head="id,at,repeat,text")
        desk.applied("daily.csv")
        right = own.wall
        own.wall = right + years * 365 * DAY_US
        assert stager.stage_due_horizon(engine, desk.settings, own.wall) > 0
        for days in (0, 1, 30, 65, 100):
            own.wall = right + days * DAY_US
            stager.stage_due_horizon(engine, desk.settings, own.wall)
        found = [post.local_time for post in desk.posts("scheduled") if post.due_at < right + 150 * DAY_US]
    first = datetime(2026, 12, 1, 9)  # noqa: DTZ001 (wall time has no zone)
    assert found == [f"{first + timedelta(days=number):%Y-%m-%dT%H:%M}" for number in range(len(found))]
    assert len(found) >= 149
