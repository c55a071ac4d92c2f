"""What is kept for the public record: content by its hash, what each record is about, and versions of posts on the way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, flag, json, long_text, word

VERSIONED = frozenset(
    (
        "channel",
        "text",
        "media",
        "tags",
        "share_of",
        "source_checked",
        "content_hash",
        "local_time",
        "zone",
        "due_at",
        "lateness_us",
    )
)
"""The columns of a post that make another version of it when they change; the trigger of revision 0012 watches them."""


class Record(SQLModel, table=True):
    """Something kept. No row is ever removed or changed, but for the entry of the chain that names it and its disposition.

    `series`: what kind it is (`records.series`). `subject`: what it is about (``post 12``). `at`: when that happened.
    `facts`: what it says beside its content, as JSON text, byte for byte as hashed; no private words. `sha256` and `size`
    (bytes): of its content. `hash`: of all of these (`records.seal`). `entry_seq`: the chain's entry that names it, null until
    there is one. `disposed_by`: the disposition that took its content, null while it is there.
    """

    __table_args__ = (
        Index("record_entry", "entry_seq", "id"),
        Index("record_post", "post_id"),
        Index("record_at", "at"),
        Index(
            "record_suspension",
            "suspension_id",
            sqlite_where=text("suspension_id IS NOT NULL"),
            postgresql_where=text("suspension_id IS NOT NULL"),
        ),
        Index("record_series", "series", "at"),
        Index("record_content_of", "sha256"),
        Index(
            "record_unsealed",
            "id",
            sqlite_where=text("entry_seq IS NULL"),
            postgresql_where=text("entry_seq IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    series: str
    subject: str
    at: int = big()
    kept_at: int = big()
    actor: str = ""
    channel: str | None = None
    post_id: int | None = big(nullable=True)
    attempt_id: int | None = big(nullable=True)
    suspension_id: int | None = big(nullable=True)
    mime: str
    facts: str = long_text("{}")
    sha256: str
    size: int = big()
    hash: str
    entry_seq: int | None = big(nullable=True)
    disposed_by: int | None = big(nullable=True)


class RecordContent(SQLModel, table=True):
    """The bytes behind a hash: here, or (`file`) in the folder of media, by their own hash. Disposition removes the row."""

    __tablename__ = "record_content"

    sha256: str = Field(primary_key=True)
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    file: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class PostVersion(SQLModel, table=True):
    """What a post was before it was changed, put here by the database itself (a trigger) and taken from here into a record.

    `changed_at`: when it got this content, by `changed_by` or its author (wall µs).
    """

    __tablename__ = "post_version"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    post_id: int = big()
    channel: str
    text: str = long_text()
    media: list[dict[str, Any]] = json([])
    tags: list[str] = json([])
    share_of: str = word("")
    source_checked: bool = flag()
    content_hash: str
    local_time: str
    zone: str
    due_at: int = big()
    lateness_us: int = big()
    author: str
    file: str | None = None
    entry: str | None = None
    changed_by: str = word("")
    changed_at: int = big()
