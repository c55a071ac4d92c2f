"""The tables of a crisis beside the suspension itself: the emergency lane, break-glass codes, the platforms' own schedulers."""

from __future__ import annotations

from sqlalchemy import Column, Index, Text, UniqueConstraint
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


class NativePost(SQLModel, table=True):
    """A post that a sweep found in a platform's own scheduler. `post_id`: its copy here, which waits for a person."""

    __tablename__ = "native_post"
    __table_args__ = (UniqueConstraint("channel", "remote_id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    channel: str
    remote_id: str
    suspension_id: int = big()
    post_id: int = big()
    planned_at: int | None = big(nullable=True)
    found_at: int = big()
    gone_at: int | None = big(nullable=True)


class Sweep(SQLModel, table=True):
    """One look at a channel's own scheduler; `trouble` is null when nothing lies there any more."""

    __table_args__ = (Index("sweep_suspension", "suspension_id", "channel"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    suspension_id: int = big()
    channel: str
    by: str
    at: int = big()
    found: int = 0
    gone: int = 0
    trouble: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class Tick(SQLModel, table=True):
    """A named person says that an item of a suspension's checklist is done."""

    __table_args__ = (UniqueConstraint("suspension_id", "item"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    suspension_id: int = big()
    item: str
    by: str
    at: int = big()
    note: str = ""
