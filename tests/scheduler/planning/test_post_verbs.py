"""What people can ask for of many posts at once, on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from config import clock
from governance import access, roles
from governance.access import Refused
from scheduler import post_queue
from scheduler.planning import content, post_service, post_verbs
from scheduler.planning.post_changes import Done
from scheduler.planning.post_selection import PostError
from scheduler.planning.post_service import Edit
from scheduler.planning.post_verbs import NewTime
from store.engine import writing
from tests.scheduler.desk import HOUR, MINUTE, Desk, asked, at, settle

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + b"a picture"
GAP = 5 * MINUTE
LATE = 30 * MINUTE


@pytest.fixture(autouse=True)
def _shipped_roles() -> Iterator[None]:
    roles.use(None)
    yield
    roles.use(None)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return settle(engine)


def _release(desk: Desk, *ids: int, who: str = "otis", gap: int = GAP, **more: Any) -> Done:
    with access.acting(desk.engine) as session:
        return post_verbs.release(session, asked(desk.people[who], ids, **more), gap)


def _cancel(desk: Desk, *ids: int, who: str = "otis", **more: Any) -> Done:
    with access.acting(desk.engine) as session:
        return post_verbs.cancel(session, asked(desk.people[who], ids, **more))


def _reschedule(desk: Desk, to: NewTime, *ids: int, who: str = "otis", **more: Any) -> Done:
    with access.acting(desk.engine) as session:
        return post_verbs.reschedule(session, asked(desk.people[who], ids, **more), to)


# cancel, hold, edit


def test_many_posts_are_cancelled_in_one_transaction_or_none(desk: Desk) -> None:
    good, out = desk.post(), desk.post(state="published")
    busy = desk.post(state="publishing")
    with pytest.raises(PostError) as raised:
        _cancel(desk, good, out, busy)
    assert len(raised.value.lines) == 2
    assert f"post {out} is published" in raised.value.lines[0]
    assert f"post {busy} is being published now: a call is under way" in raised.value.lines[1]
    assert desk.found(good).state == "scheduled"
    assert desk.log("post.cancel") == []
    _cancel(desk, good)
    assert desk.found(good).state == "cancelled"
    assert len(desk.log("post.cancel")) == 1


def test_a_query_takes_the_posts_the_verb_can_take_and_says_what_was_left(desk: Desk) -> None:
    wanted, _out, busy = desk.post(), desk.post(state="published"), desk.post(state="publishing")
    other = desk.post("police")
    done = _cancel(desk, channels=("parks",))
    assert ([row.id for row in done.changed], done.left) == ([wanted], 1)
    assert (desk.found(busy).state, desk.found(other).state) == ("publishing", "scheduled")


def test_a_verb_without_posts_or_for_one_that_does_not_exist_is_refused(desk: Desk) -> None:
    post = desk.post()
    for ids, query in (((), {}), ((post, 999, 2**70), {}), ((), {"tag": "none"}), ((), {"channels": ("park",)})):
        with pytest.raises(PostError):
            _cancel(desk, *ids, **query)
    assert desk.found(post).state == "scheduled"


def test_a_dry_run_shows_what_would_be_done_and_does_nothing(desk: Desk) -> None:
    post = desk.post(state="held", due_in=-HOUR)
    before = desk.found(post)
    (row,) = _release(desk, post, dry=True).changed
    assert (row.before, row.after) == ("held", "scheduled")
    assert desk.found(post) == before
    assert desk.log("post.release") == []


def test_own_channel_or_the_right_to_release_is_needed(desk: Desk) -> None:
    mine, theirs = desk.post(), desk.post("police")
    with pytest.raises(Refused, match="police"):
        _cancel(desk, mine, theirs, who="pat")
    assert desk.states() == [(mine, "scheduled"), (theirs, "scheduled")]
    assert [entry.actor for entry in desk.log("refused")] == ["pat"]
    _cancel(desk, mine, who="pat")
    _cancel(desk, theirs, who="otis")


def test_a_held_post_carries_the_reason_and_only_scheduled_ones_are_held(desk: Desk) -> None:
    post, draft = desk.post(), desk.post(state="draft")
    with access.acting(desk.engine) as session:
        post_verbs.hold(session, asked(desk.people["pat"], [post]), "the fair moved")
    assert (desk.found(post).state, desk.found(post).hold_reason) == ("held", "the fair moved")
    with pytest.raises(PostError, match="hold takes only scheduled"), access.acting(desk.engine) as session:
        post_verbs.hold(session, asked(desk.people["pat"], [draft]))


def test_an_edit_logs_the_old_and_the_new_hash_and_keeps_the_state(desk: Desk, tmp_path: Path) -> None:
    post = desk.post(state="held", hold_reason="wait")
    old = desk.found(post).content_hash
    with access.acting(desk.engine) as session:
        post_verbs.edit(session, asked(desk.people["pat"], [post]), Edit(text="At ten.", tags=("pool",)), tmp_path)
    now = desk.found(post)
    assert (now.state, now.hold_reason, now.text, now.tags) == ("held", "wait", "At ten.", ["pool"])
    assert now.content_hash == content.content_hash("At ten.", []) != old
    (entry,) = desk.log("post.edit")
    assert json.loads(entry.detail)["posts"][0]["hash"] == [old, now.content_hash]


def test_an_edit_that_a_platform_would_not_take_changes_no_post(desk: Desk, tmp_path: Path) -> None:
    posts = [desk.post(), desk.post("library")]
    with (
        pytest.raises(PostError, match=rf"post {posts[1]}: .*300.*280"),
        access.acting(desk.engine) as session,
    ):
        post_verbs.edit(session, asked(desk.people["otis"], posts), Edit(text="a" * 300), tmp_path)
    assert [desk.found(post).text for post in posts] == ["The pool opens at nine."] * 2


@pytest.mark.parametrize("verb", ["cancel", "hold", "edit", "release", "reschedule"])
def test_a_post_in_a_workers_hands_is_left_alone_by_every_verb(desk: Desk, verb: str, tmp_path: Path) -> None:
    post = desk.post(state="publishing")
    desk.attempt(post, "sending")
    request = asked(desk.people["otis"], [post])
    more: dict[str, tuple[Any, ...]] = {
        "edit": (Edit(text="no"), tmp_path),
        "release": (GAP,),
        "reschedule": (NewTime(at("2190-12-01T09:00"), GAP),),
    }
    with pytest.raises(PostError, match="a call is under way"), access.acting(desk.engine) as session:
        getattr(post_verbs, verb)(session, request, *more.get(verb, ()))
    assert desk.found(post).state == "publishing"


def test_a_worker_that_claims_first_wins_and_the_cancel_is_refused(desk: Desk) -> None:
    """The row's lock orders the two: a post cannot be cancelled under a call."""
    post = desk.post()
    refused: list[PostError] = []

    def cancel() -> None:
        try:
            _cancel(desk, post)
        except PostError as error:
            refused.append(error)

    person = threading.Thread(target=cancel)
    with writing(desk.engine) as session:
        post_queue.move_post(session, post, "publishing")
        session.flush()
        person.start()
        _wait_for_a_waiter(desk)
    person.join(30)
    assert "a call is under way" in str(refused[0])
    assert desk.found(post).state == "publishing"


