"""The table of drills: what was practised, what it measured, and the evidence."""

from __future__ import annotations

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, long_text, one_of

MODES = ("simulate", "live")
VERDICTS = ("running", "passed", "failed", "overtaken")
"""Overtaken: a real stop came during it, and the exercise counts for nothing."""


class Drill(SQLModel, table=True):
    """One drill; durations in µs from the command's start (`acknowledged_us`: until everybody had said that they know)."""

    __table_args__ = (one_of("mode", MODES), one_of("verdict", VERDICTS), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    mode: str
    scope: str
    by: str
    at: int = big()
    suspension_id: int | None = big(nullable=True)
    suspended_us: int = big()
    quiet_us: int | None = big(nullable=True)
    acknowledged_us: int | None = big(nullable=True)
    verdict: str = "running"
    ended_at: int | None = big(nullable=True)
    evidence: str = long_text()
