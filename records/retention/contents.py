"""The content of records removed, where no other record says the same: what stays is the record itself, as a tombstone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, delete, select, update

from config import clock
from records.retention.facts import Item, Key, newest_versions
from store import bulk
from store.moderation_tables import Moderation
from store.record_tables import Record, RecordContent
from store.retention_tables import MODERATION, RECORD
from store.tables import Post

GONE = "(disposed of)"
"""What stands in the moderation register in place of words that are needed there."""
UNSYNCHRONIZED: Any = {"execution_options": {"synchronize_session": False}}


def remove(session: Session, disposition: int, items: Sequence[Item]) -> dict[Key, str]:
    """Remove what `items` say, in the session of a writer who is alone. By item: the file that nothing refers to any more."""
    records = [item for item in items if item.kind == RECORD]
    numbers = [item.number for item in records]
    of_records = update(Record).where(bulk.among(session, Record.id, numbers))
    session.execute(of_records.values(disposed_by=disposition), **UNSYNCHRONIZED)
    files = _unshared(session, sorted({item.sha256 for item in records}))
    _blank_posts(session, records)
    _blank_entries(session, disposition, [item.number for item in items if item.kind == MODERATION])
    return {item.key: files.pop(item.sha256) for item in records if item.sha256 in files}


def _unshared(session: Session, digests: Sequence[str]) -> dict[str, str]:
    """By content that is removed now: its file, where it lies in one. What a record that stays says as well is left."""
    shared = select(Record.sha256).where(col(Record.sha256).in_(digests), col(Record.disposed_by).is_(None))
    gone = set(digests) - set(session.exec(shared.distinct()).all())
    mine = select(RecordContent.sha256, RecordContent.file).where(col(RecordContent.sha256).in_(gone))
    files = {digest: file for digest, file in session.exec(mine) if file is not None}
    session.execute(delete(RecordContent).where(col(RecordContent.sha256).in_(gone)), **UNSYNCHRONIZED)
    return files


def _blank_posts(session: Session, records: Sequence[Item]) -> None:
    """The posts whose last version goes now say nothing any more. A post that says what is no record yet is left."""
    own = {item.number: item.post for item in records if item.series == "post" and item.post is not None}
    newest = newest_versions(session, sorted({post.number for post in own.values()}))
    blank = [post.number for number, post in own.items() if post.kept and newest.get(post.number) == number]
    values = {"text": "", "media": [], "share_of": "", "disposed_at": clock.wall_us()}
    session.execute(update(Post).where(bulk.among(session, Post.id, blank)).values(values), **UNSYNCHRONIZED)


def _blank_entries(session: Session, disposition: int, numbers: Sequence[int]) -> None:
    values = {"words": GONE, "member": GONE, "link": "", "note": "", "disposed_by": disposition}
    entries = update(Moderation).where(bulk.among(session, Moderation.id, numbers))
    session.execute(entries.values(values), **UNSYNCHRONIZED)