def _wait_for_a_waiter(desk: Desk) -> None:
    """Until somebody waits for a lock (SQLite shows nobody: there the store's one lock is the order)."""
    until = clock.boot_s() + 20
    while desk.engine.dialect.name == "postgresql":
        with desk.engine.connect() as connection:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            if connection.exec_driver_sql(query).scalar_one():
                return
        assert clock.boot_s() < until, "nobody waits"


# release and reschedule


def test_missed_posts_released_together_are_spaced_per_channel(desk: Desk) -> None:
    """KS-11: no burst."""
    parks = [desk.post(state="held", due_in=-(5 - n) * HOUR) for n in range(4)]
    library = [desk.post("library", state="failed", due_in=-HOUR + n, tries=4) for n in range(2)]
    before = clock.wall_us()
    _release(desk, *library, *reversed(parks))
    found = [desk.found(post) for post in parks]
    assert all(post.state == "scheduled" and post.ready_at == post.due_at for post in found)
    assert before <= found[0].due_at <= clock.wall_us() + clock.SECOND
    assert [b.due_at - a.due_at for a, b in pairwise(found)] == [GAP] * 3
    first, second = (desk.found(post) for post in library)
    assert second.due_at - first.due_at == 10 * MINUTE, "the channel's own spacing is wider"
    assert (first.tries, first.hold_reason) == (0, None)
    assert first.local_time == at(first.local_time).local
    assert at(first.local_time).at_us == first.due_at


def test_a_release_goes_on_after_what_is_planned_close_by(desk: Desk) -> None:
    """KS-11: two releases one after the other are no burst either, and a far calendar does not push them away."""
    missed = [desk.post(state="held", due_in=-HOUR - n) for n in range(4)]
    far = desk.post(due_in=50 * HOUR)
    _release(desk, *missed[2:])
    _release(desk, *missed[:2])
    times = sorted(desk.found(post).due_at for post in missed)
    assert [b - a for a, b in pairwise(times)] == [GAP] * 3
    assert times[-1] < clock.wall_us() + HOUR < desk.found(far).due_at


def test_a_release_keeps_its_distance_from_planned_and_just_published_posts(desk: Desk) -> None:
    now = clock.wall_us()
    desk.post(state="published", published_at=now - 2 * MINUTE)
    desk.post(due_in=7 * MINUTE)
    post = desk.post(state="held", due_in=-HOUR)
    _release(desk, post)
    due = desk.found(post).due_at
    assert now + 12 * MINUTE <= due <= now + 12 * MINUTE + 2 * clock.SECOND


