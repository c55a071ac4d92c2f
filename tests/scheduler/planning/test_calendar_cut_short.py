"""A sync of a large calendar that is killed where it stands, or in the midst of which somebody stops everything."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, func, select

from commands import calendar as calendar_command
from config import clock, essentials
from config.settings import Settings
from scheduler import claim_rows, killswitch, lifting, post_queue, switch
from scheduler.killswitch import Order
from scheduler.planning import calendar_apply, calendar_sync, post_views
from scheduler.planning.calendar_plan import Plan
from scheduler.planning.post_selection import Wanted
from store.engine import cursor, dialect, open_engine, reading, writing
from store.tables import CalendarEntry, Post
from tests.support.calendar_city import Desk, SetClock

MANY = 1500
"""More than one batch."""
OLD = ("stays,2026-12-03 09:00,Old", "moves,2026-12-03 09:10,Old", "goes,2026-12-03 09:20,Old")
NEW = ("stays,2026-12-03 09:00,New", "moves,2026-12-03 10:10,Old")


def more(count: int = MANY) -> list[str]:
    """Rows of a large calendar."""
    return [f"e{i},2026-12-{4 + i // 1440:02} {i // 60 % 24:02}:{i % 60:02},New {i}" for i in range(count)]


def real(desk: Desk) -> set[tuple[str | None, str, str, str]]:
    """(entry, text, local time, state) of the posts that are more than laid down."""
    with reading(desk.engine) as session:
        found = session.exec(select(Post).where(~post_queue.is_staged())).all()
        return {(post.entry, post.text, post.local_time, post.state) for post in found}


def applied(desk: Desk) -> dict[str, str]:
    """The entries as last applied: the text of each."""
    with reading(desk.engine) as session:
        rows = session.exec(select(CalendarEntry).where(CalendarEntry.file == "parks.csv")).all()
        return {row.entry: row.body["text"] for row in rows}


def left_behind(desk: Desk) -> int:
    """How many rows are laid down and not real."""
    with reading(desk.engine) as session:
        posts = session.exec(select(func.count()).select_from(Post).where(post_queue.is_staged())).one()
        entries = select(func.count()).select_from(CalendarEntry).where(col(CalendarEntry.file) != "parks.csv")
        return posts + session.exec(entries).one()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _sync_and_die(url: str, root: Path, step: str, after: bool) -> None:
    """Sync ``parks.csv`` in `root` and be killed before, or after, the first call of `step` in `calendar_apply`."""
    whole = getattr(calendar_apply, step)

    def then_die(*arguments: Any, **named: Any) -> None:
        if after:
            whole(*arguments, **named)
        _die()

    setattr(calendar_apply, step, then_die)
    with clock.use(SetClock()):
        settings = Settings(root=root, timezone="America/Chicago")
        calendar_sync.sync(open_engine(url), settings.calendars_dir / "parks.csv", settings)


@pytest.mark.parametrize(
    ("step", "after", "stands"),
    [
        pytest.param("_confirmed", False, False, id="all laid down, nothing real"),
        pytest.param("_finish", True, False, id="all real but not committed"),
        pytest.param("clear", False, True, id="committed"),
    ],
)
def test_a_sync_killed_around_its_flip_is_all_there_or_not_at_all(
    desk: Desk, store_url: str, tmp_path: Path, step: str, after: bool, stands: bool
) -> None:
    """SE-4: kill -9 loses nothing, leaves nothing half applied, and the next sync removes what lies about."""
    desk.write("parks.csv", *OLD)
    desk.applied("parks.csv")
    before = real(desk), applied(desk), desk.file("parks.csv")
    desk.write("parks.csv", *NEW, *more())
    child = multiprocessing.get_context("spawn").Process(target=_sync_and_die, args=(store_url, tmp_path, step, after))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    wanted = {("stays", "New", "2026-12-03T09:00", "scheduled"), ("moves", "Old", "2026-12-03T10:10", "scheduled")}
    wanted |= {("goes", "Old", "2026-12-03T09:20", "cancelled")}
    if not stands:
        assert (real(desk), applied(desk), desk.file("parks.csv")) == before
    assert desk.applied("parks.csv").applied is not stands
    assert {post for post in real(desk) if post[0] in ("stays", "moves", "goes")} == wanted
    assert len(real(desk)) == MANY + len(OLD)
    assert len(applied(desk)) == MANY + len(NEW)
    assert left_behind(desk) == 0
    assert not desk.applied("parks.csv").applied


def test_what_a_killed_sync_left_is_removed_though_the_file_is_as_it_was(desk: Desk) -> None:
    """Somebody took the edit back: nothing is to be applied, and yet nothing may lie about for ever."""
    desk.write("parks.csv", *OLD)
    desk.applied("parks.csv")
    _lay_down(desk, MANY)
    assert left_behind(desk) == 2 * MANY
    assert not desk.applied("parks.csv").applied
    assert left_behind(desk) == 0
    assert len(real(desk)) == len(OLD)


def _lay_down(desk: Desk, count: int) -> None:
    """What a sync on SQLite leaves that ended right before its flip."""
    desk.write("parks.csv", *OLD, *more(count))
    plan = calendar_sync.check(desk.engine, desk.path("parks.csv"), desk.settings).plan
    assert plan is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(calendar_apply, "_confirmed", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            calendar_apply._in_batches(desk.engine, plan, "ada", "0" * 32)
    desk.write("parks.csv", *OLD)


def _interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt


def test_what_is_laid_down_nobody_sees_claims_holds_or_counts(desk: Desk, now: SetClock) -> None:
    """I7: also when its time has come, and also at a lift."""
    desk.write("parks.csv", *OLD)
    desk.applied("parks.csv")
    _lay_down(desk, 3)
    with reading(desk.engine) as session:
        laid_down = [number for number in session.exec(select(Post.id).where(post_queue.is_staged())) if number]
        before = post_views.listed(session, Wanted(), 50)
        assert {row["entry"] for row in before} == {"stays", "moves", "goes"}
    now.wall += 30 * 86_400 * clock.SECOND
    with writing(desk.engine) as session:
        found, name = cursor(session), dialect(session)
        stopped = killswitch.suspend(found, name, Order("r", "dora"))
        _, held = lifting.lift(found, name, stopped.suspension, by="omar", reason="over", asked_epoch=stopped.epoch)
    assert held == len(OLD)
    with writing(desk.engine) as session:
        assert [claim_rows.locked_channel(session, number) for number in laid_down] == [None] * 3
    with reading(desk.engine) as session:
        assert post_queue.heads(session) == []
        assert calendar_sync.waiting(session, "parks.csv") == {"parks": len(OLD)}
        assert [row["posts"] for row in calendar_command._listed(session)] == [{"held": len(OLD)}]
    assert left_behind(desk) == 6


def test_what_is_laid_down_is_no_reason_to_refuse_a_renamed_file(desk: Desk, now: SetClock) -> None:
    """Only posts that wait would be said twice."""
    desk.write("parks.csv", *OLD)
    desk.applied("parks.csv")
    _lay_down(desk, 3)
    desk.path("parks.csv").unlink()
    assert calendar_sync.check(desk.engine, desk.write("other.csv", *more(3)), desk.settings).faults == []
    (fault,) = calendar_sync.check(desk.engine, desk.write("other.csv", *OLD), desk.settings).faults
    assert "holds entries of parks.csv" in fault.message


@pytest.mark.parametrize("rows", [more(3), NEW], ids=["posts and entries", "entries alone"])
def test_a_sync_whose_rows_another_removed_begins_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, rows: list[str]
) -> None:
    """Two at once on SQLite: the faster one clears away what it takes for the rest of one that is dead."""
    desk.write("parks.csv", *OLD)
    desk.applied("parks.csv")
    whole, cleared = calendar_apply._ready, list[bool]()

    def ready(*arguments: Any) -> Any:
        if not cleared:
            cleared.append(left_behind(desk) > 0)
            calendar_apply.clear(desk.engine, "parks.csv")
        return whole(*arguments)

    monkeypatch.setattr(calendar_apply, "_ready", ready)
    desk.write("parks.csv", *OLD[2:], *rows)
    assert desk.applied("parks.csv").applied
    assert cleared == [desk.engine.dialect.name == "sqlite"]
    assert set(applied(desk).values()) == {row.split(",")[2] for row in (*OLD[2:], *rows)}
    assert len(applied(desk)) == 1 + len(rows)


class Pause:
    """A sync that stands still in the midst of writing its new posts until it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.begun = 0
        whole: Callable[[Plan], Iterator[dict[str, Any]]] = Plan.new_posts

        def new_posts(plan: Plan) -> Iterator[dict[str, Any]]:
            self.begun += 1
            for number, row in enumerate(whole(plan)):
                if number == at:
                    self.reached.set()
                    assert self.go_on.wait(60)
                yield row

        monkeypatch.setattr(Plan, "new_posts", new_posts)


