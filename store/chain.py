"""The hash chain's append, in plain SQL on the caller's DB-API cursor and inside the caller's transaction.

Every entry holds the SHA-256 of its own fields and of the entry before it, so that changing, removing or inserting one
breaks all that follow (`records.verify` finds the first). The head is kept apart, so that a cut-off tail shows as well.
Callers hold the store's write lock; on PostgreSQL, where writers share it, the head's row is the lock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

from config import clock
from store import together

FIRST = "0" * 64
"""What the first entry names as its predecessor."""


class Cursor(Protocol):
    """The part of a DB-API cursor that is used here."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> Any: ...


def body(seq: int, at: int, actor: str, action: str, subject: str, detail: str, previous: str) -> bytes:
    """What is hashed of an entry: its fields as a JSON array, UTF-8, no spaces."""
    text = json.dumps([seq, at, actor, action, subject, detail, previous], ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def digest(seq: int, at: int, actor: str, action: str, subject: str, detail: str, previous: str) -> str:
    """The SHA-256 (hex) of an entry's `body`."""
    return hashlib.sha256(body(seq, at, actor, action, subject, detail, previous)).hexdigest()


def append(
    cursor: Cursor,
    dialect: str,
    *,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """The number of the entry appended. `dialect` is ``sqlite`` or ``postgresql``."""
    last, previous = _head(cursor, dialect)
    seq, at = last + 1, clock.wall_us()
    text = json.dumps(detail or {}, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    actor, action, subject = (storable(value) for value in (actor, action, subject))
    own = digest(seq, at, actor, action, subject, text, previous)
    columns = "seq, at, actor, action, subject, detail, previous, hash"
    together.execute(
        cursor,
        dialect,
        (
            f"INSERT INTO log_entry ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (seq, at, actor, action, subject, text, previous, own),
        ),
        ("UPDATE chain_head SET seq = ?, hash = ? WHERE id = 1", (seq, own)),
    )
    return seq


def _head(cursor: Cursor, dialect: str) -> tuple[int, str]:
    """(the highest number, the head's hash). A number lies above the head's only where somebody tampered: a stop is still
    recorded then, but names the head's hash, so that `records.verify` shows it.

    When the head's row is gone, the newest entry (so that a stop is still recorded; verify names the loss).
    """
    newest, lock = "(SELECT COALESCE(max(seq), 0) FROM log_entry)", "" if dialect == "sqlite" else " FOR UPDATE"
    cursor.execute(f"SELECT seq, hash, {newest} FROM chain_head WHERE id = 1{lock}")
    row = cursor.fetchone()
    if row is None:
        cursor.execute("SELECT seq, hash, seq FROM log_entry ORDER BY seq DESC LIMIT 1")
        row = cursor.fetchone()
    return (max(int(row[0]), int(row[2])), str(row[1])) if row else (0, FIRST)


def storable(value: str) -> str:
    """`value` as both databases can keep it: no NUL, no lone surrogate."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
