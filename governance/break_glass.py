"""Sealed one-time codes with which anybody who holds one may suspend, and only that: plain SQL, standard library only.

The store keeps a code's SHA-256 (it is worth 98 random bits), and so does the local authority file for the hour when the
database does not answer. The request id of a stop made with a code begins with the code's mark, so that a stop which only the
stop cell knew still uses it up when it is recorded.
"""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import clock
from governance import codes
from governance.authority import Identity, NotKnown, Refusal
from store import chain

LENGTH = 20
MARK = 12
"""Characters of a request id that name the code."""
ACTOR = "break-glass code"
"""How the actor of such a stop begins; no person's id can hold a space."""


@dataclass(frozen=True)
class Code:
    """A code that is still good."""

    id: int
    label: str
    mark: str

    @property
    def identity(self) -> Identity:
        """Who stops with it."""
        return Identity(f"{ACTOR} {self.id}", self.label, ACTOR)

    def request_id(self) -> str:
        """A new request id that says which code was used."""
        return self.mark + uuid.uuid4().hex[MARK:]


def find(cursor: chain.Cursor, dialect: str, text: str) -> Code:
    """The code that somebody typed. Raises Refusal saying why it is not accepted (NotKnown: it is none)."""
    query = "SELECT id, label, mark, used_at, revoked_at FROM break_glass_code WHERE code_hash = ?"
    cursor.execute(_marked(dialect, query), (codes.hash_of(text),))
    row = cursor.fetchone()
    if row is None:
        raise NotKnown("that break-glass code is not known here: look at the sheet again")
    number, label, mark, used_at, revoked_at = row
    if used_at is not None or revoked_at is not None:
        what = f"was used on {clock.to_text(used_at)}" if used_at is not None else "was revoked"
        raise Refusal(f"break-glass code {number} {what}: take the next one on the sheet")
    return Code(int(number), str(label), str(mark))


def use(cursor: chain.Cursor, dialect: str, request_id: str, suspension: int) -> None:
    """Use up the code with which the stop `request_id` was made, if any; in the transaction that records the stop."""
    query = "SELECT id, label FROM break_glass_code WHERE mark = ? AND used_at IS NULL"
    cursor.execute(_marked(dialect, query), (request_id[:MARK],))
    if (row := cursor.fetchone()) is None:
        return
    statement = "UPDATE break_glass_code SET used_at = ?, suspension_id = ? WHERE id = ?"
    cursor.execute(_marked(dialect, statement), (clock.wall_us(), suspension, row[0]))
    detail = {"code": int(row[0]), "label": str(row[1])}
    subject = f"suspension {suspension}"
    chain.append(cursor, dialect, actor=f"{ACTOR} {row[0]}", action="break_glass", subject=subject, detail=detail)


def from_file(path: Path, text: str) -> Code | None:
    """The code, by the local authority file; None when the file does not know it or cannot be read."""
    wanted = codes.hash_of(text)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["break_glass"]
        return next((_code(row) for row in rows if hmac.compare_digest(str(row["code_hash"]), wanted)), None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _code(row: Mapping[str, Any]) -> Code:
    return Code(int(row["id"]), str(row["label"]), str(row["mark"]))


def _marked(dialect: str, text: str) -> str:
    return text if dialect == "sqlite" else text.replace("?", "%s")
