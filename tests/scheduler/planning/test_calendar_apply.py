"""How a difference becomes real: at one moment for all who look, and without keeping anybody from the store's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlmodel import col, func, select

from config import clock
from scheduler import post_queue
from scheduler.planning import calendar_apply, calendar_sync, stager
from store import bulk
from store.engine import StoreError, open_engine, reading, writing
from store.lock import LOCK_KEY
from store.tables import CalendarEntry, Post
from tests.support.calendar_city import Desk, SetClock, open_desk, texts

YEAR = "2026-12"
MANY = 1200
"""More than one batch."""


@pytest.fixture
def postgres(postgres_url: str, tmp_path: Path, now: SetClock) -> Iterator[Desk]:
    engine = open_engine(postgres_url)
    yield open_desk(engine, tmp_path)
    engine.dispose()


def rows(words: str, count: int = MANY) -> list[str]:
    return [f"e{i},{YEAR}-{3 + i // 1440:02} {i // 60 % 24:02}:{i % 60:02},{words} {i}" for i in range(count)]


def kept_at(desk: Desk) -> dict[str, int]:
    """How many entries stand under each place."""
    with reading(desk.engine) as session:
        query = select(CalendarEntry.file, func.count()).group_by(col(CalendarEntry.file))
        return dict(session.exec(query).all())


class Onlooker:
    """Looks at the posts after every piece that goes to the store."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self._engine = open_engine(desk.engine.url.render_as_string(hide_password=False))
        self.seen: set[tuple[int, str]] = set()
        for name in ("insert", "update"):
            monkeypatch.setattr(bulk, name, self._then_look(getattr(bulk, name)))

    def _then_look(self, whole: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any) -> Any:
            result = whole(*arguments)
            self.look()
            return result

        return act

    def look(self) -> None:
        query = select(func.count(), func.coalesce(func.max(func.substr(Post.text, 1, 5)), ""))
        with reading(self._engine) as session:
            scheduled, words = session.execute(query.where(Post.state == "scheduled")).one()
        self.seen.add((scheduled, words))
        self._engine.dispose()


def test_all_of_it_appears_at_one_moment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks sees the calendar as it was or as it is, never a part of a change."""
    onlooker = Onlooker(desk, monkeypatch)
    desk.write("parks.csv", *rows("First"))
    desk.applied("parks.csv")
    desk.write("parks.csv", *rows("Other", MANY - 200))
    desk.applied("parks.csv")
    onlooker.look()
    assert onlooker.seen == {(0, ""), (MANY, "First"), (MANY - 200, "Other")}


def test_a_series_among_many_is_planned_further_and_all_of_it_can_be_removed(desk: Desk, now: SetClock) -> None:
    series = "walk,2026-11-01 09:00,Walk,FREQ=DAILY"
    desk.write("parks.csv", series, *(f"{row}," for row in rows("Once")), head="id,at,text,repeat")
    desk.applied("parks.csv")
    before = len(desk.posts())
    now.wall += stager.DAY_US
    assert stager.stage_due_horizon(desk.engine, desk.settings, clock.wall_us()) == 1
    assert calendar_sync.remove(desk.engine, "parks.csv", "ada") == before + 1
    assert kept_at(desk) == {}
    assert desk.file("parks.csv") is None


def test_a_file_that_people_call_like_a_waiting_place_keeps_its_entries(desk: Desk) -> None:
    odd = f"{post_queue.STAGED}{'0' * 32}:parks.csv"
    desk.applied(desk.write(odd, f"a,{YEAR}-03 09:00,Odd").name)
    desk.write("parks.csv", *rows("First", 3))
    desk.applied("parks.csv")
    assert kept_at(desk) == {odd: 1, "parks.csv": 3}


def test_a_removal_that_ended_early_leaves_nothing_that_counts_as_planned(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("parks.csv", *rows("First", 3))
    desk.applied("parks.csv")

    def fail(*_arguments: object) -> None:
        raise StoreError("the store is locked")

    monkeypatch.setattr(calendar_sync, "_cancel_some", fail)
    with pytest.raises(StoreError):
        calendar_sync.remove(desk.engine, "parks.csv", "ada")
    with writing(desk.engine) as session:
        moves = [post_queue.Move(post.id or 0, "scheduled", "cancelled", {"source_key": None}) for post in desk.posts()]
        post_queue.move_posts(session, moves[:2])
    assert desk.applied("parks.csv").applied
    assert len(desk.posts("scheduled")) == 3


def _lock_is_free(engine: Engine) -> bool:
    """True when crisis or resume would get the store's lock now."""
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({LOCK_KEY})").scalar_one())


