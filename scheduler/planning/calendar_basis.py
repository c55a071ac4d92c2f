"""What a calendar was read against. While none of it moves, a file with the same bytes need not be read again.

Reading and comparing a hundred thousand entries takes seconds, and the answer is "nothing" nearly always: after every edit that
a person applied, the daemon looks at the same file again. What decides the answer is kept with the file: its bytes (by digest),
the program's version and rules, the city's zone, and the platforms of its channels. Rights and copies of the file are
looked up each time. A file that names images is always read: they change without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from sqlmodel import Session

from calendars import reader
from calendars.entry import Calendar
from config.settings import Settings
from scheduler.planning import calendar_check
from scheduler.planning.calendar_check import City
from store.tables import CalendarFile

RULES = 2
"""Raise it with every change of what is a mistake in a file, or of what becomes of its entries."""


def of(calendar: Calendar, channels: Iterable[str], settings: Settings, city: City) -> str | None:
    """What `calendar` was read against, as JSON; None when it has images, or the city is not known."""
    if city.platforms is None or any(entry.media for entry in calendar.entries):
        return None
    platforms = {name: city.platforms.get(name) for name in channels}
    return _text(settings, {"channels": platforms, "entries": len(calendar.entries)})


def _text(settings: Settings, of_file: dict[str, Any]) -> str:
    fixed = {"program": _program(), "rules": RULES, "zone": settings.timezone}
    return json.dumps(of_file | fixed, sort_keys=True)


@lru_cache(maxsize=1)
def _program() -> str:
    return metadata.version("standfast")


@dataclass(frozen=True)
class Unchanged:
    """A file whose every entry the store holds already; `calendar` is without them."""

    calendar: Calendar
    entries: int
    channels: frozenset[str]


def unchanged(session: Session, path: Path, settings: Settings, city: City) -> Unchanged | None:
    """What is known of the file at `path` without reading it; None when it has to be read to be sure."""
    row = session.get(CalendarFile, path.name)
    if row is None or row.basis is None or row.synced_at is None or row.fault is not None:
        return None
    told = json.loads(row.basis)
    channels, platforms = frozenset(told["channels"]), city.platforms or {}
    now = {"channels": {name: platforms.get(name) for name in channels}, "entries": told["entries"]}
    if row.basis != _text(settings, now) or not _may_stay(session, path, row, channels, settings):
        return None
    calendar = Calendar(path, row.owner, row.digest, ())
    return Unchanged(calendar, told["entries"], channels) if reader.digest(path) == row.digest else None


def _may_stay(session: Session, path: Path, row: CalendarFile, channels: Iterable[str], settings: Settings) -> bool:
    """True when its owner has the rights, and no other file repeats it."""
    calendar = Calendar(path, row.owner, row.digest, ())
    refused = calendar_check.rights(session, row.owner, channels)
    return not (refused or calendar_check.twins(session, calendar, settings))
