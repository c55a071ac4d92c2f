"""The redacted copy of a package: what a file of rules names is taken out, and it is said where and why, never what.

What is taken out must not be told by anything else: the hashes of what was changed, and the proof of the entries that name it,
are left out as well, for a short text can be guessed from its hash. Texts in JSON are changed word by word; a message, an email
or another file that holds a word of the rules is taken out whole.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config import small_file
from records import readable, tokens
from records.archive import KEPT
from records.export import layout, spelled
from records.wish import RecordsError

MARK = "████"
MOST = 8 << 20
KINDS = ("record", "post", "entry")
KEYS = (*KINDS, "words", "reason")
EXAMPLE = '[[redact]] with words = "…" (or record, post, entry = a number) and reason = "…"'
Tell = Callable[[str, int, int], None]
HASHED = ("sha256", "hash", "size")
"""What of a record tells its content."""
TELLS = "it tells what is taken out"
CONTENT_HASH = re.compile(r'"content_hash":"([0-9a-f]{64})"')


@dataclass(frozen=True)
class Rules:
    """Numbers and words, each with the reason; `digest`: the SHA-256 (hex) of the file."""

    numbers: Mapping[tuple[str, int], str]
    words: Mapping[str, str]
    digest: str


def read(path: Path) -> Rules:
    """The rules in a TOML or CSV file. Raises RecordsError with one line that names what is wrong."""
    try:
        text = small_file.text(path, MOST)
        rows = _rows_of_csv(text) if path.suffix.lower() == ".csv" else _rows_of_toml(text)
    except (OSError, ValueError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise RecordsError(f"{str(path)[:200]!a} cannot be read ({why[:200]}): write {EXAMPLE}") from None
    numbers: dict[tuple[str, int], str] = {}
    words: dict[str, str] = {}
    for place, row in enumerate(rows, 1):
        _take(row, f"{str(path)[:200]!a}, rule {place}", numbers, words)
    if not numbers and not words:
        raise RecordsError(f"{str(path)[:200]!a} holds no rule: write {EXAMPLE}")
    return Rules(numbers, words, hashlib.sha256(text.encode()).hexdigest())


def _rows_of_toml(text: str) -> list[dict[str, Any]]:
    found = tomllib.loads(text)
    rows = found.get("redact", [])
    if set(found) - {"redact"} or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it holds something else than [[redact]]")
    return rows


def _rows_of_csv(text: str) -> list[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return [{key: value for key, value in row.items() if value} for row in rows]


def _take(row: dict[str, Any], where: str, numbers: dict[tuple[str, int], str], words: dict[str, str]) -> None:
    """One rule. What it says is not shown: it may be the very words."""
    if unknown := sorted(str(key) for key in row if key not in KEYS):
        raise RecordsError(f"{where}: {unknown[0][:40]!a} is none of {', '.join(KEYS)}")
    reason = row.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise RecordsError(f"{where} has no reason: write {EXAMPLE}")
    named = [key for key in KEYS[:-1] if key in row]
    if len(named) != 1:
        raise RecordsError(f"{where} names {len(named) or 'none'} of record, post, entry and words: name one")
    if named[0] == "words":
        if not isinstance(row["words"], str) or not [*tokens.of(row["words"])]:
            raise RecordsError(f"{where}: its words hold no letter or digit")
        words[row["words"]] = reason
    elif re.fullmatch(r"[1-9]\d{0,17}", str(row[named[0]]), re.ASCII):
        numbers[named[0], int(row[named[0]])] = reason
    else:
        raise RecordsError(f"{where}: its {named[0]} is no number")


@dataclass
class Words:
    """What is looked for in every text."""

    reasons: dict[str, str]
    patterns: list[tuple[re.Pattern[str], list[str], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.patterns = [(_pattern(words), [*tokens.of(words)], reason) for words, reason in self.reasons.items()]

    def cut(self, text: str, why: set[str]) -> str:
        """`text` without the words; `why` gets the reasons. What only hides them (accents, unseen signs, signs written as
        others) goes whole."""
        for pattern, parts, reason in self.patterns:
            text, count = pattern.subn(MARK, text)
            if count:
                why.add(reason)
            if any(holds(form, parts) for form in spelled.forms(text)):
                why.add(reason)
                return MARK
        return text

    def cut_json(self, text: str, why: set[str]) -> str:
        """The JSON document `text` with its texts cut; as it stands where nothing is cut. What is no JSON is cut as a text."""
        found: set[str] = set()
        try:
            said = self.cut_all(json.loads(text), found)
        except (ValueError, RecursionError):
            return self.cut(text, why)
        why |= found
        return json.dumps(said, ensure_ascii=True, sort_keys=True) if found else text

    def cut_all(self, value: Any, why: set[str]) -> Any:
        """`value` of JSON with all its texts, keys too, cut. A text that is a JSON document itself is cut as one."""
        if isinstance(value, str):
            return self.cut_json(value, why) if value.startswith(("{", "[")) else self.cut(value, why)
        if isinstance(value, list):
            return [self.cut_all(item, why) for item in value]
        if isinstance(value, dict):
            return {self.cut(str(key), why): self.cut_all(item, why) for key, item in value.items()}
        cut = self.cut(str(value), why) if isinstance(value, int) and not isinstance(value, bool) else None
        return value if cut is None or cut == str(value) else cut

    def found_in(self, *texts: str) -> set[str]:
        """The reasons whose words are in one of `texts`."""
        why: set[str] = set()
        for text in texts:
            self.cut(text, why)
        return why


def _pattern(words: str) -> re.Pattern[str]:
    inner = r"\s+".join(map(re.escape, words.split()))
    before = r"(?<![^\W_])" if _is_word(words.strip()[0]) else ""
    after = r"(?![^\W_])" if _is_word(words.strip()[-1]) else ""
    return re.compile(f"{before}{inner}{after}", re.IGNORECASE)


def _is_word(char: str) -> bool:
    """True for a letter or digit of a writing that parts words by spaces."""
    return char.isalnum() and char < "\u3040"


def holds(text: str, parts: list[str]) -> bool:
    """True when the words stand in `text` however they are written."""
    found = [*tokens.of(text)] if parts else []
    return any(found[place : place + len(parts)] == parts for place in range(len(found) - len(parts) + 1))


class _Copy:
    """Writes the lines of the package in `source` into `target`, without what the rules name."""

    def __init__(self, source: Path, target: Path, rules: Rules, tell: Tell) -> None:
        self.source, self.target, self.rules, self.tell = source, target, rules, tell
        self.words = Words(dict(rules.words))
        self.withheld: dict[str, str] = {}
        self.entries: set[int] = set()
        """Entries that name what was changed, or were changed themselves, or follow such a one."""

    def make(self) -> dict[str, Any]:
        """All of it; what the copy says of itself."""
        self._look()
        (self.target / "proof").mkdir(exist_ok=True)
        with (self.target / layout.REDACTIONS).open("wb") as self.list:
            self._records()
            self._posts()
            self._chain()
            self._log()
        self._proof()
        return self._about()

    def _look(self) -> None:
        """What else would tell what is taken out: contents that other records share, and the hashes of contents."""
        hashes: set[str] = set()
        for line in layout.lines(self.source / layout.RECORDS):
            why = self._numbered(line)
            if why is not None:
                self.withheld[line["sha256"]] = why
                hashes.add(line["sha256"])
            said = str(line.get("content", ""))
            if line["series"] == "post" and (why is not None or self.words.found_in(said)):
                hashes.update(CONTENT_HASH.findall(said)[:1])
            if line["series"] == "mail" and self._found_in(line):
                hashes.add(line["sha256"])  # its provenance names it, and so does the log
        self.words = Words({**self.rules.words, **dict.fromkeys(sorted(hashes), TELLS)})

    def _numbered(self, line: Mapping[str, Any]) -> str | None:
        keys = (("record", line["record"]), ("post", line["post_id"]))
        return next((self.rules.numbers[key] for key in keys if key in self.rules.numbers), None)

    def _records(self) -> None:
        with (self.target / layout.RECORDS).open("wb") as file:
            for done, line in enumerate(layout.lines(self.source / layout.RECORDS), 1):
                file.write(layout.dumped(self._record(line)))
                self.tell("redaction", done, done)

    def _record(self, line: dict[str, Any]) -> dict[str, Any]:
        why: set[str] = set()
        whole = self._numbered(line) or self.withheld.get(line["sha256"])
        if whole is not None:
            why.add(whole)
            line["facts"] = "{}"
            _withhold(line)
        else:
            self._cut_content(line, why)
        line["facts"] = self.words.cut_json(str(line["facts"]), why)
        for name in ("subject", "actor", "content_gone"):
            if line.get(name):
                line[name] = self.words.cut(str(line[name]), why)
        if why:
            line |= dict.fromkeys(HASHED) | {"redacted": sorted(why)}
            self.entries.add(line["entry"])
            self._say("record", line["record"], why, "whole" if "content" not in line else "words")
        elif "content_file" in line:
            place = self.target / line["content_file"]
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(self.source / line["content_file"], place)
        return line

    def _cut_content(self, line: dict[str, Any], why: set[str]) -> None:
        body = layout.body_of(self.source, line)
        if body is None:
            return
        if str(line["mime"]) == "application/json" and "content" in line:
            try:
                said = self.words.cut_all(json.loads(body), why)
            except (ValueError, RecursionError):
                said = None
            if said is not None:
                if why:
                    line["content"] = json.dumps(said, ensure_ascii=True, sort_keys=True)
                return
        found = self._found_in(line)
        if found:
            why |= found
            _withhold(line)

    def _found_in(self, line: Mapping[str, Any]) -> set[str]:
        """The reasons whose words are in the content of a record."""
        body = layout.body_of(self.source, line)
        if body is None:
            return set()
        return self.words.found_in(readable.plain(body), readable.text(str(line["mime"]), body))

    def _say(self, kind: str, number: int, why: set[str], what: str) -> None:
        self.list.write(layout.dumped({kind: number, "taken_out": what, "reasons": sorted(why)}))

    def _posts(self) -> None:
        with (self.target / layout.POSTS).open("wb") as file:
            for line in layout.lines(self.source / layout.POSTS):
                why: set[str] = set()
                kept = {name: line[name] for name in ("post", "state", "sent")}
                if (whole := self.rules.numbers.get(("post", line["post"]))) is not None:
                    why.add(whole)
                    line |= {"text": MARK, "tags": [], "media": [], "share_of": "", "hold_reason": None, "link": None}
                line = self.words.cut_all(line, why) | kept
                if why:
                    line["redacted"] = sorted(why)
                    self._say("post", line["post"], why, "whole" if whole is not None else "words")
                file.write(layout.dumped(line))

    def _log(self) -> None:
        with (self.target / layout.LOG).open("wb") as file:
            for line in layout.lines(self.source / layout.LOG):
                line, why, what = self._entry(line)
                if line["seq"] in self.entries:
                    line |= {"previous": None, "hash": None}
                if why:
                    line["redacted"] = sorted(why)
                    self._say("entry", line["seq"], why, what)
                file.write(layout.dumped(line))

    def _entry(self, line: dict[str, Any]) -> tuple[dict[str, Any], set[str], str]:
        """An entry of the log without what is taken out, the reasons, and how much it is."""
        why: set[str] = set()
        whole = self.rules.numbers.get(("entry", line["seq"])) or self._of_post(line["subject"])
        if whole is not None:
            why.add(whole)
            line["detail"] = json.dumps(MARK)
        elif line["action"] == KEPT and line["seq"] in self.naming:
            why.add(TELLS)
            line["detail"] = json.dumps(json.loads(line["detail"]) | {"sha256": MARK}, sort_keys=True)
        for name in ("actor", "subject"):
            line[name] = self.words.cut(line[name], why)
        line["detail"] = self.words.cut_json(line["detail"], why)
        return line, why, "words" if whole is None else "whole"

    def _of_post(self, subject: str) -> str | None:
        kind, _, number = subject.partition(" ")
        known = kind == "post" and number.isascii() and number.isdigit()
        return self.rules.numbers.get(("post", int(number))) if known else None

    def _chain(self) -> None:
        """Which entries' hashes would tell: each hash is made of the one before, up to an entry that is not here."""
        self.naming = frozenset(self.entries)
        shown = {line["seq"] for line in layout.lines(self.source / layout.ENTRIES)}
        for line in layout.lines(self.source / layout.LOG):
            shown.add(line["seq"])
            if self._entry(line)[1]:
                self.entries.add(line["seq"])
        for seq in sorted(shown):
            if seq - 1 in self.entries:
                self.entries.add(seq)

    def _proof(self) -> None:
        """The proof of the entries whose hashes tell nothing that was taken out."""
        for name, key in ((layout.ENTRIES, "seq"), (layout.HASHES, "entry"), (layout.ANCHORS, "seq")):
            with (self.target / name).open("wb") as file:
                for line in layout.lines(self.source / name):
                    if line[key] not in self.entries:
                        file.write(layout.dumped(line))
        layout.write_json(self.target / layout.HEAD, self._head(layout.read_json(self.source / layout.HEAD)))

    def _head(self, head: Mapping[str, Any]) -> dict[str, Any]:
        return {**head, "hash": None} if head.get("seq") in self.entries else {**head}

    def _about(self) -> dict[str, Any]:
        about = layout.read_json(self.source / layout.ABOUT)
        why: set[str] = set()
        said = {name: self.words.cut_all(about[name], why) for name in ("request", "query", "by", "certificates")}
        return about | said | {"redacted": True, "rules": self.rules.digest, "head": self._head(about["head"])}


def _withhold(line: dict[str, Any]) -> None:
    line.pop("content", None)
    line.pop("content_file", None)
    line["content_gone"] = "taken out of this copy"


def copied(source: Path, target: Path, rules: Rules, tell: Tell) -> dict[str, Any]:
    """What the redacted copy in `target` of the package whose files lie in `source` says of itself."""
    return _Copy(source, target, rules, tell).make()
