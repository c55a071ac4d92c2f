"""Posts, records and log as tables: CSV that no spreadsheet takes for formulas, and one file of sheets."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from config import clock, extra, spreadsheet
from records import readable
from records.export import dictionary, layout
from records.export.plain import visible
from records.wish import RecordsError

MOST_CELL = 32_767
"""Characters of a cell that a spreadsheet takes."""
MOST_ROWS = 1_048_576
CUT = " … (cut: the whole is in the JSON lines)"
READ = 4 << 20
"""Bytes of a content whose words a table shows."""
Step = Callable[[int], None]


def rows(folder: Path, file: str) -> Iterator[list[str]]:
    """The rows of the table `file`, from the JSON lines in `folder`."""
    names = dictionary.columns(file)
    for line in layout.lines(folder / dictionary.FILES[file]):
        if file == dictionary.RECORDS:
            line["words"] = _words(folder, line)
        yield [_text(file, name, line.get(name)) for name in names]


def _words(folder: Path, line: Mapping[str, Any]) -> str:
    if (line["size"] or 0) > READ and "content" not in line:
        return ""
    kind = str(line["mime"])
    if kind.partition(";")[0].split("/")[0] in ("image", "video", "audio"):
        return ""
    body = layout.body_of(folder, line)
    return "" if body is None else readable.text(kind, body)


def _text(file: str, name: str, value: Any) -> str:
    if value is None or value == []:
        return ""
    if (file, name) in dictionary.TIMES:
        return clock.to_text(int(value))
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def write_csv(folder: Path, step: Step) -> None:
    """A file for each table."""
    (folder / "csv").mkdir(exist_ok=True)
    for file in dictionary.FILES:
        with (folder / "csv" / f"{file}.csv").open(
            "w", newline="", encoding="utf-8", errors="backslashreplace"
        ) as stream:
            writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
            writer.writerow(dictionary.columns(file))
            for done, row in enumerate(rows(folder, file), 1):
                writer.writerow(map(spreadsheet.cell, row))
                step(done)


def write_sheets(folder: Path, step: Step) -> None:
    """All tables in one XLSX file; texts are texts, whatever they begin with. Raises RecordsError without the library."""
    try:
        import xlsxwriter
    except ImportError:
        raise RecordsError(f"xlsxwriter is not installed, which makes the sheets: {extra.install('records')}") from None
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "tmpdir": str(folder.parent),
    }
    with xlsxwriter.Workbook(str(folder / layout.SHEETS), options) as book:
        book.set_properties({"created": clock.to_datetime(0).replace(tzinfo=None, year=1980)})
        for file in dictionary.FILES:
            for done, cells in enumerate(_sheet_rows(book, folder, file), 1):
                step(done)
                del cells


def _sheet_rows(book: Any, folder: Path, file: str) -> Iterator[list[str]]:
    """Writes each row as it passes; a table that is too long goes on in another sheet."""
    sheet, place, number = None, 0, 0
    for cells in rows(folder, file):
        if sheet is None or place >= MOST_ROWS:
            number += 1
            sheet, place = _sheet(book, file, number), 1
        for column, value in enumerate(cells):
            sheet.write_string(place, column, _cell(value))
        place += 1
        yield cells
    if sheet is None:
        _sheet(book, file, 1)


def _sheet(book: Any, file: str, number: int) -> Any:
    sheet = book.add_worksheet(file if number == 1 else f"{file} {number}")
    for column, name in enumerate(dictionary.columns(file)):
        sheet.write_string(0, column, name)
    sheet.freeze_panes(1, 0)
    return sheet


def _cell(value: str) -> str:
    """`value` as long as a cell may be, counted as spreadsheets count."""
    if len(value) * 2 <= MOST_CELL:
        return value
    units = value.encode("utf-16-le", "replace")
    if len(units) <= 2 * MOST_CELL:
        return value
    return units[: 2 * (MOST_CELL - len(CUT))].decode("utf-16-le", "ignore") + CUT
