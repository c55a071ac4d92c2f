"""Records and entries of the log, found by their words and by whose, where and when they are: the newest first.

On SQLite the index itself gives the newest first. PostgreSQL's gives all at once: what is common is found among the newest
records without it, and what is rare by it.
"""
# statements are put together from constants and parameter names; every value is a parameter

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text
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
EXCERPT = 160
EXCERPT_OF = 1_000_000
"""Bytes of a content that are read for an excerpt."""


@dataclass
class Query:
    """A statement that finds numbers, and its values."""

    statement: str
    values: dict[str, Any]


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
    found, conditions = asked(session, wish), _moments(wish, "r")
    if wish.state is not None:
        conditions.append(_of_state(session, wish.state))
    if wish.suspension is not None:
        conditions.append(
            f"r.id IN (SELECT id FROM record WHERE suspension_id = :suspension UNION "
            f"SELECT id FROM record WHERE post_id IN ({OF_SUSPENSION}))"
        )
    return _query(session, "record", found, conditions, wish)


def _of_state(session: Session, state: str) -> str:
    counted = f"SELECT count(*) FROM (SELECT 1 FROM post WHERE state = :state LIMIT {FEW + 1}) few"
    few = int(session.execute(text(counted), {"state": state}).scalar_one()) <= FEW
    if few:
        return f"r.id IN (SELECT id FROM record WHERE post_id IN ({OF_STATE}))"
    return "EXISTS (SELECT 1 FROM post p WHERE p.id = r.post_id AND p.state = :state)"


def entries(session: Session, wish: Wish) -> Query | None:
    """What finds the numbers of the log's entries; None when they are not looked for. Raises RecordsError."""
    if wish.series not in (None, LOG):
        return None
    conditions = _moments(wish, "r")
    if wish.state is not None:
        conditions.append(f"r.subject IN (SELECT 'post ' || id FROM ({OF_STATE}) q)")
    if wish.suspension is not None:
        about = f"SELECT 'post ' || post_id FROM ({OF_SUSPENSION}) q"
        conditions.append(f"r.subject IN (SELECT 'suspension ' || CAST(:suspension AS BIGINT) UNION {about})")
    return _query(session, LOG, asked(session, wish), conditions, wish)


def _moments(wish: Wish, table: str) -> list[str]:
    found = (("since", ">=", wish.since), ("until", "<", wish.until))
    return [f"{table}.at {sign} :{name}" for name, sign, value in found if value is not None]


TABLES = {"record": ("record", "id", "record_words"), LOG: ("log_entry", "seq", "log_words")}
"""What is looked for → its table, its number there, and its index."""


def _query(session: Session, what: str, found: Asked, conditions: Sequence[str], wish: Wish) -> Query:
    table, key, index = TABLES[what]
    own = [condition if what == "record" else condition.replace("r.id", "r.seq") for condition in conditions]
    values = _values(wish)
    if not found:
        where = " AND ".join(own) or "1 = 1"
        return Query(f"SELECT r.{key} AS number FROM {table} r WHERE {where}", values)
    sqlite = dialect(session) == "sqlite"
    number = "rowid" if sqlite else "number"
    match = [f"{index} MATCH :match"] if sqlite else _vectors(found)
    values |= {"match": found.fts5()} if sqlite else {"words": found.words_query(), "tags": found.tags_query()}
    join = f" CROSS JOIN {table} r" if own else ""
    joined = [f"r.{key} = w.{number}"] if own else []
    where = " AND ".join([*match, *joined, *own])
    return Query(f"SELECT w.{number} AS number FROM {index} w{join} WHERE {where}", values)


def _vectors(found: Asked) -> list[str]:
    words = ["w.words @@ CAST(:words AS tsquery)"] if found.terms else []
    return words + (["w.tags @@ CAST(:tags AS tsquery)"] if found.groups else [])


def _values(wish: Wish) -> dict[str, Any]:
    given = {name: getattr(wish, name) for name in ("since", "until", "state", "suspension")}
    return {name: value for name, value in given.items() if value is not None} | {"now": clock.wall_us()}


def newest(session: Session, query: Query, most: int) -> list[int]:
    """The highest numbers that `query` finds, falling, at most `most`."""
    if dialect(session) == "sqlite" or "_words w" not in query.statement:
        return _numbers(session, f"{query.statement} ORDER BY number DESC LIMIT :most", query.values | {"most": most})
    near = f"{query.statement} AND w.number > :floor ORDER BY w.number DESC LIMIT :most"
    index = "log_words" if "log_words" in query.statement else "record_words"
    top = int(session.execute(text(f"SELECT COALESCE(max(number), 0) FROM {index}")).scalar_one())
    found = _numbers(session, near, query.values | {"floor": top - NEWEST, "most": most})
    if len(found) >= most or top <= NEWEST:
        return found
    whole = f"WITH found AS MATERIALIZED ({query.statement}) SELECT number FROM found ORDER BY number DESC LIMIT :most"
    return _numbers(session, whole, query.values | {"most": most})


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
  LEFT JOIN record_content c ON c.sha256 = r.sha256 WHERE r.id = :number"""
ENTRY = "SELECT seq, at, actor, action, subject, detail FROM log_entry WHERE seq = :number"


def _records(session: Session, numbers: Sequence[int], words: str) -> Iterator[Found]:
    for number in numbers:
        row = session.execute(text(RECORD), {"number": number}).one()
        own, series, subject, at, actor, channel, post, state, mime, body, disposed = row
        said = "" if body is None or disposed is not None else readable.text(mime, bytes(body))
        yield Found(own, series, subject, at, actor, channel, post, state, excerpt(said, words))


def _entries(session: Session, numbers: Sequence[int], words: str) -> Iterator[Found]:
    for number in numbers:
        seq, at, actor, action, subject, detail = session.execute(text(ENTRY), {"number": number}).one()
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
