"""An XLSX file read with nothing but a ZIP and an XML reader: what is in its cells, and of what kind."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True)
class Sheet:
    """The texts of a sheet, row by row; `kinds`: of its cells; `marks`: its elements that may do something."""

    rows: list[list[str]]
    kinds: set[str]
    marks: set[str]


def read(path: Path) -> dict[str, Sheet]:
    """The sheets by name."""
    with zipfile.ZipFile(path) as file:
        book = etree.fromstring(file.read("xl/workbook.xml"))
        names = [str(item.get("name")) for item in book.iter(f"{MAIN}sheet")]
        return {name: _sheet(file.read(f"xl/worksheets/sheet{n}.xml")) for n, name in enumerate(names, 1)}


def _sheet(body: bytes) -> Sheet:
    root = etree.fromstring(body, etree.XMLParser(huge_tree=True, resolve_entities=False))
    rows, kinds = [], set()
    for row in root.iter(f"{MAIN}row"):
        cells = [*row.iter(f"{MAIN}c")]
        kinds |= {str(cell.get("t")) for cell in cells}
        rows.append([_text(cell) for cell in cells])
    marks = {etree.QName(item).localname for item in root.iter(f"{MAIN}f", f"{MAIN}hyperlink", f"{MAIN}v")}
    return Sheet(rows, kinds, marks)


def _text(cell: etree._Element) -> str:
    said = "".join(part.text or "" for part in cell.iter(f"{MAIN}t"))
    return unescaped(said)


def unescaped(text: str) -> str:
    """What a spreadsheet shows of a text that looks like the format's own spelling of a character."""
    return ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
