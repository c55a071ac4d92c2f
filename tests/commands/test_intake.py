"""``standfast records intake`` (RC-6): mail kept byte for byte, whatever is in it, once, with where it came from."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from records import mail
from records.log import entries
from store.engine import reading, writing
from store.record_tables import Record, RecordContent
from tests.commands.office import Office, Said

FROM = ("--from-person", "ana", "--account", "facebook.com/ana.ruiz", "--reason", "a question about the pool")
PLAIN = b"From: Rudy <rudy@home.example>\r\nSubject: =?utf-8?q?The_p=C3=B6ol?=\r\n\r\nWhen does it open?\r\n"


def ok(office: Office, *arguments: str, **rest: Any) -> Said:
    """What an intake that ends well says."""
    said = office.run("records", "intake", *arguments, *FROM, **rest)
    assert said.code == 0, said
    return said


def kept(office: Office) -> list[tuple[Record, bytes]]:
    """The messages that were kept, oldest first, with their bytes."""
    query = select(Record, RecordContent.body).join(RecordContent, col(RecordContent.sha256) == col(Record.sha256))
    with reading(office.engine) as session:
        found = session.exec(query.where(Record.mime == mail.MESSAGE_TYPE).order_by(col(Record.id))).all()
        session.expunge_all()
    return [(record, bytes(body or b"")) for record, body in found]


def provenance(office: Office, record: int) -> dict[str, Any]:
    """What the second record of a message says."""
    own = select(RecordContent.body).join(Record, col(Record.sha256) == col(RecordContent.sha256))
    with reading(office.engine) as session:
        body = session.exec(own.where(Record.subject == f"mail {record}", Record.series == "mail")).one()
    found: dict[str, Any] = json.loads(body or b"{}")
    return found


def test_a_message_is_kept_byte_for_byte_with_where_it_came_from(office: Office, tmp_path: Path) -> None:
    """RC-6: its hash is shown and stands in the chain; nothing private stands outside the contents."""
    file, digest = tmp_path / "question.eml", hashlib.sha256(PLAIN).hexdigest()
    file.write_bytes(PLAIN)
    (told,) = ok(office, str(file), "--json").data
    assert (told["sha256"], told["bytes"], told["what"]) == (digest, len(PLAIN), "taken in")
    ((record, body),) = kept(office)
    assert (body, record.sha256, record.size, record.series) == (PLAIN, digest, len(PLAIN), "mail")
    assert record.entry_seq is not None
    about = provenance(office, told["record"])
    assert about["headers"] == {"From": ["Rudy <rudy@home.example>"], "Subject": ["The pöol"]}
    for name, value in {
        "from_person": "ana", "account": "facebook.com/ana.ruiz", "reason": "a question about the pool", "file": str(file),
        "taken_in_by": "ana", "sha256": digest, "size": len(PLAIN),
    }.items():  # fmt: skip
        assert about[name] == value
    assert record.kept_at >= about["taken_in_at"] > 0
    (entry,) = entries(office.engine, action="mail.intake")
    assert (entry["actor"], entry["subject"], entry["detail"]["sha256"]) == ("ana", f"record {told['record']}", digest)
    rows = str(office.rows("record", "log_entry"))
    for private in ("Rudy", "pöol", "facebook.com", "question"):
        assert private not in rows
    assert office.run("records", "verify").code == 0


def bomb() -> bytes:
    """A message with an archive that would be a gigabyte."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("big", "w") as big,
    ):
        for _ in range(64):
            big.write(bytes(1 << 20))
    made = EmailMessage()
    made["Subject"] = "look"
    made.add_attachment(packed.getvalue(), maintype="application", subtype="zip", filename="../../etc/passwd")
    return made.as_bytes()


