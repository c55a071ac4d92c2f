"""The tables of retention: legal holds, and dispositions with what each of them lists."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, json, long_text, one_of

RECORD, MODERATION = "record", "moderation"
KINDS = (RECORD, MODERATION)
"""What a disposition lists: records, and entries of the moderation register, whose words alone go."""
PROPOSED, APPROVED, CARRYING, DONE, VOID = "proposed", "approved", "carrying", "done", "void"
STATES = (PROPOSED, APPROVED, CARRYING, DONE, VOID)
"""``void``: withdrawn, or its approval fell because the list or the schedule is no longer what was approved."""
WAITING, DISPOSED, KEPT = "waiting", "disposed", "kept"


class LegalHold(SQLModel, table=True):
    """What stops disposition until somebody releases it. `query`: what it covers, also of what comes later (`Query`)."""

    __tablename__ = "legal_hold"

    name: str = Field(primary_key=True)
    owner: str
    reason: str = long_text()
    query: dict[str, Any] = json({})
    placed_by: str
    placed_at: int = big()
    released_by: str | None = None
    released_at: int | None = big(nullable=True)
    release_reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class Disposition(SQLModel, table=True):
    """A list of what is due, from its proposal to its certificate. The database itself refuses an approval by the proposer.

    `rules`: what each rule said when it was proposed. `digest`: the SHA-256 of list and rules that an approval is bound to.
    `certificate`: the number of the record that says what was done.
    """

    __table_args__ = (
        one_of("state", STATES),
        CheckConstraint("approved_by <> proposed_by", name="disposition_two_people"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    state: str = PROPOSED
    proposed_by: str
    proposed_at: int = big()
    rules: dict[str, Any] = json({})
    digest: str
    count: int = big()
    approved_by: str | None = None
    approved_at: int | None = big(nullable=True)
    approved_digest: str | None = None
    carried_by: list[str] = json([])
    begun_at: int | None = big(nullable=True)
    ended_at: int | None = big(nullable=True)
    certificate: int | None = big(nullable=True)
    void_reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class DispositionItem(SQLModel, table=True):
    """One thing that a disposition lists. `hash`: the record's, or the entry's. `due_at`: since when it is due, by `rule`.

    `why`: what kept it back. `file`: the name of a file in the folder of media that is still to be removed.
    """

    __tablename__ = "disposition_item"
    __table_args__ = (
        one_of("kind", KINDS),
        one_of("state", (WAITING, DISPOSED, KEPT)),
        Index("disposition_item_of", "kind", "number"),
        Index("disposition_item_waiting", "disposition_id", "state"),
        Index(
            "disposition_item_file",
            "disposition_id",
            sqlite_where=text("file IS NOT NULL"),
            postgresql_where=text("file IS NOT NULL"),
        ),
    )

    disposition_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    kind: str = Field(primary_key=True)
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    rule: str
    due_at: int = big()
    hash: str
    size: int = big()
    state: str = WAITING
    why: str = ""
    file: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    done_at: int | None = big(nullable=True)
