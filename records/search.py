"""Records and entries of the log, found by their words and by whose, where and when they are: the newest first.

On SQLite the index itself gives the newest first. PostgreSQL's gives all at once: what is common is found among the newest
records without it, and what is rare by it.
"""
# statements are put together from constants and parameter names; every value is a parameter

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, bindparam, text
from sqlmodel import Session

from config import clock
from records import readable, tokens
from records.wish import LOG, Asked, Wish, asked
from store.engine import dialect, reading
from store.tables import POST_STATES

NEWEST = 20_000
"""Rows of the index that PostgreSQL looks at one by one, before it asks the index for all."""
FEW = 5_000
"""So many posts, and their records are gathered first; of more, each record's post is looked at."""
AT_ONCE = 60
"""Records that are read in one statement."""
EXCERPT = 160
EXCERPT_OF = 200_000
"""Bytes of a content that are read for an excerpt."""


@dataclass(frozen=True)
class Query:
    """What finds numbers of records, or of entries: the index's own condition, and what is asked of each row beside it.

    `sets` are statements that find numbers; `rows` are conditions on the row ``r``. `values` are those of all of them.
    """

    table: str
    key: str
    index: str
    number: str
    match: str
    rows: tuple[str, ...]
    sets: tuple[str, ...]
    values: dict[str, Any]

    @property
    def statement(self) -> str:
        """What finds them all, in no order."""
        if not self.match:
            where = " AND ".join([*self.rows, *(f"r.{self.key} IN ({found})" for found in self.sets)]) or "1 = 1"
            return f"SELECT r.{self.key} AS number FROM {self.table} r WHERE {where}"
        # With the plus SQLite walks along the index and looks each number up, and does not ask the index for each number.
        number = f"+w.{self.number}" if self.number == "rowid" else f"w.{self.number}"
        join = f" CROSS JOIN {self.table} r" if self.rows else ""
        joined = [f"r.{self.key} = w.{self.number}"] if self.rows else []
        where = " AND ".join([self.match, *joined, *self.rows, *(f"{number} IN ({found})" for found in self.sets)])
        return f"SELECT w.{self.number} AS number FROM {self.index} w{join} WHERE {where}"

    @property
    def from_index(self) -> str:
        """The same for PostgreSQL, the highest first: what the index has at once, then row by row as many as are needed."""
        inner = f"SELECT w.number FROM {self.index} w WHERE {self.match} OFFSET 0"
        if not self.rows and not self.sets:
            return f"SELECT number FROM ({inner}) f ORDER BY number DESC"
        where = " AND ".join([*self.rows, *(f"r.{self.key} IN ({found})" for found in self.sets)])
        ordered = f"SELECT number FROM ({inner}) g ORDER BY number DESC OFFSET 0"
        join = f"JOIN {self.table} r ON r.{self.key} = f.number"
        return f"SELECT f.number AS number FROM ({ordered}) f {join} WHERE {where} ORDER BY f.number DESC"


ANY_STATE = ", ".join(f"'{state}'" for state in POST_STATES)
OF_SUSPENSION = f"""SELECT a.post_id FROM suspension_inflight i JOIN attempt a ON a.id = i.attempt_id
    WHERE i.suspension_id = :suspension
  UNION SELECT post_id FROM override WHERE suspension_id = :suspension
  UNION SELECT post_id FROM native_post WHERE suspension_id = :suspension
  UNION SELECT post_id FROM suspension_post WHERE suspension_id = :suspension
  UNION SELECT p.id FROM suspension s JOIN post p ON p.state IN ({ANY_STATE})
      AND p.due_at >= COALESCE(s.begun_at, s.starts_at) AND p.due_at < COALESCE(s.lifted_at, :now)
    WHERE s.id = :suspension AND (s.scope_kind NOT IN ('channel', 'group')
      OR (s.scope_kind = 'channel' AND s.scope_value = p.channel)
      OR (s.scope_kind = 'group' AND EXISTS (SELECT 1 FROM suspension_channel c
        WHERE c.suspension_id = s.id AND c.channel = p.channel)))"""
"""The posts of an incident: caught in flight, its own messages, held or swept by it, and due while it stood."""
OF_STATE = "SELECT id FROM post WHERE state = :state"


def records(session: Session, wish: Wish) -> Query | None:
    """What finds the numbers of records; None when records are not looked for. Raises RecordsError."""
    if wish.series == LOG:
        return None
    rows, sets = _moments(wish), list[str]()
    if wish.state is not None:
        _of_state(session, wish.state, rows, sets)
    if wish.suspension is not None:
        about = f"SELECT id FROM record WHERE post_id IN ({OF_SUSPENSION})"
        sets.append(f"SELECT id FROM record WHERE suspension_id = :suspension UNION {about}")
    return _query(session, "record", wish, rows, sets)


def _of_state(session: Session, state: str, rows: list[str], sets: list[str]) -> None:
    """Adds what asks for posts in `state`: few are gathered first, and of many each record's post is looked at."""
    counted = f"SELECT count(*) FROM (SELECT 1 FROM post WHERE state = :state LIMIT {FEW + 1}) few"
    count = int(session.execute(text(counted), {"state": state}).scalar_one())
    if count > FEW:
        rows.append("EXISTS (SELECT 1 FROM post p WHERE p.id = r.post_id AND p.state = :state)")
    else:
        sets.append(f"SELECT id FROM record WHERE post_id IN ({OF_STATE})")
        rows += ["1 = 0"] * (not count)


