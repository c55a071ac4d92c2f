"""Where rows change their state and are laid down: only from where they may, all of them or none."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from scheduler import post_queue
from scheduler.post_queue import Move
from scheduler.states import WrongState
from store import bulk
from store.engine import reading, writing
from store.tables import Post
from tests.scheduler.press import Press


def _row(press: Press, **values: Any) -> dict[str, Any]:
    """A post's columns as the stager writes them."""
    return press.post(press.queue(state="cancelled")).model_dump(exclude={"id"}) | {"state": "scheduled"} | values


def _of_file(press: Press, file: str = "parks.yaml") -> dict[str, str]:
    """Key → state of the file's posts."""
    with reading(press.engine) as session:
        found = session.exec(select(Post).where(Post.file == file).order_by("id"))
        return {str(post.source_key): post.state for post in found}


# --- one row -------------------------------------------------------------------------------------------------------------


def test_a_row_moves_only_from_where_it_may_and_from_where_it_is_asked_to(press: Press) -> None:
    """I3: a late worker finds its row moved on and changes nothing; a transition that does not exist is no question to ask."""
    number = press.queue(state="publishing")
    attempt = press.attempt(number, "sending")
    with writing(press.engine) as session:
        assert not post_queue.move_attempt(session, attempt, "aborted")
        assert not post_queue.move_attempt(session, attempt, "published", only_from=("unknown",))
        assert not post_queue.move_attempt(session, attempt, "sending", only_from=("unknown",))
        assert not post_queue.move_post(session, number, "held", only_from=("scheduled", "unknown"))
        assert not post_queue.move_post(session, 4711, "held")
    assert press.states(number) == (["sending"], "publishing")
    with writing(press.engine) as session:
        seen = session.get_one(Post, number)
        assert post_queue.move_attempt(session, attempt, "published", only_from=("sending",), outcome="published")
        assert post_queue.hold(session, number, "asked", only_from=("publishing",))
        assert (seen.state, seen.hold_reason) == ("held", "asked")  # what the session had read before knows it
    assert press.states(number) == (["published"], "held")
    assert press.attempts(number)[0].outcome == "published"


# --- moves of many -------------------------------------------------------------------------------------------------------


def test_each_post_gets_its_own_state_and_columns(press: Press) -> None:
    one, two, kept = press.queue(), press.queue(), press.queue()
    moves = [
        Move(one, "scheduled", "held", {"hold_reason": "asked"}),
        Move(two, "scheduled", "scheduled", {"ready_at": 7, "due_at": 8}),
    ]
    with writing(press.engine) as session:
        seen = post_queue.locked_posts(session, [one])
        post_queue.move_posts(session, moves)
        assert seen[0].state == "held"  # what the session had read before is read anew
    first, second, third = (press.post(number) for number in (one, two, kept))
    assert (first.state, first.hold_reason, first.updated_at > first.created_at) == ("held", "asked", True)
    assert (second.state, second.ready_at, second.due_at) == ("scheduled", 7, 8)
    assert (third.state, third.updated_at) == ("scheduled", third.created_at)


def test_a_move_that_no_transition_allows_undoes_those_beside_it(press: Press) -> None:
    """All or none, and which post it was is said."""
    one, two = press.queue(), press.queue(state="published")
    moves = [Move(one, "scheduled", "cancelled"), Move(two, "published", "scheduled")]
    with (
        pytest.raises(WrongState, match=f"post {two} cannot go from published to scheduled"),
        writing(press.engine) as session,
    ):
        post_queue.move_posts(session, moves)
    assert (press.post(one).state, press.post(two).state) == ("scheduled", "published")


def test_a_post_that_moved_on_meanwhile_undoes_the_moves_of_all(press: Press) -> None:
    """The compare-and-set of the verbs: what was read before is compared with what is."""
    one, two = press.queue(), press.queue(state="publishing")
    moves = [Move(number, "scheduled", "held", {"hold_reason": "asked"}) for number in (one, two)]
    with pytest.raises(WrongState, match="1 post"), writing(press.engine) as session:
        post_queue.move_posts(session, moves)
    assert (press.post(one).state, press.post(two).state) == ("scheduled", "publishing")


