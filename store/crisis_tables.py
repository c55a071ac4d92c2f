"""The tables of a crisis beside the suspension itself: the emergency lane and break-glass codes."""

from __future__ import annotations

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big


class Override(SQLModel, table=True):
    """Leave for one emergency message to pass a closed gate: bound to its content, its suspension and the epoch, used once."""

    __table_args__ = (Index("override_post", "post_id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    post_id: int = big()
    content_hash: str
    epoch: int = big()
    suspension_id: int = big()
    by: str
    at: int = big()
    statement: str = ""
    used_at: int | None = big(nullable=True)


class BreakGlassCode(SQLModel, table=True):
    """A sealed one-time code that may suspend: its SHA-256, and the mark that request ids of stops made with it begin with."""

    __tablename__ = "break_glass_code"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    label: str
    code_hash: str = Field(unique=True)
    mark: str = Field(unique=True)
    made_by: str
    made_at: int = big()
    used_at: int | None = big(nullable=True)
    suspension_id: int | None = big(nullable=True)
    revoked_at: int | None = big(nullable=True)
    reviewed_at: int | None = big(nullable=True)
    reviewed_by: str | None = None
    review: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
