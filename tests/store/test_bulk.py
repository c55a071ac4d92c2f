"""Many rows at once: the same rows on both databases as one by one, and the same refusals."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from store import bulk
from store.engine import StoreError, reading, was_cut_off, writing
from store.tables import CalendarEntry, Post

WORDS = 'two\nlines, a\ttab, a \\N, a \\., "quotes", é 🌳 and \'; DROP TABLE post'
FOUND_BY = {"of": "id", "before": "state"}


def row(key: str, **values: Any) -> dict[str, Any]:
    fixed = {
        "channel": "parks",
        "state": "scheduled",
        "text": WORDS,
        "media": [],
        "tags": ["a", "é"],
        "content_hash": "h",
    }
    fixed |= {"local_time": "2027-01-01T09:00", "zone": "UTC", "time_note": None, "due_at": 2**53, "ready_at": 5}
    fixed |= {"lateness_us": 1, "tries": 0, "author": "ada", "file": "a.csv", "entry": key, "source_key": key}
    return fixed | {"created_at": 1, "updated_at": 1} | values


def insert(engine: Engine, *rows: dict[str, Any], size: int = bulk.PIECE) -> None:
    with writing(engine) as session:
        for batch in bulk.batches(Post, rows, size):
            bulk.insert(session, batch)


def posts(engine: Engine) -> list[Post]:
    with reading(engine) as session:
        found = list(session.exec(select(Post).order_by(Post.id)))
        session.expunge_all()
        return found


def test_rows_are_read_back_as_they_were_given(engine: Engine) -> None:
    media = [{"file": "x.png", "alt": 'A "tree" é', "mime": "image/png", "sha256": "0"}]
    insert(engine, row("a"), row("b", media=media, tags=[], time_note="moved"), row("c", file=None, source_key=None))
    found = posts(engine)
    assert [(post.text, post.due_at, post.tags) for post in found[:1]] == [(WORDS, 2**53, ["a", "é"])]
    assert [post.media for post in found] == [[], media, []]
    assert [(post.time_note, post.file, post.source_key) for post in found[1:]] == [
        ("moved", "a.csv", "b"),
        (None, None, None),
    ]


def test_a_text_for_a_json_column_is_json_already(engine: Engine) -> None:
    rows = [{"file": "a.csv", "entry": "e", "digest": "d", "body": '{"rrule":null,"text":"é"}'}]
    with writing(engine) as session:
        for batch in bulk.batches(CalendarEntry, rows):
            bulk.insert(session, batch)
    with reading(engine) as session:
        assert session.exec(select(CalendarEntry.body)).one() == {"rrule": None, "text": "é"}


def test_pieces_have_their_size_and_lose_nothing(engine: Engine) -> None:
    rows = [row(str(number)) for number in range(7)]
    assert [len(batch.values) for batch in bulk.batches(Post, rows, 3)] == [3, 3, 1]
    assert list(bulk.batches(Post, [])) == []
    insert(engine, *rows, size=3)
    assert [post.source_key for post in posts(engine)] == [str(number) for number in range(7)]


def test_a_key_that_is_taken_is_refused_and_nothing_stands(engine: Engine) -> None:
    insert(engine, row("a"))
    with pytest.raises(IntegrityError):
        insert(engine, row("b"), row("a"))
    assert [post.source_key for post in posts(engine)] == ["a"]


def test_new_values_reach_only_rows_that_are_still_what_they_were(engine: Engine) -> None:
    insert(engine, row("a"), row("b", state="held"), row("c"))
    first, second, third = (post.id for post in posts(engine))
    new = {"state": "cancelled", "text": WORDS + "!", "media": [], "tags": ["new"], "source_key": None, "due_at": 7}
    changes = [{"of": number, "before": "scheduled", **new} for number in (first, second, third)]
    with writing(engine) as session:
        (batch,) = bulk.batches(Post, changes)
        assert bulk.update(session, batch, FOUND_BY) == 2
    found = posts(engine)
    assert [post.state for post in found] == ["cancelled", "held", "cancelled"]
    assert [(post.text, post.tags, post.source_key, post.due_at) for post in found[::2]] == [
        (WORDS + "!", ["new"], None, 7)
    ] * 2
    assert (found[1].text, found[1].source_key) == (WORDS, "b")


def test_a_connection_ended_under_many_rows_is_told_as_such(postgres_url: str) -> None:
    """A stop ends whoever holds the lock too long: the writer may try again, and is not told of a damaged store."""
    from store.engine import open_engine

    engine = open_engine(postgres_url)

    def insert_and_be_ended() -> None:
        with writing(engine) as session:
            own = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with engine.connect() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({own}, 5000)")
            for batch in bulk.batches(Post, [row("a")]):
                bulk.insert(session, batch)

    with pytest.raises(StoreError) as told:
        insert_and_be_ended()
    assert was_cut_off(told.value)
    assert posts(engine) == []
    engine.dispose()


@pytest.mark.parametrize("asked", [[], [2], [3, 1], [1, 2, 3, 2**63 - 1]])
def test_rows_are_found_by_many_numbers(engine: Engine, asked: list[int]) -> None:
    insert(engine, row("a"), row("b"), row("c"))
    with reading(engine) as session:
        found = session.exec(select(Post.id).where(bulk.among(session, Post.id, asked)).order_by(Post.id)).all()
    assert found == sorted({1, 2, 3} & set(asked))


def test_pieces_leave_nothing_out() -> None:
    numbers = list(range(2 * bulk.PIECE + 1))
    pieces = list(bulk.pieces(numbers))
    assert [number for piece in pieces for number in piece] == numbers
    assert [len(piece) for piece in pieces] == [bulk.PIECE, bulk.PIECE, 1]
    assert list(bulk.pieces([])) == []
