"""What dead workers left: claimed becomes aborted, sending becomes unknown, and nothing of a living one is touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scheduler import rescuer
from store.tables import Attempt, Post
from store.tables import Worker as WorkerRow
from tests.scheduler.press import Press

DEAD = {"boot_id": "before the restart"}


def _publishing(press: Press, state: str, worker: str) -> tuple[int, int]:
    post = press.queue(state="publishing")
    return post, press.attempt(post, state, worker)


def test_a_dead_worker_s_claim_is_aborted_and_its_post_goes_again(press: Press) -> None:
    """I4; it never had leave, so nothing was sent."""
    post, attempt = _publishing(press, "claimed", press.worker(**DEAD))
    tries = press.post(post).tries
    assert rescuer.rescue(press.engine) == [attempt]
    assert press.states(post) == (["aborted"], "scheduled")
    assert press.post(post).tries == tries
    assert [entry.subject for entry in press.log("rescue")] == [f"post {post}"]
    assert rescuer.rescue(press.engine) == []


def test_a_dead_worker_s_call_is_unknown_and_never_anything_kinder(press: Press) -> None:
    """I3, I5: nothing turns ``sending`` back into ``scheduled``."""
    post, attempt = _publishing(press, "sending", press.worker(**DEAD))
    assert rescuer.rescue(press.engine) == [attempt]
    assert press.states(post) == (["unknown"], "unknown")
    assert press.row(Attempt, attempt).look_at is not None


def test_a_claim_of_before_a_stop_waits_for_a_person(press: Press) -> None:
    """I7: the stop came (and went) after the claim, and its worker died."""
    post, attempt = _publishing(press, "claimed", press.worker(**DEAD))
    press.lift(press.suspend("channel:police").suspension)
    press.change(Attempt, attempt, claim_epoch=1)
    press.lift(press.suspend("channel:pool").suspension)
    rescuer.rescue(press.engine)
    assert press.post(post).state == "scheduled"
    other, attempt = _publishing(press, "claimed", press.worker(id="third", **DEAD))
    number = press.suspend("channel:police").suspension
    press.change(Post, other, channel="police")
    press.change(Attempt, attempt, channel="police", claim_epoch=1)
    press.lift(number)
    rescuer.rescue(press.engine)
    assert press.post(other).state == "held"


ALIVE: dict[str, Callable[[Press], str]] = {
    "this process": lambda press: press.process.id,
    "another host": lambda press: press.worker(host="elsewhere", boot_id="x", pid=2**22 + 1),
    "the same process under another id": lambda press: press.worker(),
    "nobody in the ledger": lambda press: "never seen",
}


@pytest.mark.parametrize("who", ALIVE)
def test_what_is_not_proven_dead_is_left_alone(press: Press, who: str) -> None:
    """An unreachable host is listed, never assumed dead; no lease, no time-out."""
    worker = ALIVE[who](press)
    claimed, sending = _publishing(press, "claimed", worker)[0], _publishing(press, "sending", worker)[0]
    assert rescuer.rescue(press.engine) == []
    assert press.states(claimed) == (["claimed"], "publishing")
    assert press.states(sending) == (["sending"], "publishing")


def test_a_worker_that_said_goodbye_has_nothing_under_way(press: Press) -> None:
    """What it could not record before it ended is unknown."""
    post, _ = _publishing(press, "sending", press.process.id)
    press.change(WorkerRow, press.process.id, ended_at=1)
    assert len(rescuer.rescue(press.engine)) == 1
    assert press.states(post) == (["unknown"], "unknown")


def test_only_what_is_open_is_looked_at(press: Press) -> None:
    worker = press.worker(**DEAD)
    for state in ("published", "rejected", "unknown", "not_sent", "aborted", "closed_by_person"):
        press.attempt(press.queue(), state, worker)
    assert rescuer.rescue(press.engine) == []


def test_an_attempt_that_moved_on_meanwhile_is_left(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    post, attempt = _publishing(press, "sending", press.worker(**DEAD))
    real = rescuer.dead_workers

    def then_it_ends(*arguments: object) -> set[str]:
        found = real(*arguments)
        press.change(Attempt, attempt, state="published")
        return found

    monkeypatch.setattr(rescuer, "dead_workers", then_it_ends)
    assert rescuer.rescue(press.engine) == []
    assert press.states(post) == (["published"], "publishing")
    assert press.log("rescue") == []
