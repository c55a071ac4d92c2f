"""What was asked for, taken out of the store in one view of it: records, posts, entries of the log, originals, and the proof.

Everything else in a package is made from these files, so that all of it says the same. Numbers are gathered first (eight bytes
each), rows and contents then come a few at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Engine, bindparam, text
from sqlmodel import Session

from config import clock
from records import seal, search
from records.export import layout, vouched
from records.wish import Wish
from store.engine import reading

CHUNK = 200
"""Rows asked for in one statement."""
INLINE = 256 * 1024
"""Bytes of a text that stand in its record's own line; a longer one is a file."""
ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
}
Tell = Callable[[str, int, int], None]
"""Hears what is being done, how far it is, and of how much."""

OUT = """EXISTS (SELECT 1 FROM attempt t WHERE t.post_id = p.id AND (t.state = 'published'
  OR (t.state = 'closed_by_person' AND t.link IS NOT NULL)))"""
OPEN = "EXISTS (SELECT 1 FROM attempt t WHERE t.post_id = p.id AND t.state IN ('sending', 'unknown'))"
SENT = f"""CASE WHEN p.id IS NULL THEN NULL WHEN p.state = 'published' THEN 'yes' WHEN {OUT} THEN 'in part'
  WHEN p.state IN ('publishing', 'unknown') OR {OPEN} THEN 'not known' ELSE 'no' END"""
"""Whether a post was sent; a held, refused or cancelled one was not, whatever was planned for it (KS-13)."""
SENT_HASH = "(SELECT min(t.content_hash) FROM attempt t WHERE t.post_id = p.id AND t.state = 'published')"
ROWS = f"""SELECT r.id, {", ".join(f"r.{name}" for name in seal.FIELDS)}, r.hash, r.entry_seq, r.disposed_by, p.state, {SENT},
  {SENT_HASH}, a.state, c.body, c.file FROM record r LEFT JOIN post p ON p.id = r.post_id
  LEFT JOIN attempt a ON a.id = r.attempt_id LEFT JOIN record_content c ON c.sha256 = r.sha256
  WHERE r.id IN :numbers ORDER BY r.id"""
POST_ROWS = f"""SELECT p.id, p.channel, z.department, p.state, {SENT}, p.hold_reason, p.text, p.tags, p.media, p.share_of,
  p.due_at, p.published_at, p.link, p.remote_id, p.author, p.changed_by, p.created_at, p.updated_at, p.disposed_at,
  (SELECT count(*) FROM attempt t WHERE t.post_id = p.id), (SELECT count(*) FROM record v WHERE v.post_id = p.id
  AND v.series || '' = 'post') FROM post p LEFT JOIN channel_authorization z ON z.channel = p.channel
  WHERE p.id IN :numbers ORDER BY p.id"""
"""With the series put together SQLite counts by the post's own index, and not through all records of the series."""
ENTRY_ROWS = (
    "SELECT seq, at, actor, action, subject, detail, previous, hash FROM log_entry WHERE seq IN :numbers ORDER BY seq"
)
ENTRY_KEYS = ("seq", "at", "actor", "action", "subject", "detail", "previous", "hash")
SEALED = "SELECT id FROM record WHERE entry_seq IS NOT NULL AND id IN ({}) ORDER BY id"
"""What the chain names: what it does not name yet cannot be proven."""
STREAMED: dict[str, Any] = {"stream_results": True, "max_row_buffer": 8}


@dataclass
class Taken:
    """What was taken: how many of each, by series and state; the records whose content is not as it was hashed."""

    counts: dict[str, int] = field(default_factory=dict)
    series: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    disposed: dict[str, int] = field(default_factory=dict)
    certificates: dict[str, Any] = field(default_factory=dict)
    differing: list[int] = field(default_factory=list)
    head: dict[str, Any] = field(default_factory=dict)
    at: int = 0

    def add(self, which: str, value: str) -> None:
        """Count one."""
        counts = getattr(self, which)
        counts[value] = counts.get(value, 0) + 1


