"""The chain's append: every entry holds the one before it, whatever its characters, and however many write at once."""

from __future__ import annotations

import json
import threading
from itertools import pairwise

import pytest
from sqlalchemy import Engine, text
from sqlmodel import select

from records import verify
from store import chain
from store.engine import cursor, dialect, reading, writing
from store.tables import ChainHead, LogEntry


def _append(engine: Engine, actor: str = "ana", subject: str = "post 1", **detail: object) -> int:
    with writing(engine) as session:
        return chain.append(
            cursor(session), dialect(session), actor=actor, action="tested", subject=subject, detail=detail
        )


def _entries(engine: Engine) -> list[LogEntry]:
    with reading(engine) as session:
        found = list(session.exec(select(LogEntry).order_by("seq")))
        session.expunge_all()
        return found


def test_each_entry_names_its_predecessor_and_its_own_hash(engine: Engine) -> None:
    assert [_append(engine, number=n) for n in range(3)] == [1, 2, 3]
    entries = _entries(engine)
    assert [entry.previous for entry in entries] == [chain.FIRST, entries[0].hash, entries[1].hash]
    for entry in entries:
        own = chain.digest(entry.seq, entry.at, entry.actor, entry.action, entry.subject, entry.detail, entry.previous)
        assert own == entry.hash
    with reading(engine) as session:
        head = session.get_one(ChainHead, 1)
        assert (head.seq, head.hash) == (3, entries[2].hash)


def test_an_entry_is_undone_with_its_transaction(engine: Engine) -> None:
    def act() -> None:
        with writing(engine) as session:
            chain.append(cursor(session), dialect(session), actor="ana", action="a", subject="s")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert _entries(engine) == []
    assert _append(engine) == 1


@pytest.mark.parametrize("odd", ["\0", "\ud800", "a\nb", "日本", "😀", '"\\', ""])
def test_any_characters_are_kept_and_hashed_as_kept(engine: Engine, odd: str) -> None:
    """A refusal must be logged whatever somebody typed; both databases keep the same."""
    _append(engine, actor=odd, subject=odd, word=odd)
    _append(engine)
    (entry, _) = _entries(engine)
    assert json.loads(entry.detail) == {"word": odd}
    assert entry.actor == entry.subject == chain.storable(odd)
    assert verify.verify(engine).ok


def test_storable_changes_only_what_no_database_keeps() -> None:
    assert chain.storable("a\0b\ud800c") == "a�b?c"
    assert chain.storable("日本 😀\n") == "日本 😀\n"


def test_a_field_boundary_is_part_of_the_hash() -> None:
    one = chain.digest(1, 2, "ab", "c", "", "{}", chain.FIRST)
    assert one != chain.digest(1, 2, "a", "bc", "", "{}", chain.FIRST)
    assert one != chain.digest(1, 2, "ab", "c", "", "{}", "1" * 64)


def test_without_its_head_the_chain_goes_on_from_the_newest_entry(engine: Engine) -> None:
    """A stop is recorded even then; `records verify` names the loss."""
    _append(engine)
    with writing(engine) as session:
        session.execute(text("DELETE FROM chain_head"))
    assert _append(engine) == 2
    first, second = _entries(engine)
    assert second.previous == first.hash


def test_without_head_and_entries_it_begins_anew(engine: Engine) -> None:
    with writing(engine) as session:
        session.execute(text("DELETE FROM chain_head"))
    assert _append(engine) == 1
    assert _entries(engine)[0].previous == chain.FIRST


def test_many_writers_make_one_chain(engine: Engine) -> None:
    """On PostgreSQL writers share the store's lock: the head's row is theirs."""
    threads = [threading.Thread(target=lambda n=n: [_append(engine, n=n) for _ in range(5)]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = _entries(engine)
    assert [entry.seq for entry in entries] == list(range(1, 31))
    assert all(later.previous == earlier.hash for earlier, later in pairwise(entries))
