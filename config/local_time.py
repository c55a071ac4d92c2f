"""Moments as the city's clocks show them: what is stored and counted is UTC, what a person reads at 2 a.m. is not."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from config import essentials

_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
"""As `clock.to_text` writes it."""
_QUOTED = re.compile("(“[^”]*”)")
"""A post's own words: they are shown as they are."""


class LocalTime:
    """Moments (RFC 3339, UTC) in the city's time zone; in UTC where the settings name none."""

    def __init__(self, loaded: essentials.Loaded) -> None:
        try:
            self.zone = ZoneInfo(str(loaded.values.get("timezone") or "UTC"))
        except (ValueError, OSError, KeyError):  # the settings are broken: people must be told all the same
            self.zone = ZoneInfo("UTC")

    def text(self, moment: str | None) -> str:
        """`moment` as local date, time and zone; as it stands when it is none."""
        try:
            return f"{datetime.fromisoformat(moment or '').astimezone(self.zone):%Y-%m-%d %H:%M:%S %Z}"
        except (ValueError, OverflowError):
            return moment or ""

    def in_words(self, words: str) -> str:
        """`words` with each moment of ours that stands in them, but for those in a quoted post."""
        parts = _QUOTED.split(words)
        parts[::2] = [_MOMENT.sub(lambda found: self.text(found[0]), part) for part in parts[::2]]
        return "".join(parts)


def for_people(words: str) -> str:
    """`words` in the time zone of this folder's city. Never an error: what was done is told, be it in UTC."""
    try:
        return LocalTime(essentials.merged(secrets=False)).in_words(words)
    except Exception:  # whatever it is, the words about the stop matter more
        return words


def of_cell(cell: str) -> str:
    """A cell of a table for people: a moment of ours is shown like `for_people`, anything else as it stands."""
    return for_people(cell) if _MOMENT.fullmatch(cell) else cell