def test_on_postgresql_the_lock_is_free_until_the_last_statements(
    postgres: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop never waits for a large calendar: 100 thousand posts took seconds to write."""
    free: list[bool] = []
    whole = calendar_apply.take_lock

    def take(session: Any) -> None:
        free.append(_lock_is_free(postgres.engine))
        whole(session)
        free.append(_lock_is_free(postgres.engine))

    monkeypatch.setattr(calendar_apply, "take_lock", take)
    for words in ("First", "Other"):
        postgres.write("parks.csv", *rows(words))
        postgres.applied("parks.csv")
    assert free == [True, False] * 2


def test_on_postgresql_a_post_that_is_nearly_due_is_changed_under_the_lock(
    postgres: Desk, now: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I7: a publisher's claim or a lift must never wait for a row while no lock orders them."""
    near, far = f"near,{YEAR}-01 00:05,", f"far,{YEAR}-01 00:15,"
    now.wall -= 6 * 3600 * clock.SECOND
    postgres.write("parks.csv", near + "Near", far + "Far")
    postgres.applied("parks.csv")
    now.wall = postgres.posts()[0].due_at - 300 * clock.SECOND
    taken: dict[str, bool] = {}
    whole = calendar_apply.take_lock

    def take(session: Any) -> None:
        taken.update({entry: _row_is_taken(postgres.engine, entry) for entry in ("near", "far")})
        whole(session)

    monkeypatch.setattr(calendar_apply, "take_lock", take)
    postgres.write("parks.csv", near + "Near changed", far + "Far changed")
    postgres.applied("parks.csv")
    assert taken == {"near": False, "far": True}
    assert texts(postgres.posts()) == ["Near changed", "Far changed"]


def _row_is_taken(engine: Engine, entry: str) -> bool:
    with engine.connect() as connection:
        try:
            connection.execute(text("SELECT 1 FROM post WHERE entry = :entry FOR UPDATE NOWAIT"), {"entry": entry})
        except OperationalError:
            return True
        return False


def test_on_postgresql_a_plan_that_took_too_long_is_made_anew(
    postgres: Desk, now: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was far away when the writing began may be due when the lock comes."""
    whole, waits = calendar_apply.take_lock, [calendar_apply.NEAR_US + 1, 0]

    def take(session: Any) -> None:
        now.wall += waits.pop(0)
        whole(session)

    monkeypatch.setattr(calendar_apply, "take_lock", take)
    postgres.write("parks.csv", *rows("First", 2))
    assert postgres.applied("parks.csv").applied
    assert waits == []
    assert texts(postgres.posts()) == ["First 0", "First 1"]


def test_on_postgresql_a_session_ended_by_a_stop_begins_anew(postgres: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, ends = calendar_apply.take_lock, [True, False]

    def take(session: Any) -> None:
        if ends.pop(0):
            own = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with postgres.engine.connect() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({own}, 5000)")
        whole(session)

    monkeypatch.setattr(calendar_apply, "take_lock", take)
    postgres.write("parks.csv", *rows("First", 2))
    assert postgres.applied("parks.csv").applied
    assert texts(postgres.posts()) == ["First 0", "First 1"]


def test_on_postgresql_an_extension_waits_for_a_sync_of_its_file_without_the_stores_lock(
    postgres: Desk, now: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.write("parks.csv", "walk,2026-11-01 09:00,Walk,FREQ=DAILY", head="id,at,text,repeat")
    postgres.applied("parks.csv")
    now.wall += stager.DAY_US
    extension = threading.Thread(target=stager.stage_due_horizon, args=(postgres.engine, postgres.settings, now.wall))
    whole = calendar_apply.take_lock

    def take(session: Any) -> None:
        extension.start()
        _await_calendar_lock(postgres.engine)
        assert _lock_is_free(postgres.engine)
        whole(session)

    monkeypatch.setattr(calendar_apply, "take_lock", take)
    postgres.write("parks.csv", "walk,2026-11-01 09:00,New walk,FREQ=DAILY", head="id,at,text,repeat")
    postgres.applied("parks.csv")
    extension.join(20)
    assert not extension.is_alive()
    said = [post.text for post in postgres.posts("scheduled")]
    assert said == ["New walk"] * len(said)


def _await_calendar_lock(engine: Engine) -> None:
    """Return as soon as somebody waits for a calendar's own lock."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND NOT granted"
    until = clock.boot_s() + 10
    with engine.connect() as connection:
        while not connection.exec_driver_sql(waiting).scalar_one():
            assert clock.boot_s() < until, "nobody waits"
