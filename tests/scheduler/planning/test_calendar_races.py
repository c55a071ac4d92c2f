"""Syncs beside other syncs, beside the scheduler, and cut short."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from pathlib import Path
from typing import Any

from config import clock
from config.settings import Settings
from scheduler import killswitch, post_queue
from scheduler.planning import calendar_sync, post_selection, stager
from store import bulk
from store.engine import cursor, dialect, open_engine, reading, writing
from tests.support.calendar_city import Desk, SetClock, texts

YEAR = "2026-12"


def test_posts_are_accepted_behind_a_closed_gate(desk: Desk) -> None:
    with writing(desk.engine) as session:
        killswitch.suspend(cursor(session), dialect(session), killswitch.Order("r1", "ada"))
    desk.write("parks.csv", f"open,{YEAR}-03 09:00,Text")
    desk.applied("parks.csv")
    assert [post.state for post in desk.posts()] == ["scheduled"]
    with writing(desk.engine) as session:
        assert post_queue.closed_by(session, "parks")


def test_a_post_claimed_between_plan_and_change_makes_the_plan_void(desk: Desk) -> None:
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,Text 3", f"e4,{YEAR}-04 09:00,Text 4")
    desk.applied("parks.csv")
    desk.write("parks.csv", f"e3,{YEAR}-03 09:00,New 3", f"e4,{YEAR}-04 09:00,New 4", f"e5,{YEAR}-05 09:00,New 5")
    outdated = calendar_sync.check(desk.engine, desk.path("parks.csv"), desk.settings)
    assert outdated.plan is not None
    desk.set_post(desk.posts()[0].id, state="publishing")
    before = desk.rows()
    assert calendar_sync.apply(desk.engine, outdated.plan, "ada") is False
    assert desk.rows() == before
    assert desk.applied("parks.csv", first=outdated).applied
    assert texts(desk.posts()) == ["Text 3", "New 4", "New 5"]


def test_a_plan_made_before_another_sync_of_the_file_is_void(desk: Desk) -> None:
    desk.write("parks.csv", f"e5,{YEAR}-05 09:00,Older")
    older = calendar_sync.check(desk.engine, desk.path("parks.csv"), desk.settings)
    assert older.plan is not None
    desk.write("parks.csv", f"e6,{YEAR}-06 09:00,Newer")
    desk.applied("parks.csv")
    before = desk.rows()
    assert calendar_sync.apply(desk.engine, older.plan, "ada") is False
    assert desk.rows() == before


def test_two_syncs_of_one_file_at_once_make_each_post_once(desk: Desk, now: SetClock) -> None:
    desk.write("parks.csv", *(f"e{i},{YEAR}-{3 + i // 60:02} 09:{i % 60:02},Text {i}" for i in range(300)))
    together = threading.Barrier(2)
    applied: list[bool] = []

    def run() -> None:
        together.wait(10)
        applied.append(desk.applied("parks.csv").applied)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(applied) == [False, True]
    posts = desk.posts()
    assert len(posts) == len({post.source_key for post in posts}) == 300
    assert {post.state for post in posts} == {"scheduled"}


def _sync_and_die(url: str, root: Path, batches: int) -> None:
    """Sync ``parks.csv`` in `root` and be killed once `batches` batches of new posts and entries went to the store."""
    whole = bulk.insert
    done: list[int] = []

    def insert(*arguments: Any) -> None:
        if len(done) == batches:
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(1)
        whole(*arguments)

    bulk.insert = insert
    with clock.use(SetClock()):
        settings = Settings(root=root, timezone="America/Chicago")
        calendar_sync.sync(open_engine(url), settings.calendars_dir / "parks.csv", settings)


def test_a_sync_killed_between_its_batches_leaves_nothing_to_publish(
    desk: Desk, store_url: str, tmp_path: Path
) -> None:
    rows = [f"e{i},{YEAR}-{3 + i // 1440:02} {i // 60 % 24:02}:{i % 60:02},Text {i}" for i in range(2500)]
    desk.write("parks.csv", *rows)
    child = multiprocessing.get_context("spawn").Process(target=_sync_and_die, args=(store_url, tmp_path, 4))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    left = desk.posts()
    assert len(left) == (2 * stager.BATCH if desk.engine.dialect.name == "sqlite" else 0)
    assert {post.state for post in left} <= {"draft"}
    with reading(desk.engine) as session:
        assert post_selection.ids_of(session, post_selection.Wanted()) == [], "nor can a person release it"
    assert desk.applied("parks.csv").applied
    posts = desk.posts()
    assert len(posts) == 2500
    assert {post.state for post in posts} == {"scheduled"}
    assert not any((post.source_key or "").startswith(post_queue.STAGED) for post in posts)


def test_removing_a_file_cancels_what_waits_and_leaves_what_went_out(desk: Desk) -> None:
    desk.write("parks.csv", *(f"e{i},{YEAR}-0{i} 09:00,Text {i}" for i in (3, 4, 5)))
    desk.applied("parks.csv")
    first, second, _ = desk.posts()
    desk.set_post(first.id, state="published")
    desk.set_post(second.id, state="held", hold_reason="late")
    with reading(desk.engine) as session:
        assert calendar_sync.waiting(session, "parks.csv") == {"parks": 2}
    assert calendar_sync.remove(desk.engine, "parks.csv", "ada") == 2
    assert [post.state for post in desk.posts()] == ["published", "cancelled", "cancelled"]
    assert desk.file("parks.csv") is None
    assert desk.applied("parks.csv").applied
    assert texts(desk.posts("published", "scheduled")) == ["Text 3", "Text 4", "Text 5"], "what went out stays once"
