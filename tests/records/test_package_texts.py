"""RC-3: any text is unchanged or visibly spelled out in the tables and the report, and none of it is obeyed."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from warcio.archiveiterator import ArchiveIterator

from commands.records_export import _set_pdf
from config import spreadsheet
from records import readable
from records.export import dictionary, layout, pages, redaction, tables, web_archive
from records.export.plain import visible
from records.wish import RecordsError
from tests.support import sheets

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOTHING: dict[str, Any] = dict.fromkeys(dictionary.columns(dictionary.POSTS))


def _folder(root: Path, texts: list[str]) -> Path:
    """A package's folder with a post for each text."""
    whole = {"post": 1, "channel": "c", "state": "held", "sent": "no", "media": [], "tags": [], "due_at": 0}
    posts = [NOTHING | whole | {"text": text, "hold_reason": text} for text in texts]
    (root / layout.POSTS).write_bytes(b"".join(map(layout.dumped, posts)))
    return root


@given(ANY_TEXT)
def test_what_is_shown_has_nothing_that_hides_or_turns(text: str) -> None:
    shown = visible(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"]
    assert not set(shown) & set("\u202e\u2066\u200f\u2028\ufeff")
    if text.isprintable():
        assert shown == text


@SLOW
@given(st.lists(ANY_TEXT, min_size=1, max_size=5))
def test_tables_give_back_any_text(texts: list[str]) -> None:
    with TemporaryDirectory() as name:
        folder = _folder(Path(name), texts)
        tables.write_csv(folder, lambda _: None)
        tables.write_sheets(folder, lambda _: None)
        with (folder / "csv" / "posts.csv").open(newline="", encoding="utf-8") as stream:
            found = [row["text"] for row in csv.DictReader(stream)]
        sheet = sheets.read(folder / layout.SHEETS)["posts"]
    assert found == [spreadsheet.cell(visible(text)) for text in texts]
    assert not [cell for cell in found if cell.startswith(spreadsheet.RISKY[:-1])]
    place = dictionary.columns(dictionary.POSTS).index("text")
    assert [row[place] if place < len(row) else "" for row in sheet.rows[1:]] == [
        sheets.unescaped(visible(t)) for t in texts
    ]
    assert (sheet.kinds, sheet.marks) == ({"inlineStr"}, set())


@settings(SLOW, max_examples=8)
@given(st.lists(ANY_TEXT, min_size=1, max_size=3))
def test_the_report_shows_any_text_and_obeys_none(texts: list[str]) -> None:
    rows = tuple((str(number), pages.Theirs(text)) for number, text in enumerate(texts))
    made = _set_pdf([pages.Heading(1, "T"), pages.Grid(("n", "words"), (1, 9), rows)], "T", 0)
    assert made.startswith(b"%PDF-")
    with TemporaryDirectory() as name:
        file = Path(name, "a.pdf")
        file.write_bytes(made)
        root: Any = PdfReader(file).trailer["/Root"]
        assert root["/MarkInfo"]["/Marked"]
        assert not {"/OpenAction", "/AA"} & set(root)


@given(
    st.text(),
    st.binary(max_size=2000),
    st.sampled_from(["application/json", "application/http; msgtype=x", "message/rfc822", "text/html", "x"]),
)
def test_any_bytes_are_read_as_words(mime: str, body: bytes, kind: str) -> None:
    assert isinstance(readable.text(kind, body), str)
    assert isinstance(readable.text(mime, body), str)


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (
            "application/json",
            b'{"b": "two", "text": "one", "sha256": "x", "n": [1, {"alt": "three"}]}',
            "one\ntwo\nthree",
        ),
        ("application/json", b"[" * 100_000, "[" * 100_000),
        ("application/json", b'"\\ud800"', "\ud800"),
        (
            "application/http",
            b"A\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nX: y\r\n\r\nHi\nyou\r\n--b--",
            "Hi\nyou",
        ),
        ("message/rfc822", b"Subject: a\r\nContent-Type: text/plain; charset=no-such\r\n\r\nb\xff", "a\nb\ufffd"),
        ("text/plain", b"\xff", "\ufffd"),
        ("image/png", b"words", ""),
    ],
)
def test_what_is_read_of_each_kind(kind: str, body: bytes, words: str) -> None:
    assert words in readable.text(kind, body)


@given(words=st.text(st.characters(categories=["L", "N"]), min_size=3), before=ANY_TEXT, after=ANY_TEXT)
def test_what_is_redacted_is_gone_however_it_stands(words: str, before: str, after: str) -> None:
    try:
        cut = redaction.Words({words: "why"})
    except RecordsError:
        return
    why: set[str] = set()
    said = cut.cut(f"{before} {words.swapcase()} {after}", why)
    assert not redaction.holds(said, [*redaction.tokens.of(words)])
    assert why == {"why"} or not [*redaction.tokens.of(words)]


@SLOW
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.binary(max_size=30).map(lambda rest: b"HTTP/1.1 200 OK\r\nA:b\r\n\r\n" + rest),
            st.binary(max_size=30).map(lambda rest: b"GET / HTTP/1.1\r\n" + rest),
            st.text("AB: \t\r\n", max_size=20).map(
                lambda heads: b"HTTP/1.1 200 OK\r\n" + heads.encode() + b"\r\n\r\nx"
            ),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["request", "answer", "inbound"]),
)
def test_any_message_stands_in_the_web_archive_byte_for_byte(bodies: list[bytes], series: str) -> None:
    """And the tool that checks archives accepts it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / layout.RECORDS).open("wb") as file:
            for number, body in enumerate(bodies):
                (folder / str(number)).write_bytes(body)
                line = {"record": number, "series": series, "mime": "application/http; msgtype=x", "at": number}
                file.write(layout.dumped(line | {"facts": '{"url":"https://x.example/"}', "content_file": str(number)}))
        web_archive.write(folder, lambda _: None)
        with (folder / layout.WEB).open("rb") as stream:
            found = [body for _, body in _archived(stream, no_record_parse=True)]
        with (folder / layout.WEB).open("rb") as stream:
            passed = [checker.passed for checker, _ in _archived(stream, check_digests=True)]
    assert found == bodies
    assert passed == [True] * len(bodies)


def _archived(stream: Any, **how: bool) -> Iterator[tuple[Any, bytes]]:
    for record in ArchiveIterator(stream, **how):
        body = record.content_stream().read()
        if record.rec_type != "warcinfo":
            yield record.digest_checker, body
