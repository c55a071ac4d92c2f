"""RC-1: every version of a post becomes a record that the chain names, with who made it and when."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from records import archive, log, seal
from records.keep import About, blob
from store.engine import reading, writing
from store.record_tables import PostVersion, Record, RecordContent
from store.tables import Post
from tests.scheduler.press import Press


def _records(engine: Engine, series: str) -> list[tuple[Record, dict[str, Any]]]:
    query = select(Record, RecordContent.body).join(RecordContent, RecordContent.sha256 == Record.sha256)
    with reading(engine) as session:
        found = session.exec(query.where(Record.series == series).order_by(Record.id)).all()
        session.expunge_all()
    return [(record, json.loads(body or b"{}")) for record, body in found]


def test_a_post_is_a_record_as_it_stands_and_as_it_stood(press: Press, tmp_path: Path) -> None:
    post = press.queue()
    for number, words in enumerate(("Second", "Third"), 1):
        press.change(Post, post, text=words, changed_by="omar", changed_at=number)
    assert archive.catch_up(press.engine, tmp_path) == 3
    found = _records(press.engine, "post")
    assert [content["text"] for _, content in found] == [press_text(found), "Second", "Third"]
    assert [(record.actor, record.at) for record, _ in found][1:] == [("omar", 1), ("omar", 2)]
    assert {record.subject for record, _ in found} == {f"post {post}"}
    assert archive.catch_up(press.engine, tmp_path) == 0


def press_text(found: list[tuple[Record, dict[str, Any]]]) -> str:
    """What the post said first: neither of the later words."""
    first = str(found[0][1]["text"])
    assert first not in ("Second", "Third")
    return first


def test_what_changes_once_it_is_kept_is_kept_anew_and_once(press: Press, tmp_path: Path) -> None:
    post = press.queue()
    archive.catch_up(press.engine, tmp_path)
    press.change(Post, post, text="Other words", changed_by="omar")
    press.change(Post, post, state="held")
    with reading(press.engine) as session:
        assert session.exec(select(PostVersion)).all() == []
    assert archive.catch_up(press.engine, tmp_path) == 1
    assert [content["by"] for _, content in _records(press.engine, "post")][-1] == "omar"


def test_a_state_is_no_version(press: Press, tmp_path: Path) -> None:
    """The twin of the change above: what the public would read stays."""
    post = press.queue()
    archive.catch_up(press.engine, tmp_path)
    press.change(Post, post, state="held", hold_reason="omar holds it")
    assert archive.catch_up(press.engine, tmp_path) == 0


def test_a_version_bears_the_time_at_which_it_was_made(press: Press, tmp_path: Path) -> None:
    """RC-1: not that of a later move from state to state, with a change after it or without."""
    first, second = press.queue(), press.queue()
    created = [press.row(Post, post).created_at for post in (first, second)]
    for post in (first, second):
        press.change(Post, post, state="held", updated_at=created[1] + 10)
    press.change(Post, second, text="Other words", changed_by="omar", changed_at=created[1] + 20)
    press.change(Post, second, state="cancelled", updated_at=created[1] + 30)
    archive.catch_up(press.engine, tmp_path)
    made = {(record.post_id, record.at) for record, _ in _records(press.engine, "post")}
    assert made == {(first, created[0]), (second, created[1]), (second, created[1] + 20)}


def test_what_is_only_laid_down_is_no_record_until_it_is_real(press: Press, tmp_path: Path) -> None:
    post = press.queue()
    press.change(Post, post, state="draft", source_key="staged:m:a.csv 1")
    press.change(Post, post, text="Not yet")
    assert archive.catch_up(press.engine, tmp_path) == 0
    press.change(Post, post, state="scheduled", source_key="a.csv 1")
    assert archive.catch_up(press.engine, tmp_path) == 1
    assert [content["text"] for _, content in _records(press.engine, "post")] == ["Not yet"]


def test_the_chain_names_each_record_once_and_by_its_hash(press: Press, tmp_path: Path, monkeypatch: Any) -> None:
    """RC-2."""
    monkeypatch.setattr(archive, "STEP", 2)
    with writing(press.engine) as session:
        for number in range(5):
            blob(session, About("mail", f"mail {number}", number), b"x" * number, "message/rfc822")
    assert archive.catch_up(press.engine, tmp_path) == 5
    entries = log.entries(press.engine, action=archive.KEPT)
    assert [entry["detail"]["count"] for entry in entries] == [2, 2, 1]
    with reading(press.engine) as session:
        for entry in entries:
            named = session.exec(select(Record).where(Record.entry_seq == entry["seq"]).order_by(Record.id)).all()
            assert seal.of_batch(record.hash for record in named) == entry["detail"]["sha256"]
            assert archive.ranges([record.id or 0 for record in named]) == entry["detail"]["records"]
            for record in named:
                assert seal.of_record([getattr(record, name) for name in seal.FIELDS]) == record.hash


def test_media_are_records_of_their_own(press: Press, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"image")
    item = {"file": "a.png", "alt": "A tree", "mime": "image/png", "sha256": seal.of_content(b"image")}
    lost = {"file": "b.png", "alt": "A dog", "mime": "image/png", "sha256": seal.of_content(b"other")}
    post = press.queue()
    press.change(Post, post, media=[item, lost])
    archive.catch_up(press.engine, tmp_path)
    press.change(Post, post, text="Again")
    archive.catch_up(press.engine, tmp_path)
    with reading(press.engine) as session:
        found = session.exec(select(Record).where(Record.series == "media").order_by(Record.id)).all()
        assert [(record.size, json.loads(record.facts)) for record in found] == [(5, {}), (0, {"missing": True})]


@pytest.mark.parametrize(("numbers", "runs"), [([], []), ([3], [[3, 3]]), ([1, 2, 4, 5, 9], [[1, 2], [4, 5], [9, 9]])])
def test_numbers_are_told_as_runs(numbers: list[int], runs: list[list[int]]) -> None:
    assert archive.ranges(numbers) == runs


def _waiting_version(press: Press) -> int:
    """A post that was changed before anything of it became record."""
    post = press.queue()
    press.change(Post, post, text="Second", changed_by="omar", updated_at=1)
    return post


def _words_in_order(engine: Engine) -> list[str]:
    return [str(content["text"]) for _, content in _records(engine, "post")]


def test_two_who_catch_up_keep_the_versions_of_a_post_in_their_order(postgres_press: Press, tmp_path: Path) -> None:
    """RC-1: the second one waits for the versions that the first one has in hand, and takes no later one before."""
    press = postgres_press
    _waiting_version(press)
    with press.engine.connect() as other, ThreadPoolExecutor(1) as pool:
        other.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        other.exec_driver_sql("SELECT id FROM post_version FOR UPDATE").all()
        second = pool.submit(archive.catch_up, press.engine, tmp_path)
        with suppress(TimeoutError):
            second.result(0.5)
        other.rollback()
        assert second.result(20) == 2
    assert _words_in_order(press.engine)[1:] == ["Second"]


def test_a_version_that_comes_to_wait_in_between_is_kept_before_the_one_that_stands(
    postgres_press: Press, tmp_path: Path, monkeypatch: Any
) -> None:
    """RC-1: the change is between the look at what was replaced and the look at what stands."""
    press, real = postgres_press, archive._standing
    post = press.queue()

    def changed_first(*given: Any) -> int:
        monkeypatch.setattr(archive, "_standing", real)
        press.change(Post, post, text="Second", changed_by="omar", updated_at=1)
        return real(*given)

    monkeypatch.setattr(archive, "_standing", changed_first)
    assert archive.catch_up(press.engine, tmp_path) == 2
    assert _words_in_order(press.engine)[1:] == ["Second"]
