"""The index for words is brought up to date: entry by entry of the chain, with the records that each names.

A step reads and takes texts apart without any lock, and then writes in a short transaction: a stop waits for neither. Who comes
second finds the mark moved and does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text
from sqlmodel import Session

from config import clock
from records import readable, tokens
from records.archive import KEPT
from store.engine import ask, dialect, reading, writing
from store.search_tables import LOG, RECORDS

STEP = 200
"""Texts of one transaction, about: the records that one entry names are never parted."""
MARK = "SELECT m.seq FROM search_mark m WHERE m.id = 1 AND m.seq < (SELECT h.seq FROM chain_head h WHERE h.id = 1)"


@dataclass(frozen=True)
class Text:
    """A row of the index as the database takes it: its words with their places, and its tags."""

    number: int
    words: str
    tags: str


@dataclass
class _Step:
    """What one transaction adds."""

    before: int
    after: int
    records: list[Text] = field(default_factory=list)
    log: list[Text] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records) + len(self.log)


def catch_up(engine: Engine, most: int | None = None) -> int:
    """How many texts the index has now that it had not before, at most about `most`. Raises StoreError."""
    added = 0
    while (most is None or added < most) and (mark := ask(engine, MARK)) is not None:
        step = _prepared(engine, int(mark[0]))
        if not _written(engine, step):
            break
        added += len(step)
    return added


def _prepared(engine: Engine, mark: int) -> _Step:
    step = _Step(mark, mark)
    with reading(engine) as session:
        for seq, at, actor, action, subject, detail in _entries(session, mark):
            step.after = seq
            if action == KEPT:
                step.records += _records(session, seq)
            else:
                step.log.append(_of_entry(session, (seq, at, actor, action, subject, detail)))
            if len(step) >= STEP:
                break
    return step


ENTRIES = "SELECT seq, at, actor, action, subject, detail FROM log_entry WHERE seq > :mark ORDER BY seq LIMIT :most"


def _entries(session: Session, mark: int) -> list[Any]:
    return [*session.execute(text(ENTRIES), {"mark": mark, "most": STEP})]


OF_ENTRY = """SELECT r.id, r.series, r.at, r.actor, r.channel, r.mime, r.facts, c.body
  FROM record r LEFT JOIN record_content c ON c.sha256 = r.sha256 WHERE r.entry_seq = :seq ORDER BY r.id"""
ONE_BY_ONE: dict[str, Any] = {"stream_results": True, "max_row_buffer": 8}
"""A content may have megabytes: they do not all come at once."""


def _records(session: Session, seq: int) -> Iterator[Text]:
    found = session.execute(text(OF_ENTRY), {"seq": seq}, execution_options=ONE_BY_ONE)
    for number, series, at, actor, channel, mime, facts, body in found:
        content = bytes(body or b"")
        words = "\n".join(filter(None, (readable.text(mime, content), readable.of_json(str(facts).encode()))))
        people = {str(actor), *_people(mime, content)}
        tags = [tokens.tag("s", series), *_tags(at, channel, people)]
        yield _row(session, number, words, tags)


def _row(session: Session, number: int, said: str, tags: Sequence[str]) -> Text:
    words = tokens.capped(tokens.of(said))
    if dialect(session) == "sqlite":
        return Text(number, " ".join(words), " ".join(tags))
    return Text(number, vector(words), " ".join(f"'{tag}'" for tag in tags))


def _tags(at: int, channel: str | None, people: set[str]) -> list[str]:
    where = [] if channel is None else [tokens.tag("c", channel)]
    return [*where, month(at), *(tokens.tag("a", person) for person in sorted(people) if person)]


def month(at: int) -> str:
    """The tag of the month (UTC) of a moment."""
    moment: datetime = clock.to_datetime(at)
    return f"m:{moment:%Y%m}"


def _people(mime: str, body: bytes) -> set[str]:
    """Who a version of a post names: its author, and who gave it its words."""
    if mime != "application/json":
        return set()
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return set()
    named = (found.get(key) for key in ("author", "by")) if isinstance(found, dict) else ()
    return {name for name in named if isinstance(name, str)}


def _of_entry(session: Session, entry: tuple[int, int, str, str, str, str]) -> Text:
    seq, at, actor, action, subject, detail = entry
    said = "\n".join((action.replace("_", " "), subject, actor, readable.of_json(detail.encode("utf-8", "replace"))))
    channel = _channel(session, subject)
    return _row(session, seq, said, [tokens.tag("s", "log"), *_tags(at, channel, {actor})])


def _channel(session: Session, subject: str) -> str | None:
    """The channel that an entry is about, by its subject."""
    kind, _, name = subject.partition(" ")
    if kind == "post" and name.isascii() and name.isdigit() and len(name) < 19:
        found = session.execute(text("SELECT channel FROM post WHERE id = :id"), {"id": int(name)}).first()
        return None if found is None else str(found[0])
    return name if kind == "channel" and name else None


MOVE = "UPDATE search_mark SET seq = :after WHERE id = 1 AND seq = :before"
SPAN = {
    "sqlite": "SELECT id, disposed_by FROM record WHERE id BETWEEN :first AND :last",
    "postgresql": "SELECT id, disposed_by FROM record WHERE id BETWEEN :first AND :last FOR SHARE",
}
"""What was disposed of since it was read. A disposition under way is waited for, and a later one finds the row."""


def _written(engine: Engine, step: _Step) -> bool:
    """False when somebody else came first."""
    with writing(engine) as session:
        moved: Any = session.execute(text(MOVE), {"after": step.after, "before": step.before})
        if not moved.rowcount:
            return False
        gone = _disposed(session, step.records)
        kept = [replace(row, words="") if row.number in gone else row for row in step.records]
        for table, rows in ((RECORDS, kept), (LOG, step.log)):
            if rows:
                _insert(session, table, rows)
    return True


def _disposed(session: Session, rows: Sequence[Text]) -> set[int]:
    if not rows:
        return set()
    numbers = [row.number for row in rows]
    span = {"first": min(numbers), "last": max(numbers)}
    return {int(row[0]) for row in session.execute(text(SPAN[dialect(session)]), span) if row[1] is not None}


INSERT = {
    "sqlite": "INSERT INTO {0} (rowid, words, tags) VALUES (?, ?, ?)",
    "postgresql": "INSERT INTO {0} (number, words, tags) VALUES (%s, %s::tsvector, %s::tsvector)",
}


def _insert(session: Session, table: str, rows: Sequence[Text]) -> None:
    values = [(row.number, row.words, row.tags) for row in rows]
    session.connection().exec_driver_sql(INSERT[dialect(session)].format(table), values)


def vector(words: Sequence[str]) -> str:
    """`words` with their places as PostgreSQL writes a tsvector."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(words, 1):
        found = places.setdefault(word, [])
        if len(found) < 255 and place < 16_383:
            found.append(str(place))
    return " ".join(f"'{word}':{','.join(found)}" if found else f"'{word}'" for word, found in places.items())
