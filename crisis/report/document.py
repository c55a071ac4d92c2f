"""A report's pieces, whatever they are written as: headings, paragraphs, lists, tables, and the picture.

A `Quote` is what somebody typed or a platform said: it is shown and never obeyed. A plain text is the report's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crisis.report.scene import Cut

EXERCISE = "EXERCISE"
"""Stands on every line about a drill (KS-20)."""
PLAIN_LINK = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/?=%+,;:@!-]*)?", re.ASCII)
"""What is shown as a link that can be followed; anything else is a quote."""


@dataclass(frozen=True)
class Quote:
    """Somebody else's words."""

    text: str


@dataclass(frozen=True)
class Link:
    """An address that can be followed."""

    url: str


Span = str | Quote | Link
Cell = Span | tuple[Span, ...]


@dataclass(frozen=True)
class Heading:
    """A heading; `level` from 1."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Bullets:
    """A list, one line each."""

    items: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True)
class Table:
    """A table with a head; `wide`: how much room each column wants beside the others."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    wide: tuple[int, ...]


@dataclass(frozen=True)
class Lane:
    """A line of the picture: bars (from, to, ended) or marks (where, how many), in thousandths of its width."""

    name: str
    bars: tuple[tuple[int, int, bool], ...] = ()
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Picture:
    """The timeline: lanes over an axis whose `ticks` are (where, words); `alt` says it for who cannot see it."""

    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[int, str], ...]
    alt: str


Block = Heading | Paragraph | Bullets | Table | Picture


def spans(cell: Cell) -> tuple[Span, ...]:
    """A cell's pieces."""
    return cell if isinstance(cell, tuple) else (cell,)


def link(url: str | None) -> Span:
    """`url` to be followed where it is a plain one, else as it was given; a dash when there is none."""
    if not url:
        return "–"
    return Link(url) if len(url) <= 500 and PLAIN_LINK.fullmatch(url) else Quote(url)


def quote(text: str | None) -> Span:
    """What somebody wrote; a dash when it is nothing."""
    return Quote(text) if text else "–"


PLAIN_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._,:/'-]{0,99}", re.ASCII)
"""Names and the like that need no marks around them; `crisis.report.markdown` escapes them all the same."""


def named(text: str | None) -> Span:
    """A name as it stands where it is a plain one, else as a quote; a dash when there is none."""
    is_plain = text and PLAIN_WORDS.fullmatch(text) and "://" not in text and "www." not in text.lower()
    return text if text and is_plain else quote(text)


def paragraph(*words: Span) -> Paragraph:
    """A paragraph of these pieces."""
    return Paragraph(words)


def table(columns: Sequence[tuple[str, int]], rows: Iterable[tuple[Cell, ...]]) -> Table:
    """A table of columns (head, how wide)."""
    return Table(tuple(name for name, _ in columns), tuple(rows), tuple(wide for _, wide in columns))


def more(part: Cut[Any]) -> list[Block]:
    """What is said where a list is cut."""
    return [paragraph(f"and {part.more:,} more")] if part.more else []


def as_exercise(blocks: Iterable[Block]) -> list[Block]:
    """The same with the word EXERCISE at the beginning of every line."""
    return [_as_exercise(block) for block in blocks]


def _as_exercise(block: Block) -> Block:
    if isinstance(block, Heading):
        return replace(block, text=f"{EXERCISE} {block.text}")
    if isinstance(block, Paragraph):
        return Paragraph((f"{EXERCISE} ", *block.spans))
    if isinstance(block, Bullets):
        return Bullets(tuple((f"{EXERCISE} ", *item) for item in block.items))
    if isinstance(block, Table):
        heads = (f"{EXERCISE} {block.heads[0]}", *block.heads[1:])
        rows = tuple(((f"{EXERCISE} ", *spans(row[0])), *row[1:]) for row in block.rows)
        return Table(heads, rows, (block.wide[0] + 2, *block.wide[1:]))
    lanes = tuple(replace(lane, name=f"{EXERCISE} {lane.name}") for lane in block.lanes)
    return replace(block, lanes=lanes, alt=f"{EXERCISE} {block.alt}")
