"""The redacted copy of a package tells where and why something was taken out, and never what (RC-3)."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from pypdf import PdfReader

from records import seal
from records.export import layout
from records.keep import About
from tests.commands.office import Office
from tests.commands.packages import (
    HTTP,
    add_post,
    check,
    furnish,
    keep_bytes,
    lines,
    ok,
)
from tests.support import sheets

RULES = """
[[redact]]
words = "Jane  Doe"
reason = "552.101"
[[redact]]
record = {mail}
reason = "552.137"
[[redact]]
post = {held}
reason = "552.108"
"""


def test_a_redacted_copy_tells_where_and_why_and_never_what(office: Office, tmp_path: Path) -> None:
    """RC-3: in no file of the copy; the package itself stays as it is."""
    made = furnish(office)
    told = ("Jane Doe", "JANE\u200b DOE", "jane\ndoe", "Jané Doe")
    for words in told:
        add_post(office, f"Ask {words} at the pool")
    keep_bytes(office, About("request", "r", 9), b"POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
               b"message=Ask+Jane+Doe", HTTP + "request")  # fmt: skip
    ok(office, "people", "add", "jane", "--name", "Jane Doe")
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format(**made), encoding="utf-8")
    line = ("records", "export", "--to", str(tmp_path / "out"), "--request", "R-7")
    ok(office, *line)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    ok(office, *line, "--redact", str(rules))
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    copy = tmp_path / "out-redacted"
    check(copy)
    data = copy / "data"
    said = b"".join(
        path.read_bytes() for path in copy.rglob("*") if path.is_file() and path.suffix not in (".pdf", ".xlsx")
    )
    said += "".join(page.extract_text() for page in PdfReader(data / layout.REPORT).pages).encode()
    said += str(sheets.read(data / layout.SHEETS)).encode()
    for secret in ("Doe", "DOE", "doe at the pool", "kim@x.example", "Pool hours", "Pool news held"):
        assert secret.encode() not in said, secret
    for hashed in (f"Ask {told[0]} at the pool", "Pool news held"):
        assert seal.of_content(hashed.encode()).encode() not in said
    changed = {line["record"] for line in lines(data, layout.RECORDS) if "redacted" in line}
    assert len(changed) > len(told)
    for line in lines(tmp_path / "out" / "data", layout.RECORDS):
        if line["record"] in changed:
            assert line["sha256"].encode() not in said
            assert line["hash"].encode() not in said
    assert b"Ask \\u2588\\u2588\\u2588\\u2588 at the pool" in said
    reasons = Counter(
        (next(iter(item)), *item["reasons"]) for item in lines(data, layout.REDACTIONS) if len(item["reasons"]) == 1
    )
    assert {("record", "552.137"), ("post", "552.108"), ("post", "552.101"), ("record", "552.101")} <= set(reasons)
    assert len(lines(data, layout.RECORDS)) == len(lines(tmp_path / "out" / "data", layout.RECORDS))
    assert not (data / "mail").exists()
    entries = ok(office, "records", "list", "--action", "records.export", "--json").data
    assert [entry["detail"]["redacted"] for entry in entries] == [False, True]


def test_a_redacted_copy_needs_the_package_whole_and_of_the_same_question(office: Office, tmp_path: Path) -> None:
    furnish(office)
    rules = tmp_path / "rules.csv"
    rules.write_text("words,record,reason\nPool,,552\n,1,553\n", encoding="utf-8")
    line = ("records", "export", "--to", str(tmp_path / "out"), "--request", "R-7", "--redact", str(rules))
    ok(office, *line)
    check(tmp_path / "out")
    check(tmp_path / "out-redacted")
    assert "exists: name another folder" in office.fails(*line)
    shutil.rmtree(tmp_path / "out-redacted")
    assert "is of another request or question" in office.fails(*line, "--words", "x")
    (tmp_path / "out" / "data" / layout.POSTS).write_bytes(b"")
    assert "is no whole package" in office.fails(*line)


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("r.toml", "", "holds no rule"),
        ("r.toml", "x", "cannot be read"),
        ("r.toml", "[[other]]\na=1", "something else than [[redact]]"),
        ("r.toml", "[[redact]]\nwords='a'", "rule 1 has no reason"),
        ("r.toml", "[[redact]]\nwords='a'\nrecord=1\nreason='r'", "names 2 of record, post, entry and words"),
        ("r.toml", "[[redact]]\nreason='r'", "names none of"),
        ("r.toml", "[[redact]]\nwords='...'\nreason='r'", "hold no letter or digit"),
        ("r.toml", "[[redact]]\npost=-1\nreason='r'", "its post is no number"),
        ("r.toml", "[[redact]]\nword='secret'\nreason='r'", "'word' is none of"),
        ("r.csv", "record,reason\nx,r\n", "its record is no number"),
        ("none.toml", None, "cannot be read"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_followed_are_named(
    office: Office, tmp_path: Path, name: str, words: str | None, told: str
) -> None:
    """RC-3: before anything is written; the words themselves are not shown."""
    if words is not None:
        (tmp_path / name).write_text(words, encoding="utf-8")
    line = ("records", "export", "--to", str(tmp_path / "out"), "--request", "1", "--redact", str(tmp_path / name))
    said = office.fails(*line)
    assert told in said
    assert "secret" not in said
    assert not (tmp_path / "out").exists()
