"""The index for words over records and log: how far it has come. The index itself is each database's own kind (revision 0014).

`RECORDS` and `LOG` hold a row for each record or entry: ``number``, ``words`` (of its content; empty once that was disposed of)
and ``tags`` (whose, where, when). On SQLite they are FTS5 tables, whose ``rowid`` is the number; on PostgreSQL tables of
tsvector with a GIN index.
"""

from __future__ import annotations

from sqlmodel import Field, SQLModel

from store.columns import big

RECORDS, LOG = "record_words", "log_words"
OWN = frozenset(
    (
        RECORDS,
        LOG,
        *(f"{name}_{part}" for name in (RECORDS, LOG) for part in ("data", "idx", "content", "docsize", "config")),
    )
)
"""Their tables, with those that SQLite keeps for itself."""


class SearchMark(SQLModel, table=True):
    """One row (id 1): the newest entry of the chain whose words, or whose records' words, are in the index."""

    __tablename__ = "search_mark"

    id: int = Field(primary_key=True)
    seq: int = big()
