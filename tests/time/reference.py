"""What a wall time means, found without any rule for gaps and overlaps: by watching a clock on the wall, minute by minute.

The first instant at which a clock in the zone shows the wall time *or later* is the one: the time itself where it comes once,
its first coming where it comes twice, and the transition where it never comes. Only instants are turned into wall time here
(zoneinfo), which is never ambiguous; the product goes the other way, with another library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["gap", "ordinary", "overlap"]
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
REACH = timedelta(days=2)
"""No zone is further from UTC, and no clock was ever moved by more, than this."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 1970, 2037


@dataclass(frozen=True)
class Meant:
    """The instant that a wall time means, what the clock on the wall shows then, and how often it shows the time itself."""

    instant: datetime
    shows: datetime
    kind: Kind

    @property
    def us(self) -> int:
        """The instant, µs since 1970."""
        return (self.instant - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Change:
    """A clock on the wall that is moved at `instant` from `before` to `after`."""

    instant: datetime
    before: datetime
    after: datetime

    @property
    def kind(self) -> Kind:
        """What it does to wall times between the two."""
        return "gap" if self.after > self.before else "overlap"


def shown(instant: datetime, zone: str) -> datetime:
    """What a clock on the wall in `zone` shows at `instant`, without a zone."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def meaning(local: datetime, zone: str) -> Meant:
    """What `local` means in `zone`."""
    start = local.replace(tzinfo=UTC) - REACH
    watched = [start + minute * MINUTE for minute in range(2 * REACH // MINUTE)]
    times = [shown(instant, zone) for instant in watched]
    first = next(number for number, time in enumerate(times) if time >= local)
    count = times.count(local)
    instant = _to_the_second(watched[first], local, zone)
    return Meant(instant, shown(instant, zone), ("gap", "ordinary", "overlap")[count])


def _to_the_second(instant: datetime, local: datetime, zone: str) -> datetime:
    """The earliest second of the minute before `instant` at which the clock shows `local` or later."""
    seconds = (instant - (60 - number) * SECOND for number in range(1, 61))
    return next(second for second in seconds if shown(second, zone) >= local)


@lru_cache(maxsize=64)
def changes(zone: str) -> tuple[Change, ...]:
    """Every time that the clocks of `zone` were moved, or are planned to be, from FIRST_YEAR to LAST_YEAR."""
    return tuple(_changes(zone))


def _changes(zone: str) -> Iterator[Change]:
    hour = timedelta(hours=1)
    instant, last = EPOCH, _offset(EPOCH, zone)
    while instant.year <= LAST_YEAR:
        instant += 6 * hour
        now = _offset(instant, zone)
        if now != last:
            moved = instant - 6 * hour
            while _offset(moved + MINUTE, zone) == last:
                moved += MINUTE
            moved += MINUTE
            yield Change(moved, moved.replace(tzinfo=None) + last, moved.replace(tzinfo=None) + now)
            last = now


def _offset(instant: datetime, zone: str) -> timedelta:
    return shown(instant, zone) - instant.replace(tzinfo=None)
