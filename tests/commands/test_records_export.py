"""``standfast records search`` and ``export`` as people type them: packages that others' tools accept (RC-3)."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bagit
import pytest
from pypdf import PdfReader
from sqlalchemy import text
from warcio.archiveiterator import ArchiveIterator

from config import clock
from records import archive, seal, search
from records.export import layout, package, pages, snapshot, tables
from records.keep import About, blob, document, file
from records.wish import Wish
from store.engine import reading, writing
from store.tables import POST_STATES, Attempt, Post
from tests.commands.office import Office, Said
from tests.records.package_verifier import faults
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
HTTP = "application/http; msgtype="
REQUEST = b'POST /2/tweets HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\n\r\n{"text": "Pool"}'
ANSWER = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n{"data": {"id": "1"}}'
ODD = b"HTTP/1.1 200 OK\nX-Folded: a\n  b\nno colon here\n\nbody \xff\x00"
ATTACHED = (
    b'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/zip; name="../../evil.zip"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!!!not base64\r\n--b--"
)
IMAGE = b"\x89PNG image"
ZIP = b"PK\x03\x04" + bytes(range(256)) * 8


def ok(office: Office, *arguments: str, **rest: Any) -> Said:
    said = office.run(*arguments, **rest)
    assert said.code == 0, said
    return said


def export(office: Office, to: Path, *more: str) -> Path:
    """The data of a package for request 7, which everybody's tools accept."""
    ok(office, "records", "export", "--to", str(to), "--request", "R-7", *more)
    check(to)
    return to / "data"


