"""Recurring entries are planned further day by day, never backwards and never twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from config import clock
from scheduler.planning import calendar_sync, stager
from store.engine import writing
from store.tables import CalendarFile
from tests.support.calendar_city import Desk, SetClock, open_desk

HEAD = "id,at,text,repeat"
DAYS = 10


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, now: SetClock) -> Desk:
    desk = open_desk(engine, tmp_path, horizon=DAYS * 86400.0)
    desk.write("parks.csv", "walk,2026-11-01 09:00,Walk,FREQ=DAILY", "once,2026-12-20 09:00,Once,", head=HEAD)
    desk.applied("parks.csv")
    return desk


def stage(desk: Desk) -> int:
    return stager.stage_due_horizon(desk.engine, desk.settings, clock.wall_us())


def walks(desk: Desk) -> list[str]:
    return [post.local_time[:10] for post in desk.posts() if post.entry == "walk"]


def test_nothing_is_due_on_the_day_of_the_sync(desk: Desk) -> None:
    assert stage(desk) == 0
    assert len(walks(desk)) == DAYS


def test_each_day_adds_the_day_at_the_end(desk: Desk, now: SetClock) -> None:
    now.wall += stager.DAY_US
    assert stage(desk) == 1
    assert stage(desk) == 0
    days = walks(desk)
    assert len(days) == len(set(days)) == DAYS + 1
    assert days[-1] == "2026-12-11"
    assert {post.state for post in desk.posts()} == {"scheduled"}


def test_what_was_slept_through_is_not_made_up_for(desk: Desk, now: SetClock) -> None:
    """KS-17: a series backfills nothing."""
    now.wall += 30 * stager.DAY_US
    assert stage(desk) == DAYS
    assert walks(desk)[DAYS:] == [f"2026-12-{day}" for day in range(31, 32)] + [
        f"2027-01-0{day}" for day in range(1, 10)
    ]


def test_dates_that_are_there_already_are_not_made_again(desk: Desk, now: SetClock) -> None:
    """KS-17: also when a person cancelled or moved them."""
    first, *_ = [post for post in desk.posts() if post.entry == "walk"]
    desk.set_post(first.id, state="cancelled")
    with writing(desk.engine) as session:
        session.get_one(CalendarFile, "parks.csv").staged_until = 0
    assert stage(desk) == 0
    assert len(walks(desk)) == DAYS


def test_a_sync_in_between_makes_the_extension_give_way(desk: Desk, now: SetClock) -> None:
    """An extension made from older entries adds nothing once a newer file was applied."""
    now.wall += stager.DAY_US
    found = desk.file("parks.csv")
    source = stager.Source("parks.csv", "ada", 1)
    desk.write("parks.csv", "walk,2026-11-01 09:00,New walk,FREQ=DAILY", "once,2026-12-20 09:00,Once,", head=HEAD)
    desk.applied("parks.csv")
    before = desk.posts()
    until = now.wall + 2 * DAYS * stager.DAY_US
    assert stager._extend(desk.engine, source, stager.revision_of(found), now.wall, until) == 0
    assert desk.posts() == before


def test_a_series_in_a_file_that_could_not_be_applied_is_left_out(desk: Desk, now: SetClock) -> None:
    calendar_sync.remember_fault(desk.engine, "bad.csv", "a fault", "d", "daemon")
    assert stage(desk) == 0
