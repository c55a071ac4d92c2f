"""The tables of alerts: what came in, what was judged of it, and what became of it. Nothing of it is ever published."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, json, long_text, one_of

JUDGED = ("ignore", "note", "suggest", "hold")
UNREADABLE, UNJUDGED = "unreadable", "unjudged"
"""What came and is no alert that can be read; what came while the city's rules could not be read, and waits for them."""
ALERT_KINDS = (*JUDGED, UNREADABLE, UNJUDGED)
OUTCOMES = ("nothing", "told", "suggested", "holding", "held", "dismissed")
"""``holding``: it is to suspend, and the switch has not recorded it yet; ``dismissed``: by a person, with a note."""


class AlertRecord(SQLModel, table=True):
    """An alert as it was read and judged: one row for each wording of a key (sender, identifier, sent).

    `key_hash` is the key's SHA-256, `digest` that of all that was read, `document` that of the bytes. `held` is True once it,
    or one that it continues, has held.
    """

    __tablename__ = "alert"
    __table_args__ = (
        one_of("kind", ALERT_KINDS),
        one_of("outcome", OUTCOMES),
        UniqueConstraint("key_hash", "digest"),
        Index("alert_outcome", "outcome"),
        Index("alert_kind", "kind", "came_at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    key_hash: str
    digest: str
    document: str
    sender: str = long_text()
    identifier: str = long_text()
    sent_at: int = big()
    source: str = long_text()
    by: str
    came_at: int = big()
    status: str = ""
    msg_type: str = ""
    event: str = long_text()
    area: str = long_text()
    kind: str
    mark: str = ""
    severity: str = ""
    held: bool = False
    reasons: list[str] = json([])
    doubts: list[str] = json([])
    scopes: list[str] = json([])
    follows: list[str] = json([])
    outcome: str
    suspensions: list[int] = json([])
    dismissed_by: str | None = None
    dismissed_at: int | None = big(nullable=True)
    note: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class AlertReference(SQLModel, table=True):
    """An alert refers to another one, known here or not: `key_hash` is the other's."""

    __tablename__ = "alert_reference"
    __table_args__ = (Index("alert_reference_key", "key_hash"),)

    alert_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    key_hash: str = Field(primary_key=True)


class AlertDocument(SQLModel, table=True):
    """The bytes that came, by their SHA-256, so that nothing is read twice. `kept`: those bytes, compressed by zlib; null where
    the alert does not concern the city, shortened where they are no alert."""

    __tablename__ = "alert_document"

    sha256: str = Field(primary_key=True)
    alert_id: int = big(index=True)
    size: int = big()
    kept: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class AlertTrouble(SQLModel, table=True):
    """Why alerts do not arrive, or are not judged, on a host, for as long as it lasts."""

    __tablename__ = "alert_trouble"

    host: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    text: str = long_text()
    since: int = big()
