"""A report as Markdown that reads well as plain text, too. Nothing that somebody wrote can become markup.

Somebody else's words stand in code spans, in which nothing is obeyed; a fence longer than any in them closes it. In a table
`|` would end the cell even there, so that it is written ¦. Our own words are escaped by character references where needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from crisis.report.document import (
    EXERCISE,
    Block,
    Bullets,
    Cell,
    Heading,
    Lane,
    Link,
    Paragraph,
    Picture,
    Quote,
    Span,
    Table,
)
from crisis.report.document import spans as spans_of
from crisis.report.plain import visible

WIDTH = 60
"""Columns of the picture in characters."""
MARKUP = frozenset("\\`*_[]<>|&~#@!")
PARTS = 1000


def of(blocks: Iterable[Block]) -> str:
    """The document."""
    return "\n\n".join("\n".join(_lines(block)) for block in blocks) + "\n"


def _lines(block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"{'#' * block.level} {escaped(block.text)}"
    elif isinstance(block, Paragraph):
        yield _run(block.spans)
    elif isinstance(block, Bullets):
        yield from (f"* {_run(item)}" for item in block.items)
    elif isinstance(block, Table):
        yield from _table(block)
    else:
        yield from _picture(block)


def _run(cell: Sequence[Span]) -> str:
    return "".join(map(_span, cell)).strip()


def _span(span: Span) -> str:
    if isinstance(span, Link):
        return f"<{span.url}>"
    return quoted(span.text) if isinstance(span, Quote) else escaped(span)


def escaped(text: str) -> str:
    """Our own words: no character of them is markup."""
    return "".join(f"&#{ord(char)};" if char in MARKUP else char for char in visible(text))


def quoted(text: str) -> str:
    """Somebody else's words as a code span: on one line, between fences that are longer than any in them."""
    words = visible(text).replace("|", "¦")
    fence = "`" * (max((len(run) for run in re.findall("`+", words)), default=0) + 1)
    space = " " if words.startswith(("`", " ")) or words.endswith(("`", " ")) or not words else ""
    return f"{fence}{space}{words}{space}{fence}" if words.strip() else "–"


def _table(block: Table) -> Iterator[str]:
    rows = [[_cell(cell) for cell in row] for row in block.rows]
    heads = [escaped(head) for head in block.heads]
    widths = [min(MOST_PADDED, max(3, *(_width(row[at]) for row in [heads, *rows]))) for at in range(len(heads))]
    yield _row(heads, widths)
    yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield from (_row(row, widths) for row in rows)


def _cell(cell: Cell) -> str:
    return _run(spans_of(cell)) or "–"


MOST_PADDED = 60
"""Characters up to which cells are filled up, so that columns stand below each other."""


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f" {cell}{' ' * (width - _width(cell))} " for cell, width in zip(cells, widths, strict=True))
    return f"|{'|'.join(padded)}|"


def _width(text: str) -> int:
    """Columns of a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _picture(picture: Picture) -> Iterator[str]:
    """The same in characters, and in words for who cannot see it."""
    name = max(len(lane.name) for lane in picture.lanes)
    yield "```text"
    yield from (f"{lane.name.ljust(name)} {_lane(lane)}".rstrip() for lane in picture.lanes)
    first, last = picture.ticks[0][1], picture.ticks[-1][1]
    scale = f"{first}{last.rjust(WIDTH - len(first))}"
    exercise = f"{EXERCISE} " if picture.lanes[0].name.startswith(EXERCISE) else ""
    yield f"{exercise.ljust(name + 1)}{scale}"
    yield "```"
    yield ""
    yield escaped(picture.alt)


def _lane(lane: Lane) -> str:
    places = [" "] * WIDTH
    for start, end, lifted in lane.bars:
        first, last = _place(start), _place(end)
        places[first : last + 1] = "█" * (last - first + 1)
        places[last] = "█" if lifted else "▶"
    for at, number in lane.marks:
        places[_place(at)] = _mark(places[_place(at)], number)
    return "".join(places)


def _place(at: int) -> int:
    return min(at * WIDTH // PARTS, WIDTH - 1)


def _mark(before: str, number: int) -> str:
    total = number + (0 if before == " " else 10 if before == "+" else int(before))
    return str(total) if total < 10 else "+"
