"""What a publish reads and writes in plain SQL: its own rows, whole, on both databases."""

from __future__ import annotations

import sqlite3
from dataclasses import FrozenInstanceError, fields
from typing import Any

import psycopg
import pytest

from config import clock
from governance import people
from scheduler import claim_rows, killswitch
from store.engine import reading, writing
from store.tables import Alarm, Channel, Gate, Meta, Post
from tests.scheduler.press import STEWARD, Press


def test_a_post_is_read_whole(press: Press) -> None:
    media = [{"file": "ab/cd.png", "alt": "The pool.", "mime": "image/png", "sha256": "00ff"}]
    press.queue("pool")
    number = press.queue(text="Ice on Mill Street: é", media=media, ready_at=7, due_at=8, lateness_us=9)
    row = press.post(number)
    with writing(press.engine) as session:
        found = claim_rows.locked_post(session, number)
        assert claim_rows.locked_post(session, 4711) is None
    assert found == claim_rows.PostRow(
        number, "parks", "scheduled", 7, 8, 9, "ann", "Ice on Mill Street: é", row.content_hash, media
    )


@pytest.mark.parametrize(("next_free", "not_before"), [(5, 4), (4, 5)])
def test_a_channel_is_free_when_spacing_and_rest_are_both_over(press: Press, next_free: int, not_before: int) -> None:
    press.change(Channel, "parks", next_free_at=next_free, not_before_at=not_before, spacing_us=6)
    number = press.queue()
    with writing(press.engine) as session:
        assert claim_rows.locked_channel(session, number) == claim_rows.ChannelRow(6, 5, not_before)


def test_a_new_attempt_takes_its_channel_and_leaves_the_others_free(press: Press) -> None:
    _add(press, press.queue())
    assert press.row(Channel, "parks").next_free_at == 77
    assert press.row(Channel, "pool").next_free_at == 0


def test_only_a_scheduled_post_has_a_channel_to_lock(press: Press) -> None:
    press.queue("pool")
    press.change(Channel, "parks", spacing_us=6)
    numbers = {state: press.queue(state=state) for state in ("scheduled", "held", "publishing", "published")}
    with writing(press.engine) as session:
        found = {state: claim_rows.locked_channel(session, number) for state, number in numbers.items()}
        assert claim_rows.locked_channel(session, 4711) is None
    assert found == {"scheduled": claim_rows.ChannelRow(6, 0, 0), "held": None, "publishing": None, "published": None}


def test_the_store_s_state_is_its_epoch_its_newest_attempt_and_the_alarms_that_wait(press: Press) -> None:
    """KS-4, KS-5: what a claim believes the store by."""

    def state() -> claim_rows.StoreState:
        with reading(press.engine) as session:
            return claim_rows.store_state(session)

    assert state() == claim_rows.StoreState(1, 0, 0, False)
    attempts = [press.attempt(press.queue(), "rejected") for _ in range(2)]
    press.suspend("channel:police")
    with writing(press.engine) as session:
        session.add(Meta(key=killswitch.RESTORING, value="1"))
        session.add(Gate(id=0, epoch=99, generation=0))
        for confirmed in (None, None, 1):
            session.add(Alarm(kind="clock", host="h", detail="d", raised_at=1, confirmed_at=confirmed))
    assert state() == claim_rows.StoreState(2, max(attempts), 2, True)
    with writing(press.engine) as session:
        session.delete(session.get_one(Gate, 1))
    assert state().epoch == 0


def _look(press: Press, number: int) -> claim_rows.Look:
    with writing(press.engine) as session:
        return claim_rows.look(session, number)


def test_a_look_tells_the_store_the_channel_and_whether_a_stop_covers_it(press: Press) -> None:
    """I1, KS-4: one statement for all that the gate is judged by."""
    number, other = press.queue(), press.queue("police")
    press.suspend("channel:parks")
    press.change(Channel, "police", state="suspended")
    store = claim_rows.StoreState(2, 0, 0, False)
    assert _look(press, number) == claim_rows.Look(store, True, "active", None, [("active", "administrator")], None)
    assert _look(press, other) == claim_rows.Look(store, False, "suspended", None, [("active", "administrator")], None)
    with writing(press.engine) as session:
        session.delete(session.get_one(Channel, "police"))
    assert _look(press, other).channel_state == ""


