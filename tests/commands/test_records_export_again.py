"""``standfast records export`` that is killed, repeated, refused or redacted (RC-3)."""

from __future__ import annotations

import shutil
import signal
import stat
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from config import clock
from records import archive, seal
from records.export import layout, package, snapshot
from records.keep import About
from records.wish import Wish
from store.tables import POST_STATES
from tests.commands.office import Office
from tests.commands.package import (
    HTTP,
    add_post,
    check,
    furnish,
    keep_bytes,
    lines,
    ok,
)
from tests.support import sheets

STEPS = ("taken", "tables", "sheets", "web archive", "report", "papers", "bag", "recorded", "named")


@pytest.mark.parametrize("last", STEPS)
@pytest.mark.parametrize("noted", [True, False])
def test_an_export_that_was_killed_goes_on(
    office: Office, tmp_path: Path, monkeypatch: Any, last: str, noted: bool
) -> None:
    """RC-3: after each step, and after each step before it was noted; nothing half done lies under the name."""
    furnish(office)
    to = tmp_path / "out"
    line = ("records", "export", "--to", str(to), "--request", "R-7")
    with monkeypatch.context() as patched:
        patched.setattr(package.Making, "_note", _killed_at(last, noted))
        with pytest.raises(KeyError, match="killed"):
            _raising(office, *line)
    assert to.exists() is (last == "named")
    work = layout.work_of(to)
    assert work.is_dir()
    assert "holds an unfinished export: --resume goes on" in office.fails(*line) or last == "named"
    if last != "named":
        other = office.fails(*line, "--resume", "--words", "other")
        assert "is of another request or question" in other
    said = ok(office, *line, "--resume")
    assert "the package for request R-7" in said.err
    check(to)
    assert not work.exists()
    entries = ok(office, "records", "list", "--action", "records.export", "--json").data
    assert len(entries) == 1


def _killed_at(last: str, noted: bool) -> Callable[..., None]:
    real = package.Making._note

    def note(self: Any, **values: Any) -> None:
        is_last = values.get("done", [""])[-1:] == [last]
        if noted or not is_last:
            real(self, **values)
        if is_last:
            raise KeyError("killed")

    return note


def _raising(office: Office, *line: str) -> None:
    from typer.testing import CliRunner

    from tests.commands.office import app

    with pytest.MonkeyPatch.context() as patched:
        import commands.context as context

        patched.setattr(context, "_fail_with", _again)
        CliRunner().invoke(app, line, catch_exceptions=False)


def _again(error: Exception) -> None:
    raise error


def test_a_killed_process_leaves_nothing_under_the_name(office: Office, tmp_path: Path) -> None:
    """RC-3: SIGKILL in the midst of it."""
    for number in range(300):
        add_post(office, f"Pool news {number} " + "w " * 500)
    to = tmp_path / "out"
    line = office.city.command("records", "export", "--to", str(to), "--request", "R-7")
    process = subprocess.Popen(line, cwd=office.city.root, env={**office.city.environ, "STANDFAST_TOKEN": office.token})
    work = layout.work_of(to)
    while process.poll() is None and not (work / package.PACKAGE / "csv").exists():
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not to.exists()
    ok(office, "records", "export", "--to", str(to), "--request", "R-7", "--resume")
    check(to)


def test_nothing_that_is_there_is_replaced(office: Office, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert "exists: name another folder" in office.fails(
        "records", "export", "--to", str(tmp_path / "out"), "--request", "1"
    )
    missing = str(tmp_path / "none" / "out")
    assert "there is no such folder" in office.fails("records", "export", "--to", missing, "--request", "1")
    for line in (("--to", "", "--request", "1"), ("--to", "x", "--request", " ")):
        assert "must not be empty" in office.fails("records", "export", *line)
    for line, told in ((("--state", "sent"), "--state 'sent' is none of"), (("--series", "x"), "--series 'x' is none of"),
                       (("--since", "2026-01-02 00:00", "--until", "2026-01-01 00:00"), "is not before"),
                       (("--department", "Sewers"), "no channel and no person is of department")):  # fmt: skip
        assert told in office.fails("records", "export", "--to", str(tmp_path / "x"), "--request", "1", *line)
        assert not (tmp_path / "x").exists()


def test_without_the_right_nothing_is_found_or_written(office: Office, tmp_path: Path) -> None:
    """RC-3, GV-4: and the refusal is in the log."""
    ok(office, "people", "add", "bo", "--name", "Bo")
    token = ok(office, "people", "token", "bo", "--json").data["token"]
    assert "bo may not search the records" in office.fails("records", "search", "x", STANDFAST_TOKEN=token)
    line = ("records", "export", "--to", str(tmp_path / "out"), "--request", "R-7")
    assert "bo may not export the records for request R-7" in office.fails(*line, STANDFAST_TOKEN=token)
    assert [*tmp_path.glob("out*")] == []
    assert (
        ok(office, "records", "list", "--action", "refused", "--json").data[-1]["subject"]
        == "records.export request R-7"
    )
    ok(office, "people", "grant", "bo", "records_officer")
    ok(office, *line, STANDFAST_TOKEN=token)


def test_a_search_says_what_and_where(office: Office) -> None:
    made = furnish(office)
    rows = ok(office, "records", "search", "pool", "news", "--state", "held", "--json").data
    assert [(row["number"] > 0, row["subject"], row["state"], row["excerpt"]) for row in rows] == [
        (True, f"post {made['held']}", "held", "Pool news held")
    ]
    said = ok(office, "records", "search", "pool", "--limit", "2")
    assert "there are more than 2" in said.err
    assert "Pool" in said.out
    assert "holds no letter" in office.fails("records", "search", "...")


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


def test_snapshot_has_no_more_than_it_counts(office: Office, tmp_path: Path) -> None:
    """What comes while it is taken is not in it."""
    furnish(office)
    archive.catch_up(office.engine, office.city.data_dir / "media")
    seen: list[tuple[str, int]] = []

    def tell(what: str, done: int, total: int) -> None:
        if not seen:
            add_post(office, "late words")
        seen.append((what, done))

    taken = snapshot.take(office.engine, Wish(), tmp_path, office.city.data_dir / "media", tell)
    assert taken.counts["posts"] == len(POST_STATES)
    assert "late words" not in (tmp_path / layout.POSTS).read_text()
    assert stat.S_ISREG((tmp_path / layout.RECORDS).stat().st_mode)
    assert taken.at <= clock.wall_us()
