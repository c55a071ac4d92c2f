"""``standfast records search`` and ``export`` as people type them: packages that others' tools accept (RC-3)."""

from __future__ import annotations

import base64
import csv
import json
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import bagit
import pytest
from pypdf import PdfReader
from sqlalchemy import insert, text

from config import clock
from records import archive, seal, search
from records.export import layout, pages, snapshot
from records.wish import Wish
from store.anchor_tables import Anchor
from store.engine import reading
from store.retention_tables import Disposition
from store.tables import POST_STATES
from tests.commands.office import Office
from tests.commands.packages import (
    IMAGE,
    ZIP,
    add_attempt,
    add_post,
    check,
    export,
    furnish,
    lines,
    ok,
)
from tests.records.package_verifier import faults, ten_lines
from tests.support import sheets


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


def test_a_package_in_which_nothing_is_says_so(office: Office, tmp_path: Path) -> None:
    """RC-3: a slip in a word must not pass for an answer; the twin has something in it."""
    furnish(office)
    for words, told in (("nothingofthekind", True), ("pool", False)):
        line = ("records", "export", "--to", str(tmp_path / words), "--request", "R-7", "--words", words)
        assert ("NOTHING that is kept fits" in ok(office, *line).err) == told


def test_one_changed_byte_anywhere_is_named(office: Office, tmp_path: Path) -> None:
    """RC-2, RC-3: by the bag for any file; where somebody mends the manifests too, by the record or entry itself."""
    furnish(office)
    export(office, tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.stat().st_size]
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
            assert ten_lines(tmp_path / "out"), (name, field)
    (data / name).write_bytes(whole)
    assert faults(tmp_path / "out") == []


def test_the_report_is_a_tagged_document_that_says_it_all(office: Office, tmp_path: Path, monkeypatch: Any) -> None:
    """RC-3: request, question, counts, states, and what is not held."""
    made = furnish(office)
    monkeypatch.setattr(pages, "IN_FILE", 4)
    monkeypatch.setattr(pages, "MOST", 8)
    data = export(office, tmp_path / "out", "--words", "pool")
    reader = PdfReader(data / layout.REPORT)
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
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
    assert "disposition 41 (under way: its certificate comes when it ends)" in said
    gone = {line["record"]: line["content_gone"] for line in lines(data, layout.RECORDS) if "content_gone" in line}
    assert gone[made["mail"]] == "disposed of by disposition 41"
    assert "the file is missing" in gone.values()


def test_certificates_and_anchors_are_cited(office: Office, tmp_path: Path) -> None:
    """RC-3, RC-4: by number, with who approved and the schedule's source; the stamp as it came; in a redacted copy too."""
    made = furnish(office)
    ok(office, "records", "search", "x")
    rules = {"mail": {"says": {"source": "GR1000-26b"}}}
    people = {"proposed_by": "ana", "proposed_at": 1, "approved_by": "rosa", "carried_by": ["ana"]}
    with office.engine.begin() as connection:
        values = {"digest": "d", "count": 1, "state": "done", "certificate": 77, "ended_at": 10**15, "rules": rules}
        connection.execute(insert(Disposition).values(id=41, **people, **values))
        connection.execute(text("UPDATE record SET disposed_by = 41 WHERE id = :id"), {"id": made["mail"]})
        laid = {"seq": 1, "hash": "a" * 64, "target": "x", "at": 5}
        connection.execute(insert(Anchor).values(place="authority", token=b"stamp", stamped_at=6, trouble="", **laid))
        connection.execute(insert(Anchor).values(place="folder", trouble="full", **laid))
    (tmp_path / "rules.toml").write_text('[[redact]]\nwords = "kim"\nreason = "552.101"\n')
    data = export(office, tmp_path / "out", "--redact", str(tmp_path / "rules.toml"))
    cited = "disposition 41 (certificate: record 77 of 2001-09-09T01:46:40.000Z, approved by rosa; GR1000-26b)"
    for folder in (data, tmp_path / "out-redacted" / "data"):
        assert cited in (folder / layout.NOT_HELD).read_text().replace("\\", "")
        stamp = base64.b64encode(b"stamp").decode()
        told = {"seq": 1, "hash": "a" * 64, "at": 5, "place": "authority", "stamped_at": 6, "stamp": stamp}
        assert lines(folder, layout.ANCHORS) == [told]


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