def check(bag: Path) -> None:
    """The reference tools and the verifier written from the page alone."""
    run = subprocess.run(
        [sys.executable, bagit.__file__, "--validate", str(bag)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    warc = [sys.executable, "-m", "warcio.cli", "check", "-v", str(bag / "data" / layout.WEB)]
    run = subprocess.run(warc, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "fail" not in run.stdout
    assert faults(bag) == []


def lines(data: Path, name: str) -> list[dict[str, Any]]:
    return [*layout.lines(data / name)]


def add_post(office: Office, words: str, state: str = "scheduled", **values: Any) -> int:
    """A post of ana's put straight into a state."""
    made: dict[str, Any] = {"author": "ana", "local_time": "-", "zone": "UTC", "due_at": 10**15, "ready_at": 10**15}
    made |= {"lateness_us": 1, "created_at": 1, "updated_at": 10**15, "content_hash": seal.of_content(words.encode())}
    with writing(office.engine) as session:
        post = Post(channel="parks", state=state, text=words.replace("\0", ""), **(made | values))
        session.add(post)
        session.flush()
        return int(post.id or 0)


def add_attempt(office: Office, post: int, state: str, **values: Any) -> int:
    made: dict[str, Any] = {
        "worker": "w",
        "idempotency_key": "k",
        "content_hash": "h",
        "claim_epoch": 1,
        "claimed_at": 1,
    }
    with writing(office.engine) as session:
        attempt = Attempt(post_id=post, channel="parks", state=state, **(made | values))
        session.add(attempt)
        session.flush()
        return int(attempt.id or 0)


def keep_bytes(office: Office, about: About, body: bytes, mime: str) -> int:
    with writing(office.engine) as session:
        return blob(session, about, body, mime)


def furnish(office: Office) -> dict[str, int]:
    """Posts in every state, messages, a mail, an image, and words that would do harm."""
    made = {state: add_post(office, f"Pool news {state}", state) for state in POST_STATES}
    media = office.city.data_dir / "media"
    media.mkdir(exist_ok=True)
    (media / "a.png").write_bytes(IMAGE)
    attempt = add_attempt(office, made["published"], "published", content_hash=seal.of_content(b"Pool news published"))
    with writing(office.engine) as session:
        about = About("media", f"post {made['held']}", 5, "ana", "parks", made["held"])
        made["image"] = file(session, about, "a.png", seal.of_content(IMAGE), 10, "image/png")
        file(session, about, "gone.png", "0" * 64, 9, "image/png")
        made["inbound"] = document(
            session, About("inbound", "reply", 6, "", "parks"), {"text": "Pool?", "from": "@kim"}
        )
    for series, body in (("request", REQUEST), ("answer", ANSWER)):
        mime = HTTP + ("request" if series == "request" else "response")
        facts = {"url": "https://api.example/2/tweets", "method": "POST"}
        about = About(series, "attempt 1", 7, "standfast", "parks", made["published"], attempt, facts=facts)
        made[series] = keep_bytes(office, about, body, mime)
    mail = b"From: kim@x.example\r\nSubject: Pool hours\r\n\r\nWhen?\xff\r\n" + ZIP
    made["mail"] = keep_bytes(office, About("mail", "mail from kim", 8), mail, "message/rfc822")
    return made


def test_a_package_is_accepted_by_others_and_its_counts_are_those_of_the_question(
    office: Office, tmp_path: Path
) -> None:
    """RC-3, RC-1: on each database, with everything in it."""
    made = furnish(office)
    data = export(office, tmp_path / "out")
    about = layout.read_json(data / layout.ABOUT)
    with reading(office.engine) as session:
        names = {
            "records": "record WHERE series <> 'export'",
            "posts": "post",
            "log": "log_entry WHERE action <> 'records.export'",
        }
        counted = {
            name: session.execute(text(f"SELECT count(*) FROM {what}")).scalar_one() for name, what in names.items()
        }
    assert about["counts"] == counted
    assert {name: len(lines(data, f"{name}.jsonl")) for name in counted} == counted
    for name, count in counted.items():
        with (data / "csv" / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
            assert len([*csv.reader(stream)]) == count + 1
        assert len(sheets.read(data / layout.SHEETS)[name].rows) == count + 1
    assert (data / "mail" / f"{made['mail']}.eml").read_bytes().endswith(ZIP)
    assert (data / "media" / f"{seal.of_content(IMAGE)}.png").read_bytes() == IMAGE
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "out").rglob("*")} == {0}
    assert not layout.work_of(tmp_path / "out").exists()
    assert ok(office, "records", "verify")


def test_what_was_not_sent_is_never_told_as_sent(office: Office, tmp_path: Path) -> None:
    """KS-13: a held, refused or cancelled post is in every file with its state, and as not sent."""
    made = furnish(office)
    add_attempt(office, made["failed"], "rejected")
    data = export(office, tmp_path / "out")
    sent = {line["state"]: line["sent"] for line in lines(data, layout.POSTS)}
    unsent = {"draft", "in_review", "scheduled", "held", "failed", "cancelled"}
    assert {state for state, said in sent.items() if said == "no"} == unsent
    assert (sent["published"], sent["publishing"], sent["unknown"]) == ("yes", "not known", "not known")
    for line in lines(data, layout.RECORDS):
        if line["series"] == "post":
            assert line["sent"] == sent[line["post_state"]]
    with (data / "csv" / "posts.csv").open(newline="", encoding="utf-8") as stream:
        assert {row["state"]: row["sent"] for row in csv.DictReader(stream)} == sent
    assert {row[3]: row[4] for row in sheets.read(data / layout.SHEETS)["posts"].rows[1:]} == sent


def test_of_versions_the_one_that_was_sent_is_told(office: Office, tmp_path: Path) -> None:
    """KS-13: an earlier version of a post that went out did not go out."""
    post = add_post(office, "First words")
    ok(office, "records", "search", "first")
    with office.engine.begin() as connection:
        values = {"id": post, "hash": seal.of_content(b"Second words")}
        connection.execute(text("UPDATE post SET text = 'Second words', content_hash = :hash WHERE id = :id"), values)
        connection.execute(text("UPDATE post SET state = 'published' WHERE id = :id"), values)
    add_attempt(office, post, "published", content_hash=seal.of_content(b"Second words"))
    add_attempt(office, post, "unknown", part=1)
    data = export(office, tmp_path / "out", "--series", "post")
    assert [line["sent"] for line in lines(data, layout.RECORDS)] == ["no: another version was", "yes"]
    with office.engine.begin() as connection:
        connection.execute(text("UPDATE post SET state = 'held' WHERE id = :id"), {"id": post})
    data = export(office, tmp_path / "again", "--series", "post")
    assert [line["sent"] for line in lines(data, layout.POSTS)] == ["in part"]


@pytest.mark.parametrize(
    ("options", "wish"),
    [
        (("--words", "pool news"), Wish("pool news")),
        (("--words", "pool", "--series", "inbound"), Wish("pool", series="inbound")),
        (("--state", "held"), Wish(state="held")),
        (("--channel", "parks", "--person", "ana"), Wish(channel="parks", person="ana")),
        (("--words", "nothingofthekind"), Wish("nothingofthekind")),
        (("--series", "log"), Wish(series="log")),
    ],
)
def test_an_export_has_what_a_search_finds(
    office: Office, tmp_path: Path, options: tuple[str, ...], wish: Wish
) -> None:
    furnish(office)
    ok(office, "records", "search", "x")
    found, more = search.found(office.engine, wish, 10_000)
    assert not more
    data = export(office, tmp_path / "out", *options)
    told = [f"record {line['record']}" for line in lines(data, layout.RECORDS)]
    told += [f"log {line['seq']}" for line in lines(data, layout.LOG)]
    assert Counter(told) == Counter(f"{'log' if i.series == 'log' else 'record'} {i.number}" for i in found)
    posts = {line["post_id"] for line in lines(data, layout.RECORDS)} - {None}
    assert {line["post"] for line in lines(data, layout.POSTS)} == posts


def test_one_changed_byte_anywhere_is_named(office: Office, tmp_path: Path) -> None:
    """RC-2, RC-3: by the bag for any file; where somebody mends the manifests too, by the record or entry itself."""
    furnish(office)
    export(office, tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        whole = path.read_bytes()
        place = len(whole) // 2
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        run = subprocess.run(
            [sys.executable, bagit.__file__, "--validate", str(tmp_path / "out")], capture_output=True, text=True, check=False
        ) if path.parent == tmp_path / "out" else None  # fmt: skip
        with pytest.raises((bagit.BagError, UnicodeDecodeError, ValueError)) as caught:
            bagit.Bag(str(tmp_path / "out")).validate()
        assert run is None or run.returncode != 0
        if "data" in path.parts:
            assert path.name in str(caught.value)
        path.write_bytes(whole)
    check(tmp_path / "out")


@pytest.mark.parametrize("name", [layout.RECORDS, layout.LOG, layout.ENTRIES, layout.HASHES])
def test_whoever_mends_the_manifests_is_seen_all_the_same(office: Office, tmp_path: Path, name: str) -> None:
    """RC-2: each field of each line that was hashed."""
    furnish(office)
    data = export(office, tmp_path / "out")
    own = "record" if name == layout.RECORDS else "entry"
    whole = (data / name).read_bytes()
    found = lines(data, name)
    for place, line in enumerate(found[:6]):
        fields = [*seal.FIELDS, "content"] if own == "record" else ["seq", "at", "actor", "detail", "hash"]
        for field in [field for field in fields if line.get(field)]:
            value = line[field]
            changed = {
                **line,
                field: value + 1
                if isinstance(value, int)
                else value.replace(value[-1], "}" if value[-1] != "}" else "]"),
            }
            (data / name).write_bytes(
                b"".join(layout.dumped(changed if n == place else item) for n, item in enumerate(found))
            )
            assert faults(tmp_path / "out"), (name, field)
    (data / name).write_bytes(whole)
    assert faults(tmp_path / "out") == []


def test_hostile_words_are_harmless_in_every_file(office: Office, tmp_path: Path) -> None:
    """RC-3: formulas, marks, signs that turn a text, control characters, broken encodings, ten megabytes."""
    for words in HOSTILE:
        add_post(office, words.encode("utf-8", "replace").decode())
        with writing(office.engine) as session:
            document(session, About("inbound", "reply", 6, "", "parks"), {"text": words})
    for number, body in enumerate(
        (ODD, b"\xff\xfe\x00\x00", b"", b"GET / HTTP/1.1\r\n", b"\r\n\r\n\r\n", ANSWER + b"\0" * 9)
    ):
        keep_bytes(office, About("answer", f"odd {number}", 7), body, HTTP + "response")
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


def test_the_report_is_a_tagged_document_that_says_it_all(office: Office, tmp_path: Path, monkeypatch: Any) -> None:
    """RC-3: request, question, counts, states, and what is not held."""
    made = furnish(office)
    monkeypatch.setattr(pages, "IN_FILE", 4)
    monkeypatch.setattr(pages, "MOST", 8)
    data = export(office, tmp_path / "out", "--words", "pool")
    reader = PdfReader(data / layout.REPORT)
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]  # type: ignore[index]
    said = " ".join("".join(page.extract_text() for page in reader.pages).split())
    for words in ("Records for request R-7", "words pool", "What is not held", "first 8 posts", "captured"):
        assert words in said
    assert [path.name for path in sorted(data.glob("report*.pdf"))] == [
        "report-002.pdf", "report-003.pdf", "report-004.pdf", "report.pdf",
    ]  # fmt: skip
    assert made["held"]


def test_what_is_not_held_is_said(office: Office, tmp_path: Path) -> None:
    """RC-3: what platforms do not give, what was disposed of and by which disposition, what is missing or under way."""
    made = furnish(office)
    ok(office, "records", "search", "x")
    with office.engine.begin() as connection:
        connection.execute(text("UPDATE record SET disposed_by = 41 WHERE id = :id"), {"id": made["mail"]})
        digest = connection.execute(text("SELECT sha256 FROM record WHERE id = :id"), {"id": made["mail"]}).scalar_one()
        connection.execute(text("DELETE FROM record_content WHERE sha256 = :sha"), {"sha": digest})
    data = export(office, tmp_path / "out")
    said = (data / layout.NOT_HELD).read_text()
    for words in ("1 records: their content was disposed of by the retention schedule, disposition 41", "is missing",
                  "1 posts in state publishing", "1 posts in state unknown", "comments, replies, mentions"):  # fmt: skip
        assert words in said
    gone = {line["record"]: line["content_gone"] for line in lines(data, layout.RECORDS) if "content_gone" in line}
    assert gone[made["mail"]] == "disposed of by disposition 41"
    assert "the file is missing" in gone.values()


def test_an_export_is_in_the_log_and_a_record_of_its_own(office: Office, tmp_path: Path) -> None:
    """RC-3: with the hash of the manifest; the words that were asked for stand in the content alone."""
    furnish(office)
    said = ok(
        office, "records", "export", "--to", str(tmp_path / "out"), "--request", "R-7", "--words", "pool", "--json"
    ).data
    manifest = seal.of_content((tmp_path / "out" / "manifest-sha256.txt").read_bytes())
    assert [item["manifest"] for item in said] == [manifest]
    entry = ok(office, "records", "list", "--action", "records.export", "--json").data
    assert [(item["actor"], item["subject"], item["detail"]["manifest"]) for item in entry] == [
        ("ana", "request R-7", manifest)
    ]
    assert "pool" not in json.dumps(entry)
    archive.catch_up(office.engine, tmp_path)
    data = export(office, tmp_path / "next", "--series", "export")
    kept = [json.loads(line["content"]) for line in lines(data, layout.RECORDS)]
    assert [(item["manifest"], item["query"], item["request"]) for item in kept] == [
        (manifest, {"words": "pool"}, "R-7")
    ]


def test_a_content_that_was_changed_in_the_store_is_named(office: Office, tmp_path: Path) -> None:
    """RC-2: the package is made, and the exit code is 1."""
    made = furnish(office)
    media = office.city.data_dir / "media"
    (media / "a.png").write_bytes(b"\x89PNG other")
    with office.engine.begin() as connection:
        digest = connection.execute(
            text("SELECT sha256 FROM record WHERE id = :id"), {"id": made["request"]}
        ).scalar_one()
        connection.execute(
            text("UPDATE record_content SET body = :body WHERE sha256 = :sha"), {"sha": digest, "body": b"other"}
        )
    line = office.fails
    said = office.run("records", "export", "--to", str(tmp_path / "out"), "--request", "R-7")
    assert said.code == 1
    assert f"not as it was kept: record {made['image']}, {made['request']}" in said.err
    assert faults(tmp_path / "out") == [f"record {made['image']}", f"record {made['request']}"]
    bagit.Bag(str(tmp_path / "out")).validate()
    assert line


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