def test_a_post_released_before_its_time_keeps_it(desk: Desk) -> None:
    post, draft = desk.post(state="held", due_in=HOUR), desk.post(state="draft", due_in=2 * HOUR)
    before = [desk.found(post).due_at, desk.found(draft).due_at]
    _release(desk, post, draft)
    assert [desk.found(post).due_at, desk.found(draft).due_at] == before
    assert [state for _, state in desk.states()] == ["scheduled", "scheduled"]


def test_a_release_needs_the_right_to_release(desk: Desk) -> None:
    post = desk.post(state="held", due_in=-HOUR)
    with pytest.raises(Refused, match="'release'"):
        _release(desk, post, who="pat")
    with pytest.raises(Refused, match="'release'"):
        _reschedule(desk, NewTime(at("2190-12-01T09:00"), GAP), post, who="pat")
    assert desk.found(post).state == "held"


def test_a_post_whose_attempt_is_unknown_is_released_only_after_a_person_closed_it(desk: Desk) -> None:
    """I3: it may be out."""
    post = desk.post(state="held", due_in=-HOUR, hold_reason="not found")
    attempt = desk.attempt(post, "unknown")
    with pytest.raises(PostError, match=rf"attempt {attempt} .*`standfast post close {post}`"):
        _release(desk, post)
    with access.acting(desk.engine) as session:
        assert post_service.close(session, desk.people["otis"], post, None) == "held"
    _release(desk, post)
    assert desk.found(post).state == "scheduled"


def test_a_post_released_behind_a_closed_gate_stays_there_and_is_held_at_the_lift(desk: Desk) -> None:
    """KS-8, I7."""
    number = desk.suspend()
    post = desk.post(state="held", due_in=-HOUR)
    done = _release(desk, post)
    assert (desk.found(post).state, done.closed) == ("scheduled", ("parks",))
    later = clock.RehearsalClock(clock.wall_us() + HOUR, clock.boot_ns(), 1.0)
    with clock.use(later):
        assert desk.lift(number) == 1
    assert desk.found(post).state == "held"


def test_missed_occurrences_of_one_series_are_released_together_only_when_asked_for(desk: Desk) -> None:
    """KS-17."""
    posts = [desk.post(state="held", due_in=-n * HOUR, file="parks.yaml", entry="market") for n in (1, 2, 3)]
    other = desk.post("police", state="held", due_in=-HOUR, file="parks.yaml", entry="market")
    with pytest.raises(PostError, match="another missed occurrence of market") as raised:
        _release(desk, *posts, other)
    assert len(raised.value.lines) == 2
    assert {state for _, state in desk.states()} == {"held"}
    _release(desk, *posts, other, series=True)
    times = sorted(desk.found(post).due_at for post in posts)
    assert [b - a for a, b in pairwise(times)] == [GAP] * 2


def test_posts_are_rescheduled_to_a_time_and_spaced_from_it(desk: Desk) -> None:
    posts = [
        desk.post(state=state, due_in=n * HOUR) for n, state in enumerate(("held", "scheduled", "draft"), start=-1)
    ]
    police = desk.post("police")
    start = at("2190-12-01T09:00")
    _reschedule(desk, NewTime(start, GAP), *posts, police)
    assert [desk.found(post).due_at - start.at_us for post in (*posts, police)] == [0, GAP, 2 * GAP, 0]
    assert [state for _, state in desk.states()] == ["scheduled", "scheduled", "draft", "scheduled"]
    assert desk.found(posts[1]).local_time == "2190-12-01T09:05:00"


def test_posts_are_spread_evenly_over_a_time(desk: Desk) -> None:
    posts = [desk.post(due_in=n * HOUR) for n in range(1, 5)]
    start = at("2190-12-01T09:00")
    _reschedule(desk, NewTime(start, GAP, 2 * HOUR), *posts)
    assert [desk.found(post).due_at - start.at_us for post in posts] == [n * HOUR // 2 for n in range(4)]
    with pytest.raises(PostError, match="closer than its spacing of 30s"):
        _reschedule(desk, NewTime(start, GAP, MINUTE), *posts)


def test_no_post_is_rescheduled_into_the_past(desk: Desk) -> None:
    post = desk.post()
    with pytest.raises(PostError, match="is past"):
        _reschedule(desk, NewTime(at("2020-01-01T09:00"), GAP), post)


def test_ten_thousand_posts_are_released_in_one_transaction(desk: Desk) -> None:
    """All or nothing, and quickly enough that nobody waits long for the lock."""
    from sqlalchemy import insert

    from store.tables import Post

    pattern = desk.found(desk.post(state="held", due_in=-HOUR)).model_dump(exclude={"id"})
    with writing(desk.engine) as session:
        session.execute(insert(Post), [pattern] * 9_999)
    begun = clock.boot_s()
    done = _release(desk, states=("held",))
    assert len(done.changed) == 10_000
    assert clock.boot_s() - begun < 20
    assert {state for _, state in desk.states()} == {"scheduled"}
