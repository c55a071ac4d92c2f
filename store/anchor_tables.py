"""The table of anchors: what of the log's head was laid down outside the store, where, and what became of it."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, long_text, one_of

PLACES = ("authority", "folder", "address")


class Anchor(SQLModel, table=True):
    """One try at one place, at `at` (wall µs). Rows are only added.

    `seq` and `hash`: the log's newest entry then. `target`: the authority's address without keys, the file's name, or the name
    of the variable with the address. `trouble`: why it failed, empty when it did not. `token`: an authority's whole answer
    (RFC 3161), and `stamped_at` the moment that it vouches for (wall µs).
    """

    __table_args__ = (one_of("place", PLACES), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    at: int = big()
    seq: int = big()
    hash: str
    place: str
    target: str
    trouble: str = long_text()
    token: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    stamped_at: int | None = big(nullable=True)
