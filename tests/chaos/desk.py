"""What people do with posts in a trial, each in a process of its own that writes down what it meant to do and what was done."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from calendars import zones
from calendars.entry import Occurrence
from config import clock, essentials
from config.fault import Fault
from governance.authority import Identity
from records import log
from scheduler import restore
from scheduler.planning import post_selection, post_verbs
from scheduler.planning.post_changes import Done
from scheduler.planning.post_service import Edit
from scheduler.planning.post_verbs import NewTime, Request
from store.engine import StoreError, open_engine, reading, writing
from store.tables import Post
from tests.chaos import stage
from tests.chaos.worker import Diary

PERSIST_S = 200.0
PERSON = Identity("ana", "Ana", "token")
EDITED = "Other words."
PAST_S, MOST_AHEAD_S = 1.0, 1.5
"""Posts are put off to a moment this far ahead."""
OPEN = ("scheduled", "held", "failed")
TAKES: Mapping[str, tuple[str, ...]] = {
    "edit": OPEN,
    "cancel": ("scheduled", "held"),
    "release": ("held", "failed"),
    "reschedule": OPEN,
}
"""The states in which somebody looks for a post to do this with."""


def persist(engine: Engine, act: Callable[[Session], object]) -> None:
    """Do `act` in a write session, again when a machine that stands still let the database end it, or a restore is not over."""
    until = clock.boot_s() + PERSIST_S
    while True:
        try:
            with writing(engine) as session:
                act(session)
            break
        except (StoreError, restore.NotLookedThrough):
            if clock.boot_s() > until:
                raise
            engine.dispose()  # as a command that is repeated: what was open may be the file that was replaced
            Event().wait(0.1)
    engine.dispose()


def add(diary: Diary, make: Callable[[], list[Post]]) -> None:
    """Queue posts."""
    rows: list[Post] = []

    def act(session: Session) -> None:
        restore.refuse_older_copy(session, essentials.load())
        rows[:] = make()
        session.add_all(rows)
        session.flush()
        ids = [row.id for row in rows]
        log.record(session, "ana", "post.add", f"{len(rows)} posts", {"ids": ids})  # by which the workers notice them

    diary.write("added?", posts=[stage.told(row) for row in make()])
    persist(open_engine(essentials.load().database_url, busy_timeout_s=30), act)
    diary.write("added", posts=[stage.told(row) for row in rows])


def do(diary: Diary, verb: str, seed: str) -> None:
    """`standfast post VERB` on one or two posts drawn among those it is meant for; refused when a worker has one."""
    rng = random.Random(seed)
    engine = opened(diary)
    try:
        posts = _some(engine, TAKES[verb], rng)
        if posts:
            _verb(diary, engine, verb, posts, rng)
    except (Fault, StoreError) as error:
        diary.write(f"not {verb}", why=str(error))
    finally:
        engine.dispose()


def opened(diary: Diary) -> Engine:
    """The store as it is now, and a line that says since when: it may be put back under who has it open."""
    diary.write("opens")
    return open_engine(essentials.load().database_url, busy_timeout_s=5)


def release_all(diary: Diary) -> None:
    """`standfast post release` of every held post, one by one: those with an open attempt are refused."""
    engine = opened(diary)
    try:
        for post in _posts(engine, ("held",)):
            try:
                _verb(diary, engine, "release", [post], random.Random(0))
            except (Fault, StoreError) as error:
                diary.write("not release", why=str(error))
    finally:
        engine.dispose()


def _some(engine: Engine, states: tuple[str, ...], rng: random.Random) -> list[Post]:
    found = _posts(engine, states)
    return rng.sample(found, min(len(found), rng.randint(1, 2)))


def _posts(engine: Engine, states: tuple[str, ...]) -> list[Post]:
    with reading(engine) as session:
        found = list(session.exec(select(Post).where(col(Post.state).in_(states)).order_by(col(Post.id))))
        session.expunge_all()
    return found


def _verb(diary: Diary, engine: Engine, verb: str, posts: list[Post], rng: random.Random) -> None:
    """Say what is meant, do it, say what was done: who dies in between may or may not have done it."""
    request = Request(post_selection.Wanted(tuple(post.id or 0 for post in posts)), PERSON, series=True)
    act = _acts(verb, request, posts, rng)
    diary.write(f"{verb}?", posts=[stage.told(post) for post in posts])
    with writing(engine) as session:
        restore.refuse_older_copy(session, essentials.load())
        done = act(session)
        ids = [item.id for item in done.changed]
        changed = [stage.told(session.get_one(Post, number, populate_existing=True)) for number in ids]
    diary.write(verb, posts=changed)


def _acts(verb: str, request: Request, posts: list[Post], rng: random.Random) -> Callable[[Session], Done]:
    if verb == "cancel":
        return lambda session: post_verbs.cancel(session, request)
    if verb == "release":
        return lambda session: post_verbs.release(session, request, 0)
    if verb == "edit":
        change = Edit(text=f"{stage.tag_of(posts[0].text)} {EDITED}")
        one = Request(post_selection.Wanted((posts[0].id or 0,)), PERSON)
        return lambda session: post_verbs.edit(session, one, change, Path("data"))
    later = NewTime(_later(posts, rng), 0)
    return lambda session: post_verbs.reschedule(session, request, later)


def _later(posts: list[Post], rng: random.Random) -> Occurrence:
    """A moment to come, and later than the posts' own: an earlier one would be news that a restored store has lost."""
    least = max([clock.wall_us(), *(post.due_at for post in posts)])
    at = least + int(rng.uniform(0.2, MOST_AHEAD_S) * clock.SECOND)
    return Occurrence(zones.local_of(at, "UTC"), "UTC", at)


def due_by(lines: list[dict[str, Any]], before_ns: int) -> dict[str, int]:
    """By post: when it was due (wall µs), by all that people had said before the moment `before_ns`."""
    told = [line for line in lines if line["what"] in ("added?", "added", "release", "reschedule")]
    return {item["post"]: item["due_us"] for line in told if line["boot_ns"] < before_ns for item in line["posts"]}
