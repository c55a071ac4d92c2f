"""The doctor's look at drills: whether the stop was practised, and how long ago."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session, col, select

from config import clock
from crisis.drill import LIVE, PASSED, SIMULATE
from scheduler.checkup import OK, WARN, Patient
from store.drill_tables import Drill
from store.engine import reading

STALE_US = 365 * 86_400 * clock.SECOND
"""A stop that nobody has practised for a year is known by nobody who joined since."""


def check(patient: Patient) -> Iterator[tuple[str, str]]:
    """(level, line): when the last drill of each kind was passed. A live one says more: it alone shows who answers."""
    with reading(patient.engine) as session:
        passed = {mode: _last(session, mode) for mode in (LIVE, SIMULATE)}
        session.expunge_all()
    if not any(passed.values()):
        yield WARN, "no drill was ever passed: try `standfast crisis drill --simulate`, then `--live` in a quiet hour"
        return
    if passed[LIVE] is None:
        yield WARN, "no live drill was ever passed: hold one in a quiet hour (`standfast crisis drill --live`)"
    yield from (_of(row) for row in passed.values() if row is not None)


def _last(session: Session, mode: str) -> Drill | None:
    newest = select(Drill).where(Drill.verdict == PASSED, Drill.mode == mode).order_by(col(Drill.id).desc())
    return session.exec(newest.limit(1)).first()


def _of(row: Drill) -> tuple[str, str]:
    kind = "live" if row.mode == LIVE else "simulated"
    text = f"the last {kind} drill passed at {clock.to_text(row.at)} ({row.scope}, by {row.by})"
    if clock.wall_us() - row.at > STALE_US:
        return WARN, f"{text}: over a year ago; practise again with `standfast crisis drill --{row.mode}`"
    return OK, text
