"""The contents of records, hashed again: the bytes in the store, or the file in the folder of media."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlmodel import Session

from records import seal, verify_rows

INLINE = 16_384
"""Bytes up to which a content comes with its record; a longer one is read by itself, in pieces."""
PIECE = 4 * 2**20
FILES = 4096
"""Files whose hash is remembered: many posts share one image."""
GONE = "its content is gone, and no disposition names it"
CHANGED = "its content was changed: its hash is not the one that the record names"


class Contents:
    """Says of each content what is wrong with it, and counts. `folder`: the folder of media."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.whole = self.missing = 0
        """Contents that are what they were, and files that were not there when their record was made."""
        self._digest = lru_cache(maxsize=FILES)(self._hashed)

    def fault(self, digest: Any, body: Any, length: Any, name: Any, facts: Any) -> str | None:
        """What is wrong with the content of a record that names `digest`; None when it is whole."""
        if length is not None and name is not None:
            return "its content was changed: it is said to be in the store and in a file"
        if length is None and name is None:
            return GONE
        if name is not None:
            return self._file_fault(digest, name, facts)
        own = self._long(digest) if body is None else seal.of_content(body) if isinstance(body, bytes) else None
        self.whole += own == digest
        return None if own == digest else CHANGED

    def _long(self, digest: str) -> str:
        """The hash of a long content, a piece at a time."""
        found, start = hashlib.sha256(), 1
        while piece := self._piece(digest, start):
            found.update(piece)
            start += PIECE
        return found.hexdigest()

    def _piece(self, digest: str, start: int) -> bytes:
        rows = verify_rows.fetched(self.session, LONG, (start, PIECE, digest))
        return bytes(rows[0][0]) if rows else b""

    def _file_fault(self, digest: str, name: Any, facts: Any) -> str | None:
        if not isinstance(name, str) or Path(name).name != name:
            return f"its content was changed: {name!a} is no name of a file in {self.folder}"
        try:
            own = self._digest(name)
        except OSError as error:
            return f"its content cannot be read: {self.folder / name}: {error.strerror or error}"
        if own is None and _was_missing(facts):
            self.missing += 1
            return None
        if own is None:
            return f"its content is gone: {self.folder / name} is not there"
        self.whole += own == digest
        return None if own == digest else f"{CHANGED} ({self.folder / name})"

    def _hashed(self, name: str) -> str | None:
        """The hash of a file in the folder; None where there is no such file. Raises OSError."""
        path = self.folder / name
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


LONG = "SELECT substr(body, ?, ?) FROM record_content WHERE sha256 = ?"


def _was_missing(facts: Any) -> bool:
    """True when the record itself says that the file was not there (`facts` fit the record's hash)."""
    return json.loads(facts).get("missing") is True
