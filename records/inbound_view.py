"""What the public wrote, read back from the records: lists, one item with its history, and its words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from config import clock
from config.fault import Fault
from records import inbound
from store.chain import storable
from store.inbound_tables import Forwarding, InboundItem
from store.record_tables import Record, RecordContent
from store.tables import Channel

MOST_ID = 2**63 - 1
MEDIA_INQUIRY = "media inquiry"
DEPARTMENT = "department "
"""How a mark begins that names a department."""


class InboundError(Fault):
    """It cannot be done so: one line that says what and what to do."""


@dataclass(frozen=True)
class Wish:
    """Which items are wanted; None: any. `marked`: only those that bear a mark."""

    channel: str | None = None
    since: int | None = None
    marked: bool = False


def item_of(session: Session, record: int) -> InboundItem:
    """The item that `record` is a record of. Raises InboundError."""
    found = session.get(Record, record) if 0 < record <= MOST_ID else None
    if found is None or found.series != inbound.SERIES:
        raise InboundError(
            f"record {str(record)[:20]} is not of what the public writes: `standfast records inbound list` shows them"
        )
    number = found.subject.removeprefix(f"{inbound.SERIES} ")
    own = select(InboundItem).where(InboundItem.channel == found.channel, InboundItem.remote_id == number)
    return session.exec(own).one()


def check_channel(session: Session, channel: str) -> None:
    """Raise InboundError when there is none of that name."""
    if session.get(Channel, storable(channel)) is None:
        raise InboundError(f"there is no channel {channel[:80]!a}: see `standfast channel list`")


def listed(session: Session, wish: Wish, limit: int) -> list[dict[str, Any]]:
    """The newest `limit` items wanted, in the order in which they were written, each as it was last seen."""
    query = select(InboundItem).order_by(col(InboundItem.written_at).desc(), col(InboundItem.id).desc()).limit(limit)
    if wish.channel is not None:
        query = query.where(InboundItem.channel == storable(wish.channel))
    if wish.since is not None:
        query = query.where(InboundItem.written_at >= wish.since)
    if wish.marked:
        query = query.where(InboundItem.mark != "")
    rows = session.exec(query).all()[::-1]
    return [_described(session, row) for row in rows]


def shown(session: Session, row: InboundItem) -> dict[str, Any]:
    """An item with every record of it, oldest first, and to whom it was passed on."""
    own = select(Record, RecordContent.body).join(
        RecordContent, col(RecordContent.sha256) == col(Record.sha256), isouter=True
    )
    mine = own.where(Record.series == inbound.SERIES, Record.channel == row.channel, Record.subject == _subject(row))
    history = [_version(record, body) for record, body in session.exec(mine.order_by(col(Record.id)))]
    sent = session.exec(select(Forwarding).where(Forwarding.item_id == row.id).order_by(col(Forwarding.id))).all()
    return {**_described(session, row), "history": history, "forwarded": forwarded(sent)}


def forwarded(rows: Sequence[Forwarding]) -> list[dict[str, Any]]:
    """Deliveries as JSON-ready data."""
    names = ("addressee", "person", "variable", "by", "state", "detail")
    return [
        {
            **{name: getattr(row, name) for name in names},
            "record": row.record_id,
            "at": clock.to_text(row.at),
            "ended_at": None if row.ended_at is None else clock.to_text(row.ended_at),
        }
        for row in rows
    ]


def words(session: Session, row: InboundItem) -> dict[str, Any] | None:
    """What the item said when it was last seen to say something, with the `record` of it; None when its content was
    disposed of."""
    record = session.get(Record, row.record)
    if record is not None and _facts(record).get("change") == inbound.GONE:
        record = session.get(Record, int(_facts(record).get("before", 0)))
    content = None if record is None else session.get(RecordContent, record.sha256)
    if record is None or content is None or content.body is None:
        return None
    return {**json.loads(content.body), "record": record.id}


def _described(session: Session, row: InboundItem) -> dict[str, Any]:
    told = words(session, row) or {}
    return {
        "record": row.record,
        "channel": row.channel,
        "remote_id": row.remote_id,
        "kind": row.kind,
        "post": row.post_id,
        "written_at": clock.to_text(row.written_at),
        "author": told.get("author"),
        "text": told.get("text"),
        "link": told.get("link"),
        "edited": row.first_record != told.get("record", row.first_record),
        "gone_at": None if row.gone_at is None else clock.to_text(row.gone_at),
        "mark": row.mark,
        "marked_by": row.marked_by,
    }


def _version(record: Record, body: bytes | None) -> dict[str, Any]:
    told = {} if body is None else json.loads(body)
    known = {"record": record.id, "at": clock.to_text(record.at), "kept_at": clock.to_text(record.kept_at)}
    own = {name: told.get(name) for name in ("text", "author", "raw")}
    return {**known, "change": _facts(record).get("change"), "by": record.actor, "sha256": record.sha256, **own}


def _subject(row: InboundItem) -> str:
    return f"{inbound.SERIES} {row.remote_id}"


def _facts(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.facts)
    return found
