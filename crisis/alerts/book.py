"""What is kept of alerts: each wording once, the bytes it came in, and what earlier ones came to. Only rows; judges nothing."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence

from sqlmodel import Session, col, select

from crisis.alerts.alert import Alert, Key
from crisis.alerts.decision import Earlier
from crisis.alerts.late import Follower
from crisis.alerts.verdict import Kind
from store.alert_tables import JUDGED, AlertDocument, AlertRecord, AlertReference

LOCK = "\0alerts"
"""Whoever judges holds it (`store.engine.writing`), so that two hosts do not judge an alert and its update at once."""
CHUNK = 200
MOST_REFERENCES = 1000
"""References kept of one alert; a chain of updates names some dozens."""
MOST_KEPT = 1_048_576
UNREADABLE_KEPT = 65_536
"""Bytes kept of what is no alert."""


def sha256(data: bytes) -> str:
    """The name of a document: its SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def key_hash(key: Key) -> str:
    """The key in a form that a database can index: sender and identifier may be long."""
    return sha256("\n".join((key.sender, key.identifier, str(key.sent_us))).encode("utf-8", "replace"))


def known_documents(session: Session, names: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Those of the documents `names` (SHA-256) that came before, each with the number and kind of its alert."""
    query = select(AlertDocument.sha256, AlertRecord.id, AlertRecord.kind).join(
        AlertRecord, col(AlertRecord.id) == col(AlertDocument.alert_id)
    )
    return {
        name: (number or 0, kind)
        for part in _chunks(names)
        for name, number, kind in session.exec(query.where(col(AlertDocument.sha256).in_(part)))
    }


def past(session: Session, alert: Alert) -> dict[Key, Earlier]:
    """What was decided about `alert` itself and about those that it refers to; of several wordings the last one counts."""
    wanted = {key_hash(key): key for key in (alert.key, *alert.references)}
    found: dict[Key, Earlier] = {}
    for part in _chunks(list(wanted)):
        query = select(AlertRecord).where(col(AlertRecord.key_hash).in_(part), col(AlertRecord.kind).in_(JUDGED))
        for row in session.exec(query.order_by(col(AlertRecord.id))):
            found[wanted[row.key_hash]] = Earlier(Kind(row.kind), row.severity, row.held, row.mark, row.digest)
    return found


def followers(session: Session, key: Key) -> list[Follower]:
    """The alerts that refer to `key` and were judged, in the order in which they came."""
    query = (
        select(AlertRecord)
        .join(AlertReference, col(AlertReference.alert_id) == col(AlertRecord.id))
        .where(AlertReference.key_hash == key_hash(key), col(AlertRecord.kind).in_(JUDGED))
        .order_by(col(AlertRecord.id))
    )
    return [
        Follower(Key(row.sender, row.identifier, row.sent_at), row.msg_type, Kind(row.kind), row.mark, row.held)
        for row in session.exec(query)
    ]


def find(session: Session, alert: Alert) -> AlertRecord | None:
    """The row of this very wording; of another one of the same key where this one was not worth a row."""
    rows = session.exec(
        select(AlertRecord).where(AlertRecord.key_hash == key_hash(alert.key)).order_by(col(AlertRecord.id))
    ).all()
    same = [row for row in rows if row.digest == alert.digest]
    found = same or [*rows]
    return found[-1] if found else None


def add(session: Session, row: AlertRecord, references: Iterable[Key] = ()) -> int:
    """The number of the new row."""
    session.add(row)
    session.flush()
    assert row.id is not None
    others = {key_hash(key) for key in [*references][:MOST_REFERENCES]}
    session.add_all(AlertReference(alert_id=row.id, key_hash=other) for other in sorted(others))
    return row.id


def keep(session: Session, data: bytes, number: int, most: int) -> None:
    """The bytes in which alert `number` came, up to `most` of them (0: only that they came)."""
    name = sha256(data)
    if session.get(AlertDocument, name) is None:
        kept = zlib.compress(data[:most]) if most else None
        session.add(AlertDocument(sha256=name, alert_id=number, size=len(data), kept=kept))


def document(session: Session, name: str) -> bytes | None:
    """The bytes kept under their SHA-256, None where none were."""
    row = session.get(AlertDocument, name)
    return None if row is None or row.kept is None else zlib.decompress(row.kept)


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))
