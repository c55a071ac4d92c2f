"""Single values of a calendar: local times, durations, names, and text fit to publish."""

from __future__ import annotations

import re
from datetime import datetime

from config.wording import unfit_character as unfit_character

FIRST_YEAR, LAST_YEAR = 2000, 2199
MAX_LATENESS_S = 366 * 86_400

_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?P<offset>\s*(?:Z|[+-]\d{2}:?\d{2}))?)?",
    re.ASCII,
)
_DURATION = re.compile(r"(?:(\d{1,5})d)?\s*(?:(\d{1,5})h)?\s*(?:(\d{1,6})m)?\s*(?:(\d{1,8})s)?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", re.ASCII)
_SHARE = re.compile(r"https?://[^\s\x00-\x1f<>\"]{1,1900}|@?[\w.-]{1,100}(?:@[\w.-]{1,100})?")
_YES = {"yes": True, "true": True, "no": False, "false": False}
HOW_TIME = "write the local time as 2026-12-01 09:00 (24-hour clock)"
HOW_NAME = "use up to 100 letters, digits, '-', '_', '.' or ':', beginning with a letter or digit"


def local_time(text: str, default_time: str | None = None) -> str:
    """`text` as ``YYYY-MM-DDTHH:MM[:SS]``; a date alone takes `default_time` (``HH:MM[:SS]``) where one is given.

    Raises ValueError with what is wrong and the remedy.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"is not a local time: {HOW_TIME}")
    if found["offset"]:
        raise ValueError("carries an offset from UTC: write the local time alone and name the zone in 'timezone'")
    if found[4] is None:
        if default_time is None:
            raise ValueError(f"has no time of day: {HOW_TIME}")
        return local_time(f"{text.strip()}T{default_time}")
    return _iso([int(part or 0) for part in found.groups()[:6]])


def _iso(parts: list[int]) -> str:
    try:
        moment = datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001  a wall time has no zone
    except ValueError as error:
        raise ValueError(f"does not exist ({error}): {HOW_TIME}") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"is outside the years {FIRST_YEAR} to {LAST_YEAR}: correct the year")
    return moment.isoformat(timespec="seconds" if moment.second else "minutes")


def duration_s(text: str) -> int:
    """The seconds in a text such as ``2h``, ``30m`` or ``1d 12h``. Raises ValueError with the remedy."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        raise ValueError("is not a duration: write for example 30m, 2h or 1d")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not 0 < total <= MAX_LATENESS_S:
        raise ValueError("is out of range: give more than 0 seconds and at most 366 days")
    return total


def share(text: str) -> str:
    """`text` as the address or the account of another's post. Raises ValueError with the remedy."""
    if _SHARE.fullmatch(text) is None:
        raise ValueError("is neither an address nor an account: write https://… or @name")
    return text


def yes(text: str) -> bool:
    """What ``yes`` or ``no`` says. Raises ValueError with the remedy."""
    word = text.strip().lower()
    if word not in _YES:
        raise ValueError("is neither yes nor no: write one of them")
    return _YES[word]


def is_name(text: str) -> bool:
    """True when `text` can be an id or a channel's name."""
    return _NAME.fullmatch(text) is not None