def test_locked_posts_come_once_each_in_order_and_without_those_that_are_not_there(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PIECE", 2)
    numbers = [press.queue() for _ in range(5)]
    with writing(press.engine) as session:
        found = post_queue.locked_posts(session, [*reversed(numbers), numbers[0], 4711])
        assert [post.id for post in found] == numbers


def test_the_attempts_that_may_still_have_an_effect_are_found_by_post(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PIECE", 2)
    states = ("claimed", "published", "sending", "rejected", "unknown", "aborted")
    posts = {state: press.queue(state="publishing") for state in states}
    attempts = {state: press.attempt(post, state) for state, post in posts.items()}
    press.attempt(press.queue(state="publishing"), "sending")
    with reading(press.engine) as session:
        found = post_queue.open_attempts_of(session, list(posts.values()))
        assert {post: attempt.id for post, attempt in found.items()} == {
            posts[state]: attempts[state] for state in ("claimed", "sending", "unknown")
        }


def test_only_an_unknown_attempt_is_locked_for_a_person_to_close(press: Press) -> None:
    """I5: nobody closes what is under way or settled."""
    post, sending, published = (press.queue(state="publishing") for _ in range(3))
    number = press.attempt(post, "unknown")
    press.attempt(post, "rejected")
    press.attempt(sending, "sending")
    press.attempt(published, "published")
    with writing(press.engine) as session:
        found = post_queue.locked_unknown(session, post)
        assert found is not None
        assert found.id == number
        assert post_queue.locked_unknown(session, sending) is None
        assert post_queue.locked_unknown(session, published) is None


def test_a_post_may_be_out_while_an_attempt_at_it_is_unknown(press: Press) -> None:
    """I3: whatever state the post itself is in."""
    held, sending, closed = press.queue(state="held"), press.queue(state="publishing"), press.queue(state="held")
    press.attempt(held, "unknown")
    press.attempt(sending, "sending")
    press.attempt(closed, "closed_by_person")
    with reading(press.engine) as session:
        assert list(session.exec(select(Post.id).where(post_queue.may_be_out()))) == [held]


# --- new posts -----------------------------------------------------------------------------------------------------------


def test_new_posts_get_their_ids_in_order(press: Press) -> None:
    """What is told of each of them afterwards names the right one."""
    texts = ("one", "two", "three")
    rows = [_row(press, text=text) for text in texts]
    with writing(press.engine) as session:
        ids = post_queue.add_posts(session, [Post(**row) for row in rows])
    assert [press.post(number).text for number in ids] == list(texts)


def test_a_key_that_was_used_is_passed_over_whatever_became_of_its_post(press: Press) -> None:
    """An occurrence becomes a post once, and a cancelled one does not come back."""
    press.change(Post, press.queue(state="cancelled"), source_key="a", file="parks.yaml")
    rows = [_row(press, source_key=key, file="parks.yaml") for key in ("a", "b")]
    with writing(press.engine) as session:
        assert post_queue.add_scheduled(session, rows) == 1
        assert post_queue.add_scheduled(session, rows) == 0
    assert _of_file(press) == {"a": "cancelled", "b": "scheduled"}


def _stage(press: Press, mark: str, *keys: str, file: str = "parks.yaml") -> None:
    rows = [_row(press, source_key=key, file=file) for key in keys]
    with writing(press.engine) as session:
        post_queue.add_new(session, post_queue.staged(rows, mark))


def test_what_is_laid_down_is_no_post_until_all_of_its_mark_are(press: Press) -> None:
    """All of a file's new posts appear at once, and only its own."""
    _stage(press, "m1", "a", "b")
    _stage(press, "m2", "a")
    _stage(press, "m1", "c", file="pool.yaml")
    assert set(_of_file(press).values()) == {"draft"}
    with writing(press.engine) as session:
        assert post_queue.flip_staged(session, "parks.yaml", "m1") == 2
    assert _of_file(press) == {"a": "scheduled", "b": "scheduled", "staged:m2:a": "draft"}
    assert list(_of_file(press, "pool.yaml").values()) == ["draft"]
    with pytest.raises(IntegrityError), writing(press.engine) as session:
        post_queue.flip_staged(session, "parks.yaml", "m2")


@pytest.mark.parametrize(
    ("named", "left"),
    [({"but": "m1"}, {"staged:m1:a", "draft"}), ({"only": "m1"}, {"staged:m2:b", "draft"}), ({}, {"draft"})],
)
def test_what_was_laid_down_and_left_is_removed_and_nothing_else(
    press: Press, named: dict[str, str], left: set[str]
) -> None:
    _stage(press, "m1", "a")
    _stage(press, "m2", "b")
    _stage(press, "m2", "c", file="pool.yaml")
    press.change(Post, press.queue(state="draft"), source_key="draft", file="parks.yaml")
    with writing(press.engine) as session:
        assert post_queue.drop_staged(session, "parks.yaml", **named) == 3 - len(left)
    assert set(_of_file(press)) == left
    assert set(_of_file(press, "pool.yaml")) == {"staged:m2:c"}


def test_the_keys_of_a_store_s_posts_tell_stores_and_posts_apart() -> None:
    """I3: the same for every attempt at a post, and never another's."""
    prefix = post_queue.key_prefix("cd8ead4c77aa")
    assert post_queue.key_of(prefix, 12) == "sf-cd8ead4c-12-0"
    assert post_queue.key_of(prefix, 12, 1) == "sf-cd8ead4c-12-1"
