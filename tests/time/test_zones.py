"""Wall time to instants in eleven zones, against a clock on the wall that is only watched (`tests.time.reference`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from calendars import recurrence, zones
from calendars.entry import Entry, Occurrence
from tests.time import reference
from tests.time.reference import Change, changes, meaning
from tests.time.zone import SKIPPED_DAY, ZONES, everything, walls

EVER = 2**52
RAMADAN = {2026: "2026-02-15", 2027: "2027-02-07", 2030: "2029-12-30"}
"""Casablanca: the Sunday on which the clocks go back for the month (the zone database's table), a fixed point of its own."""


def agree(local: datetime, zone: str) -> Occurrence:
    """What the product makes of a wall time, after the reference has said the same."""
    found, meant = (
        zones.resolve(local.isoformat(timespec="seconds" if local.second else "minutes"), zone),
        meaning(local, zone),
    )
    assert (found.at_us, found.note is None) == (meant.us, meant.kind == "ordinary"), (local, zone, meant, found)
    if meant.kind == "gap":
        assert f"does not exist in {zone}" in str(found.note)
        assert str(found.note).endswith(f"{meant.shows:%Y-%m-%d %H:%M}")
    if meant.kind == "overlap":
        assert "comes twice" in str(found.note)
        assert str(found.note).endswith("goes out the first time, once")
    return found


def some(found: Sequence[Change]) -> list[Change]:
    """The first, the last and three between, of each kind; all of them when everything is to be tried."""
    if everything():
        return list(found)
    return [change for kind in ("gap", "overlap") for change in _spread([item for item in found if item.kind == kind])]


def _spread(found: Sequence[Change]) -> list[Change]:
    return [found[number * (len(found) - 1) // 4] for number in range(5)] if len(found) > 5 else list(found)


@pytest.mark.parametrize("zone", ZONES)
def test_every_wall_time_around_a_change_means_what_a_clock_on_the_wall_shows(zone: str) -> None:
    """KS-5: a gap takes the first valid instant and says so, an overlap the first of the two; all else is as written."""
    kinds = {agree(wall, zone).note is None for change in some(changes(zone)) for wall in walls(change)}
    assert kinds == {True, False}


def test_the_zones_are_not_all_alike() -> None:
    """The reference sees what the zones were chosen for; else nothing would be tried."""
    moved = {zone: {abs(change.after - change.before) for change in changes(zone)} for zone in ZONES}
    assert timedelta(minutes=30) in moved["Australia/Lord_Howe"]
    assert moved["Asia/Kathmandu"] == {timedelta(minutes=15)}
    assert timedelta(days=1) in moved["Pacific/Apia"]
    assert timedelta(hours=2) in moved["Antarctica/Troll"]
    assert min(len(changes(zone)) for zone in ZONES if zone != "Asia/Kathmandu") > 10


@pytest.mark.parametrize("time", ["00:00", "09:00", "23:59:59"])
def test_the_day_that_samoa_left_out_becomes_the_first_instant_after_it(time: str) -> None:
    """2011-12-30 in Apia: whatever was planned for it comes with the first instant of the 31st."""
    found = agree(datetime.fromisoformat(f"{SKIPPED_DAY:%Y-%m-%d}T{time}"), "Pacific/Apia")
    assert found.at_us == meaning(datetime(2011, 12, 31), "Pacific/Apia").us  # noqa: DTZ001


def test_a_daily_series_over_the_day_that_samoa_left_out_says_nothing_twice() -> None:
    """At midnight the 30th and the 31st are one instant: one post, under the name of the day that exists."""
    entry = Entry("a", 1, ("city",), "2011-12-28T00:00", "Pacific/Apia", "text", rrule="FREQ=DAILY;COUNT=5")
    found = recurrence.occurrences(entry, 0, EVER, 10)
    days = ("2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01")
    assert [moment.local for moment in found] == [f"{day}T00:00" for day in days]
    assert {moment.note for moment in found} == {None}


@pytest.mark.parametrize("year", RAMADAN)
def test_casablanca_goes_back_for_ramadan_and_forward_after_it(year: int) -> None:
    """The two changes a year follow the moon: they are read from the zone database, not from a rule of our own."""
    day = datetime.fromisoformat(RAMADAN[year])
    assert day in [datetime.combine(change.before, datetime.min.time()) for change in changes("Africa/Casablanca")]
    assert "comes twice" in str(agree(day.replace(hour=2, minute=30), "Africa/Casablanca").note)
    back = next(
        change for change in changes("Africa/Casablanca") if change.before > day + timedelta(1) and change.kind == "gap"
    )
    assert timedelta(27) < back.before - day < timedelta(43)
    assert "does not exist" in str(agree(back.before + timedelta(minutes=30), "Africa/Casablanca").note)


def dates(rule: str, start: datetime, count: int) -> list[datetime]:
    """The wall times of a simple rule, counted on the fingers."""
    steps = {"FREQ=DAILY": 1, "FREQ=WEEKLY": 7, "FREQ=DAILY;INTERVAL=2": 2}
    return [start + timedelta(days=steps[rule] * number) for number in range(count)]


@pytest.mark.parametrize("rule", ["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=DAILY;INTERVAL=2"])
@pytest.mark.parametrize("zone", ZONES)
def test_a_series_across_a_change_neither_skips_nor_doubles(zone: str, rule: str) -> None:
    """KS-17: each date once, at the instant that its wall time means; two dates that became one instant are one post."""
    for change in some(changes(zone))[-2:]:
        start = walls(change)[2] - timedelta(days=14)
        local = start.isoformat(timespec="minutes")
        entry = Entry("a", 1, ("city",), local, zone, "text", rrule=f"{rule};COUNT=18")
        found = [moment.at_us for moment in recurrence.occurrences(entry, 0, EVER, 100)]
        assert found == sorted({meaning(day, zone).us for day in dates(rule, start, 18)}), (zone, rule, change)
        assert all(before < after for before, after in pairwise(found))


def test_the_reference_tells_a_gap_from_an_overlap() -> None:
    """A reference that calls everything ordinary would agree with anything."""
    kinds = [
        meaning(wall, "America/Chicago").kind for change in changes("America/Chicago")[-2:] for wall in walls(change)
    ]
    assert kinds.count("gap") == kinds.count("overlap") == 5 - 1
    assert reference.meaning(datetime(2027, 6, 1, 9), "America/Chicago").us == 1_811_858_400_000_000  # noqa: DTZ001
