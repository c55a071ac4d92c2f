"""Designs weakened on purpose: the matrix must fail on each, or it shows nothing about that part of the protocol.

``python -m tests.failpoint --weakened NAME`` patches the product in the processes of its cases, nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine
from sqlmodel import Session

from config import clock
from connectors.protocol import Deadline
from scheduler import claim_rows, killswitch, lifting, post_queue, rescuer, restore, witness
from scheduler.outcome import Claim, Outcome
from scheduler.publisher import Leave, Publisher
from store.engine import cursor, dialect, writing
from store.tables import Attempt

LATE_US = 3 * clock.SECOND
"""How long a daemon of that design sleeps over a window's moment."""


def _row_after_the_send() -> None:
    """The row says ``sending`` only when the call has ended, and the host's own list of what it sent does not say it before
    either (it alone would notice): who dies in between leaves a claim, which is taken up anew."""

    def authorise(self: Publisher, claim: Claim) -> Leave:
        with writing(self.place.engine) as session:
            epoch = killswitch.epoch(cursor(session), dialect(session))
        return Leave(epoch, Deadline.after(self.place.settings.send_deadline))

    genuine = Outcome.write

    def write(self: Outcome, result: Any) -> str:
        post_queue.move_attempt(self.session, self.claim.attempt, "sending", sending_at=clock.wall_us())
        return genuine(self, result)

    patch.object(witness, "_keep", lambda *_: None).start()
    patch.object(Publisher, "_authorise", authorise).start()
    patch.object(Outcome, "write", write).start()


def _outcome_dropped() -> None:
    """What came of a call is not recorded: the worker is done with it, and its attempt is sending for ever."""
    patch.object(Publisher, "_write", lambda *_: "dropped").start()


def _rescue_is_kind() -> None:
    """A dead worker's call is called not sent, and its post goes again."""

    def doubt(session: Session, attempt: Attempt) -> bool:
        now, number = clock.wall_us(), attempt.id or 0
        if not post_queue.move_attempt(session, number, "not_sent", only_from=("sending",), finished_at=now):
            return False
        post_queue.put_back(session, attempt, ready_at=now, tries=0, reason="its worker died")
        return True

    patch.object(rescuer, "_doubt", doubt).start()


def _nobody_is_rescued() -> None:
    """What a dead worker left stays as it is."""
    patch.object(rescuer, "rescue", lambda _engine: []).start()


def _naive_restore() -> None:
    """A store that was put back from a copy is trusted."""

    def guard(engine: Engine, *_: Any) -> None:
        return None

    patch.object(restore, "guard", guard).start()


def _catch_up() -> None:
    """What fell due during the stop goes out after it."""
    patch.object(lifting, "_hold_missed", lambda *_: 0).start()


def _quiet_at_once() -> None:
    """Quiet is called right after the commit."""
    patch.object(killswitch, "unconfirmed", lambda *_: []).start()


def _window_is_woken() -> None:
    """A planned window holds once somebody has begun it, and the keeper takes its time."""
    woken = killswitch.HAS_COME.replace("s.starts_at <= ?", "(s.begun_at IS NOT NULL AND s.starts_at <= ?)")
    patch.object(claim_rows, "LOOK", claim_rows.LOOK.replace(killswitch.HAS_COME, woken)).start()
    patch.object(killswitch, "ACTIVE", killswitch.ACTIVE.replace(killswitch.HAS_COME, woken)).start()
    genuine = killswitch.has_due

    def has_due(cursor: Any, dialect: str) -> bool:
        late = clock.wall_us() - LATE_US
        due = "SELECT 1 FROM suspension WHERE begun_at IS NULL AND starts_at > ?"
        return genuine(cursor, dialect) and not killswitch.rows(cursor, dialect, due, (late,))

    patch.object(killswitch, "has_due", has_due).start()


WEAKENED: dict[str, Callable[[], None]] = {
    "row after the send": _row_after_the_send,
    "outcome dropped": _outcome_dropped,
    "rescue is kind": _rescue_is_kind,
    "nobody is rescued": _nobody_is_rescued,
    "naive restore": _naive_restore,
    "catch-up": _catch_up,
    "quiet at once": _quiet_at_once,
    "window is woken": _window_is_woken,
}
"""Name: the patch."""
