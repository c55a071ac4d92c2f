"""What the public writes, as far as it is not a record itself: how far each channel was read, what is known, who was told."""

from __future__ import annotations

from sqlalchemy import Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, long_text, one_of


class InboundCursor(SQLModel, table=True):
    """How far a channel was read. All moments in wall µs.

    `read_to`: what was written before is kept. `left_since`, `left_until`: of a look that did not get to its end, what is
    still to be read, and `left_begun`: when it began. `not_before`: the platform asked to wait. `trouble`: of the last look.
    """

    __tablename__ = "inbound_cursor"

    channel: str = Field(primary_key=True)
    read_to: int | None = big(nullable=True)
    left_since: int | None = big(nullable=True)
    left_until: int | None = big(nullable=True)
    left_begun: int | None = big(nullable=True)
    looked_at: int | None = big(nullable=True)
    not_before: int | None = big(nullable=True)
    trouble: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class InboundItem(SQLModel, table=True):
    """Something a member of the public wrote, as it was last seen; its words stand in the records alone.

    `record`: the newest of it, `first_record` the first. `digest`: the SHA-256 of its words. `under`: the id it answers;
    `post_id`: the post of ours that its conversation is about. `gone_at`: since when the platform shows it no more. `mark`:
    empty, ``media inquiry``, or ``department NAME``.
    """

    __tablename__ = "inbound_item"
    __table_args__ = (
        UniqueConstraint("channel", "remote_id"),
        Index("inbound_looked", "channel", "looked_at"),
        Index("inbound_record", "record"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    channel: str
    remote_id: str
    kind: str
    under: str = ""
    post_id: int | None = big(nullable=True)
    written_at: int = big()
    first_record: int = big()
    record: int = big()
    digest: str
    looked_at: int = big()
    gone_at: int | None = big(nullable=True)
    mark: str = ""
    marked_by: str = ""
    marked_at: int | None = big(nullable=True)


FORWARDING_STATES = ("sending", "delivered", "failed")


class Forwarding(SQLModel, table=True):
    """An item on its way to one address; the address is named by its variable, never kept.

    `addressee`: as a mark is written. `person`: whose address it is, empty for a department's own.
    """

    __table_args__ = (one_of("state", FORWARDING_STATES), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    item_id: int = big(index=True)
    record_id: int = big()
    addressee: str
    person: str = ""
    variable: str
    by: str
    at: int = big()
    state: str = "sending"
    detail: str = long_text()
    ended_at: int | None = big(nullable=True)
