from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from records import log
from records import verify as module
from records.verify import Verdict, verify
from store import chain
from store.engine import writing

COUNT = 7
FIELDS = ("at", "actor", "action", "subject", "detail", "previous", "hash")


@pytest.fixture
def store(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A log of seven entries, read three at a time."""
    monkeypatch.setattr(module, "BATCH", 3)
    with writing(engine) as session:
        for number in range(1, COUNT + 1):
            log.record(session, "ana", "act", f"post {number}", {"n": number})
    assert verify(engine) == Verdict(True, COUNT)
    return engine


def _sql(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _bad(engine: Engine) -> tuple[int | None, str]:
    verdict = verify(engine)
    assert not verdict.ok
    assert verdict.reason is not None
    return verdict.first_bad, verdict.reason


def test_an_empty_log_is_whole(engine: Engine) -> None:
    assert verify(engine) == Verdict(True, 0)


@pytest.mark.parametrize("count", [3, 6, 999, 1000, 1001])
def test_whole_logs_of_any_length_are_whole(engine: Engine, count: int) -> None:
    """Also where the last batch is full."""
    with writing(engine) as session:
        for _ in range(count):
            log.record(session, "ana", "act", "")
    assert verify(engine) == Verdict(True, count)


def test_a_change_of_any_field_of_any_entry_is_named(store: Engine) -> None:
    """Every field of every entry, one at a time: the first bad number is that entry's."""
    for number in range(1, COUNT + 1):
        for field in FIELDS:
            with store.begin() as connection:
                before = connection.exec_driver_sql(f"SELECT {field} FROM log_entry WHERE seq = {number}").scalar_one()
            changed = str(before + 1) if field == "at" else f"'{str(before)[:-1]}x'"
            _sql(store, f"UPDATE log_entry SET {field} = {changed} WHERE seq = {number}")
            assert _bad(store) == (number, f"entry {number} was changed: its hash is not that of its fields")
            back = str(before) if field == "at" else f"'{before}'"
            _sql(store, f"UPDATE log_entry SET {field} = {back} WHERE seq = {number}")
    assert verify(store).ok


@pytest.mark.parametrize("number", range(1, COUNT + 1))
def test_a_deleted_entry_is_missing(store: Engine, number: int) -> None:
    _sql(store, f"DELETE FROM log_entry WHERE seq = {number}")
    first_bad, reason = _bad(store)
    assert first_bad == number
    assert f"entry {number} is missing" in reason


@pytest.mark.parametrize("number", range(1, COUNT + 1))
def test_a_renumbered_entry_leaves_a_hole(store: Engine, number: int) -> None:
    _sql(store, f"UPDATE log_entry SET seq = seq + 1000 WHERE seq = {number}")
    first_bad, _reason = _bad(store)
    assert first_bad == number


@pytest.mark.parametrize("number", range(1, COUNT))
def test_two_swapped_entries_are_changed(store: Engine, number: int) -> None:
    _sql(
        store,
        f"UPDATE log_entry SET seq = 99 WHERE seq = {number}",
        f"UPDATE log_entry SET seq = {number} WHERE seq = {number + 1}",
        f"UPDATE log_entry SET seq = {number + 1} WHERE seq = 99",
    )
    assert _bad(store)[0] == number


@pytest.mark.parametrize("number", range(1, COUNT + 1))
def test_an_entry_pushed_in_shows(store: Engine, number: int) -> None:
    """The later entries are renumbered to make room: the newcomer's number is the first bad one."""
    for later in range(COUNT, number - 1, -1):
        _sql(store, f"UPDATE log_entry SET seq = {later + 1} WHERE seq = {later}")
    before = chain.FIRST
    if number > 1:
        with store.begin() as connection:
            before = connection.exec_driver_sql(f"SELECT hash FROM log_entry WHERE seq = {number - 1}").scalar_one()
    _insert(store, number, before)
    first_bad, reason = _bad(store)
    assert first_bad in (number, number + 1)  # well made, the newcomer fits: its successor does not
    assert "was changed" in reason or "was inserted" in reason


def _insert(engine: Engine, number: int, previous: str) -> None:
    own = chain.digest(number, 1, "eve", "act", "x", "{}", previous)
    _sql(engine, f"INSERT INTO log_entry VALUES ({number}, 1, 'eve', 'act', 'x', '{{}}', '{previous}', '{own}')")


@pytest.mark.parametrize("number", [0, -5])
def test_an_entry_before_the_first_was_inserted(store: Engine, number: int) -> None:
    _insert(store, number, chain.FIRST)
    assert _bad(store) == (number, f"entry {number} was inserted: the log begins with entry 1")


def test_an_entry_after_the_last_was_inserted(store: Engine) -> None:
    with store.begin() as connection:
        last = connection.exec_driver_sql(f"SELECT hash FROM log_entry WHERE seq = {COUNT}").scalar_one()
    _insert(store, COUNT + 1, last)
    assert _bad(store)[0] == COUNT + 1


@pytest.mark.parametrize("number", range(1, COUNT + 1))
def test_an_entry_rewritten_with_its_hash_is_named(store: Engine, number: int) -> None:
    """Whole in itself, but its successor (or the head) holds the hash of the one that was there."""
    with store.begin() as connection:
        row: Any = connection.exec_driver_sql(
            f"SELECT at, actor, action, detail, previous FROM log_entry WHERE seq = {number}"
        ).one()
    own = chain.digest(number, row[0], row[1], row[2], "another post", row[3], row[4])
    _sql(store, f"UPDATE log_entry SET subject = 'another post', hash = '{own}' WHERE seq = {number}")
    first_bad, reason = _bad(store)
    assert first_bad == number
    assert f"entry {number} was replaced" in reason


@pytest.mark.parametrize("number", range(1, COUNT + 1))
def test_a_cut_off_tail_shows(store: Engine, number: int) -> None:
    _sql(store, f"DELETE FROM log_entry WHERE seq >= {number}")
    first_bad, reason = _bad(store)
    assert first_bad == number
    assert f"cut off, its head names entry {COUNT}" in reason


def test_a_head_that_is_gone_shows(store: Engine) -> None:
    _sql(store, "DELETE FROM chain_head")
    assert _bad(store)[0] == COUNT + 1
    assert "head of the log is gone" in _bad(store)[1]
    _sql(store, "DELETE FROM log_entry")
    assert _bad(store)[0] == 1


def test_a_head_set_back_shows(store: Engine) -> None:
    _sql(store, "UPDATE chain_head SET seq = 5")
    assert _bad(store)[0] == 6
    _sql(store, f"UPDATE chain_head SET seq = {COUNT}, hash = '{chain.FIRST}'")
    assert _bad(store)[0] == COUNT


def test_entries_appended_during_the_walk_are_whole(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that grows while it is read is not called broken."""
    real, grown = module._batch, list[bool]()

    def growing(session: Any, after: int) -> Any:
        batch = real(session, after)
        if not batch and not grown:
            grown.append(True)
            with writing(store) as other:
                log.record(other, "bo", "act", "meanwhile")
        return batch

    monkeypatch.setattr(module, "_batch", growing)
    assert verify(store).ok
    assert grown


def test_a_value_of_another_kind_shows(sqlite_url: str) -> None:
    """SQLite keeps any kind of value in any column."""
    from store.engine import open_engine

    engine = open_engine(sqlite_url)
    with writing(engine) as session:
        log.record(session, "ana", "act", "")
    _sql(engine, "UPDATE log_entry SET subject = x'00ff'")
    assert _bad(engine)[0] == 1
    engine.dispose()


@pytest.mark.parametrize("back", [1, 2])
def test_with_a_head_set_back_a_stop_is_still_recorded_and_the_tampering_shows(store: Engine, back: int) -> None:
    _sql(
        store,
        f"UPDATE chain_head SET seq = seq - {back}, hash = (SELECT hash FROM log_entry WHERE seq = {COUNT - back})",
    )
    with writing(store) as session:
        assert log.record(session, "ana", "suspend", "suspension 1") == COUNT + 1
    number, reason = _bad(store)
    assert number == COUNT
    assert f"entry {COUNT} was replaced" in reason