def entries(session: Session, wish: Wish) -> Query | None:
    """What finds the numbers of the log's entries; None when they are not looked for. Raises RecordsError."""
    if wish.series not in (None, LOG):
        return None
    rows = _moments(wish)
    if wish.state is not None:
        rows.append(f"r.subject IN (SELECT 'post ' || id FROM ({OF_STATE}) q)")
    if wish.suspension is not None:
        about = f"SELECT 'post ' || post_id FROM ({OF_SUSPENSION}) q"
        rows.append(f"r.subject IN (SELECT 'suspension ' || CAST(:suspension AS BIGINT) UNION {about})")
    return _query(session, LOG, wish, rows, [])


def _moments(wish: Wish) -> list[str]:
    found = (("since", ">=", wish.since), ("until", "<", wish.until))
    return [f"r.at {sign} :{name}" for name, sign, value in found if value is not None]


TABLES = {"record": ("record", "id", "record_words"), LOG: ("log_entry", "seq", "log_words")}
"""What is looked for → its table, its number there, and its index."""


def _query(session: Session, what: str, wish: Wish, rows: list[str], sets: list[str]) -> Query:
    table, key, index = TABLES[what]
    found, values = asked(session, wish), _values(wish)
    number, match = "number", ""
    if found and dialect(session) == "sqlite":
        number, match = "rowid", f"{index} MATCH :match"
        values["match"] = found.fts5()
    elif found:
        match = " AND ".join(_vectors(found))
        values |= {"words": found.words_query(), "tags": found.tags_query()}
    return Query(table, key, index, number, match, tuple(rows), tuple(sets), values)


def _vectors(found: Asked) -> list[str]:
    words = ["w.words @@ CAST(:words AS tsquery)"] if found.terms else []
    return words + (["w.tags @@ CAST(:tags AS tsquery)"] if found.groups else [])


def _values(wish: Wish) -> dict[str, Any]:
    given = {name: getattr(wish, name) for name in ("since", "until", "state", "suspension")}
    return {name: value for name, value in given.items() if value is not None} | {"now": clock.wall_us()}


def newest(session: Session, query: Query, most: int) -> list[int]:
    """The highest numbers that `query` finds, falling, at most `most`."""
    values = query.values | {"most": most}
    if dialect(session) == "sqlite" or not query.match:
        return _numbers(session, f"{query.statement} ORDER BY number DESC LIMIT :most", values)
    top = int(session.execute(text(f"SELECT COALESCE(max(number), 0) FROM {query.index}")).scalar_one())
    near = f"{query.statement} AND w.number > :floor ORDER BY w.number DESC LIMIT :most"
    found = _numbers(session, near, values | {"floor": top - NEWEST})
    if len(found) >= most or top <= NEWEST:
        return found
    return _numbers(session, f"{query.from_index} LIMIT :most", values)


def _numbers(session: Session, statement: str, values: dict[str, Any]) -> list[int]:
    return [int(row[0]) for row in session.execute(text(statement), values)]


@dataclass(frozen=True)
class Found:
    """A record, or an entry of the log (`series` is ``log``). `state`: of its post, now; `excerpt`: of its words."""

    number: int
    series: str
    subject: str
    at: int
    actor: str
    channel: str | None
    post: int | None
    state: str | None
    excerpt: str

    def as_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {**vars(self), "at": clock.to_text(self.at)}


def found(engine: Engine, wish: Wish, limit: int) -> tuple[list[Found], bool]:
    """The newest `limit` of what `wish` asks for, and whether there is more. Raises RecordsError, StoreError."""
    with reading(engine) as session:
        parts: list[Found] = []
        for query, read in ((records(session, wish), _records), (entries(session, wish), _entries)):
            if query is not None:
                parts += read(session, newest(session, query, limit + 1), wish.words)
    parts.sort(key=lambda item: (item.at, item.number), reverse=True)
    return parts[:limit], len(parts) > limit


RECORD = f"""SELECT r.id, r.series, r.subject, r.at, r.actor, r.channel, r.post_id, p.state, r.mime,
  substr(c.body, 1, {EXCERPT_OF}), r.disposed_by FROM record r LEFT JOIN post p ON p.id = r.post_id
  LEFT JOIN record_content c ON c.sha256 = r.sha256 WHERE r.id IN :numbers"""
ENTRY = "SELECT seq, at, actor, action, subject, detail FROM log_entry WHERE seq IN :numbers"


def _records(session: Session, numbers: Sequence[int], words: str) -> Iterator[Found]:
    for own, series, subject, at, actor, channel, post, state, mime, body, disposed in _rows(session, RECORD, numbers):
        said = "" if body is None or disposed is not None else readable.text(mime, bytes(body))
        yield Found(own, series, subject, at, actor, channel, post, state, excerpt(said, words))


def _rows(session: Session, statement: str, numbers: Sequence[int]) -> Iterator[Any]:
    """A few at a time: a content may have megabytes."""
    prepared = text(statement).bindparams(bindparam("numbers", expanding=True))
    for start in range(0, len(numbers), AT_ONCE):
        yield from session.execute(prepared, {"numbers": list(numbers[start : start + AT_ONCE])})


def _entries(session: Session, numbers: Sequence[int], words: str) -> Iterator[Found]:
    for seq, at, actor, action, subject, detail in _rows(session, ENTRY, numbers):
        said = " ".join(filter(None, (action, readable.of_json(detail.encode("utf-8", "replace")))))
        yield Found(seq, LOG, subject, at, actor, None, None, None, excerpt(said, words))


def excerpt(said: str, words: str) -> str:
    """The part of `said` where the first of `words` stands, as near as is told without taking it apart; on one line."""
    line = " ".join(said.split())
    first = next(tokens.of(words), "")
    place = line.lower().find(first) if first else 0
    start = max(0, place - EXCERPT // 4)
    cut = line[start : start + EXCERPT]
    return f"{'…' if start else ''}{cut}{'…' if start + EXCERPT < len(line) else ''}"
