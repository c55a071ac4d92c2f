"""RC-2: where a verification begins, what it says on the way, and what it makes of what was disposed of or is of no kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from records import log, seal, verify_all, verify_content, verify_records
from records.verify_all import Way
from store.engine import open_engine, writing
from tests.records.kept import IMAGE, Archive, act, fill

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
    fill(kept)
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
    fill(kept)
    kept.catch_up()
    held = "body IS NOT NULL" if column == "body" else "file IS NOT NULL"
    kept.sql(f"UPDATE record_content SET {column} = {value} WHERE {held}")
    assert kept.bad().first_bad_record == (1 if column == "body" else 7)
    engine.dispose()


def test_bytes_in_an_entry_that_are_no_text_are_named(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    for _ in range(3):
        act(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE log_entry SET detail = CAST(x'7bff7d' AS TEXT) WHERE seq = 2")
    assert verify_all.look(engine, tmp_path).first_bad == 2
    engine.dispose()
