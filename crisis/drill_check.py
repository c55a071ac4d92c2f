"""The doctor's look at drills: whether the stop was practised, and how long ago."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import col, select

from config import clock
from crisis.drill import PASSED
from scheduler.checkup import OK, WARN, Patient
from store.drill_tables import Drill
from store.engine import reading

STALE_US = 365 * 86_400 * clock.SECOND
"""A stop that nobody has practised for a year is known by nobody who joined since."""


def check(patient: Patient) -> Iterator[tuple[str, str]]:
    """(level, line): when the last drill was passed."""
    with reading(patient.engine) as session:
        passed = session.exec(select(Drill).where(Drill.verdict == PASSED).order_by(col(Drill.id).desc())).first()
        session.expunge_all()
    if passed is None:
        yield WARN, "no drill was ever passed: try `standfast crisis drill --simulate`, then `--live` in a quiet hour"
        return
    text = f"the last drill passed at {clock.to_text(passed.at)} ({passed.mode}, {passed.scope}, by {passed.by})"
    if clock.wall_us() - passed.at > STALE_US:
        yield WARN, f"{text}: over a year ago; practise again with `standfast crisis drill --simulate`"
    else:
        yield OK, text
