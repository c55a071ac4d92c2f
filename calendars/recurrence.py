"""Recurring entries: RFC 5545 rules of days, weeks, months and years on wall time, each occurrence resolved by its zone.

The rules are kept small on purpose: a calendar is untrusted input, and no rule may cost more than a fraction of a second.
The time of day always comes from the entry, so a rule yields at most one occurrence a day.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from dateutil import rrule as rfc5545

from calendars import zones
from calendars.draft import did_you_mean
from calendars.entry import Entry, Occurrence
from calendars.values import LAST_YEAR
from config import clock

MAX_COUNT = 10_000
_DAY = r"(?:MO|TU|WE|TH|FR|SA|SU)"
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_PARTS = {
    "FREQ": (rf"{'|'.join(_FREQUENCIES)}", "DAILY, WEEKLY, MONTHLY or YEARLY"),
    "INTERVAL": (r"0*[1-9]\d{0,2}", "a number from 1 to 999"),
    "COUNT": (r"0*(?:[1-9]\d{0,3}|10000)", f"a number from 1 to {MAX_COUNT}"),
    "UNTIL": (r"\d{8}(?:T\d{6}Z?)?", "a day such as 20270430, or 20270430T235900"),
    "WKST": (_DAY, "a weekday such as MO"),
    "BYDAY": (
        rf"(?:[+-]?\d{{1,2}})?{_DAY}(?:,(?:[+-]?\d{{1,2}})?{_DAY}){{0,13}}",
        "weekdays such as SA or MO,WE or 1WE",
    ),
    "BYMONTH": (r"(?:0?[1-9]|1[0-2])(?:,(?:0?[1-9]|1[0-2])){0,11}", "months from 1 to 12"),
    "BYMONTHDAY": (
        r"[+-]?(?:0?[1-9]|[12]\d|3[01])(?:,[+-]?(?:0?[1-9]|[12]\d|3[01])){0,61}",
        "days from 1 to 31 or -1 to -31",
    ),
    "BYSETPOS": (r"[+-]?0*[1-9]\d{0,2}(?:,[+-]?0*[1-9]\d{0,2}){0,9}", "places such as 1 or -1"),
}
# One step of this size leaves the years a rule may reach, so only the period of the first date is searched.
_ONE_PERIOD = {"DAILY": 366 * 9000, "WEEKLY": 52 * 9000, "MONTHLY": 12 * 9000, "YEARLY": 9000}
# No clock change moves wall time further than a day (Pacific/Apia left one out in 2011).
_SLACK = timedelta(days=2)
_END = datetime(LAST_YEAR, 12, 31, 23, 59, 59)  # noqa: DTZ001  wall time has no zone


def canonical(text: str) -> str:
    """`text` as a rule in capitals without the ``RRULE:`` prefix. Raises ValueError with what is wrong and the remedy."""
    whole = "".join(text.upper().split()).removeprefix("RRULE:").rstrip(";")
    parts: dict[str, str] = {}
    for part in whole.split(";"):
        name, equals, value = part.partition("=")
        if not equals or name not in _PARTS:
            raise ValueError(f"is no rule Standfast takes: {_unknown(name[:30] if equals else '')}")
        if name in parts:
            raise ValueError(f"says {name} twice: keep one")
        pattern, wanted = _PARTS[name]
        if re.fullmatch(pattern, value, re.ASCII) is None:
            raise ValueError(f"has {name}={value[:30]}: give {wanted}")
        parts[name] = value
    _agree(parts)
    return whole


def _unknown(name: str) -> str:
    if name == "DTSTART":
        return "leave DTSTART out, the first date comes from 'at'"
    if name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        return f"leave {name} out, the time of day comes from 'at' (make a second entry for a second time)"
    example = "write for example FREQ=WEEKLY;BYDAY=SA;COUNT=8"
    return f"{name!r} is unknown, {did_you_mean(name, _PARTS)}" if name else example


def _agree(parts: dict[str, str]) -> None:
    """Raises ValueError where RFC 5545 forbids the combination."""
    frequency = parts.get("FREQ")
    if frequency is None:
        raise ValueError("has no FREQ: write for example FREQ=WEEKLY;BYDAY=SA;COUNT=8")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("has both COUNT and UNTIL: keep one")
    if frequency in ("DAILY", "WEEKLY") and re.search(r"\d", parts.get("BYDAY", "")):
        raise ValueError(f"numbers the weekdays in BYDAY={parts['BYDAY']}: that needs FREQ=MONTHLY or YEARLY")
    if frequency == "WEEKLY" and "BYMONTHDAY" in parts:
        raise ValueError("has BYMONTHDAY in a weekly rule: use FREQ=MONTHLY")
    if "BYSETPOS" in parts and not {"BYDAY", "BYMONTHDAY", "BYMONTH"} & set(parts):
        raise ValueError("has BYSETPOS alone: add BYDAY or BYMONTHDAY")


@lru_cache(maxsize=4096)
def _rule(text: str, local: str, zone: str, *, one_period: bool = False) -> rfc5545.rrule:
    parts = dict(part.split("=", 1) for part in text.split(";"))
    until = _until(parts.pop("UNTIL", None), zone)
    if one_period:
        parts["INTERVAL"] = str(_ONE_PERIOD[parts["FREQ"]])
    words = ";".join(f"{name}={value}" for name, value in parts.items())
    made = rfc5545.rrulestr(words, dtstart=datetime.fromisoformat(local))
    if not isinstance(made, rfc5545.rrule):  # only DTSTART, RDATE or several rules make a set
        raise ValueError("is more than one rule: write one")
    return made.replace(until=until) if until is not None else made


def _until(text: str | None, zone: str) -> datetime | None:
    """The last wall time a rule may reach: a day alone counts whole, an instant in UTC is told in the entry's zone."""
    if text is None:
        return None
    try:
        moment = datetime.strptime(text[:8] + (text[9:15] or "235959"), "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        raise ValueError(f"has UNTIL={text}: no such day or time, give one such as 20270430") from None
    if not text.endswith("Z") or not 1970 < moment.year < 9999:
        return moment
    at_us = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001
    return datetime.fromisoformat(zones.local_of(at_us, zone))


def check(rule: str, local: str, zone: str) -> None:
    """Raises ValueError unless the canonical `rule` can run and `local` is its first date (an impossible rule has none)."""
    first = next(iter(_rule(rule, local, zone, one_period=True)), None)
    if first != datetime.fromisoformat(local):
        near = f" (the next one would be {first:%Y-%m-%d %H:%M})" if first is not None else ""
        raise ValueError(
            f"does not fall on its own first date {local.replace('T', ' ')}: change 'at' or the rule{near}"
        )


def not_dates(rule: str, local: str, zone: str, others: Collection[str]) -> frozenset[str]:
    """Those of the wall times `others` that are no dates of `rule` begun at `local`, found in one pass over the rule."""
    wanted = {datetime.fromisoformat(other): other for other in others}
    last = max(wanted)
    for found in _rule(rule, local, zone):
        if found > last:
            break
        wanted.pop(found, None)
    return frozenset(wanted.values())


def occurrences(entry: Entry, after_us: int, before_us: int, limit: int) -> list[Occurrence]:
    """The moments of `entry` with ``after_us <= at_us < before_us`` (µs UTC), in order, at most `limit`.

    Wall times in `except_locals` are left out; they still count towards COUNT, as RFC 5545 says. Two wall times
    that a clock change moves to the same instant are one occurrence. Raises ValueError naming the zone or rule
    when the entry did not come from `reader`.
    """
    found: list[Occurrence] = []
    for local in _locals(entry, after_us, before_us):
        moment = zones.resolve(local, entry.zone)
        if not after_us <= moment.at_us < before_us:
            continue
        if found and found[-1].at_us == moment.at_us:
            found[-1] = moment if moment.note is None else found[-1]
        elif len(found) >= limit:
            break
        else:
            found.append(moment)
    return found[: max(limit, 0)]


def _locals(entry: Entry, after_us: int, before_us: int) -> Iterator[str]:
    """The wall times that can matter for the window, exceptions left out."""
    if entry.rrule is None:
        yield entry.local
        return
    start, end = _wall(after_us, -_SLACK), _wall(before_us, _SLACK)
    left_out = frozenset(entry.except_locals)
    for moment in _rule(entry.rrule, entry.local, entry.zone):
        if moment > end:
            return
        text = moment.isoformat(timespec="seconds" if moment.second else "minutes")
        if moment >= start and text not in left_out:
            yield text


def _wall(us: int, slack: timedelta) -> datetime:
    """A UTC instant as wall time give or take `slack`, kept within the years a calendar knows."""
    within = min(max(us, 0), clock.from_datetime(_END.replace(tzinfo=UTC)))
    return clock.to_datetime(within).replace(tzinfo=None) + slack
