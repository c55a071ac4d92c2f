"""Verifiers of packages written from docs/records.md alone, which know nothing of this program's code: one that knows
redacted copies too, and the ten lines that the page itself shows."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "records.md"
RECORD = (
    *("series", "subject", "at", "kept_at", "actor", "channel", "post_id", "attempt_id", "suspension_id", "mime"),
    *("facts", "sha256", "size"),
)
ENTRY = ("seq", "at", "actor", "action", "subject", "detail", "previous")


def faults(bag: Path) -> list[str]:
    """What in the package is not as the city's log has it, by number; nothing when all is."""
    is_copy = json.loads((bag / "data/about.json").read_bytes())["redacted"]
    named: dict[int, dict[int, str]] = {}
    for line in _lines(bag, "proof/hashes.jsonl"):
        named.setdefault(line["entry"], {})[line["record"]] = line["hash"]
    entries = [*_lines(bag, "proof/entries.jsonl")]
    wrong = [e for e in (*entries, *_lines(bag, "log.jsonl")) if e["hash"] is not None and _own(e, ENTRY) != e["hash"]]
    whole = [e for e in entries if e not in wrong]
    wrong += [e for e in whole if json.loads(e["detail"])["sha256"] != _sha("".join(named.get(e["seq"], {}).values()))]
    found = [f"entry {entry['seq']}" for entry in wrong]
    return found + [
        f"record {r['record']}" for r in _lines(bag, "records.jsonl") if not _is_whole(bag, r, named, is_copy)
    ]


def ten_lines(bag: Path) -> str:
    """What the ten lines of docs/records.md print about a package, in a Python that finds no code but its own."""
    block: re.Match[str] | None = re.search(r"^```text\n(import .*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    assert block, "docs/records.md shows no verifier"
    assert block[1].count("\n") == 11, "one line of imports and ten lines"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", block[1], str(bag)], capture_output=True, text=True, check=False
    )
    return (run.stdout + run.stderr).strip()


def _is_whole(bag: Path, record: dict[str, Any], named: dict[int, dict[int, str]], is_copy: bool) -> bool:
    if is_copy and "redacted" in record:
        return True
    known = named.get(record["entry"], {record["record"]: record["hash"]} if is_copy else {})
    content = record.get("content")
    body = (bag / "data" / record["content_file"]).read_bytes() if "content_file" in record else content
    content_fits = body is None or _sha(body) == record["sha256"]
    return content_fits and _own(record, RECORD) == record["hash"] == known.get(record["record"])


def _lines(bag: Path, name: str) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, (bag / "data" / name).read_bytes().splitlines())


def _sha(body: str | bytes) -> str:
    return hashlib.sha256(body if isinstance(body, bytes) else body.encode()).hexdigest()


def _own(line: dict[str, Any], fields: tuple[str, ...]) -> str:
    return _sha(json.dumps([line[name] for name in fields], ensure_ascii=False, separators=(",", ":")))
