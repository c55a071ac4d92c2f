"""The redacted copy of a package tells where and why something was taken out, and never what (RC-3)."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from pypdf import PdfReader

from records import seal
from records.export import layout, redaction
from records.keep import About, document
from store.engine import writing
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


def test_a_redacted_copy_says_that_what_was_changed_is_checked_in_the_first_package(
    office: Office, tmp_path: Path
) -> None:
    """RC-3: who checks the copy finds what cannot be checked there, and must not take it for a forgery."""
    add_post(office, "Ask Jane Doe at the pool")
    rules = tmp_path / "rules.toml"
    rules.write_text('[[redact]]\nwords = "Jane Doe"\nreason = "552.101"\n', encoding="utf-8")
    ok(office, "records", "export", "--to", str(tmp_path / "out"), "--request", "R-7", "--redact", str(rules))
    for folder, says in (("out", False), ("out-redacted", True)):
        page = (tmp_path / folder / "data" / "README.md").read_text("utf-8")
        assert ("has what it takes" in page) is says


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


SPELLED = """
[[redact]]
words = "José Peña"
reason = "552.101"
[[redact]]
post = {held}
reason = "552.108"
"""
WORDS = "José Peña"
HEAD = b"From: a@b.example\r\nReply-To: =?utf-8?q?Jos=C3=A9?=\r\n =?utf-8?q?_Pe=C3=B1a?= <j@b.example>\r\n\r\nPool?\r\n"


def _redacted(office: Office, tmp_path: Path, words: str, **options: str) -> tuple[Path, bytes]:
    """A redacted copy by these rules, and every byte of it that is no PDF or sheet."""
    rules = tmp_path / "rules.toml"
    rules.write_text(words, encoding="utf-8")
    request = options.get("request", "R-7")
    ok(office, "records", "export", "--to", str(tmp_path / "out"), "--request", request, "--redact", str(rules))
    copy = tmp_path / "out-redacted"
    check(copy)
    paths = (path for path in copy.rglob("*") if path.is_file() and path.suffix not in (".pdf", ".xlsx"))
    return copy / "data", b"".join(path.read_bytes() for path in paths)


def test_words_are_taken_out_however_they_are_spelled(office: Office, tmp_path: Path) -> None:
    """RC-3: as escapes of JSON inside of JSON, in facts and long contents, percent signs, entities and heads of emails."""
    made = furnish(office)
    raw = json.dumps({"message": f"Ask {WORDS} now", "id": "77"})
    with writing(office.engine) as session:
        for facts, said in (
            ({}, {"text": f"Ask {WORDS}", "raw": raw}),
            ({"who": WORDS}, {"text": "a"}),
            ({}, {"text": "b", "link": "https://x.example/Jos%C3%A9+Pe%C3%B1a"}),
            ({}, {"text": "Jos&eacute; Pe&#241;a"}),
            ({}, {"author": WORDS, "text": "long " * 60_000}),
        ):
            document(session, About("inbound", "inbound 1", 6, "", "parks", facts=facts), said)
    keep_bytes(office, About("mail", "mail", 8), HEAD, "message/rfc822")
    data, said = _redacted(office, tmp_path, SPELLED.format(**made), request=f"R-7 {WORDS}")
    for form in (WORDS, "Jos\\u00e9", "Jos\\\\u00e9", "Jos%C3%A9", "Jos&eacute;", "Jos=C3=A9"):
        assert form.encode() not in said, form
    assert b'\\"id\\": \\"77\\"' in said, "the rest of what a platform said stays"
    changed = [line for line in lines(data, layout.RECORDS) if "552.101" in line.get("redacted", ())]
    assert len(changed) == 6


def test_what_the_log_says_of_a_post_goes_with_the_post(office: Office, tmp_path: Path) -> None:
    made = furnish(office)
    ok(office, "post", "hold", str(made["scheduled"]), "--reason", "Because of Pat")
    data, said = _redacted(office, tmp_path, f"[[redact]]\npost = {made['scheduled']}\nreason = '552.108'\n")
    assert b"Because of Pat" not in said
    assert {line["subject"] for line in lines(data, layout.LOG) if "552.108" in line.get("redacted", ())} == {
        f"post {made['scheduled']}"
    }


def test_no_hash_tells_what_was_taken_out(office: Office, tmp_path: Path) -> None:
    """RC-3: not that of an email in its provenance and in the log, and none of the chain from the entry that names it on."""
    file = tmp_path / "question.eml"
    file.write_bytes(b"Subject: Ask Jane Doe\r\n\r\nPool?\r\n")
    add_post(office, "Pool hours")
    ok(office, "records", "verify")
    ok(office, "records", "intake", str(file), "--from-person", "ana", "--account", "@a", "--reason", "why")
    ok(office, "records", "verify")
    ok(office, "records", "verify")
    data, said = _redacted(office, tmp_path, "[[redact]]\nwords = 'Jane Doe'\nreason = '552.101'\n")
    assert seal.of_content(file.read_bytes()).encode() not in said
    whole = lines(tmp_path / "out" / "data", layout.LOG)
    first = next(entry["seq"] for entry in whole if entry["action"] == "mail.intake")
    assert len(whole) > first
    for entry in whole:
        assert (entry["hash"].encode() in said) is (entry["seq"] < first), entry
    batches = [json.loads(entry["detail"])["sha256"] for entry in whole if entry["action"] == "records.kept"]
    assert [batch.encode() in said for batch in batches] == [True, False]
    assert len(lines(data, layout.ENTRIES)) == 1


def test_a_redacted_copy_that_was_killed_goes_on(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RC-3: also in the midst of what is taken out."""
    made = furnish(office)
    with monkeypatch.context() as patched:
        patched.setattr(redaction._Copy, "_proof", _full)
        rules = tmp_path / "rules.toml"
        rules.write_text(SPELLED.format(**made), encoding="utf-8")
        line = ("records", "export", "--to", str(tmp_path / "out"), "--request", "R-7", "--redact", str(rules))
        assert "No space left" in office.fails(*line)
    ok(office, *line, "--resume")
    check(tmp_path / "out-redacted")


def _full(_: object) -> None:
    raise OSError(28, "No space left on device")
