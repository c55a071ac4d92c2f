"""Designs weakened on purpose: each must fall in the chaos, or they show nothing about it.

``python -m tests.chaos --weakened NAME`` patches the product in the processes of its trials, nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine

from config import clock
from connectors.errors import NotSent, Uncertain
from scheduler import claim_rows, killswitch, lifting, post_queue, rescuer, restore, stop_cell, stop_ledger, witness
from scheduler.outcome import Outcome
from scheduler.publisher import Publisher
from scheduler.store_identity import StoreIdentity
from store.engine import reading, writing
from tests.chaos import weakened_crisis
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
    lifting._hold_missed = lambda *_: 0


def _fence_ignored() -> None:
    """A leave that is older than the fence passes the last look."""
    stop_cell.refusal = lambda path, authorise_epoch: _refusal(path, max(authorise_epoch, NEWEST))


def _restore_not_noticed() -> None:
    """An older copy is taken for the store, whether it was put in place between two daemons or under one."""
    witness.is_behind = lambda *_, **__: None
    witness.unaccounted = lambda *_: {}
    restore._fence = lambda *_: 0
    stop_ledger.why_behind = lambda *_: None
    stop_ledger.why_older = lambda *_: None
    patch.object(StoreIdentity, "is_same", lambda _: True).start()
    patch.object(Publisher, "_is_behind", lambda *_: False).start()


def _restore_without_doubt() -> None:
    """A restored store suspends itself, and takes what it remembers for all there was."""
    restore._doubt_sent = lambda *_: 0
    restore._doubt_batch = lambda *_: 0
    restore._doubt_claimed = lambda *_: None


def _gate_fails_open() -> None:
    """A gate that cannot be read lets pass what it let pass before, also at the cell's fence."""
    killswitch.epoch = lambda cursor, dialect: max(
        [1, *(row[0] for row in killswitch.rows(cursor, dialect, "SELECT epoch FROM gate WHERE id = 1"))]
    )
    genuine = claim_rows.store_state_of
    claim_rows.store_state_of = lambda row: genuine([max(1, row[0]), *row[1:]])


def _cell_fails_open() -> None:
    """A stop cell that cannot be read stops nothing."""
    genuine = stop_cell.read

    def refusal(path: Path, authorise_epoch: int) -> str | None:
        try:
            genuine(path)
        except stop_cell.CellError:
            return None
        return _refusal(path, authorise_epoch)

    stop_cell.refusal = refusal


NEWEST = 1 << 62
_refusal = stop_cell.refusal

WEAKENED: dict[str, tuple[Callable[[], None], Variant]] = {
    "quiet at once": (_quiet_at_once, "ambush"),
    "quiet ignores unknown": (_quiet_ignores_unknown, "crisis"),
    "lease re-queues": (_lease_requeues, "crisis"),
    "automatic retry": (_automatic_retry, "calm"),
    "empty report": (_empty_report, "ambush"),
    "resume with catch-up": (_resume_with_catch_up, "crisis"),
    "fence ignored": (_fence_ignored, "frozen"),
    "restore not noticed": (_restore_not_noticed, "restore"),
    "restore without doubt": (_restore_without_doubt, "restore"),
    "gate fails open": (_gate_fails_open, "gate lost"),
    "cell fails open": (_cell_fails_open, "cell lost"),
    **weakened_crisis.WEAKENED,
}
"""Name: the patch, and the kind of trial that it runs in."""
