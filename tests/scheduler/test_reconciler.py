"""Unknown outcomes, settled with the platform: found is published; "not found" is for a person, and only after its time."""

from __future__ import annotations

from typing import Any

import pytest

from config import clock
from connectors.errors import AccountError, CannotTell
from connectors.protocol import Deadline
from scheduler import reconciler
from store.tables import Attempt, Post
from tests.scheduler.press import PUBLISHED, ManualClock, Press


def _unknown(press: Press, **values: Any) -> tuple[int, int]:
    post = press.queue(state="unknown")
    now = clock.wall_us()
    return post, press.attempt(post, "unknown", **({"look_at": now, "finished_at": now} | values))


def _reconcile(press: Press, **named: Any) -> dict[int, str]:
    media = press.essential.data_dir / "media"
    return reconciler.reconcile(press.engine, press.settings, lambda channel: press.connector, media, **named)


def test_what_is_found_is_published_as_of_its_call(hands: ManualClock, press: Press) -> None:
    post, attempt = _unknown(press)
    sent = press.row(Attempt, attempt).sending_at
    hands.pass_s(60)
    press.connector.on_find = PUBLISHED
    assert _reconcile(press) == {attempt: "published"}
    assert press.states(post) == (["published"], "published")
    found = press.post(post)
    assert (found.published_at, found.link, found.remote_id) == (sent, PUBLISHED.link, PUBLISHED.remote_id)
    assert _reconcile(press) == {}


def test_not_found_is_not_believed_before_the_settling_time(hands: ManualClock, press: Press) -> None:
    """I5: until then the platform may still be acting on it."""
    post, attempt = _unknown(press)
    hands.pass_s(press.settings.settle - 1)
    assert _reconcile(press) == {attempt: "not_seen"}
    assert press.states(post) == (["unknown"], "unknown")
    row = press.row(Attempt, attempt)
    assert (row.looks, row.look_at) == (1, clock.wall_us() + int(press.settings.look_every * clock.SECOND))
    assert _reconcile(press) == {}
    hands.pass_s(press.settings.look_every)
    assert _reconcile(press) == {attempt: "not_seen"}
    assert press.states(post) == (["unknown"], "held")
    assert "does not show it (2 looks)" in str(press.post(post).hold_reason)
    assert len(press.log("hold")) == 1


def test_a_held_one_is_looked_for_now_and_then_and_found_after_all(hands: ManualClock, press: Press) -> None:
    """I3: a person was asked, and still nothing goes out twice."""
    post, attempt = _unknown(press)
    hands.pass_s(press.settings.settle)
    _reconcile(press)
    patient = press.settings.look_every * reconciler.PATIENT_LOOKS
    assert press.row(Attempt, attempt).look_at == clock.wall_us() + int(patient * clock.SECOND)
    hands.pass_s(patient)
    assert _reconcile(press) == {attempt: "not_seen"}
    assert len(press.log("hold")) == 1
    press.connector.on_find = PUBLISHED
    hands.pass_s(patient)
    assert _reconcile(press) == {attempt: "published"}
    assert press.states(post) == (["published"], "published")


@pytest.mark.parametrize("why", [CannotTell("no answer"), AccountError("PARKS_KEY"), RuntimeError("bug")])
def test_a_platform_that_cannot_be_asked_tells_nothing(hands: ManualClock, press: Press, why: Exception) -> None:
    """It is never "not found", however long it lasts."""
    post, attempt = _unknown(press)
    press.connector.on_find = why
    hands.pass_s(press.settings.settle * 10)
    assert _reconcile(press) == {attempt: "cannot_tell"}
    assert press.states(post) == (["unknown"], "unknown")
    press.connector.on_find = None


def test_a_call_that_is_under_way_is_never_looked_for(hands: ManualClock, press: Press) -> None:
    """Reconcile without the fence: "not found" of a request that is still on its way means nothing."""
    post = press.queue(state="publishing")
    attempt = press.attempt(post, "sending", look_at=0)
    hands.pass_s(press.settings.settle * 10)
    press.connector.on_find = PUBLISHED
    assert _reconcile(press) == _reconcile(press, only=frozenset({attempt})) == {}
    assert press.connector.searched == []
    assert press.states(post) == (["sending"], "publishing")


def test_a_drain_looks_at_once_and_at_nothing_else(press: Press) -> None:
    later = clock.wall_us() + 3600 * clock.SECOND
    (_, first), (_, second) = _unknown(press, look_at=later), _unknown(press, look_at=later)
    assert _reconcile(press) == {}
    assert _reconcile(press, only=frozenset({second})) == {second: "not_seen"}
    assert press.row(Attempt, first).looks == 0


def test_other_posts_of_the_channel_are_not_taken_for_it(press: Press) -> None:
    """I5: the same text published by another attempt is that attempt's."""
    now = clock.wall_us()
    other = press.attempt(press.queue(), "published", remote_id="theirs", finished_at=now)
    press.attempt(press.queue("pool"), "published", remote_id="elsewhere", finished_at=now, channel="pool")
    press.attempt(press.queue(), "published", remote_id="long ago", finished_at=now - 3600 * clock.SECOND)
    _, attempt = _unknown(press)
    _reconcile(press)
    (search,) = press.connector.searched
    assert search.not_these == {"theirs"}
    assert press.row(Attempt, other).state == "published"
    sent = press.row(Attempt, attempt).sending_at
    assert search.since_us == sent - reconciler.SKEW_US
    assert search.until_us >= sent + reconciler.SKEW_US


@pytest.mark.parametrize("found", [PUBLISHED, None])
def test_what_a_person_settled_meanwhile_stays(hands: ManualClock, press: Press, found: Any) -> None:
    post, attempt = _unknown(press)
    hands.pass_s(press.settings.settle)

    def then_closed() -> Any:
        press.change(Attempt, attempt, state="closed_by_person")
        press.change(Post, post, state="cancelled")
        return found

    press.connector.on_find = then_closed
    assert _reconcile(press) == {attempt: "settled"}
    assert press.states(post) == (["closed_by_person"], "cancelled")


def test_one_that_cannot_be_asked_does_not_keep_the_next(press: Press) -> None:
    (_, first), (_, second) = _unknown(press), _unknown(press)
    answers = iter([CannotTell("no answer"), PUBLISHED])
    press.connector.on_find = lambda: next(answers)
    assert _reconcile(press) == {first: "cannot_tell", second: "published"}


def test_a_drain_begins_no_look_after_its_time(hands: ManualClock, press: Press) -> None:
    """KS-3: a crisis waits for quiet until a moment, and each look may last no longer than what is left until then."""
    (_, first), (_, second) = _unknown(press), _unknown(press)
    left: list[float] = []

    def slowly(deadline: Deadline) -> None:
        left.append(deadline.remaining_s())
        hands.pass_s(6)

    press.connector.on_look = slowly
    until = clock.boot_s() + 6
    assert _reconcile(press, only=frozenset({first, second}), until=until) == {first: "not_seen"}
    assert left == [pytest.approx(6)]
    assert press.row(Attempt, second).looks == 0
    assert _reconcile(press, only=frozenset({second}), until=clock.boot_s() + 60) == {second: "not_seen"}
    assert left[1] == pytest.approx(reconciler.LOOK_DEADLINE_S)