class Snapshot:
    """Writes the files of what `wish` asks for into `folder`."""

    def __init__(self, session: Session, wish: Wish, folder: Path, media_dir: Path, tell: Tell) -> None:
        self.session, self.wish, self.folder, self.media_dir, self.tell = session, wish, folder, media_dir, tell
        self.taken = Taken(at=clock.wall_us())
        self.entries: set[int] = set()
        self.files: set[str] = set()

    def take(self) -> Taken:
        """All of it. Raises StoreError."""
        head = self.session.execute(text("SELECT seq, hash FROM chain_head WHERE id = 1")).first()
        self.taken.head = {} if head is None else {"seq": int(head[0]), "hash": str(head[1])}
        (self.folder / "proof").mkdir(exist_ok=True)
        with ExitStack() as stack:
            self._take_records(self._open(stack, layout.RECORDS))
            self._take_posts(self._open(stack, layout.POSTS))
            self._take_log(self._open(stack, layout.LOG))
            self._take_proof(self._open(stack, layout.ENTRIES), self._open(stack, layout.HASHES))
            self._take_anchors(self._open(stack, layout.ANCHORS))
        self._clear()
        self.taken.certificates = vouched.certificates(self.session, self.taken.disposed)
        layout.write_json(self.folder / layout.HEAD, self.taken.head)
        return self.taken

    def _open(self, stack: ExitStack, name: str) -> BinaryIO:
        return stack.enter_context((self.folder / name).open("wb"))

    # records

    def _take_records(self, file: BinaryIO) -> None:
        self.query = search.records(self.session, self.wish)
        numbers = self._numbers(self.query, SEALED)
        for done, row in enumerate(self._rows(ROWS, numbers), 1):
            file.write(layout.dumped(self._record(row)))
            if done % CHUNK == 0:
                self.tell("records", done, len(numbers))
        self._counted("records", numbers)

    def _numbers(self, query: search.Query | None, form: str) -> array[int]:
        """What `query` finds, by the statement `form` around it."""
        found: array[int] = array("q")
        if query is not None:
            statement = text(form.format(query.statement))
            rows = self.session.execute(statement, query.values, execution_options={"stream_results": True})
            found.extend(int(row[0]) for row in rows)
        return found

    def _rows(self, statement: str, numbers: Sequence[int]) -> Iterator[Any]:
        prepared = text(statement).bindparams(bindparam("numbers", expanding=True))
        for start in range(0, len(numbers), CHUNK):
            values = {"numbers": list(numbers[start : start + CHUNK])}
            yield from self.session.execute(prepared, values, execution_options=STREAMED)

    def _counted(self, what: str, numbers: Sequence[int]) -> None:
        self.taken.counts[what] = len(numbers)
        self.tell(what, len(numbers), len(numbers))

    def _record(self, row: Any) -> dict[str, Any]:
        number, *fields = row[: len(seal.FIELDS) + 1]
        own, entry, disposed, state, sent, sent_hash, attempt_state, body, name = row[len(seal.FIELDS) + 1 :]
        line: dict[str, Any] = {"record": number, **dict(zip(seal.FIELDS, fields, strict=True)), "hash": own}
        line |= {"entry": entry, "post_state": state, "sent": sent, "attempt_state": attempt_state}
        self.entries.add(int(entry))
        self.taken.add("series", line["series"])
        if disposed is not None:
            self.taken.add("disposed", str(disposed))
            return line | {"content_gone": f"disposed of by disposition {disposed}"}
        line |= self._content(line, None if body is None else bytes(body), name)
        self.files.add(line.get("content_file", ""))
        if line["series"] == "post" and sent in ("yes", "in part"):
            line["sent"] = _sent_version(line, sent, sent_hash)
        return line

    def _content(self, line: dict[str, Any], body: bytes | None, name: str | None) -> dict[str, Any]:
        if body is None:
            return self._original(line, name)
        if hashlib.sha256(body).hexdigest() != line["sha256"]:
            self.taken.differing.append(line["record"])
        if line["series"] != "mail" and len(body) <= INLINE and (words := _strictly(body)) is not None:
            return {"content": words}
        is_mail = line["series"] == "mail"
        place = f"{layout.MAIL}/{line['record']}.eml" if is_mail else f"{layout.CONTENT}/{line['record']}.bin"
        _put(self.folder / place, body)
        return {"content_file": place}

    def _original(self, line: dict[str, Any], name: str | None) -> dict[str, Any]:
        source = None if not name else self.media_dir / name
        if source is None or not source.is_file():
            self.taken.add("gone", "missing")
            return {"content_gone": "the file is missing"}
        ending = ENDINGS.get(str(line["mime"]), "bin")
        place = f"{layout.MEDIA}/{str(line['sha256'])[:64]}.{ending}"
        if (digest := _copied(source, self.folder / place)) != line["sha256"]:
            self.taken.differing.append(line["record"])
            place = self._moved(place, digest, ending)
        return {"content_file": place}

    def _moved(self, place: str, digest: str, ending: str) -> str:
        """What is not what it was lies under its own hash."""
        own = f"{layout.MEDIA}/changed-{digest}.{ending}"
        (self.folder / place).replace(self.folder / own)
        return own

    def _clear(self) -> None:
        """Remove what one that was killed had put here, by an older view of the store, and what is not held any more."""
        for folder in (layout.MEDIA, layout.MAIL, layout.CONTENT):
            for path in [*(self.folder / folder).glob("*")]:
                if f"{folder}/{path.name}" not in self.files:
                    path.unlink()

    # posts, log, proof

    def _take_posts(self, file: BinaryIO) -> None:
        about = "SELECT DISTINCT post_id FROM record WHERE post_id IS NOT NULL AND id IN ({}) ORDER BY 1"
        numbers = self._numbers(self.query, about.format(SEALED))
        for done, row in enumerate(self._rows(POST_ROWS, numbers), 1):
            line = _post(row)
            self.taken.add("states", line["state"])
            file.write(layout.dumped(line))
            if done % CHUNK == 0:
                self.tell("posts", done, len(numbers))
        self._counted("posts", numbers)

    def _take_log(self, file: BinaryIO) -> None:
        query = search.entries(self.session, self.wish)
        numbers = self._numbers(query, "SELECT number FROM ({}) q ORDER BY number")
        for done, row in enumerate(self._rows(ENTRY_ROWS, numbers), 1):
            file.write(layout.dumped(dict(zip(ENTRY_KEYS, row, strict=True))))
            if done % CHUNK == 0:
                self.tell("log", done, len(numbers))
        self._counted("log", numbers)

    def _take_proof(self, entries: BinaryIO, hashes: BinaryIO) -> None:
        """The entries that name what is in the package, and the hashes of all that each of them names."""
        numbers = sorted(self.entries)
        for row in self._rows(ENTRY_ROWS, numbers):
            entries.write(layout.dumped(dict(zip(ENTRY_KEYS, row, strict=True))))
        named = text("SELECT id, hash FROM record WHERE entry_seq = :entry ORDER BY id")
        for done, entry in enumerate(numbers, 1):
            for number, own in self.session.execute(named, {"entry": entry}):
                hashes.write(layout.dumped({"entry": entry, "record": number, "hash": own}))
            self.tell("proof", done, len(numbers))

    def _take_anchors(self, file: BinaryIO) -> None:
        for line in vouched.anchors(self.session):
            file.write(layout.dumped(line))


