"""Which Crisis Communications plan was in force: its version and hash go into the log while a suspension stands.

The stop knows no plan and waits for none; the daemon notes it a moment later, and the log says when.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock, small_file
from crisis import plan
from crisis.plan_table import PlanError
from crisis.report.report import IN_FORCE, PlanFact
from records import log
from store.engine import reading, writing
from store.tables import LogEntry, Suspension

UNREADABLE = "unreadable"
"""The version of a plan that cannot be read."""


def as_read_now(file: Path) -> PlanFact | None:
    """The plan in `file`, as it is; None when its file cannot be read at all."""
    try:
        small_file.text(file, plan.MOST_BYTES)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        version = plan.read(file).version
    except PlanError:
        version = UNREADABLE
    except (OSError, ValueError):
        return None
    return PlanFact(version, digest, clock.wall_us(), recorded=False)


class PlanKeeper:
    """The daemon's duty: note the plan once for each suspension that stands."""

    def __init__(self, engine: Engine, file: Path) -> None:
        self.engine, self.file = engine, file

    def run(self) -> int:
        """How many suspensions had none noted yet."""
        with reading(self.engine) as session:
            if not [*_lacking(session)]:
                return 0
        found = as_read_now(self.file)
        if found is None:
            return 0
        with writing(self.engine) as session:
            numbers = [*_lacking(session)]
            for number in numbers:
                detail = {"version": found.version, "sha256": found.sha256, "file": self.file.name}
                log.record(session, "standfast", IN_FORCE, f"suspension {number}", detail)
        return len(numbers)


def _lacking(session: Session) -> Iterator[int]:
    """The suspensions in force for which no plan is noted."""
    standing = select(Suspension.id).where(
        col(Suspension.lifted_epoch).is_(None), col(Suspension.begun_at).is_not(None)
    )
    for number in session.exec(standing.order_by(col(Suspension.id))).all():
        noted = select(LogEntry.seq).where(LogEntry.action == IN_FORCE, LogEntry.subject == f"suspension {number}")
        if number is not None and session.exec(noted.limit(1)).first() is None:
            yield number
