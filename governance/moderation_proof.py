"""Whether the moderation register is still what the chain says was entered: each entry of the chain has a hash of its row."""

from __future__ import annotations

import json
import re

from sqlmodel import Session, col, select

from governance import moderation
from store.moderation_tables import Moderation
from store.tables import LogEntry

ENTERED = ("moderation.add", "moderation.undo")
SUBJECT = re.compile(r"moderation ([1-9]\d{0,18})", re.ASCII)


def differing(session: Session) -> list[int]:
    """The numbers of entries that were changed, removed, or put in past every command."""
    told = _told(session)
    kept = {row.id: moderation.digest(row) for row in session.exec(select(Moderation))}
    return sorted(number for number in told.keys() | kept.keys() if told.get(number) != kept.get(number))


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
