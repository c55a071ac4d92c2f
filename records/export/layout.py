"""Where things lie in a package, and in the folder in which one is made until it is whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RECORDS, POSTS, LOG = "records.jsonl", "posts.jsonl", "log.jsonl"
ENTRIES, HASHES, HEAD = "proof/entries.jsonl", "proof/hashes.jsonl", "proof/head.json"
ANCHORS = "proof/anchors.jsonl"
ABOUT = "about.json"
NOT_HELD, README = "not-held.md", "README.md"
DICTIONARY_MD, DICTIONARY_CSV = "data-dictionary.md", "data-dictionary.csv"
SHEETS, WEB, REPORT = "records.xlsx", "exchanges.warc", "report.pdf"
MEDIA, MAIL, CONTENT = "media", "mail", "content"
REDACTIONS = "redactions.jsonl"

WORK = ".unfinished"
"""How the name of the folder ends in which a package is made."""


def work_of(target: Path) -> Path:
    """Where the package that is to lie at `target` is made: beside it, so that the last step is to give it its name."""
    return target.with_name(f"{target.name}{WORK}")


def dumped(value: Mapping[str, Any]) -> bytes:
    """A line of JSON, ASCII, so that no character in it breaks the line."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of JSON lines; none when it is not there."""
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                yield json.loads(line)


def body_of(folder: Path, line: Mapping[str, Any]) -> bytes | None:
    """The bytes of a record's content, from its line and the package in `folder`; None where they are gone."""
    if "content" in line:
        return str(line["content"]).encode()
    return (folder / line["content_file"]).read_bytes() if "content_file" in line else None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """`value` at `path`, whole or not at all, durable."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(json.dumps(value, indent=1, ensure_ascii=True).encode("ascii") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote."""
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def sync(folder: Path) -> None:
    """Make what lies below `folder` durable."""
    for path in sorted(folder.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
