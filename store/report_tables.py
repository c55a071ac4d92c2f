"""What the after-action report needs beside the log: which posts a suspension held, and what is to be done about it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Text
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, long_text


class SuspensionPost(SQLModel, table=True):
    """A post that the lift of a suspension gave to a person, or that was put back behind it; kept when the post goes on.

    What the stop itself took from a worker is an attempt that ended as the suspension began, and stands there.
    """

    __tablename__ = "suspension_post"

    suspension_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    post_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: int = big()


class CorrectiveAction(SQLModel, table=True):
    """What somebody shall change after a suspension. `owner`: a person or a role; `due`: a day, ``YYYY-MM-DD``."""

    __tablename__ = "corrective_action"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    suspension_id: int = big(index=True)
    text: str = long_text()
    owner: str
    due: str
    made_by: str
    made_at: int = big()
    done_by: str | None = None
    done_at: int | None = big(nullable=True)
    note: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
