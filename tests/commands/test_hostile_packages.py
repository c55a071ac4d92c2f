"""Words that would do harm are harmless in every file of a package, and in what a search shows (RC-3)."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from pypdf import PdfReader
from warcio.archiveiterator import ArchiveIterator

from records.export import layout, tables
from records.keep import About, document
from store.engine import writing
from tests.commands.office import Office
from tests.commands.packages import (
    ANSWER,
    ATTACHED,
    HTTP,
    ODD,
    UNUSUAL,
    add_post,
    export,
    keep_bytes,
    lines,
    ok,
)
from tests.support import sheets

HOSTILE = (
    '=HYPERLINK("http://evil.example","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3",
    "\t=1+1",
    "＝1+1",
    "<script>alert(1)</script><b>&amp;",
    "nul \0 bell \x07 esc \x1b[2J del \x7f c1 \x85",
    "turn \u202egnp.exe\u202c mark \u200f",
    "line\nbreak\r\nand\u2028more",
    "#set text(red); $x$ *bold* `code` \\n",
    "emoji 🎉👩‍👩‍👧 汉字 العربية עברית",
    "x" * 40_000,
    "\ufffe\uffff nonchar",
)


def test_hostile_words_are_harmless_in_every_file(office: Office, tmp_path: Path) -> None:
    """RC-3: formulas, marks, signs that turn a text, control characters, broken encodings, ten megabytes."""
    for words in HOSTILE:
        add_post(office, words.encode("utf-8", "replace").decode())
        with writing(office.engine) as session:
            document(session, About("inbound", "reply", 6, "", "parks"), {"text": words})
    for number, body in enumerate(
        (ODD, UNUSUAL, b"\xff\xfe\x00\x00", b"", b"GET / HTTP/1.1\r\n", b"\r\n\r\n\r\n", ANSWER + b"\0" * 9)
    ):
        keep_bytes(
            office, About("answer", f"odd {number}", 7, facts={"url": "https://api.example/2"}), body, HTTP + "response"
        )
    keep_bytes(
        office, About("inbound", "odd kind", 7, facts={"url": "javascript:alert(1) x"}), b"x", "text/html\r\nX: y"
    )
    big = (
        b"From: a@x.example\r\nSubject: big\r\nContent-Type: text/plain; charset=no-such\r\n\r\n"
        + b"word \xff\xfe " * 1_500_000
    )
    keep_bytes(office, About("mail", "big", 8), big, "message/rfc822")
    assert len(big) > 10_000_000
    keep_bytes(office, About("mail", "attached", 8), ATTACHED, "message/rfc822")
    data = export(office, tmp_path / "out")
    texts = [json.loads(line["content"])["text"] for line in lines(data, layout.RECORDS) if line["series"] == "inbound" and
             line["mime"] == "application/json"]  # fmt: skip
    assert texts == [*HOSTILE]
    _harmless_csv(data)
    _harmless_sheets(data)
    with (data / layout.WEB).open("rb") as stream:
        bodies = {record.content_stream().read() for record in ArchiveIterator(stream, no_record_parse=True)}
    assert {ODD, b"\xff\xfe\x00\x00", b"GET / HTTP/1.1\r\n", ANSWER + b"\0" * 9} <= bodies
    assert UNUSUAL in bodies
    said = "".join(page.extract_text() for page in PdfReader(data / layout.REPORT).pages)
    assert "<script>alert(1)</script>" in said.replace("\n", "")
    assert not {"\u202e", "\x1b", "\0"} & set(said)
    assert all(path.stem.isdigit() for path in (data / "mail").iterdir())
    found = ok(office, "records", "search", "gnp").out
    assert "\u202e" not in found
    assert r"\u202egnp.exe" in found


def _harmless_csv(data: Path) -> None:
    with (data / "csv" / "posts.csv").open(newline="", encoding="utf-8") as stream:
        rows = [*csv.reader(stream)]
    for row in rows:
        for value in row:
            assert not value.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
            assert not {"\0", "\x1b", "\u202e", "\r"} & set(value)
    words = [row[6] for row in rows[1:]]
    assert words[0] == "'" + HOSTILE[0]
    assert r"turn \u202egnp.exe" in words[7]


def _harmless_sheets(data: Path) -> None:
    sheet = sheets.read(data / layout.SHEETS)["posts"]
    assert (sheet.kinds, sheet.marks) == ({"inlineStr"}, set())
    words = [row[6] for row in sheet.rows[1:]]
    assert words[0] == HOSTILE[0]
    assert words[11].endswith(tables.CUT)
