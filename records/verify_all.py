"""Is everything whole? The log's entries, and with each the records that it names, in one walk and as one moment sees them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from config import clock
from records import verify, verify_rows
from records.archive import KEPT
from records.verify import Bad, Walk
from records.verify_records import Records
from store import chain
from store.engine import reading

STEP = 1000
"""Entries and records between two words about how far the walk has come."""


@dataclass(frozen=True)
class Way:
    """How far the walk has come: entry `seq` with `hash` and all before it, and the records that they name, are whole."""

    seq: int
    hash: str
    records: int


@dataclass(frozen=True)
class Found:
    """What came of it. `first`: the first entry that was looked at; `entries`: the number of the last that is whole.

    `records` are whole, of which `disposed` have no content any more, and `missing` name a file that was not there when they
    were made; `unsealed` are not named by the chain yet, and so were not looked at. `first_bad` and `first_bad_record`: where
    the first fault is, `reason`: what it is; `before` and `after`: what stands beside it, with time and action.
    """

    ok: bool
    first: int
    entries: int
    records: int = 0
    disposed: int = 0
    missing: int = 0
    unsealed: int = 0
    first_bad: int | None = None
    first_bad_record: int | None = None
    reason: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


@dataclass
class _Look:
    """One walk in one session."""

    session: Session
    folder: Path
    start: int
    known: dict[int, str]
    tell: Callable[[Way], None]
    walk: Walk = field(init=False)
    way: Way = field(init=False)

    def __post_init__(self) -> None:
        before = _hash_before(self.session, self.start)
        self.walk = Walk(self.start - 1, before)
        self.way = Way(self.start - 1, before, 0)
        self.records = Records(self.session, self.folder, self.start if self.start > 1 else verify.BEFORE_ALL + 1)

    def go(self) -> None:
        """Raises Bad with the first fault."""
        walk, records, told = self.walk, self.records, 0
        for row in verify.rows(self.session, self.start - 1 if self.start > 1 else verify.BEFORE_ALL):
            walk.check(row)
            if row[0] in self.known and self.known[row[0]] != row[7]:
                raise Bad(row[0], f"entry {row[0]} was replaced: it had another hash when it was noted")
            if row[3] == KEPT:
                records.check(row[0], row[5])
            self.way = Way(walk.last, walk.previous, records.count)
            if walk.last + records.count - told >= STEP:
                told = walk.last + records.count
                self.tell(self.way)
        self._reached()
        walk.check_head(*verify.head(self.session))
        records.end()

    def _reached(self) -> None:
        if missing := [number for number in self.known if number > self.walk.last]:
            after = self.walk.last + 1
            raise Bad(after, f"entry {after} is missing: the log reached to entry {max(missing)} when it was noted")


def look(
    engine: Engine,
    folder: Path,
    start: int = 1,
    known: dict[int, str] | None = None,
    tell: Callable[[Way], None] = lambda _: None,
) -> Found:
    """What is found from entry `start` on, whose predecessor counts as whole. `folder`: of media. `known`: entry → the hash
    that it had when it was whole. `tell` hears now and then, and at the end whatever comes, how far the walk is whole.

    Raises StoreError.
    """
    with reading(engine) as session:
        own = _Look(session, folder, start, known or {}, tell)
        try:
            own.go()
        except Bad as bad:
            return _found(own, bad)
        finally:
            tell(own.way)
        return _found(own, None)


def size(engine: Engine, start: int) -> tuple[int, int]:
    """(the number of the newest entry, how many entries and records there are to look at from entry `start` on)."""
    with reading(engine) as session:
        newest = int(verify_rows.fetched(session, "SELECT COALESCE(max(seq), 0) FROM log_entry", ())[0][0])
        named = verify_rows.fetched(session, "SELECT count(*) FROM record WHERE entry_seq >= ?", (start,))[0][0]
    return newest, max(newest - start + 1, 0) + int(named)


def _found(own: _Look, bad: Bad | None) -> Found:
    records = own.records
    counts = {"records": records.count, "disposed": records.disposed, "missing": records.contents.missing}
    unsealed = verify_rows.fetched(own.session, "SELECT count(*) FROM record WHERE entry_seq IS NULL", ())[0][0]
    common: dict[str, Any] = {"first": own.start, "entries": own.way.seq, "unsealed": unsealed, **counts}
    if bad is None:
        return Found(True, **common)
    before, after = (_neighbour(own.session, bad, below) for below in (True, False))
    told: dict[str, Any] = {"first_bad": bad.number, "first_bad_record": bad.record, "reason": bad.reason}
    return Found(False, **common, **told, before=before, after=after)


def _hash_before(session: Session, start: int) -> str:
    """What entry `start` names as its predecessor's hash; any other shows when it is looked at."""
    if start <= 1:
        return chain.FIRST
    found = verify_rows.fetched(session, "SELECT hash FROM log_entry WHERE seq = ?", (start - 1,))
    return str(found[0][0]) if found else chain.FIRST


ENTRY = "SELECT seq, at, action FROM log_entry WHERE seq {} ? ORDER BY seq {} LIMIT 1"
RECORD = "SELECT id, at, series, subject FROM record WHERE id {} ? ORDER BY id {} LIMIT 1"


def _neighbour(session: Session, bad: Bad, below: bool) -> dict[str, Any] | None:
    """The entry, or record, that stands before or after the bad one; None when there is none."""
    sql, number = (ENTRY, bad.number) if bad.record is None else (RECORD, bad.record)
    found = verify_rows.fetched(session, sql.format(*("<", "DESC") if below else (">", "ASC")), (number,))
    if not found:
        return None
    names = ("entry", "at", "action") if bad.record is None else ("record", "at", "series", "subject")
    told = dict(zip(names, found[0], strict=True))
    with suppress(TypeError, ValueError, OverflowError):  # it may be a moment that somebody made up
        told["at"] = clock.to_text(told["at"])
    return told
