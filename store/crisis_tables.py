"""The tables of a crisis beside the suspension itself: emergency lane, codes, the platforms' own schedulers, notices."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, json, long_text, one_of


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


DELIVERY_STATES = ("waiting", "sending", "delivered", "failed")


class Notice(SQLModel, table=True):
    """Something people are told in a crisis: once for each `kind` and `cause` (``suspension 3``)."""

    __table_args__ = (UniqueConstraint("kind", "cause"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    kind: str
    cause: str
    suspension_id: int | None = big(nullable=True)
    facts: dict[str, str] = json({})
    made_at: int = big()


class Delivery(SQLModel, table=True):
    """A notice on its way to one address of one person; the address is named by its variable, never kept."""

    __table_args__ = (
        one_of("state", DELIVERY_STATES),
        UniqueConstraint("notice_id", "person", "variable"),
        Index("delivery_due", "state", "due_at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    notice_id: int = big(index=True)
    person: str
    variable: str
    language: str
    state: str = "waiting"
    tries: int = 0
    due_at: int = big()
    ended_at: int | None = big(nullable=True)
    detail: str = long_text()


class Acknowledgement(SQLModel, table=True):
    """A person says that they know of a suspension."""

    suspension_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    person: str = Field(primary_key=True)
    at: int = big()
