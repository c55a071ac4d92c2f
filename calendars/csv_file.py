"""A CSV calendar as a draft: comment lines for the whole file, a header row, one row an entry."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import NamedTuple

from calendars.draft import Cell, Draft, DraftEntry, DraftImage, Faults, did_you_mean

_SINGLE = frozenset(
    {"id", "at", "date", "time", "timezone", "text", "repeat", "lateness", "share_of", "source_checked"}
)
_LISTS = {"channels": "channels", "channel": "channels", "tags": "tags", "except": "except"}
_HEAD = frozenset({"owner", "timezone", "channel", "channels", "lateness", "media_folder", "rights"})
_COMMENT = re.compile(r"#\s*([A-Za-z_]+)\s*:\s*(.*)", re.ASCII | re.DOTALL)
_IMAGE = re.compile(r"(media|alt|captions|rights)\s*([2-9]|10)?", re.ASCII)
_KNOWN = sorted({*_SINGLE, *_LISTS, "media", "alt", "captions", "rights"})
_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "'|'"}


MAX_ENTRIES = 200_000
"""Rows of a few characters cost far more memory than their bytes."""


class _Row(NamedTuple):
    line: int
    words: list[str]

    def cells(self) -> Iterator[Cell]:
        """The cells, each with the line it begins on."""
        line = self.line
        for word in self.words:
            yield Cell(word, line)
            line += word.count("\n")


def draft(text: str, faults: Faults) -> Draft | None:
    """The file's words (line ends already ``\n``); None when there is no header row, with the mistakes in `faults`.

    The rows under the header are read when the entries are asked for, and their mistakes found then.
    """
    made, rows = Draft(), _rows(text, faults)
    columns = _head(made, rows, faults)
    if not columns:
        if columns is None and not len(faults):
            _refuse_empty(made, "a header row beginning with id,at,text", faults)
        return None
    entries = _entries(rows, columns, faults)
    first = next(entries, None)
    if first is not None:
        made.entries = chain((first,), entries)
    elif not len(faults):
        _refuse_empty(made, "a row under the header", faults)
    return made


def _refuse_empty(made: Draft, lacking: str, faults: Faults) -> None:
    faults.add(made.line, "", f"the file holds no entry: add {lacking}")


def _rows(text: str, faults: Faults) -> Iterator[_Row]:
    """Rows that are not blank, with the line each begins on, also behind cells that hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for words in reader:
            if "".join(words).strip():
                yield _Row(start, words)
            start = reader.line_num + 1
    except csv.Error as error:
        faults.add(start, "", f"the row that begins here is not valid CSV ({error}): {_QUOTES}")


_QUOTES = "put quotes around a text with commas or line breaks, and double each quote inside it"


def _head(made: Draft, rows: Iterator[_Row], faults: Faults) -> list[str] | None:
    """The columns' names, with what stands above them in `made`; empty for a row that is no header, None without any row."""
    for row in rows:
        if not row.words[0].lstrip().startswith("#"):
            made.line = row.line
            return _columns(list(row.cells()), faults)
        _comment(made, row, faults)
    return None


def _entries(rows: Iterator[_Row], columns: list[str], faults: Faults) -> Iterator[DraftEntry]:
    fills = [_fill_of(name) for name in columns]
    for number, row in enumerate(rows):
        if number >= MAX_ENTRIES:
            faults.add(row.line, "", f"is entry number {MAX_ENTRIES + 1:,}: split the file")
            return
        yield _entry(row, columns, fills, faults)


def _comment(made: Draft, row: _Row, faults: Faults) -> None:
    """A leading ``# key: value`` line; one that begins ``##`` is for people. Spreadsheets add commas behind it."""
    whole = ",".join(row.words).rstrip(", ").strip()
    found = _COMMENT.fullmatch(whole)
    if found is None:
        return
    key, value = found[1].lower(), found[2].strip()
    name = "channels" if key == "channel" else key
    if key not in _HEAD:
        remedy = f"{did_you_mean(key, _HEAD)} (begin a comment for people with '##')"
        faults.add(row.line, key, f"is not a setting of a calendar: {remedy}")
    elif name in made.head.single or name in made.head.lists:
        faults.add(row.line, key, "stands here twice: remove one")
    elif name == "channels":
        made.head.lists[name] = _split(Cell(value, row.line))
    elif value:
        made.head.single[name] = Cell(value, row.line)


def _split(cell: Cell) -> list[Cell]:
    parts = cell.text.replace("\n", ";").split(";")
    return [Cell(part, cell.line) for word in parts if (part := word.strip())]


