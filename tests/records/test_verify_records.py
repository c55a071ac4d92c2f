"""RC-2: whatever is changed in a record, its content or the log is named, wherever it is."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import SQLModel

from records import archive, keep, log, seal, verify_content
from records.keep import About
from store.engine import writing
from store.record_tables import Record, RecordContent
from store.tables import ChainHead, LogEntry
from tests.records.kept import IMAGE, LONG, Archive


def _changed(value: Any, column: Any) -> Any:
    """Another value of the same kind, as near to it as can be."""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return bytes([*value[:-1], value[-1] ^ 1]) if value else b"x"
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    if isinstance(column.type, LargeBinary):
        return b"x"
    return 1 if isinstance(column.type, BigInteger) else "x"


def _columns(model: type[SQLModel], *without: str) -> list[str]:
    table: Any = model.__dict__["__table__"]
    return [column.name for column in table.columns if column.name not in without]


def _column(model: type[SQLModel], name: str) -> Any:
    return model.__dict__["__table__"].columns[name]


@pytest.mark.parametrize("column", _columns(Record))
def test_a_change_of_any_column_of_any_record_is_named(kept: Archive, column: str) -> None:
    for row in kept.rows("record", "id"):
        other = 99 if column == "id" else _changed(row[column], _column(Record, column))
        kept.sql(f"UPDATE record SET {column} = :v WHERE id = :id", v=other, id=row["id"])
        found = kept.bad()
        assert (found.first_bad_record, found.first_bad) == (row["id"], row["entry_seq"]), found
        assert f"record {row['id']} " in (found.reason or "")
        now = 99 if column == "id" else row["id"]
        kept.sql(f"UPDATE record SET {column} = :v WHERE id = :id", v=row[column], id=now)
    assert kept.look().ok


@pytest.mark.parametrize("column", [name for name in _columns(Record) if _column(Record, name).nullable])
def test_what_is_taken_out_of_a_record_is_named(kept: Archive, column: str) -> None:
    for row in kept.rows("record", "id"):
        if row[column] is None:
            continue
        kept.sql(f"UPDATE record SET {column} = NULL WHERE id = :id", id=row["id"])
        found = kept.bad()
        assert (found.first_bad_record, found.first_bad) == (row["id"], row["entry_seq"])
        kept.sql(f"UPDATE record SET {column} = :v WHERE id = :id", v=row[column], id=row["id"])
    assert kept.look().ok


@pytest.mark.parametrize("column", _columns(RecordContent))
def test_a_change_of_any_column_of_any_content_is_named(kept: Archive, column: str) -> None:
    for row in kept.rows("record_content", "sha256"):
        kept.sql(
            f"UPDATE record_content SET {column} = :v WHERE sha256 = :s",
            v=_changed(row[column], _column(RecordContent, column)),
            s=row["sha256"],
        )
        first = min(item["id"] for item in kept.rows("record", "id") if item["sha256"] == row["sha256"])
        assert kept.bad().first_bad_record == first
        kept.sql(
            "DELETE FROM record_content WHERE sha256 = :s OR sha256 = :t",
            s=row["sha256"],
            t=_changed(row["sha256"], None),
        )
        kept.sql("INSERT INTO record_content (sha256, body, file) VALUES (:sha256, :body, :file)", **row)
    assert kept.look().ok


def test_a_change_of_any_byte_of_a_content_is_named(kept: Archive) -> None:
    for body, places in ((b"second", range(6)), (LONG, (0, 255, 9_000, len(LONG) - 1))):
        digest = seal.of_content(body)
        for place in places:
            other = bytearray(body)
            other[place] ^= 0x80
            kept.sql("UPDATE record_content SET body = :b WHERE sha256 = :s", b=bytes(other), s=digest)
            assert "its content was changed" in (kept.bad().reason or "")
        kept.sql("UPDATE record_content SET body = :b WHERE sha256 = :s", b=body, s=digest)
    assert kept.look().ok


def test_a_long_content_is_read_in_pieces(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_content, "PIECE", 1000)
    assert kept.look().ok
    kept.sql("UPDATE record_content SET body = :b WHERE sha256 = :s", b=LONG + b"x", s=seal.of_content(LONG))
    assert kept.bad().first_bad_record == 5


@pytest.mark.parametrize("place", range(len(IMAGE)))
def test_a_change_of_any_byte_of_a_file_is_named(kept: Archive, place: int) -> None:
    other = bytearray(IMAGE)
    other[place] ^= 1
    (kept.folder / "a.png").write_bytes(bytes(other))
    found = kept.bad()
    assert found.first_bad_record == 7
    assert str(kept.folder / "a.png") in (found.reason or "")


def test_a_file_that_is_gone_is_named(kept: Archive) -> None:
    (kept.folder / "a.png").unlink()
    assert "a.png is not there" in (kept.bad().reason or "")


def test_a_file_outside_the_folder_is_not_read(kept: Archive) -> None:
    (kept.folder.parent / "b.png").write_bytes(IMAGE)
    kept.sql("UPDATE record_content SET file = '../b.png' WHERE file IS NOT NULL")
    assert "no name of a file" in (kept.bad().reason or "")


def test_a_file_that_was_missing_from_the_beginning_is_said_and_is_no_fault(kept: Archive) -> None:
    with writing(kept.engine) as session:
        about = About("media", "post 2", 9, facts={"missing": True})
        keep.file(session, about, "gone.png", seal.of_content(b"gone"), 0, "image/png")
    kept.catch_up()
    found = kept.look()
    assert (found.ok, found.missing, found.records) == (True, 1, 8)


@pytest.mark.parametrize("column", _columns(LogEntry, "seq"))
def test_a_change_of_any_column_of_any_entry_is_named(kept: Archive, column: str) -> None:
    for row in kept.rows("log_entry", "seq"):
        other = _changed(row[column], None)
        kept.sql(f"UPDATE log_entry SET {column} = :v WHERE seq = :s", v=other, s=row["seq"])
        assert kept.bad().first_bad == row["seq"]
        kept.sql(f"UPDATE log_entry SET {column} = :v WHERE seq = :s", v=row[column], s=row["seq"])
    assert kept.look().ok


@pytest.mark.parametrize("column", _columns(ChainHead, "id"))
def test_a_change_of_the_head_is_named(kept: Archive, column: str) -> None:
    value = kept.rows("chain_head", "id")[0][column]
    kept.sql(f"UPDATE chain_head SET {column} = :v", v=_changed(value, None))
    assert kept.bad().first_bad in (8, 9)


def test_a_record_that_is_removed_is_missing_wherever_it_was(kept: Archive) -> None:
    for row in kept.rows("record", "id"):
        kept.sql("DELETE FROM record WHERE id = :id", id=row["id"])
        found = kept.bad()
        assert (found.first_bad_record, found.first_bad) == (row["id"], row["entry_seq"])
        assert found.reason == f"record {row['id']} is missing: entry {row['entry_seq']} names it"
        _put(kept, row)
    assert kept.look().ok


def _put(kept: Archive, row: Any) -> None:
    names = ", ".join(row)
    kept.sql(f"INSERT INTO record ({names}) VALUES ({', '.join(f':{name}' for name in row)})", **row)


@pytest.mark.parametrize("entry", [-3, 0, 1, 2, 4, 7, 8, 9, 99])
def test_a_record_that_is_put_in_is_named(kept: Archive, entry: int) -> None:
    """Also well made: no entry names it."""
    row = {**kept.rows("record", "id")[0], "id": 50, "entry_seq": entry}
    _put(kept, row)
    found = kept.bad()
    assert (found.first_bad_record, found.first_bad) == (50, entry)
    assert ("which does not name it" if entry in (2, 4, 8) else "which names no record") in (found.reason or "")


def test_a_record_put_in_between_is_named(kept: Archive) -> None:
    """Its number is below those that the entry names."""
    _put(kept, {**kept.rows("record", "id")[0], "id": -1, "entry_seq": 4})
    assert kept.bad().first_bad_record == -1


@pytest.mark.parametrize("number", range(1, 7))
def test_two_swapped_records_are_named(kept: Archive, number: int) -> None:
    for old, new in ((number, 99), (number + 1, number), (99, number + 1)):
        kept.sql("UPDATE record SET id = :new WHERE id = :old", old=old, new=new)
    found = kept.bad()
    one_entry = number % 2 == 1
    assert found.first_bad_record == number
    assert ("was replaced" if one_entry else "was changed") in (found.reason or "")


def test_a_record_written_anew_with_its_hash_is_found_by_its_entry(kept: Archive) -> None:
    row = dict(kept.rows("record", "id")[2])
    row["subject"] = "mail 9"
    row["hash"] = seal.of_record([row[name] for name in seal.FIELDS])
    kept.sql("UPDATE record SET subject = :subject, hash = :hash WHERE id = :id", **row)
    found = kept.bad()
    assert found.first_bad == 4
    assert "one of the records 3–4 was replaced" in (found.reason or "")


def test_the_neighbours_of_what_is_bad_are_told(kept: Archive) -> None:
    kept.sql("UPDATE record SET actor = 'eve' WHERE id = 3")
    found = kept.bad()
    assert found.before == {
        "record": 2,
        "at": "1970-01-01T00:00:00.000Z",
        "series": "mail",
        "subject": "mail 2",
    }
    assert found.after is not None
    assert found.after["record"] == 4
    kept.sql("UPDATE log_entry SET actor = 'eve' WHERE seq = 1")
    found = kept.bad()
    assert found.before is None
    assert found.after is not None
    assert (found.after["entry"], found.after["action"]) == (2, archive.KEPT)


def test_what_no_entry_names_yet_is_counted(kept: Archive) -> None:
    with writing(kept.engine) as session:
        keep.blob(session, About("mail", "mail 9", 9), b"new", "message/rfc822")
    found = kept.look()
    assert (found.ok, found.records, found.unsealed) == (True, 7, 1)


@pytest.mark.parametrize("detail", ["{}", "[]", "nonsense", '{"records": 3, "count": 1, "sha256": ""}'])
def test_an_entry_that_names_records_and_cannot_be_read_is_named(kept: Archive, detail: str) -> None:
    with writing(kept.engine) as session:
        log.record(session, "eve", archive.KEPT, "", {})
    assert kept.bad().first_bad == 9
