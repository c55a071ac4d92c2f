"""The records that the chain names: those, no others, each as it was written, with the content that it names.

They come in the order in which the chain names them, from one query after another that goes on where the last one ended; each
brings the contents that are short. So a million of them take no more memory than a thousand.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from sqlmodel import Session

from records import seal, verify_rows
from records.verify import Bad
from records.verify_content import INLINE, Contents

BATCH = 1000
AFTER_ALL = 2**63 - 1
FIELDS = ", ".join(f"r.{name}" for name in seal.FIELDS)
QUERY = f"""SELECT r.entry_seq, r.id, r.hash, r.disposed_by, CASE WHEN length(c.body) <= {INLINE} THEN c.body END,
  length(c.body), c.file, {FIELDS} FROM record r LEFT JOIN record_content c ON c.sha256 = r.sha256
  WHERE (r.entry_seq, r.id) > (?, ?) ORDER BY r.entry_seq, r.id LIMIT {BATCH}"""  # noqa: S608 (constants only)
FACTS, SHA = seal.FIELDS.index("facts"), seal.FIELDS.index("sha256")
DISPOSED = "records.disposed"
"""The action of the chain's entries that say of which records the contents were disposed, and by which disposition."""


class Disposed:
    """Of which records the log says that their contents were disposed of."""

    def __init__(self, session: Session) -> None:
        found = verify_rows.fetched(session, "SELECT detail FROM log_entry WHERE action = ? ORDER BY seq", (DISPOSED,))
        self._runs = sorted(run for (detail,) in found for run in _disposed(detail))
        self._firsts = [first for first, _, _ in self._runs]

    def __bool__(self) -> bool:
        return bool(self._runs)

    def by(self, record: int) -> int | None:
        """The disposition that took the content of `record`; None when there is none."""
        place = bisect_right(self._firsts, record) - 1
        return self._runs[place][2] if place >= 0 and record <= self._runs[place][1] else None


def _disposed(detail: Any) -> Iterator[tuple[int, int, int]]:
    """(first, last, disposition); none where the entry cannot be read, which the walk over the entries says."""
    try:
        told = json.loads(detail)
        yield from [(int(first), int(last), int(told["disposition"])) for first, last in told["records"]]
    except (ValueError, KeyError, TypeError):
        return


class Records:
    """The walk over the records, entry by entry. `count`: how many are whole so far; `disposed`: of those, without content."""

    def __init__(self, session: Session, folder: Path, start: int = 0) -> None:
        """Begin with the records that entry `start` names."""
        self.session = session
        self.contents = Contents(session, folder)
        self.count = self.disposed = 0
        self._disposed = Disposed(session)
        self._rows = self._read(start)
        self._row: Any = next(self._rows, None)

    def _read(self, start: int) -> Iterator[Any]:
        place = (start - 1, AFTER_ALL)
        while batch := verify_rows.fetched(self.session, QUERY, place):
            yield from batch
            place = batch[-1][:2]

    def check(self, entry: int, detail: str) -> None:
        """Step over the records that `entry` names. Raises Bad with the first that does not fit."""
        runs, count, digest = _named(entry, detail)
        hashes = []
        for number in chain.from_iterable(range(first, last + 1) for first, last in runs):
            row = self._row
            if row is None or row[0] != entry or row[1] != number:
                self._other(entry, number)
            self._look(row)
            hashes.append(row[2])
            self._row = next(self._rows, None)
        if self._row is not None and self._row[0] == entry:
            self._other(entry, AFTER_ALL)
        if len(hashes) != count or seal.of_batch(hashes) != digest:
            self._replaced(entry, runs)
        self.count += count

    def end(self) -> None:
        """Raises Bad when there are records that name an entry which names none."""
        if self._row is not None:
            self._leftover()

    # --- one record --------------------------------------------------------------------------------------------------

    def _look(self, row: Any) -> None:
        entry, number, own, disposition, body, length, name, *fields = row
        if not _fits(fields, own):
            raise Bad(entry, f"record {number} was changed: its hash is not that of its fields", number)
        if disposition is not None or self._disposed:
            told = self._disposed.by(number)
            if told != disposition:
                raise Bad(entry, f"record {number} was changed: {_disposition(disposition, told)}", number)
            if told is not None and length is None and name is None:
                self.disposed += 1
                return
        if (fault := self.contents.fault(fields[SHA], body, length, name, fields[FACTS])) is not None:
            raise Bad(entry, f"record {number}: {fault}", number)

    # --- what does not fit -------------------------------------------------------------------------------------------

    def _other(self, entry: int, number: int) -> NoReturn:
        """The record that comes is not `number`, which `entry` names next."""
        row = self._row
        if row is not None and isinstance(row[0], int) and row[0] < entry:
            self._leftover()
        if row is not None and row[0] == entry and row[1] < number:
            raise Bad(entry, f"record {row[1]} was inserted: it names entry {entry}, which does not name it", row[1])
        found = verify_rows.fetched(self.session, "SELECT entry_seq FROM record WHERE id = ?", (number,))
        if not found:
            raise Bad(entry, f"record {number} is missing: entry {entry} names it", number)
        told = "none" if found[0][0] is None else f"entry {found[0][0]}"
        raise Bad(entry, f"record {number} was changed: entry {entry} names it, and it names {told}", number)

    def _leftover(self) -> NoReturn:
        entry, number = self._row[:2]
        raise Bad(
            entry, f"record {number} was changed or inserted: it names entry {entry}, which names no record", number
        )

    def _replaced(self, entry: int, runs: list[tuple[int, int]]) -> NoReturn:
        """Each record is whole in itself, but they are not those that the entry saw."""
        first, last = (runs[0][0], runs[-1][1]) if runs else (None, None)
        raise Bad(
            entry, f"one of the records {first}–{last} was replaced: entry {entry} names another hash of them", first
        )


def _named(entry: int, detail: str) -> tuple[list[tuple[int, int]], int, str]:
    """Which records an entry names, how many, and the hash of their hashes."""
    try:
        told = json.loads(detail)
        runs = [(int(first), int(last)) for first, last in told["records"]]
        return runs, int(told["count"]), str(told["sha256"])
    except (ValueError, KeyError, TypeError):
        raise Bad(
            entry, f"entry {entry} does not say which records it names: it was not written by this program"
        ) from None


def _fits(fields: list[Any], own: Any) -> bool:
    try:
        return bool(seal.of_record(fields) == own)
    except TypeError:  # bytes in place of text, which SQLite takes
        return False


def _disposition(own: Any, told: int | None) -> str:
    if told is None:
        return f"it says that disposition {own} took its content, and the log knows of none that did"
    return f"the log says that disposition {told} took its content, and it names {'none' if own is None else own}"
