"""Wall time and zone to the one instant a post goes out: a gap takes the first valid instant, an overlap the first."""

from __future__ import annotations

from functools import lru_cache

from whenever import Instant, PlainDateTime, RepeatedTime, SkippedTime, ZonedDateTime, available_timezones

from calendars.draft import nearest
from calendars.entry import Occurrence
from config import clock

# In the zone database for the machine's own use: not places.
_NOT_PLACES = frozenset({"posixrules", "localtime", "Factory"})


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Every IANA zone this machine knows."""
    return frozenset(available_timezones()) - _NOT_PLACES


@lru_cache(maxsize=256)
def wrong(zone: str) -> str | None:
    """None for a known IANA zone, else what is wrong and the nearest name."""
    if zone in names():
        return None
    near = nearest(zone, names()) or nearest(zone.replace(" ", "_"), _by_city())
    if near is not None:
        return f"is not a time zone: did you mean {_by_city().get(near, near)!r}?"
    return "is not a time zone: give an IANA name such as 'America/Chicago'"


@lru_cache(maxsize=1)
def _by_city() -> dict[str, str]:
    return {name.rpartition("/")[2]: name for name in sorted(names()) if "/" in name}


def resolve(local: str, zone: str) -> Occurrence:
    """The moment of wall time `local` (``YYYY-MM-DDTHH:MM[:SS]``) in `zone`, with a note where a clock change moved it.

    Raises ValueError naming the zone when it is unknown.
    """
    message = wrong(zone)
    if message is not None:
        raise ValueError(f"{zone!r} {message}")
    plain = PlainDateTime.parse_iso(local)
    try:
        return Occurrence(local, zone, _micros(plain.assume_tz(zone, disambiguation="raise")))
    except SkippedTime:
        return _after_gap(local, zone, plain)
    except RepeatedTime:
        first = plain.assume_tz(zone, disambiguation="earlier")
        note = f"{_words(plain)} comes twice in {zone}: goes out the first time, once"
        return Occurrence(local, zone, _micros(first), note)


def _after_gap(local: str, zone: str, plain: PlainDateTime) -> Occurrence:
    """The transition itself is the first valid instant after a skipped time."""
    first = plain.assume_tz(zone, disambiguation="earlier").next_transition()
    if first is None:  # a skipped time always has a transition after it
        raise ValueError(f"{local} in {zone!r} cannot be resolved: choose another time")
    note = f"{_words(plain)} does not exist in {zone}: goes out at {_words(first.to_plain())}"
    return Occurrence(local, zone, _micros(first), note)


def local_of(at_us: int, zone: str) -> str:
    """The wall time in `zone` at the instant `at_us`, to the second."""
    plain = Instant.from_timestamp(at_us // clock.SECOND).to_tz(zone).to_plain()
    return plain.format_iso(unit="second")


def _words(plain: PlainDateTime) -> str:
    return plain.format_iso(unit="second" if plain.second else "minute", sep=" ")


def _micros(moment: ZonedDateTime) -> int:
    return moment.timestamp() * clock.SECOND
