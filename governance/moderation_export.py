"""The moderation register as a file: CSV that no spreadsheet takes for formulas, or a line of JSON for each entry."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from config import spreadsheet

COLUMNS = (
    *("number", "channel", "action", "member", "clause", "clause_words", "words", "words_sha256", "captured_at"),
    *("acted_at", "recorded_at", "actor", "link", "note", "undoes", "undone_by", "disposed_by"),
)
Entries = Sequence[Mapping[str, Any]]


def as_csv(entries: Entries) -> bytes:
    """A heading and a line for each entry, RFC 4180, UTF-8; every cell in quotes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([spreadsheet.cell(entry[name]) for name in COLUMNS] for entry in entries)
    return text.getvalue().encode("utf-8")


def as_jsonl(entries: Entries) -> bytes:
    """A line for each entry, nothing in it changed; other characters than ASCII are escaped, so that no line breaks."""
    return b"".join(json.dumps({name: entry[name] for name in COLUMNS}).encode("ascii") + b"\n" for entry in entries)


FORMATS: Mapping[str, Callable[[Entries], bytes]] = {"csv": as_csv, "jsonl": as_jsonl}
