"""The doctor's look at retention: whether the schedule can be used, what it leaves open, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scheduler.checkup import Found, Patient


def examine(patient: Patient) -> Found:
    """Yields (level, text) pairs."""
    from records.retention import coverage, schedule
    from scheduler.checkup import BAD, OK, WARN
    from store.engine import reading

    try:
        found = schedule.of_settings(patient.settings.root, patient.settings.retention)
    except schedule.ScheduleError as error:
        yield from ((BAD, line) for line in error.faults)
        return
    if not found.own:
        yield OK, "nothing is disposed of: `retention` names no schedule of the city's own; all is kept"
        return
    with reading(patient.engine) as session:
        gaps = list(coverage.gaps(session, found))
    yield OK, f"{found.file}: {len(found.rules)} rules"
    yield from ((WARN, line) for line in gaps)
