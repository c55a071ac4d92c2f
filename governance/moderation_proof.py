"""Whether the moderation register is still what the chain says was entered: each entry of the chain has a hash of its row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Set

from sqlmodel import Session, col, select

from governance import moderation
from store.moderation_tables import Moderation
from store.tables import LogEntry

DISPOSED, GONE = "records.disposed", "(disposed of)"
"""The action of the log's entries that name whose words went, and what stands in their place."""
ENTERED = ("moderation.add", "moderation.undo")
SUBJECT = re.compile(r"moderation ([1-9]\d{0,18})", re.ASCII)


def differing(session: Session) -> list[int]:
    """The numbers of entries that were changed, removed, or put in past every command."""
    told, disposed = _told(session), _disposed(session)
    rows = session.exec(select(Moderation)).all()
    kept = {row.id: told.get(row.id) if _is_gone(row, disposed) else moderation.digest(row) for row in rows}
    return sorted(number for number in told.keys() | kept.keys() if told.get(number) != kept.get(number))


def _is_gone(row: Moderation, disposed: Set[tuple[str, int]]) -> bool:
    """True when the log says that the disposition that the entry names took its words: what is left of it has no hash."""
    return row.words == GONE == row.member and (f"disposition {row.disposed_by}", row.id) in disposed


def _disposed(session: Session) -> set[tuple[str, int]]:
    """Each disposition of words, by its subject in the log, with the entry's number."""
    query = select(LogEntry.subject, LogEntry.detail).where(LogEntry.action == DISPOSED)
    return {(subject, number) for subject, detail in session.exec(query) for number in _numbers(detail)}


def _numbers(detail: str) -> Iterator[int]:
    try:
        runs = [(int(first), int(last)) for first, last in json.loads(detail)["moderation"]]
    except (ValueError, KeyError, TypeError):
        return
    for first, last in runs:
        yield from range(first, last + 1)


def _told(session: Session) -> dict[int, str | None]:
    query = select(LogEntry.subject, LogEntry.detail).where(col(LogEntry.action).in_(ENTERED))
    matched = ((SUBJECT.fullmatch(subject), detail) for subject, detail in session.exec(query))
    return {int(found[1]): _digest(detail) for found, detail in matched if found is not None}


def _digest(detail: str) -> str | None:
    """None, which fits no row, where the entry cannot be read."""
    try:
        return str(json.loads(detail)["entry_sha256"])
    except (ValueError, KeyError, TypeError):
        return None