def test_a_crisis_in_the_midst_of_a_sync_waits_for_nothing_of_it(
    desk: Desk, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop stands while the sync stands still; nobody is ended for it; what the sync brings is behind the gate."""
    desk.write("parks.csv", *more())
    pause = Pause(monkeypatch, MANY - 100)
    outcomes: list[bool] = []
    sync = threading.Thread(target=lambda: outcomes.append(desk.applied("parks.csv").applied))
    sync.start()
    own = switch.open_switch(essentials.load({"STANDFAST_DATABASE_URL": store_url}, tmp_path))
    try:
        assert pause.reached.wait(60)
        with switch.exclusive(own) as found:
            killswitch.suspend(found, own.name, Order("r", "dora"))
        with switch.reading(own) as found:
            assert killswitch.closed_by(found, own.name, "parks", clock.wall_us())
        assert real(desk) == set()
    finally:
        pause.go_on.set()
        sync.join(60)
        own.close()
    assert (own.ended, pause.begun) == ([], 1), "the sync was ended for it"
    assert outcomes == [True]
    assert {post[3] for post in real(desk)} == {"scheduled"}
    assert len(real(desk)) == MANY
    with reading(desk.engine) as session:
        assert post_queue.closed_by(session, "parks")


def test_a_second_sync_in_the_midst_of_another_makes_no_post_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """I3: on SQLite the one that stood still finds its plan void; on PostgreSQL the second waits for the first."""
    desk.write("parks.csv", *more())
    pause = Pause(monkeypatch, MANY - 100)
    outcomes: list[bool] = []

    def run() -> None:
        outcomes.append(desk.applied("parks.csv").applied)

    first = threading.Thread(target=run)
    first.start()
    assert pause.reached.wait(60)
    pause.reached.clear()
    second = threading.Thread(target=run)
    second.start()
    if desk.engine.dialect.name == "sqlite":
        assert pause.reached.wait(60), "the second one is no further than the first"
    pause.go_on.set()
    for thread in (first, second):
        thread.join(60)
    assert sorted(outcomes) == [False, True]
    assert len(real(desk)) == len(desk.posts()) == MANY
    assert left_behind(desk) == 0
