"""A CSV calendar as a draft: comment lines for the whole file, a header row, one row an entry."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from calendars.draft import Cell, Draft, DraftEntry, Faults, did_you_mean

_SINGLE = frozenset({"id", "at", "date", "time", "timezone", "text", "repeat", "lateness"})
_LISTS = {"channels": "channels", "channel": "channels", "tags": "tags", "except": "except"}
_HEAD = frozenset({"owner", "timezone", "channel", "channels", "lateness", "media_folder"})
_COMMENT = re.compile(r"#\s*([A-Za-z_]+)\s*:\s*(.*)", re.ASCII | re.DOTALL)
_IMAGE = re.compile(r"(media|alt)\s*([2-9]|10)?", re.ASCII)
_KNOWN = sorted({*_SINGLE, *_LISTS, "media", "alt"})
_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "'|'"}


MAX_ENTRIES = 200_000
"""Rows of a few characters cost far more memory than their bytes."""


@dataclass
class _Row:
    line: int
    cells: list[Cell]

    @property
    def blank(self) -> bool:
        return all(not cell.text.strip() for cell in self.cells)


def draft(text: str, faults: Faults) -> Draft | None:
    """The file's words (line ends already ``\\n``); None when there is no header row, with the mistakes in `faults`."""
    made = Draft()
    columns: list[str] | None = None
    for row in _rows(text, faults):
        if row.blank:
            continue
        if columns is None and row.cells[0].text.lstrip().startswith("#"):
            _comment(made, row, faults)
        elif columns is None:
            made.line = row.line
            columns = _columns(row, faults)
            if not columns:
                return None
        elif len(made.entries) >= MAX_ENTRIES:
            faults.add(row.line, "", f"is entry number {MAX_ENTRIES + 1:,}: split the file")
            return made
        else:
            made.entries.append(_entry(row, columns, faults))
    if not made.entries and not len(faults):
        lacking = "a header row beginning with id,at,text" if columns is None else "a row under the header"
        faults.add(made.line, "", f"the file holds no entry: add {lacking}")
    return made if columns is not None else None


def _rows(text: str, faults: Faults) -> Iterator[_Row]:
    """Rows with the line each cell begins on, also behind cells that hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        start = reader.line_num + 1
        try:
            words = next(reader, None)
        except csv.Error as error:
            faults.add(start, "", f"the row that begins here is not valid CSV ({error}): {_QUOTES}")
            return
        if words is None:
            return
        yield _Row(start, list(_cells(words, start)))


_QUOTES = "put quotes around a text with commas or line breaks, and double each quote inside it"


def _cells(words: list[str], line: int) -> Iterator[Cell]:
    for word in words:
        yield Cell(word, line)
        line += word.count("\n")


def _comment(made: Draft, row: _Row, faults: Faults) -> None:
    """A leading ``# key: value`` line; one that begins ``##`` is for people. Spreadsheets add commas behind it."""
    whole = ",".join(cell.text for cell in row.cells).rstrip(", ").strip()
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
    parts = re.split(r"[;\n]", cell.text)
    return [Cell(part.strip(), cell.line) for part in parts if part.strip()]


def _columns(row: _Row, faults: Faults) -> list[str]:
    """The columns' names; empty when this is no header row at all."""
    if len(row.cells) == 1:
        for mark, words in _OTHER_DELIMITERS.items():
            if mark in row.cells[0].text:
                faults.at(row.cells[0], f"has columns parted by {words}: save the file as comma-separated CSV (UTF-8)")
                return []
    names = [_column(cell.text) for cell in row.cells]
    if not any(name in ("id", "at", "date", "text") for name in names):
        faults.at(row.cells[0], "is no header row: begin the table with a row such as id,at,channels,text")
        return []
    for place, (cell, name) in enumerate(zip(row.cells, names, strict=True)):
        _check_column(cell, name, names[:place], faults)
    if "id" not in names:
        faults.add(row.line, "id", "is missing in the header row: add the column")
    if "at" not in names and not {"date", "time"} <= set(names):
        faults.add(row.line, "at", "is missing in the header row: add the column 'at', or 'date' and 'time'")
    if "at" in names and ("date" in names or "time" in names):
        faults.add(row.line, "at", "stands beside 'date' or 'time': keep 'at', or 'date' and 'time'")
    return names


def _column(text: str) -> str:
    name, colon, channel = text.strip().partition(":")
    name = name.strip().lower()
    if colon:
        return f"{name}:{channel.strip()}"
    image = _IMAGE.fullmatch(name)
    return f"{image[1]}{image[2] or ''}" if image else name


def _check_column(cell: Cell, name: str, before: list[str], faults: Faults) -> None:
    known = name in _SINGLE or name in _LISTS or _IMAGE.fullmatch(name) or re.fullmatch(r"text:.+", name)
    if name and name in before:
        faults.at(cell, "is a column that stands here twice: remove or rename one")
    elif name in _LISTS and _LISTS[name] in {_LISTS.get(other) for other in before}:
        faults.at(cell, "says the same as another column: keep 'channels'")
    elif name and not known:
        faults.at(cell, f"is not a column a calendar has: {did_you_mean(name, _KNOWN)}")


def _entry(row: _Row, columns: list[str], faults: Faults) -> DraftEntry:
    made = DraftEntry(row.line)
    images: dict[str, dict[str, Cell]] = {}
    for place, cell in enumerate(row.cells):
        name = columns[place] if place < len(columns) else ""
        if not cell.text.strip():
            if name == "text" and cell.text:
                made.single["text"] = cell
        elif not name:
            remedy = (
                "remove it, or put quotes around a text with commas" if place >= len(columns) else "name the column"
            )
            faults.at(cell, f"stands under no column of the header row: {remedy}")
        else:
            _fill(made, images, name, cell)
    _add_images(made, images, faults)
    _join_time(made)
    return made


def _fill(made: DraftEntry, images: dict[str, dict[str, Cell]], name: str, cell: Cell) -> None:
    image = _IMAGE.fullmatch(name)
    if image:
        images.setdefault(image[2] or "1", {})[image[1]] = cell
    elif name.startswith("text:"):
        made.texts[name.removeprefix("text:")] = cell
    elif name in _LISTS:
        made.lists[_LISTS[name]] = _split(cell)
    else:
        made.single[name] = cell


def _add_images(made: DraftEntry, images: dict[str, dict[str, Cell]], faults: Faults) -> None:
    for number in sorted(images, key=int):
        file, alt = images[number].get("media"), images[number].get("alt")
        if file is not None:
            made.media.append((file, alt))
        elif alt is not None:
            faults.at(alt, "describes an image, but the row names none: fill the 'media' column or empty this cell")


def _join_time(made: DraftEntry) -> None:
    """`date` and `time` as one `at`; a missing half is left to be refused as a time."""
    date, time = made.single.pop("date", None), made.single.pop("time", None)
    halves = [half for half in (date, time) if half is not None]
    if halves and "at" not in made.single:
        made.single["at"] = Cell(" ".join(half.text.strip() for half in halves), halves[0].line)
