"""RC-2: whatever is changed in a record, its content or the log is named, wherever it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Engine, LargeBinary, text
from sqlalchemy.engine import RowMapping
from sqlmodel import SQLModel

from records import archive, keep, log, seal, verify_all, verify_content, verify_records
from records.keep import About
from records.verify_all import Found, Way
from store.engine import open_engine, writing
from store.record_tables import Record, RecordContent
from store.tables import ChainHead, LogEntry

LONG = bytes(range(256)) * 80
IMAGE = b"image"
CONTENTS = [b"", b"first", b"second", b"third", LONG, b"first"]


@dataclass
class Archive:
    """Seven records named by entries 2, 4, 6 and 8, between other acts; and the hand that tampers with them."""

    engine: Engine
    folder: Path

    def look(self, **rest: Any) -> Found:
        return verify_all.look(self.engine, self.folder, **rest)

    def sql(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def rows(self, table: str, order: str) -> list[RowMapping]:
        with self.engine.begin() as connection:
            return list(connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings())

    def bad(self) -> Found:
        """What is found, which is a fault."""
        found = self.look()
        assert not found.ok
        assert found.reason
        return found

    def catch_up(self) -> None:
        archive.catch_up(self.engine, self.folder)


@pytest.fixture
def kept(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setattr(archive, "STEP", 2)
    found = Archive(engine, tmp_path / "media")
    found.folder.mkdir()
    (found.folder / "a.png").write_bytes(IMAGE)
    _fill(found)
    for _ in range(4):
        _act(engine)
        archive.catch_up(engine, found.folder, most=1)
    whole = found.look()
    assert (whole.ok, whole.entries, whole.records, whole.unsealed) == (True, 8, 7, 0)
    return found


def _act(engine: Engine) -> None:
    with writing(engine) as session:
        log.record(session, "ana", "act", "post 1", {"n": 1})


def _fill(kept: Archive) -> None:
    with writing(kept.engine) as session:
        for number, body in enumerate(CONTENTS, 1):
            about = About("mail", f"mail {number}", number, "ana", "parks", number, number, number, {"n": "ü"})
            keep.blob(session, about, body, "message/rfc822")
        keep.file(session, About("media", "post 1", 9), "a.png", seal.of_content(IMAGE), len(IMAGE), "image/png")


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
    assert "inserted" in (found.reason or "")


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


# --- disposed contents -----------------------------------------------------------------------------------------------


def _dispose(kept: Archive, record: int, disposition: int = 1) -> None:
    row = kept.rows("record", "id")[record - 1]
    kept.sql("UPDATE record SET disposed_by = :d WHERE id = :id", d=disposition, id=record)
    kept.sql("DELETE FROM record_content WHERE sha256 = :s", s=row["sha256"])
    with writing(kept.engine) as session:
        detail = {"disposition": disposition, "records": [[record, record]]}
        log.record(session, "ana", verify_records.DISPOSED, "", detail)


def test_a_content_that_was_disposed_of_is_said_and_is_no_fault(kept: Archive) -> None:
    _dispose(kept, 3)
    found = kept.look()
    assert (found.ok, found.disposed, found.records) == (True, 1, 7)


@pytest.mark.parametrize("other", [None, 2])
def test_a_disposition_that_the_log_does_not_know_is_named(kept: Archive, other: int | None) -> None:
    _dispose(kept, 3)
    kept.sql("UPDATE record SET disposed_by = :d WHERE id = 3", d=other)
    assert kept.bad().first_bad_record == 3


def test_a_content_that_is_gone_without_a_disposition_is_named(kept: Archive) -> None:
    kept.sql("DELETE FROM record_content WHERE sha256 = :s", s=seal.of_content(b"third"))
    found = kept.bad()
    assert (found.first_bad_record, found.reason) == (4, f"record 4: {verify_content.GONE}")
    kept.sql("UPDATE record SET disposed_by = 1 WHERE id = 4")
    assert kept.bad().first_bad_record == 4


# --- where it begins -------------------------------------------------------------------------------------------------


def test_from_an_entry_on_what_stands_before_is_not_looked_at(kept: Archive) -> None:
    kept.sql("UPDATE record SET actor = 'eve' WHERE id = 1")
    for start in range(3, 9):
        found = kept.look(start=start)
        assert (found.ok, found.first, found.entries) == (True, start, 8)
    assert [kept.look(start=start).records for start in (3, 4, 5, 8)] == [5, 5, 3, 1]
    assert not kept.look(start=2).ok
    kept.sql("UPDATE record SET actor = 'eve' WHERE id = 7")
    assert kept.look(start=8).first_bad_record == 7


def test_the_entry_before_the_first_is_held_to_its_successor(kept: Archive) -> None:
    kept.sql("UPDATE log_entry SET hash = :h WHERE seq = 3", h="0" * 64)
    assert kept.look(start=4).first_bad == 3


def test_an_entry_that_was_whole_and_is_another_now_is_named(kept: Archive) -> None:
    own = kept.rows("log_entry", "seq")[4]["hash"]
    assert kept.look(start=5, known={5: own}).ok
    found = kept.look(start=5, known={5: "0" * 64})
    assert (found.ok, found.first_bad) == (False, 5)
    found = kept.look(start=20, known={20: own})
    assert (found.ok, found.first_bad) == (False, 20)


def test_it_says_how_far_it_has_come(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_all, "STEP", 1)
    told: list[Way] = []
    kept.look(tell=told.append)
    hashes = [row["hash"] for row in kept.rows("log_entry", "seq")]
    records = [0, 2, 2, 4, 4, 6, 6, 7]
    expected = [Way(number, own, count) for number, (own, count) in enumerate(zip(hashes, records, strict=True), 1)]
    assert told == [*expected, expected[-1]]
    kept.sql("UPDATE record SET actor = 'eve' WHERE id = 4")
    told.clear()
    kept.look(tell=told.append)
    assert told[-1] == expected[2]


# --- what SQLite alone takes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["x'00ff'", "CAST(x'ff' AS TEXT)", "CAST(x'616e61ff' AS TEXT)", "7", "1.5"])
@pytest.mark.parametrize("column", ["series", "facts", "hash", "sha256", "at", "entry_seq"])
def test_a_value_of_another_kind_in_a_record_is_named(sqlite_url: str, tmp_path: Path, column: str, value: str) -> None:
    engine = open_engine(sqlite_url)
    kept = Archive(engine, tmp_path)
    (tmp_path / "a.png").write_bytes(IMAGE)
    _fill(kept)
    kept.catch_up()
    kept.sql(f"UPDATE record SET {column} = {value} WHERE id = 3")
    assert kept.bad().first_bad_record == 3
    engine.dispose()


@pytest.mark.parametrize("column", ["body", "file"])
@pytest.mark.parametrize("value", ["7", "'text'", "CAST(x'ff' AS TEXT)", "x'ff'"])
def test_a_content_of_another_kind_is_named(sqlite_url: str, tmp_path: Path, column: str, value: str) -> None:
    engine = open_engine(sqlite_url)
    kept = Archive(engine, tmp_path)
    (tmp_path / "a.png").write_bytes(IMAGE)
    _fill(kept)
    kept.catch_up()
    held = "body IS NOT NULL" if column == "body" else "file IS NOT NULL"
    kept.sql(f"UPDATE record_content SET {column} = {value} WHERE {held}")
    assert kept.bad().first_bad_record == (1 if column == "body" else 7)
    engine.dispose()


def test_bytes_in_an_entry_that_are_no_text_are_named(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    for _ in range(3):
        _act(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE log_entry SET detail = CAST(x'7bff7d' AS TEXT) WHERE seq = 2")
    assert verify_all.look(engine, tmp_path).first_bad == 2
    engine.dispose()