HOSTILE: dict[str, bytes] = {
    "no headers at all": b"just words\n" * 3,
    "NULs": b"From: a\0b\r\n\0\0\r\n\r\n\0" * 5,
    "not UTF-8": b"Subject: \xff\xfe\xe9\r\nFrom: =?x-none?b?////?=\r\n\r\n\xff",
    "10 MB in one line": b"Subject: x\r\n\r\n" + b"y" * 10_000_000,
    "10 MB of headers": b"Received: from x\r\n" * 600_000 + b"\r\n",
    "one endless header": b"Subject: =?utf-8?q?" + b"=C3" * 2_000_000,
    "broken addresses": b'From: <<<"@@,;:>\r\nTo: ;;;\r\nDate: yesterday\r\nMessage-ID: <\r\nCc: =?utf-8?b?!?=\r\n\r\n',
    "deep parts": b"".join(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" for _ in range(2000)),
    "archive": bomb(),
    "only line breaks": b"\r\n" * 3,
    "half a surrogate": "Subject: \ud800\r\n\r\n".encode("utf-8", "surrogatepass"),
    "formula": b"Subject: =cmd|' /C calc'!A0\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_survives_unchanged(office: Office, tmp_path: Path, name: str) -> None:
    """RC-6: nothing in it is opened or mended."""
    file = tmp_path / "m.eml"
    file.write_bytes(HOSTILE[name])
    ok(office, str(file))
    ((_, body),) = kept(office)
    assert hashlib.sha256(body).digest() == hashlib.sha256(HOSTILE[name]).digest()
    assert isinstance(provenance(office, 1)["headers"], dict)
    assert office.run("records", "verify").code == 0


def test_the_same_file_twice_is_said_and_kept_once(office: Office, tmp_path: Path) -> None:
    """RC-6: until its content was disposed of; a change of one byte is another message."""
    file, copy = tmp_path / "a.eml", tmp_path / "b.eml"
    for path in (file, copy):
        path.write_bytes(PLAIN)
    ok(office, str(file))
    said = ok(office, str(copy))
    assert f"'{copy}' is record 1 already, byte for byte: nothing was made" in said.err
    copy.write_bytes(PLAIN + b"!")
    assert "already" not in ok(office, str(copy)).err
    assert [body for _, body in kept(office)] == [PLAIN, PLAIN + b"!"]
    with writing(office.engine) as session:
        session.get_one(Record, 1).disposed_by = 9
    assert "already" not in ok(office, str(file)).err


def test_a_folder_is_taken_in_once_and_one_bad_file_keeps_none_of_the_others(office: Office, tmp_path: Path) -> None:
    """RC-6."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.EML").write_bytes(PLAIN + b"%d" % number)
    (folder / "notes.txt").write_text("no message")
    assert [item["what"] for item in ok(office, "--folder", str(folder), "--json").data] == ["taken in"] * 3
    (folder / "1a.eml").write_bytes(b"")
    os.mkfifo(folder / "pipe.eml")
    (folder / "zz.eml").write_bytes(PLAIN)
    said = office.run("records", "intake", "--folder", str(folder), *FROM, "--json")
    assert said.code == 1
    told = {Path(item["file"]).name: item["what"] for item in said.data}
    assert told["0.EML"] == "was there already: nothing was made"
    assert "is empty" in told["1a.eml"]
    assert "is no ordinary file" in told["pipe.eml"]
    assert told["zz.eml"] == "taken in"
    assert len(kept(office)) == 4


def test_what_is_too_large_or_not_there_is_one_line_and_nothing_is_kept(office: Office, tmp_path: Path) -> None:
    """RC-6: 25 MB and not one byte more."""
    file = tmp_path / "big.eml"
    with file.open("wb") as stream:
        stream.truncate(mail.MOST_BYTES + 1)
    assert "has more than 25,000,000 bytes" in office.fails("records", "intake", str(file), *FROM)
    for wrong, told in (
        (str(tmp_path / "none.eml"), "cannot be read (No such file or directory)"),
        (str(tmp_path), "cannot be read (Is a directory)"),
        ("/dev/zero", "is no ordinary file"),
        ("a" * 3999, "cannot be read (File name too long)"),
    ):
        assert told in office.fails("records", "intake", wrong, *FROM)
    assert "give one of FILE and --folder" in office.fails("records", "intake", *FROM)
    assert "is no folder" in office.fails("records", "intake", "--folder", str(file), *FROM)
    (tmp_path / "empty").mkdir()
    assert "holds 0 .eml files" in office.fails("records", "intake", "--folder", str(tmp_path / "empty"), *FROM)
    file.write_bytes(PLAIN)
    for place, value, told in (
        (1, "anna", "--from-person 'anna' is nobody known here: did you mean 'ana'?"),
        (3, " ", "--account is empty"),
        (5, "", "--reason is empty"),
    ):
        line = [*FROM[:place], value, *FROM[place + 1 :]]
        assert told in office.fails("records", "intake", str(file), *line)
    assert office.rows("record")["record"] == []
    with file.open("wb") as stream:
        stream.truncate(mail.MOST_BYTES)
    ok(office, str(file))


def test_headers_are_read_as_far_as_they_can_be() -> None:
    """RC-6: each by itself, cut, and no more than so many."""
    assert mail.headers(b"Subject: " + b"x" * 9000 + b"\n\n")["Subject"] == ["x" * mail.MOST_HEADER]
    assert len(mail.headers(b"To: a@b.example\n" * 500)["To"]) == mail.MOST_OF_A_NAME
    assert mail.headers(b"X-Own: 1\nsubject: a\n b\nDATE: Thu, 01 Jan 1970 00:00:00 +0000\n\nTo: body@b.example") == {
        "Subject": ["a b"],
        "Date": ["Thu, 01 Jan 1970 00:00:00 +0000"],
    }
    assert mail.headers(b"") == {}
