"""The table of the moderation register: what was done to what a member of the public wrote, or to them.

Rows are added and never deleted: what was taken back is a row of its own that names the first (`undoes`). Changed is a row
only by a disposition of its words (`disposed_by`), which the schedule asks for.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index
from sqlmodel import Field, SQLModel

from store.columns import big, long_text, one_of

TAKEN_BACK_BY = {"hide": "unhide", "block": "unblock", "mute": "unmute"}
"""Action → the one that takes it back. What is deleted does not come back."""
ACTIONS = ("hide", "delete", "block", "mute")
ALL_ACTIONS = (*ACTIONS, *TAKEN_BACK_BY.values())


class Moderation(SQLModel, table=True):
    """One act. The database itself refuses what lacks clause, words or actor, or was captured only after the act."""

    __table_args__ = (
        one_of("action", ALL_ACTIONS),
        CheckConstraint("clause <> '' AND words <> '' AND member <> '' AND actor <> ''", name="moderation_complete"),
        CheckConstraint("captured_at < acted_at AND acted_at <= recorded_at", name="moderation_in_order"),
        Index("moderation_undoes", "undoes", unique=True),
    )

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    channel: str
    action: str
    clause: str
    clause_words: str = long_text()
    member: str
    words: str = long_text()
    captured_at: int = big()
    acted_at: int = big()
    link: str = ""
    note: str = long_text()
    actor: str
    recorded_at: int = big()
    undoes: int | None = big(nullable=True)
    disposed_by: int | None = big(nullable=True)
