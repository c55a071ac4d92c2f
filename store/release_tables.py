"""The table of staged resumes: what a person has lifted of a suspension before the rest."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from store.columns import big


class SuspensionRelease(SQLModel, table=True):
    """A channel that a suspension covers no more from `epoch` on. A row is only ever added; the suspension itself stands."""

    __tablename__ = "suspension_release"

    suspension_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    channel: str = Field(primary_key=True)
    epoch: int = big()
    by: str
    at: int = big()
