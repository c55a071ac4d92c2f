"""The table of accounts that were looked at and cut off in a compromise."""

from __future__ import annotations

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big


class Cut(SQLModel, table=True):
    """What was done about one channel's account: the SHA-256 of the evidence file, and when the platform took its token back.

    `trouble`: why one of both is missing; null when nothing is.
    """

    __table_args__ = (Index("cut_suspension", "suspension_id", "channel"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    suspension_id: int = big()
    channel: str
    by: str
    at: int = big()
    evidence: str | None = None
    revoked_at: int | None = big(nullable=True)
    trouble: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
