"""Wall time to instants: the DST table of PROTOCOL.md ("a gap takes the first valid instant, an overlap the first, once")."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from calendars import zones
from calendars.entry import Entry
from calendars.recurrence import occurrences
from config import clock

EVER = 2**52

GAPS = [  # wall time, zone, first valid instant, its wall time
    ("2027-03-14T02:30", "America/Chicago", "2027-03-14T08:00:00+00:00", "03:00"),
    ("2027-03-28T01:01", "Europe/London", "2027-03-28T01:00:00+00:00", "02:00"),
    ("2027-10-03T02:10", "Australia/Lord_Howe", "2027-10-02T15:30:00+00:00", "02:30"),
    ("2027-03-14T02:30", "Africa/Casablanca", "2027-03-14T02:00:00+00:00", "03:00"),
    ("2011-12-30T09:00", "Pacific/Apia", "2011-12-30T10:00:00+00:00", "2011-12-31 00:00"),
]
OVERLAPS = [  # wall time, zone, the first of the two instants
    ("2026-11-01T01:30", "America/Chicago", "2026-11-01T06:30:00+00:00"),
    ("2027-10-31T01:30", "Europe/London", "2027-10-31T00:30:00+00:00"),
    ("2027-04-04T01:45", "Australia/Lord_Howe", "2027-04-03T14:45:00+00:00"),
    ("2027-04-04T02:30", "Australia/Melbourne", "2027-04-03T15:30:00+00:00"),
]
EIGHT = [
    "America/Chicago",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Casablanca",
    "America/St_Johns",
    "UTC",
]


def _us(text: str) -> int:
    return clock.from_datetime(datetime.fromisoformat(text))


@pytest.mark.parametrize(("local", "zone", "instant", "wall"), GAPS)
def test_a_skipped_time_takes_the_first_valid_instant_and_says_so(
    local: str, zone: str, instant: str, wall: str
) -> None:
    found = zones.resolve(local, zone)
    assert (found.local, found.zone, found.at_us) == (local, zone, _us(instant))
    assert found.note is not None
    assert f"does not exist in {zone}" in found.note
    assert found.note.endswith(wall)


@pytest.mark.parametrize(("local", "zone", "instant"), OVERLAPS)
def test_a_repeated_time_takes_the_first_occurrence_once(local: str, zone: str, instant: str) -> None:
    entry = Entry("a", 1, ("city",), local, zone, "text")
    found = occurrences(entry, 0, EVER, 10)
    assert [moment.at_us for moment in found] == [_us(instant)]
    assert found[0].note == f"{local.replace('T', ' ')} comes twice in {zone}: goes out the first time, once"


@pytest.mark.parametrize("zone", EIGHT)
def test_an_ordinary_time_needs_no_note(zone: str) -> None:
    found = zones.resolve("2027-06-15T12:34:56", zone)
    expected = datetime(2027, 6, 15, 12, 34, 56, tzinfo=ZoneInfo(zone))
    assert (found.at_us, found.note) == (clock.from_datetime(expected), None)


@pytest.mark.parametrize("zone", EIGHT)
@pytest.mark.parametrize("time", ["02:30", "01:45", "09:00", "00:00"])
def test_a_daily_series_keeps_its_wall_time_for_two_years(zone: str, time: str) -> None:
    """Judged by the standard library's zoneinfo: every day once, rising, moved only where the day lacks the time."""
    entry = Entry("a", 1, ("city",), f"2027-01-01T{time}", zone, "text", rrule="FREQ=DAILY;COUNT=730")
    found = occurrences(entry, 0, EVER, 1000)
    assert len(found) == 730
    assert all(before.at_us < after.at_us for before, after in pairwise(found))
    moved = 0
    for day, moment in enumerate(found):
        wall = datetime.fromisoformat(entry.local) + timedelta(days=day)
        there = datetime.fromtimestamp(moment.at_us / 1e6, ZoneInfo(zone)).replace(tzinfo=None)
        assert moment.local == wall.isoformat(timespec="minutes")
        expected = wall.replace(tzinfo=ZoneInfo(zone), fold=0)
        back = expected.astimezone(ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if back == wall:
            assert (there, moment.at_us) == (wall, clock.from_datetime(expected))
        else:
            moved += 1
            assert timedelta() < there - wall <= timedelta(hours=1)
            assert "does not exist" in (moment.note or "")
    assert moved == (2 if (zone, time) in MOVED else 0)


MOVED = {
    ("America/Chicago", "02:30"),
    ("America/St_Johns", "02:30"),
    ("Europe/London", "01:45"),
    ("Africa/Casablanca", "02:30"),
}


def test_a_day_that_does_not_exist_is_not_sent_twice() -> None:
    """Pacific/Apia left out 30 December 2011: its midnight is the next day's midnight, one instant, one occurrence."""
    entry = Entry("a", 1, ("city",), "2011-12-29T00:00", "Pacific/Apia", "text", rrule="FREQ=DAILY;COUNT=4")
    found = occurrences(entry, 0, EVER, 10)
    assert [(moment.local, moment.note) for moment in found] == [
        ("2011-12-29T00:00", None),
        ("2011-12-31T00:00", None),
        ("2012-01-01T00:00", None),
    ]


def test_local_of_undoes_resolve() -> None:
    moment = zones.resolve("2027-07-01T12:00", "Asia/Kathmandu")
    assert zones.local_of(moment.at_us, "Asia/Kathmandu") == "2027-07-01T12:00:00"


@pytest.mark.parametrize(
    ("zone", "near"),
    [
        ("America/Chigago", "America/Chicago"),
        ("america/chicago", "America/Chicago"),
        ("Chicago", "America/Chicago"),
        ("New York", "America/New_York"),
    ],
)
def test_an_unknown_zone_names_the_nearest(zone: str, near: str) -> None:
    assert zones.wrong(zone) == f"is not a time zone: did you mean {near!r}?"
    with pytest.raises(ValueError, match=f"did you mean '{near}'"):
        zones.resolve("2027-01-01T00:00", zone)


@pytest.mark.parametrize("zone", ["", "../etc/passwd", "/etc/localtime", "posixrules", "a\0b", "é" * 300])
def test_what_is_no_zone_at_all_is_refused(zone: str) -> None:
    assert (zones.wrong(zone) or "").startswith("is not a time zone: ")
