"""The zones that are tried, and wall times around the moments at which their clocks are moved."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from tests.time.reference import Change, Kind, changes

EVERYTHING = "TESTS_TIME_ALL"
"""The variable by which the tests' processes know that they are to try everything (``python -m tests.time --all``)."""
ZONES = {
    "Australia/Lord_Howe": "half an hour of summer time",
    "Asia/Kathmandu": "45 minutes off, and no change since 1986",
    "Pacific/Apia": "a whole day left out: 2011-12-30",
    "Africa/Casablanca": "winter time for Ramadan",
    "America/Chicago": "the city's own",
    "Europe/Dublin": "summer is standard, winter is one hour less",
    "America/St_Johns": "half an hour off; moved at one minute past midnight until 2011",
    "Pacific/Chatham": "45 minutes off, moved at 02:45",
    "Africa/Cairo": "moved at midnight: a day without its first hour",
    "America/Havana": "moved at midnight, and back to it",
    "Antarctica/Troll": "two hours at once",
}
SKIPPED_DAY = datetime(2011, 12, 30)  # noqa: DTZ001 (wall time has no zone)
FIRST_YEAR = 2000
"""The first one that a calendar takes."""


def walls(change: Change) -> list[datetime]:
    """Wall times before, at the edges of, inside and after what a change leaves out or repeats."""
    first, last = sorted((change.before, change.after))
    minute = timedelta(minutes=1)
    middle = first + (last - first) // 2 // minute * minute
    return [first - minute, first, middle, middle + timedelta(seconds=31), last - minute, last, last + minute]


def everything() -> bool:
    """True when no choice is made: every change of every zone, and both databases."""
    return bool(os.environ.get(EVERYTHING))


def last_change(zone: str, kind: Kind) -> Change | None:
    """The last change of this kind that a calendar can meet, None where there is none."""
    found = [change for change in changes(zone) if change.kind == kind and change.instant.year > FIRST_YEAR]
    return found[-1] if found else None
