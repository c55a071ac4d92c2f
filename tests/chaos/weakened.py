"""Designs weakened on purpose: each must fall in the chaos, or they show nothing about it.

``python -m tests.chaos --weakened NAME`` patches the product in the processes of its trials, nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine

from config import clock
from connectors.errors import NotSent, Uncertain
from scheduler import killswitch, post_queue, rescuer
from scheduler.outcome import Outcome
from store.engine import reading, writing
from tests.chaos.plan import Variant

LEASE_S = 0.5


def _quiet_at_once() -> None:
    """Quiet is called right after the commit."""
    killswitch.unconfirmed = lambda *_: []


def _quiet_ignores_unknown() -> None:
    """What is unknown does not keep it from being called quiet."""
    genuine = killswitch.unconfirmed

    def only_sending(cursor: Any, dialect: str, number: int) -> list[int]:
        sending = {row[0] for row in killswitch.rows(cursor, dialect, "SELECT id FROM attempt WHERE state = 'sending'")}
        return [attempt for attempt in genuine(cursor, dialect, number) if attempt in sending]

    killswitch.unconfirmed = only_sending


def _lease_requeues() -> None:
    """What has been sending for longer than a lease is called not sent, and goes again."""
    genuine = rescuer.rescue

    def rescue(engine: Engine) -> list[int]:
        until = clock.wall_us() - int(LEASE_S * clock.SECOND)
        with reading(engine) as session:
            late = any((item.sending_at or 0) < until for item in post_queue.open_attempts(session, "sending"))
        if late:
            _requeue(engine, until)
        return genuine(engine)

    rescuer.rescue = rescue


def _requeue(engine: Engine, until: int) -> None:
    with writing(engine) as session:
        for item in post_queue.open_attempts(session, "sending"):
            if (item.sending_at or 0) < until and item.id is not None:
                post_queue.move_attempt(session, item.id, "not_sent", finished_at=clock.wall_us(), outcome="lease")
                post_queue.move_post(session, item.post_id, "scheduled", only_from=("publishing",))


def _automatic_retry() -> None:
    """A call that ended without an answer is made again."""

    def again(self: Outcome, result: Uncertain) -> str:
        return self._not_sent(NotSent(result.detail))

    patch.object(Outcome, "_unknown", again).start()


def _empty_report() -> None:
    """The receipt does not say what was in flight."""
    killswitch._copy_in_flight = lambda *_: ()


def _resume_with_catch_up() -> None:
    """What fell due during the stop goes out after it."""
    killswitch._hold_missed = lambda *_: 0


WEAKENED: dict[str, tuple[Callable[[], None], Variant]] = {
    "quiet at once": (_quiet_at_once, "ambush"),
    "quiet ignores unknown": (_quiet_ignores_unknown, "crisis"),
    "lease re-queues": (_lease_requeues, "crisis"),
    "automatic retry": (_automatic_retry, "calm"),
    "empty report": (_empty_report, "ambush"),
    "resume with catch-up": (_resume_with_catch_up, "crisis"),
}
"""Name: the patch, and the kind of trial that it runs in."""
