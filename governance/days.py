"""Days as people write them (ISO 8601), and the moments at which they end in the city's zone."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config import clock
from config.fault import Fault
from store.governance_tables import FOR_EVER

WRITTEN = re.compile(r"(?:19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)
"""Days are compared as they are written: no other form that ISO 8601 has, such as 2026-W49-2; and none before 1900."""


class DayFault(Fault):
    """A day that cannot be used: one line that names it."""


def current(zone: str) -> date:
    """The day it is in the city."""
    return clock.to_datetime(clock.wall_us()).astimezone(ZoneInfo(zone)).date()


def parse(text: str, what: str) -> date:
    """The day that ``2026-12-01`` names. Raises DayFault naming `what`."""
    try:
        if not WRITTEN.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise DayFault(f"{what} {text[:40]!a} is not a day: write it as 2026-12-01") from None


def past(text: str, what: str, zone: str) -> date:
    """`parse` of a day that has come. Raises DayFault."""
    found = parse(text, what)
    if found > current(zone):
        raise DayFault(f"{what} {text} is still to come: give the day on which it was done")
    return found


def end_us(day: date | None, zone: str) -> int:
    """The moment (µs UTC) at which `day` is over; for None the one that never comes."""
    if day is None or day == date.max:
        return FOR_EVER
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
    return int(midnight.timestamp()) * clock.SECOND


def start_us(day: date, zone: str) -> int:
    """The moment (µs UTC) at which `day` begins."""
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp()) * clock.SECOND
