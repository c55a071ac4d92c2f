"""What the content checks say of calendars that are looked over by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from commands.context import Context, say

if TYPE_CHECKING:
    from calendars.entry import Calendar, Fault
    from scheduler.planning.entry_checks import Concern

    Looked = Sequence[tuple[Path, Calendar | None, list[Fault]]]
    """Each file with its calendar, None where it cannot be read, and its mistakes, to which more are added."""


def of_entries(context: Context, looked: Looked) -> dict[Path, list[Concern]]:
    """By file: what the content checks say of its entries; what blocks joins the file's mistakes."""
    from config import clock
    from scheduler.planning import content_checks, entry_checks

    checks = content_checks.of(context.settings)
    said: dict[Path, list[Concern]] = {}
    for path, calendar, faults in looked:
        entries = () if calendar is None else calendar.entries
        concerns = list(entry_checks.concerns(entries, checks, content_checks.ASKED, clock.wall_us()))
        faults += [concern.fault(path) for concern in concerns if concern.blocks]
        faults += entry_checks.unknown(path, entries)
        faults.sort(key=lambda fault: fault.line)
        said[path] = concerns
    if checks.missing:
        say(f"warning: {checks.missing}")
    return said


def refuse(context: Context, looked: Looked, said: dict[Path, list[Concern]]) -> None:
    """What the owner of a file may not let pass joins its mistakes. Raises StoreError."""
    from scheduler.planning import entry_checks
    from store.engine import reading

    for path, calendar, faults in looked:
        passed = [concern for concern in said[path] if concern.why is not None]
        if calendar is not None and passed:
            with reading(context.engine) as session:
                faults += entry_checks.refusals(calendar, entry_checks.refused(session, calendar, passed))
