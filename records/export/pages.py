"""The report of a package, piece by piece: what was asked for, what is not held, each post with its state, each record's words.

How a piece becomes part of a PDF is not known here: the room above sets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from config import clock
from records.export import dictionary, layout, statement, tables

IN_FILE = 250
"""Posts or records of one file: what sets it keeps about 100 kB of each for a while."""
MOST = 2_500
"""Posts, and records, that are shown: nobody reads more pages; the tables have all."""
MOST_WORDS = 3_000
"""Characters of one text."""


@dataclass(frozen=True)
class Theirs:
    """What somebody wrote: shown and never obeyed."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A heading; `level` from 1."""

    level: int
    text: str


@dataclass(frozen=True)
class Words:
    """A paragraph, or with `listed` a line of a list."""

    text: str
    listed: bool = False


@dataclass(frozen=True)
class Grid:
    """A table; `wide`: how much room each column wants."""

    heads: tuple[str, ...]
    wide: tuple[int, ...]
    rows: tuple[tuple[str | Theirs, ...], ...]


Piece = Heading | Words | Grid
Row = tuple[str | Theirs, ...]
SECTIONS: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "Posts": (("post", "due", "channel", "state", "sent", "words"), (2, 4, 3, 3, 2, 12)),
    "Other records": (("record", "kind", "when", "about", "words"), (2, 3, 4, 3, 12)),
}
"""The tables: heads, and how much room each column wants."""
Setter = Callable[[Sequence[Piece], str, int], bytes]
"""Makes a PDF of pieces, a title, and the moment (µs UTC) it bears."""


def write(folder: Path, about: Mapping[str, Any], set_pdf: Setter, step: Callable[[int], None]) -> None:
    """The report's files in the package in `folder`."""
    for number, pieces in enumerate(_files(folder, about), 1):
        name = layout.REPORT if number == 1 else f"report-{number:03}.pdf"
        (folder / name).write_bytes(set_pdf(pieces, statement.title(about), about["at"]))
        step(number)


def _files(folder: Path, about: Mapping[str, Any]) -> Iterator[list[Piece]]:
    """Each file's pieces: posts first, then the other records, `IN_FILE` of them together."""
    first: list[Piece] = [Heading(1, statement.title(about)), *_summary(about)]
    rows = chain(_of("Posts", _posts(folder)), _of("Other records", _records(folder)))
    while part := tuple(islice(rows, IN_FILE)):
        yield first + [piece for section, own in groupby(part, itemgetter(0)) for piece in _section(section, own)]
        first = [Heading(1, statement.title(about))]
    if len(first) > 1:
        yield first


def _of(section: str, rows: Iterator[Row]) -> Iterator[tuple[str, Row]]:
    return ((section, row) for row in islice(rows, MOST))


def _section(section: str, rows: Iterable[tuple[str, Row]]) -> tuple[Piece, Piece]:
    heads, wide = SECTIONS[section]
    return Heading(2, section), Grid(heads, wide, tuple(row for _, row in rows))


def _summary(about: Mapping[str, Any]) -> Iterator[Piece]:
    yield from (Words(fact, listed=True) for fact in statement.facts(about))
    counts = about["counts"]
    if counts["posts"] > MOST or counts["records"] > MOST:
        yield Words(
            f"This report shows the first {MOST:,} posts and {MOST:,} other records; all are in the tables beside it."
        )
    yield Words("A post counts as sent only where it went out: what is held, refused or cancelled is shown as such.")
    yield Heading(2, "What is not held, or not in this package")
    for heading, found in statement.parts(about):
        yield Heading(3, heading)
        yield from (Words(item, listed=True) for item in found)


def _posts(folder: Path) -> Iterator[Row]:
    for line in layout.lines(folder / layout.POSTS):
        words = (line["text"], *(item.get("alt", "") for item in line["media"] if isinstance(item, dict)))
        said = "\n".join(filter(None, (*words, f"Held: {line['hold_reason']}" if line["hold_reason"] else "")))
        yield str(line["post"]), _time(line["due_at"]), line["channel"], line["state"], line["sent"], _theirs(said)


def _records(folder: Path) -> Iterator[Row]:
    """All but versions of posts that stand above, and their copies on the wire."""
    place = dictionary.columns(dictionary.RECORDS)
    number, series, at = place.index("record"), place.index("series"), place.index("at")
    subject, words, gone = place.index("subject"), place.index("words"), place.index("content_gone")
    for row in tables.rows(folder, dictionary.RECORDS):
        if row[series] not in ("request", "answer"):
            said = row[words] or (f"({row[gone]})" if row[gone] else "")
            yield row[number], row[series], row[at], Theirs(row[subject]), _theirs(said)


def _time(at: int | None) -> str:
    return "" if at is None else clock.to_text(at)


def _theirs(text: str) -> Theirs:
    return Theirs(text if len(text) <= MOST_WORDS else f"{text[:MOST_WORDS]}… (cut: the whole is in the JSON lines)")