def _columns(cells: list[Cell], faults: Faults) -> list[str]:
    """The columns' names; empty when this is no header row at all."""
    if len(cells) == 1:
        for mark, words in _OTHER_DELIMITERS.items():
            if mark in cells[0].text:
                faults.at(cells[0], f"has columns parted by {words}: save the file as comma-separated CSV (UTF-8)")
                return []
    names = [_column(cell.text) for cell in cells]
    if not any(name in ("id", "at", "date", "text") for name in names):
        faults.at(cells[0], "is no header row: begin the table with a row such as id,at,channels,text")
        return []
    for place, (cell, name) in enumerate(zip(cells, names, strict=True)):
        _check_column(cell, name, names[:place], faults)
    if "id" not in names:
        faults.add(cells[0].line, "id", "is missing in the header row: add the column")
    if "at" not in names and not {"date", "time"} <= set(names):
        faults.add(cells[0].line, "at", "is missing in the header row: add the column 'at', or 'date' and 'time'")
    if "at" in names and ("date" in names or "time" in names):
        faults.add(cells[0].line, "at", "stands beside 'date' or 'time': keep 'at', or 'date' and 'time'")
    return names


def _column(text: str) -> str:
    name, colon, channel = text.strip().partition(":")
    name = name.strip().lower()
    if colon:
        return f"{name}:{channel.strip()}"
    image = _IMAGE.fullmatch(name)
    return f"{image[1]}{image[2] or ''}" if image else name


def _check_column(cell: Cell, name: str, before: list[str], faults: Faults) -> None:
    known = name in _SINGLE or name in _LISTS or _IMAGE.fullmatch(name) or re.fullmatch(r"(?:text|override):.+", name)
    if name and name in before:
        faults.at(cell, "is a column that stands here twice: remove or rename one")
    elif name in _LISTS and _LISTS[name] in {_LISTS.get(other) for other in before}:
        faults.at(cell, "says the same as another column: keep 'channels'")
    elif name and not known:
        faults.at(cell, f"is not a column a calendar has: {did_you_mean(name, _KNOWN)}")


@dataclass(slots=True)
class _RowEntry(DraftEntry):
    """An entry with the cells of its images by number, ``media`` and ``alt``, until they are paired."""

    images: dict[str, dict[str, Cell]] = field(default_factory=dict)


Fill = Callable[[_RowEntry, Cell], None]
"""What a column does with a cell that is not blank."""


def _fill_of(name: str) -> Fill:
    image = _IMAGE.fullmatch(name)
    if image:
        return partial(_fill_image, image[2] or "1", image[1])
    if name.startswith("text:"):
        return partial(_fill_text, name.removeprefix("text:"))
    if name.startswith("override:"):
        return partial(_fill_override, name.removeprefix("override:"))
    if name in _LISTS:
        return partial(_fill_list, _LISTS[name])
    return partial(_fill_single, name)


def _fill_image(number: str, part: str, made: _RowEntry, cell: Cell) -> None:
    made.images.setdefault(number, {})[part] = cell


def _fill_text(channel: str, made: _RowEntry, cell: Cell) -> None:
    made.texts[channel] = cell


def _fill_override(check: str, made: _RowEntry, cell: Cell) -> None:
    made.overrides[check] = cell


def _fill_list(name: str, made: _RowEntry, cell: Cell) -> None:
    made.lists[name] = _split(cell)


def _fill_single(name: str, made: _RowEntry, cell: Cell) -> None:
    made.single[name] = cell


def _entry(row: _Row, columns: list[str], fills: list[Fill], faults: Faults) -> DraftEntry:
    made = _RowEntry(row.line)
    for place, cell in enumerate(row.cells()):
        if cell.text.strip() and place < len(columns) and columns[place]:
            fills[place](made, cell)
        elif cell.text:
            _blank_or_stray(made, cell, columns[place] if place < len(columns) else None, faults)
    if made.images:
        _add_images(made, faults)
    _join_time(made)
    return made


def _blank_or_stray(made: DraftEntry, cell: Cell, column: str | None, faults: Faults) -> None:
    """A cell of blanks says nothing (but a text of blanks is refused later); one without a column is a mistake."""
    if cell.text.strip():
        remedy = "name the column" if column == "" else "remove it, or put quotes around a text with commas"
        faults.at(cell, f"stands under no column of the header row: {remedy}")
    elif column == "text":
        made.single["text"] = cell


def _add_images(made: _RowEntry, faults: Faults) -> None:
    for number in sorted(made.images, key=int):
        said = made.images[number]
        file, about = said.get("media"), [said.get(part) for part in ("alt", "captions", "rights")]
        if file is not None:
            made.media.append(DraftImage(file, *about))
            continue
        for cell in filter(None, about):
            faults.at(cell, "is about an image, but the row names none: fill the 'media' column or empty this cell")


def _join_time(made: DraftEntry) -> None:
    """`date` and `time` as one `at`; a missing half is left to be refused as a time."""
    single = made.single
    if "date" not in single and "time" not in single:
        return
    date, time = single.pop("date", None), single.pop("time", None)
    halves = [half for half in (date, time) if half is not None]
    if "at" not in single:
        single["at"] = Cell(" ".join(half.text.strip() for half in halves), halves[0].line)
