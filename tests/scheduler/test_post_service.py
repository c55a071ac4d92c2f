"""What people can ask for of posts, on both databases."""

from __future__ import annotations

import hashlib
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
from scheduler import content, post_queue, post_selection, post_service, post_verbs, post_views
from scheduler.post_selection import PostError, Wanted
from scheduler.post_service import Edit, NewPost
from scheduler.post_verbs import Done, NewTime
from store.engine import reading, writing
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


def _add(desk: Desk, who: str = "ana", **values: Any) -> post_service.Added:
    new = {"channels": ("parks",), "at": at("2190-12-01T09:00"), "text": "The pool opens.", "lateness_us": LATE}
    actor = desk.people.get(who, desk.ana)
    with access.acting(desk.engine) as session:
        return post_service.add(session, actor, NewPost(**{**new, **values}))


def _release(desk: Desk, *ids: int, who: str = "otis", gap: int = GAP, **more: Any) -> Done:
    with access.acting(desk.engine) as session:
        return post_verbs.release(session, asked(desk.people[who], ids, **more), gap)


def _cancel(desk: Desk, *ids: int, who: str = "otis", **more: Any) -> Done:
    with access.acting(desk.engine) as session:
        return post_verbs.cancel(session, asked(desk.people[who], ids, **more))


def _reschedule(desk: Desk, to: NewTime, *ids: int, who: str = "otis", **more: Any) -> Done:
    with access.acting(desk.engine) as session:
        return post_verbs.reschedule(session, asked(desk.people[who], ids, **more), to)


# add


def test_a_post_is_queued_on_every_channel_with_its_hash_and_logged(desk: Desk) -> None:
    added = _add(desk, channels=("parks", "police"), tags=("summer",))
    assert list(added.ids) == ["parks", "police"]
    post = desk.found(added.ids["police"])
    body = b'{"media":[],"text":"The pool opens."}'
    assert (post.state, post.author, post.tags) == ("scheduled", "ana", ["summer"])
    assert post.content_hash == hashlib.sha256(body).hexdigest()
    assert post.due_at == post.ready_at == at("2190-12-01T09:00").at_us
    (entry,) = desk.log("post.add")
    assert json.loads(entry.detail)["content_hash"] == post.content_hash


def test_a_post_on_one_forbidden_channel_is_queued_on_none_and_the_refusal_logged(desk: Desk) -> None:
    with pytest.raises(Refused, match="police"):
        _add(desk, "pat", channels=("parks", "police"))
    assert desk.states() == []
    assert [entry.actor for entry in desk.log("refused")] == ["pat"]
    _add(desk, "pat", channels=("parks",))
    assert len(desk.states()) == 1


def test_every_unknown_channel_is_named_with_the_nearest(desk: Desk) -> None:
    with pytest.raises(PostError, match="'park': did you mean 'parks'") as raised:
        _add(desk, channels=("park", "libary", "police"))
    assert len(raised.value.lines) == 2


def test_a_text_too_long_is_refused_with_both_counts(desk: Desk) -> None:
    with pytest.raises(PostError, match=r"library: .*281.*280"):
        _add(desk, channels=("parks", "library"), text="a" * 281)
    _add(desk, channels=("library",), text="a" * 280)
    assert len(desk.states()) == 1


def test_a_post_in_the_past_is_refused_unless_it_shall_go_now(desk: Desk) -> None:
    past = at("2020-01-01T09:00")
    with pytest.raises(PostError, match=r"2020-01-01 09:00 America/Chicago is past"):
        _add(desk, at=past)
    before = clock.wall_us()
    due = desk.found(_add(desk, at=past, past_is_now=True).ids["parks"]).due_at
    assert before <= due <= clock.wall_us()


def test_a_draft_waits(desk: Desk) -> None:
    assert desk.found(_add(desk, draft=True).ids["parks"]).state == "draft"


def test_a_post_queued_during_a_suspension_waits_behind_the_closed_gate(desk: Desk) -> None:
    """KS-8."""
    desk.suspend("channel:parks")
    added = _add(desk, channels=("parks", "police"))
    assert (added.state, added.closed) == ("scheduled", ("parks",))
    with reading(desk.engine) as session:
        listed = {row["channel"]: row["shown"] for row in post_views.listed(session, Wanted(), 10)}
        counted = post_selection.counts(session, Wanted())
    assert listed == {"parks": "scheduled (behind the gate)", "police": "scheduled"}
    assert counted == {"scheduled": 1, "covered": 1}


# views


def test_a_held_post_is_never_shown_or_counted_as_sent(desk: Desk) -> None:
    """KS-13: also when it carries an earlier link."""
    held = desk.post(
        state="held", hold_reason="its time passed", link="https://x.test/1", published_at=5, remote_id="1"
    )
    out = desk.post(state="published", link="https://x.test/2", published_at=clock.wall_us())
    with reading(desk.engine) as session:
        rows = {row["id"]: row for row in post_views.listed(session, Wanted(), 10)}
        counted = post_selection.counts(session, Wanted())
    assert counted == {"published": 1, "held": 1}
    assert rows[held]["shown"] == "held: its time passed"
    assert (rows[held]["link"], rows[held]["published_at"], rows[held]["remote_id"]) == (None, None, None)
    assert rows[out]["link"] == "https://x.test/2"