@pytest.mark.parametrize("state", ["claimed", "sending", "unknown", "published"])
def test_a_look_tells_the_one_attempt_that_may_be_out(press: Press, state: str) -> None:
    """I3: what ended without a send stands in nobody's way."""
    number, other = press.queue(), press.queue()
    press.attempt(number, "not_sent", worker="me", content_hash="h0")
    made = press.attempt(number, state, worker="me", content_hash="h1")
    press.attempt(other, "rejected")
    assert _look(press, number).live == claim_rows.AttemptRow(made, "me", state, "h1")
    assert _look(press, other).live is None


def test_a_look_tells_all_that_the_author_holds_on_the_channel(press: Press) -> None:
    number, nobody_s = press.queue(), press.queue(author="nobody")
    with writing(press.engine) as session:
        people.grant(session, STEWARD, "ann", "director", "parks")
        people.grant(session, STEWARD, "ann", "operator", "pool")
    assert sorted(_look(press, number).author) == [("active", "administrator"), ("active", "director")]
    assert _look(press, nobody_s).author == [(None, None)]
    press.revoke("ann")
    assert _look(press, number).author[0][0] == "left"


def _add(press: Press, number: int, **changed: Any) -> int:
    with writing(press.engine) as session:
        post = claim_rows.locked_post(session, number)
        assert post is not None
        return claim_rows.add_attempt(session, post, "me", 3, "key-1", 77)


def test_a_new_attempt_is_written_whole_and_a_second_live_one_is_refused(press: Press) -> None:
    """I3: the database itself refuses a double."""
    number = press.queue()
    before = clock.wall_us()
    made = _add(press, number)
    (row,) = press.attempts(number)
    assert (row.id, row.post_id, row.part, row.channel, row.state) == (made, number, 0, "parks", "claimed")
    assert (row.worker, row.idempotency_key, row.claim_epoch, row.looks) == ("me", "key-1", 3, 0)
    assert row.content_hash == press.row(Post, number).content_hash
    assert before <= row.claimed_at <= clock.wall_us()
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        _add(press, number)
    assert len(press.attempts(number)) == 1


def test_an_attempt_is_one_s_own_by_number_post_and_worker(press: Press) -> None:
    """I3: a number that was given again after the store was put back is another's."""
    number, other = press.queue(), press.queue()
    made = press.attempt(number, "claimed", worker="me", content_hash="h1")
    press.attempt(other, "claimed", worker="me", content_hash="h2")
    with reading(press.engine) as session:
        assert claim_rows.own_attempt(session, made, number, "me") == claim_rows.AttemptRow(made, "me", "claimed", "h1")
        assert claim_rows.own_attempt(session, made, number, "you") is None
        assert claim_rows.own_attempt(session, made, other, "me") is None
        assert claim_rows.own_attempt(session, made + 77, number, "me") is None


def test_an_account_is_what_the_channel_s_row_says_now(press: Press) -> None:
    press.change(Channel, "parks", settings={"folder": "out"}, secrets={"token": "PARKS_TOKEN"}, platform="x")
    found = claim_rows.account_of(press.engine, "parks")
    assert found == ("x", {"folder": "out"}, {"token": "PARKS_TOKEN"})
    assert claim_rows.account_of(press.engine, "nowhere") is None


def test_what_was_read_is_not_changed_afterwards() -> None:
    """What a publish decided by is what stood in the store."""
    store = claim_rows.StoreState(1, 0, 0, False)
    made = (
        claim_rows.ChannelRow(6, 0, 0),
        claim_rows.PostRow(1, "parks", "scheduled", 7, 8, 9, "ann", "Ice", "h", []),
        claim_rows.AttemptRow(1, "me", "claimed", "h"),
        store,
        claim_rows.Look(store, False, "active", None, [], None),
    )
    for row in made:
        with pytest.raises(FrozenInstanceError):
            setattr(row, fields(row)[0].name, None)
