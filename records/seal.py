"""The hash of a record and of a batch of them: what the chain says of records, so that none can be changed unseen.

docs/records.md describes both byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

FIELDS = (
    "series",
    "subject",
    "at",
    "kept_at",
    "actor",
    "channel",
    "post_id",
    "attempt_id",
    "suspension_id",
    "mime",
    "facts",
    "sha256",
    "size",
)
"""What is hashed of a record, in this order."""
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def of_record(values: Sequence[Any]) -> str:
    """The SHA-256 (hex) of a record: over its `FIELDS` as a JSON array, UTF-8, no spaces, as the chain's entries."""
    return hashlib.sha256(bytes_of_record(values)).hexdigest()


def bytes_of_record(values: Sequence[Any]) -> bytes:
    """What is hashed of a record."""
    return _dump(values).encode("utf-8", "surrogatepass")


def of_batch(hashes: Iterable[str]) -> str:
    """The SHA-256 (hex) over the records' hashes (hex), by their numbers, one after another without anything between."""
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def of_content(body: bytes) -> str:
    """The SHA-256 (hex) of a content."""
    return hashlib.sha256(body).hexdigest()
