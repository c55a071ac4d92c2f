"""One publish, step by step, with a connector that follows a script: what is called what, and what is never sent."""

from __future__ import annotations

from typing import Any

import pytest

from config import clock
from connectors.errors import (
    AccountError,
    CannotTell,
    Duplicate,
    NotSent,
    RateLimited,
    Refused,
    Rejected,
    SignIn,
    Uncertain,
)
from connectors.protocol import Permit, Published
from scheduler import witness
from store.tables import Attempt, Channel, Post
from tests.scheduler.press import PUBLISHED, ManualClock, Press

SENT = {
    "published": (PUBLISHED, "published", "published", None),
    "rejected": (Rejected("too rude"), "rejected", "failed", "refused by the platform: too rude"),
    "refused": (Refused("no"), "rejected", "failed", "refused by the platform: no"),
    "sign-in": (SignIn("token expired"), "rejected", "held", "sign-in refused by the platform: token expired"),
    "rate": (RateLimited("slow down", retry_after_s=30), "rejected", "scheduled", None),
    "not sent": (NotSent("no route"), "not_sent", "scheduled", None),
    "uncertain": (Uncertain("reset"), "unknown", "unknown", None),
    "duplicate": (Duplicate("it has it"), "unknown", "unknown", None),
    "unforeseen": (RuntimeError("bug"), "unknown", "unknown", None),
}
BEFORE = {
    "rejected": (Rejected("too big"), "rejected", "failed"),
    "sign-in": (SignIn("expired"), "rejected", "held"),
    "rate": (RateLimited("slow down"), "rejected", "scheduled"),
    "not sent": (NotSent("no route"), "not_sent", "scheduled"),
    "uncertain": (Uncertain("reset"), "not_sent", "scheduled"),
    "duplicate": (Duplicate("it has it"), "not_sent", "scheduled"),
    "account": (AccountError("PARKS_KEY is missing"), "rejected", "held"),
    "cannot tell": (CannotTell("?"), "rejected", "held"),
    "unforeseen": (RuntimeError("bug"), "not_sent", "scheduled"),
}


@pytest.mark.parametrize("name", SENT)
def test_each_outcome_of_the_send_has_its_states(press: Press, name: str) -> None:
    """I5: only proof that nothing was sent is called so; everything unforeseen is unknown."""
    outcome, attempt, post, reason = SENT[name]
    number = press.queue()
    press.connector.on_publish = outcome
    assert press.publisher.publish_post(number) == attempt
    assert press.states(number) == ([attempt], post)
    assert press.post(number).hold_reason == reason
    assert len(press.connector.published) == 1
    (row,) = press.attempts(number)
    assert row.finished_at is not None
    assert (row.look_at is not None) == (attempt == "unknown")
    expected = {"published": "published", "unforeseen": "unknown"}.get(name) or outcome.outcome
    assert row.outcome == expected


@pytest.mark.parametrize("name", BEFORE)
def test_each_outcome_of_the_preparation_has_its_states(sqlite_press: Press, name: str) -> None:
    """Nothing public was asked for: it is never uncertain, and nothing is sent."""
    press = sqlite_press
    outcome, attempt, post = BEFORE[name]
    number = press.queue()
    press.connector.on_prepare = outcome
    assert press.publisher.publish_post(number) == attempt
    assert press.states(number) == ([attempt], post)
    assert press.connector.published == []


def test_a_channel_whose_account_lacks_something_holds_its_posts(press: Press) -> None:
    def missing(channel: str) -> Any:
        raise AccountError("PARKS_KEY is not set: set it")

    press.publisher.connector_of = missing
    number = press.queue()
    assert press.publisher.publish_post(number) == "rejected"
    assert press.post(number).state == "held"
    assert "PARKS_KEY" in str(press.post(number).hold_reason)


def test_what_was_published_is_kept_with_its_link(press: Press) -> None:
    number = press.queue()
    press.publisher.publish_post(number)
    post, (attempt,) = press.post(number), press.attempts(number)
    assert (post.remote_id, post.link) == (attempt.remote_id, attempt.link) == ("remote-1", "https://example.org/1")
    assert post.published_at == attempt.finished_at
    assert [entry.subject for entry in press.log("published")] == [f"post {number}"]


def test_the_row_says_sending_before_a_byte_leaves(press: Press) -> None:
    """I2, I5: at the call the row is durable for every other connection, and the witness knows the attempt."""
    seen: list[Attempt] = []

    def look(permit: Permit) -> Published:
        seen.extend(press.attempts(number))
        assert witness.read(press.witness_file) == witness.Seen(1, seen[0].id or 0)
        assert permit.deadline.boot_ns == seen[0].deadline_boot_ns
        assert 0 < permit.deadline.remaining_s() <= press.settings.send_deadline
        return PUBLISHED

    number = press.queue()
    press.connector.on_publish = look
    assert press.publisher.publish_post(number) == "published"
    assert [(row.state, row.claim_epoch, row.authorise_epoch) for row in seen] == [("sending", 1, 1)]


def test_the_key_is_the_same_for_every_attempt_and_of_this_post_alone(press: Press) -> None:
    one, two = press.queue(), press.queue("pool")
    press.connector.on_publish = NotSent("no route")
    for number in (one, two):
        press.publisher.publish_post(number)
        press.change(Post, number, ready_at=0)
        press.publisher.publish_post(number)
    keys = [message.key for message in press.connector.published]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert keys[0] == press.attempts(one)[1].idempotency_key


# --- retries -------------------------------------------------------------------------------------------------------------


def test_what_was_not_sent_goes_again_later_and_then_waits_for_a_person(hands: ManualClock, press: Press) -> None:
    number = press.queue()
    press.connector.on_publish = NotSent("no route")
    waits = []
    for _ in range(press.settings.retries):
        assert press.publisher.publish_post(number) == "not_sent"
        waits.append((press.post(number).ready_at - clock.wall_us()) / clock.SECOND)
        assert press.publisher.publish_post(number) == "not_claimed"
        press.change(Post, number, ready_at=0)
    assert waits == [5, 10, 20, 40, 80]
    assert press.publisher.publish_post(number) == "not_sent"
    assert press.states(number)[1] == "held"
    assert "not sent after 6 attempts: no route" in str(press.post(number).hold_reason)


@pytest.mark.parametrize(("said", "rests_s"), [(30.0, 30), (None, 60)])
def test_a_rate_limit_rests_the_channel_and_is_no_try(
    hands: ManualClock, press: Press, said: float, rests_s: int
) -> None:
    number, other = press.queue(), press.queue()
    press.connector.on_publish = RateLimited("slow down", retry_after_s=said)
    press.publisher.publish_post(number)
    post, channel = press.post(number), press.row(Channel, "parks")
    assert (post.tries, post.ready_at) == (0, clock.wall_us() + rests_s * clock.SECOND)
    assert channel.not_before_at == post.ready_at
    assert press.publisher.publish_post(other) == "not_claimed"
    hands.pass_s(rests_s)
    press.connector.on_publish = PUBLISHED
    assert press.publisher.publish_post(other) == "published"


def test_a_shorter_rest_does_not_cut_a_longer_one(hands: ManualClock, press: Press) -> None:
    far = clock.wall_us() + 600 * clock.SECOND
    number = press.queue()

    def longer(_permit: Permit) -> Exception:
        press.change(Channel, "parks", not_before_at=far)
        return RateLimited("slow down")

    press.connector.on_publish = longer
    press.publisher.publish_post(number)
    assert press.row(Channel, "parks").not_before_at == far
