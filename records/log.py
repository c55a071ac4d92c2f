"""The log of acts: an entry in the hash chain, in the transaction of the act itself; and reading it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from store import chain
from store.engine import cursor, dialect, reading
from store.tables import LogEntry


def record(session: Session, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None) -> int:
    """The number of the entry appended in the session's own transaction: it stands only if the act does."""
    return chain.append(cursor(session), dialect(session), actor=actor, action=action, subject=subject, detail=detail)


def entries(
    engine: Engine, since: int | None = None, action: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """The newest `limit` entries, oldest of them first; from `since` (µs UTC) on, of one `action` where given."""
    statement = select(LogEntry).order_by(col(LogEntry.seq).desc()).limit(limit)
    if since is not None:
        statement = statement.where(LogEntry.at >= since)
    if action is not None:
        statement = statement.where(LogEntry.action == action)
    with reading(engine) as session:
        return [_described(entry) for entry in reversed(session.exec(statement).all())]


def _described(entry: LogEntry) -> dict[str, Any]:
    try:
        detail = json.loads(entry.detail)
    except ValueError:  # a tampered entry is shown as it stands; `records verify` names it
        detail = {"unreadable": entry.detail}
    shown = {name: getattr(entry, name) for name in ("seq", "actor", "action", "subject", "hash")}
    return {**shown, "at": clock.to_text(entry.at), "detail": detail}
