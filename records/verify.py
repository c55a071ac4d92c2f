"""Is the log whole? Every entry is hashed again, in order, and the first one that does not fit is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from sqlalchemy import Engine
from sqlmodel import Session

from records import verify_rows
from store import chain
from store.engine import cursor, reading

BATCH = 1000
BEFORE_ALL = -(2**63)

Row = tuple[int, int, str, str, str, str, str, str]
"""seq, at, actor, action, subject, detail, previous, hash"""
_KINDS = (int, int, str, str, str, str, str, str)


@dataclass(frozen=True)
class Verdict:
    """What came of it: the first `entries` are whole; `first_bad` is the number of the first entry that is not as it was
    written, and `reason` says in one line what is wrong with it (both None when the log is whole)."""

    ok: bool
    entries: int
    first_bad: int | None = None
    reason: str | None = None


class Bad(Exception):
    """The first entry that does not fit, or of an entry that does the first record (`record`) that does not."""

    def __init__(self, number: int, reason: str, record: int | None = None) -> None:
        super().__init__(reason)
        self.number, self.reason, self.record = number, reason, record


@dataclass
class Walk:
    """How far the walk has come: the last good entry and its hash."""

    last: int = 0
    previous: str = chain.FIRST

    def check(self, row: Row) -> None:
        """Step over `row`. Raises Bad when it is not the entry that follows."""
        number, last = row[0], self.last
        if not all(isinstance(value, kind) for value, kind in zip(row, _KINDS, strict=True)):
            raise Bad(last + 1, f"entry {last + 1} was changed: a field of it is not of its kind")
        if number <= last:
            raise Bad(number, f"entry {number} was inserted: the log begins with entry 1")
        if number != last + 1:
            raise Bad(last + 1, f"entry {last + 1} is missing: entry {number} follows entry {last}")
        if chain.digest(*row[:7]) != row[7]:
            raise Bad(number, f"entry {number} was changed: its hash is not that of its fields")
        if row[6] != self.previous:
            self._replaced(number, f"entry {number}")
        self.last, self.previous = number, row[7]

    def check_head(self, seq: int | None, own: str | None) -> None:
        """Raises Bad when the head, kept apart from the entries, does not name the last one."""
        after = self.last + 1
        if seq is None:
            raise Bad(after, f"the head of the log is gone: nothing shows whether entry {after} and later ones existed")
        if seq > self.last:
            raise Bad(after, f"entry {after} is missing: the log was cut off, its head names entry {seq}")
        if seq < self.last:
            raise Bad(seq + 1, f"entry {seq + 1} was inserted: the head of the log names entry {seq} as the last")
        if own != self.previous:
            self._replaced(after, "the head of the log")

    def _replaced(self, number: int, witness: str) -> NoReturn:
        """The entry before is whole in itself, but not the one that its successor saw."""
        bad = self.last or number
        raise Bad(bad, f"entry {bad} was replaced: {witness} names another hash before it")


def verify(engine: Engine) -> Verdict:
    """The verdict on the whole chain as one moment sees it; others may go on appending. Raises StoreError."""
    walk = Walk()
    try:
        with reading(engine) as session:
            for row in rows(session):
                walk.check(row)
            walk.check_head(*head(session))
    except Bad as bad:
        return Verdict(False, walk.last, bad.number, bad.reason)
    return Verdict(True, walk.last)


def rows(session: Session, after: int = BEFORE_ALL) -> Iterator[Row]:
    """The entries whose number is above `after`, in order, a batch at a time."""
    while batch := _batch(session, after):
        yield from batch
        after = batch[-1][0]


ENTRIES = """SELECT seq, at, actor, action, subject, detail, previous, hash FROM log_entry WHERE seq > ? ORDER BY seq LIMIT ?"""


def _batch(session: Session, after: int) -> list[Row]:
    return verify_rows.fetched(session, ENTRIES, (after, BATCH))


def head(session: Session) -> tuple[int | None, str | None]:
    """The head's number and hash; None when its row is gone."""
    at = cursor(session)
    at.execute("SELECT seq, hash FROM chain_head WHERE id = 1")
    return at.fetchone() or (None, None)
