"""What was missed in a suspension, looked through with the verbs: spaced, told when it comes late, in few statements."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlmodel import col, select

from config import clock
from governance import access, roles
from scheduler import hold_reason, post_queue
from scheduler.planning import post_selection, post_verbs
from scheduler.planning.post_changes import Done
from scheduler.planning.post_selection import PostError, Wanted
from scheduler.planning.post_verbs import NewTime
from store import bulk
from store.engine import reading, writing
from store.tables import Post
from tests.scheduler.desk import HOUR, MINUTE, Desk, asked, at, settle

GAP = 5 * MINUTE


@pytest.fixture(autouse=True)
def _shipped_roles() -> Iterator[None]:
    roles.use(None)
    yield
    roles.use(None)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return settle(engine)


def _release(desk: Desk, gap: int = GAP, **query: Any) -> Done:
    with access.acting(desk.engine) as session:
        return post_verbs.release(session, asked(desk.people["otis"], **query), gap)


def _ids(done: Done) -> list[int]:
    return sorted(row.id for row in done.changed)


# --- which posts ---------------------------------------------------------------------------------------------------------


def test_what_one_suspension_made_wait_is_found_whatever_it_did_to_the_post(desk: Desk) -> None:
    """KS-11: each reason that names a suspension, and no other number's."""
    own = [
        desk.post(state="held", due_in=-MINUTE, hold_reason=reason)
        for reason in (
            hold_reason.came_due(1),
            hold_reason.not_sent(1, "no route"),
            hold_reason.passed(1),
            hold_reason.to_be_confirmed(1),
            hold_reason.taken_out("2026-12-01T09:00:00.000Z", 1),
        )
    ]
    for number in (2, 10, 11, 21):
        desk.post(state="held", hold_reason=hold_reason.passed(number))
        desk.post(state="held", hold_reason=hold_reason.taken_out("2026-12-01T09:00:00.000Z", number))
    desk.post(state="held", hold_reason="otis holds it")
    desk.post(state="held", hold_reason=None)
    desk.suspend()
    with reading(desk.engine) as session:
        assert post_selection.ids_of(session, Wanted(suspension=1)) == own
    assert _ids(_release(desk, suspension=1, dry=True)) == own


def test_the_lift_itself_writes_what_is_found(desk: Desk) -> None:
    """The reasons are made in one place: a writer that words its own would lose its posts here."""
    missed, number = desk.post(due_in=-MINUTE), desk.suspend()
    desk.post(state="held", due_in=-MINUTE)
    assert desk.lift(number) == 1
    assert _ids(_release(desk, suspension=number)) == [missed]


def test_a_suspension_narrows_and_one_that_never_was_is_named(desk: Desk) -> None:
    number = desk.suspend()
    there, reason = [], hold_reason.passed(number)
    for channel, tags in (("parks", ["pool"]), ("parks", []), ("police", ["pool"])):
        there.append(desk.post(channel, state="held", due_in=-MINUTE, hold_reason=reason, tags=tags))
    assert _ids(_release(desk, suspension=number, channels=("parks",), tag="pool", dry=True)) == there[:1]
    with pytest.raises(PostError, match="there is no suspension 7"):
        _release(desk, suspension=7)
    with pytest.raises(PostError, match="no post to hold matches"), access.acting(desk.engine) as session:
        post_verbs.hold(session, asked(desk.people["otis"], suspension=number))


# --- when they go out ----------------------------------------------------------------------------------------------------


def test_what_spacing_makes_late_is_said_before_and_after(desk: Desk) -> None:
    """KS-11: nothing goes out past its limit unsaid; who released it agreed to the time."""
    for minutes in range(9):
        desk.post(state="held", due_in=-(60 - minutes) * MINUTE, lateness_us=20 * MINUTE)
    for dry in (True, False):
        done = _release(desk, states=("held",), dry=dry)
        assert [row.late for row in done.changed] == [False] * 4 + [True] * 5 or [row.late for row in done.changed] == [
            False
        ] * 5 + [True] * 4
        (slots,) = done.slots()
        assert (slots.channel, slots.posts, slots.late) == ("parks", 9, sum(row.late for row in done.changed))
        assert slots.last - slots.first == 8 * GAP


def test_a_post_that_keeps_its_time_is_never_late(desk: Desk) -> None:
    desk.post(state="held", due_in=10 * HOUR, lateness_us=MINUTE)
    assert [row.late for row in _release(desk, states=("held",)).changed] == [False]


def test_from_now_on_means_when_it_is_done(desk: Desk) -> None:
    """A command that waited for the store's lock is not told that its own moment is past; a time that was named still is."""
    number = desk.post(state="held", due_in=-HOUR)
    before = clock.wall_us()
    with access.acting(desk.engine) as session:
        request = asked(desk.people["otis"], (number,))
        long_ago = at("2026-01-01T09:00:00")
        done = post_verbs.reschedule(session, request, NewTime(long_ago, GAP, None, from_now=True))
    assert before <= done.changed[0].due_at <= clock.wall_us() + clock.SECOND
    with pytest.raises(PostError, match="is past"), access.acting(desk.engine) as session:
        post_verbs.reschedule(session, request, NewTime(long_ago, GAP))