def take(engine: Engine, wish: Wish, folder: Path, media_dir: Path, tell: Tell) -> Taken:
    """What `wish` asks for, written into `folder`. Raises RecordsError, StoreError, OSError."""
    with reading(engine) as session:
        return Snapshot(session, wish, folder, media_dir, tell).take()


def _sent_version(line: dict[str, Any], sent: str, sent_hash: str | None) -> str:
    """Whether this version is the one that was sent."""
    try:
        own = json.loads(line.get("content", "{}")).get("content_hash")
    except (ValueError, AttributeError, RecursionError):
        own = None
    return sent if sent_hash is None or own == sent_hash else "no: another version was"


def _post(row: Any) -> dict[str, Any]:
    keys = (
        *(
            "post",
            "channel",
            "department",
            "state",
            "sent",
            "hold_reason",
            "text",
            "tags",
            "media",
            "share_of",
            "due_at",
        ),
        *("published_at", "link", "remote_id", "author", "changed_by", "created_at", "updated_at", "disposed_at"),
        *("attempts", "versions"),
    )
    line: dict[str, Any] = dict(zip(keys, row, strict=True))
    for name in ("tags", "media"):
        if isinstance(line[name], str):
            line[name] = json.loads(line[name])
    return line


def _strictly(body: bytes) -> str | None:
    try:
        return body.decode()
    except ValueError:
        return None


def _put(path: Path, body: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body)


def _copied(source: Path, target: Path) -> str:
    """The SHA-256 of what was copied; what lies there whole from before is not copied again."""
    target.parent.mkdir(exist_ok=True)
    if not target.exists():
        fresh = target.with_name(f".{target.name}.new")
        with source.open("rb") as file, fresh.open("wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        fresh.replace(target)
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