def test_posts_are_found_by_channel_state_tag_file_and_time(desk: Desk) -> None:
    one = desk.post(tags=["parade", "é"], file="parks.yaml", due_in=HOUR)
    two = desk.post("police", tags=["parades"], due_in=3 * HOUR)
    desk.suspend("channel:police")
    middle = clock.wall_us() + 2 * HOUR

    def ids(**query: Any) -> list[int]:
        with reading(desk.engine) as session:
            return [row["id"] for row in post_views.listed(session, Wanted(**query), 10)]

    assert ids() == [one, two]
    assert ids(tag="parade") == ids(tag="é") == ids(file="parks.yaml") == ids(due_before=middle) == [one]
    assert ids(channels=("police",)) == ids(states=("covered",)) == ids(due_after=middle) == [two]
    assert ids(tag="par%") == ids(states=("held",)) == []
    with pytest.raises(PostError, match=r"'hold'.*did you mean 'held'"):
        ids(states=("hold",))


def test_a_post_is_shown_with_its_attempts(desk: Desk) -> None:
    post = desk.post(state="unknown")
    first, second = desk.attempt(post, "not_sent"), desk.attempt(post, "unknown")
    with reading(desk.engine) as session:
        shown = post_views.shown(session, post)
    assert [(row["id"], row["state"]) for row in shown["attempts"]] == [(first, "not_sent"), (second, "unknown")]


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


# close


def test_a_person_closes_an_unknown_outcome_as_published(desk: Desk) -> None:
    post = desk.post(state="unknown")
    attempt = desk.attempt(post, "unknown")
    with access.acting(desk.engine) as session:
        assert post_service.close(session, desk.people["otis"], post, "https://x.test/9") == "published"
    assert (desk.found(post).state, desk.found(post).link) == ("published", "https://x.test/9")
    row = desk.attempt_row(attempt)
    assert (row.state, row.closed_by) == ("closed_by_person", "otis")
    assert [entry.actor for entry in desk.log("post.close")] == ["otis"]


def test_a_person_closes_an_unknown_outcome_as_not_published(desk: Desk) -> None:
    post = desk.post(state="unknown")
    attempt = desk.attempt(post, "unknown")
    with access.acting(desk.engine) as session:
        assert post_service.close(session, desk.people["otis"], post, None) == "held"
    assert desk.found(post).hold_reason == "otis says it was not published"
    assert desk.attempt_row(attempt).state == "closed_by_person"


@pytest.mark.parametrize("state", ["scheduled", "publishing", "published", "held", "cancelled"])
def test_a_post_whose_outcome_is_known_cannot_be_closed(desk: Desk, state: str) -> None:
    post = desk.post(state=state)
    if state == "publishing":
        desk.attempt(post, "sending")
    with pytest.raises(PostError), access.acting(desk.engine) as session:
        post_service.close(session, desk.people["otis"], post, None)
    assert desk.found(post).state == state


def test_closing_needs_the_right_to_release_and_a_link(desk: Desk) -> None:
    post = desk.post(state="unknown")
    with pytest.raises(Refused), access.acting(desk.engine) as session:
        post_service.close(session, desk.people["pat"], post, None)
    with pytest.raises(PostError, match="is not a link"), access.acting(desk.engine) as session:
        post_service.close(session, desk.people["otis"], post, "javascript:x")
    assert desk.found(post).state == "unknown"


# content


def test_an_image_is_kept_whole_under_its_digest(tmp_path: Path) -> None:
    source = tmp_path / "pool.png"
    source.write_bytes(PNG)
    row = content.keep(tmp_path / "data", source, " The pool. ")
    digest = hashlib.sha256(PNG).hexdigest()
    assert row == {"file": f"{digest}.png", "alt": "The pool.", "mime": "image/png", "sha256": digest}
    assert [path.name for path in (tmp_path / "data" / "media").iterdir()] == [f"{digest}.png"]
    (media,) = content.stored(tmp_path / "data", [row])
    assert media.path.read_bytes() == PNG


def test_an_image_without_words_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "pool.png"
    source.write_bytes(PNG)
    with pytest.raises(content.ContentError, match=r"pool\.png has no alt text"):
        content.keep(tmp_path / "data", source, "  ")
    assert not (tmp_path / "data").exists()


def test_the_hash_changes_with_text_image_and_alt_and_with_nothing_else() -> None:
    row = {"file": "a.png", "alt": "A", "mime": "image/png", "sha256": "0" * 64}
    base = content.content_hash("é", [row])
    assert base == content.content_hash("é", [{**row, "file": "b.png"}])
    others = [("e", [row]), ("é", []), ("é", [{**row, "alt": "B"}]), ("é", [{**row, "sha256": "1" * 64}])]
    assert base not in {content.content_hash(text, rows) for text, rows in others}