# --- all or nothing ------------------------------------------------------------------------------------------------------


def test_of_two_releases_at_once_one_does_it_and_the_other_is_refused(desk: Desk) -> None:
    """KS-11: the same posts never get two times, nor the same moment twice."""
    ids = [desk.post(state="held", due_in=-MINUTE) for _ in range(20)]
    ready, told = threading.Barrier(2), list[object]()

    def release() -> None:
        ready.wait()
        try:
            with access.acting(desk.engine) as session:
                told.append(post_verbs.release(session, asked(desk.people["otis"], ids), GAP))
        except PostError as error:
            told.append(error)

    threads = [threading.Thread(target=release) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(item).__name__ for item in told) == ["Done", "PostError"]
    with reading(desk.engine) as session:
        dues = sorted(session.exec(select(Post.due_at).where(col(Post.id).in_(ids))))
    assert all(b - a >= GAP for a, b in pairwise(dues))


@pytest.mark.parametrize("verb", ["cancel", "release", "reschedule", "hold"])
def test_a_dry_run_and_a_refusal_change_no_post_and_the_log_says_nothing(desk: Desk, verb: str) -> None:
    """All or nothing: one post on a channel that the person may not touch, and nothing is done to any."""
    state = "scheduled" if verb == "hold" else "held"
    ids = [desk.post("parks", state=state, due_in=-MINUTE), desk.post("police", state=state, due_in=-MINUTE)]
    before = desk.states()
    assert len(_do(desk, verb, "otis", ids, dry=True).changed) == 2
    with pytest.raises(access.Refused):
        _do(desk, verb, "pat", ids)
    assert desk.states() == before
    assert desk.log(f"post.{verb}") == []
    assert len(_do(desk, verb, "otis", ids).changed) == 2
    assert desk.states() != before


def _do(desk: Desk, verb: str, who: str, ids: list[int], *, dry: bool = False) -> Done:
    soon = at("2099-01-01T09:00:00")
    verbs: dict[str, Callable[..., Done]] = {
        "cancel": post_verbs.cancel,
        "hold": post_verbs.hold,
        "release": lambda session, request: post_verbs.release(session, request, GAP),
        "reschedule": lambda session, request: post_verbs.reschedule(session, request, NewTime(soon, GAP)),
    }
    with access.acting(desk.engine) as session:
        return verbs[verb](session, asked(desk.people[who], ids, dry=dry))


# --- how much it costs ---------------------------------------------------------------------------------------------------

FEW, MANY = 200, 3000
PER_PAGE = 6
"""Statements that may come with each further `bulk.PIECE` posts: read, locked, asked for attempts, changed, logged."""


def _queue(desk: Desk, count: int) -> None:
    now = clock.wall_us()
    alike = {
        "state": "held",
        "hold_reason": hold_reason.passed(1),
        "text": "The pool opens at nine.",
        "content_hash": "h",
    }
    alike |= {"media": "[]", "tags": "[]", "author": "ana", "local_time": "2026-11-26T09:00:00", "zone": "UTC"}
    numbers = {"lateness_us": MINUTE, "tries": 0, "created_at": now, "updated_at": now}
    rows = [
        {
            **alike,
            **numbers,
            "channel": ("parks", "police")[n % 2],
            "due_at": now - HOUR + n,
            "ready_at": now - HOUR + n,
        }
        for n in range(count)
    ]
    with writing(desk.engine) as session:
        post_queue.add_new(session, rows)


@contextmanager
def _counted(engine: Engine) -> Iterator[list[str]]:
    """The statements that go to the database within the block; many rows at once are one."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_the_statements_grow_by_pages_and_not_by_posts(desk: Desk) -> None:
    """Ten thousand posts take as many statements as twenty pages: nobody waits for one round trip a post."""
    held, waiting = (asked(desk.people["otis"], states=(state,)) for state in ("held", "scheduled"))
    later = NewTime(at("2099-01-01T09:00:00"), clock.SECOND)
    steps: list[Callable[[Any], Done]] = [
        lambda session: post_verbs.release(session, asked(desk.people["otis"], states=("held",), dry=True), 1),
        lambda session: post_verbs.release(session, held, clock.SECOND),
        lambda session: post_verbs.hold(session, waiting),
        lambda session: post_verbs.reschedule(session, held, later),
        lambda session: post_verbs.hold(session, waiting),
        lambda session: post_verbs.cancel(session, held),
    ]
    taken: dict[int, list[int]] = {}
    for count in (FEW, MANY - FEW):
        _queue(desk, count)
        sizes = []
        for step in steps:
            with _counted(desk.engine) as said, access.acting(desk.engine) as session:
                step(session)
            sizes.append(len(said))
        taken[count] = sizes
    pages = (MANY - 2 * FEW) / bulk.PIECE
    assert all(b - a <= PER_PAGE * (pages + 1) for a, b in zip(*taken.values(), strict=True)), taken
