"""Designs weakened on purpose: the model beside the real code must see each, or agreement shows nothing about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from sqlmodel import Session

from config import clock
from connectors.errors import NotSent, Uncertain
from connectors.protocol import Deadline
from scheduler import claim_rows, killswitch, lifting, post_queue, reconciler, rescuer, restore, stop_cell, stop_ledger
from scheduler.outcome import Outcome
from scheduler.publisher import Leave, Publisher
from store.tables import Attempt

SENDING = killswitch._covered_attempts("('sending')")


def _only_sending(cursor: Any, dialect: str, number: int) -> list[int]:
    query = f"SELECT a.id FROM attempt a WHERE {SENDING} ORDER BY a.id"
    return [int(row[0]) for row in killswitch.rows(cursor, dialect, query, (number,))]


def _again_at_once(session: Session, attempt: Attempt) -> bool:
    now, number = clock.wall_us(), attempt.id or 0
    if not post_queue.move_attempt(
        session, number, "not_sent", only_from=("sending",), finished_at=now, outcome="lease"
    ):
        return False
    post = post_queue.locked_post(session, attempt.post_id)
    post_queue.put_back(session, attempt, ready_at=now, tries=post.tries if post else 0, reason="lease")
    return True


def _retry(self: Outcome, result: Uncertain) -> str:
    return self._not_sent(NotSent(result.detail))


def _sends_unacknowledged() -> Callable[..., Leave | None]:
    genuine = Publisher._authorise

    def authorise(self: Publisher, claim: Any) -> Leave | None:
        try:
            return genuine(self, claim)
        except Exception:
            return Leave(10**6, Deadline.after(self.place.settings.send_deadline))

    return authorise


def _never_covered() -> Callable[..., claim_rows.Look]:
    genuine = claim_rows.look
    return lambda session, post_id: replace(genuine(session, post_id), covered=False)


def _unbound() -> Callable[..., tuple[int, int]]:
    genuine = lifting.lift

    def lift(cursor: Any, dialect: str, number: int, *, asked_epoch: int, **named: Any) -> tuple[int, int]:
        return genuine(cursor, dialect, number, asked_epoch=killswitch.epoch_or_zero(cursor, dialect), **named)

    return lift


def _held_by_nobody() -> Callable[..., int]:
    """Of a lift in part alone: the whole one holds what was missed."""
    genuine = lifting._hold_missed

    def hold(cursor: Any, dialect: str, number: int, now: int, reconfirm_us: int, *part: Any) -> int:
        return 0 if part else genuine(cursor, dialect, number, now, reconfirm_us)

    return hold


def _forgets_the_stop() -> Callable[..., int]:
    genuine = killswitch.declared_since
    covered = "EXISTS (SELECT 1 FROM suspension_release r WHERE r.channel = ?)"

    def since(cursor: Any, dialect: str, channel: str, claim_epoch: int) -> int:
        released = killswitch.rows(cursor, dialect, f"SELECT 1 WHERE {covered}", (channel,))
        return 0 if released else genuine(cursor, dialect, channel, claim_epoch)

    return since


def _known_by_nobody() -> Callable[..., None]:
    return lambda *_: None


def _all_blocks() -> Callable[..., None]:
    genuine = stop_cell._write
    return lambda descriptor, blocks, _before=(): genuine(descriptor, blocks)


def _goes_again(session: Session, attempt: Attempt) -> None:
    number = attempt.id or 0
    post_queue.move_attempt(session, number, "closed_by_person", only_from=("unknown",))
    post_queue.hold(session, attempt.post_id, "not found", only_from=("unknown",))
    post_queue.move_post(session, attempt.post_id, "scheduled", only_from=("held",), ready_at=clock.wall_us())


def _look_without(part: str, instead: str) -> Callable[[], str]:
    """The look at a post, with one of its conditions replaced."""
    assert part in claim_rows.LOOK
    return lambda: claim_rows.LOOK.replace(part, instead)


def _begins_politely() -> Callable[..., list[int]]:
    genuine = killswitch.begin_due

    def begin_due(cursor: Any, dialect: str) -> list[int]:
        with patch.object(killswitch, "_abort_claimed", lambda *_: 0):
            return genuine(cursor, dialect)

    return begin_due


UNWOKEN = killswitch.HAS_COME.replace("s.starts_at <= ?", "(s.begun_at IS NOT NULL AND s.starts_at <= ?)")
CLOCK_AGAIN = killswitch.HAS_COME.replace("s.begun_at IS NOT NULL OR ", "")
EPOCH, WORDS = " AND o.epoch = (SELECT epoch FROM gate WHERE id = 1)", " AND o.content_hash = p.content_hash"

WEAKENED: dict[str, tuple[Any, str, Callable[[], Any]]] = {
    "resume with catch-up": (lifting, "_hold_missed", lambda: lambda *_: 0),
    "quiet right after the commit": (killswitch, "unconfirmed", lambda: lambda *_: []),
    "quiet ignores unknown": (killswitch, "unconfirmed", lambda: _only_sending),
    "empty report": (killswitch, "_copy_in_flight", lambda: lambda *_: ()),
    "gate checked at claim only": (killswitch, "_abort_claimed", lambda: lambda *_: 0),
    "no check at the leave": (Publisher, "_why_not", lambda: lambda *_: None),
    "no check at the claim": (claim_rows, "look", _never_covered),
    "no last look": (Publisher, "_last_look", lambda: lambda *_: None),
    "leave without an acknowledgement": (Publisher, "_authorise", _sends_unacknowledged),
    "lease expiry re-queues": (rescuer, "_doubt", lambda: _again_at_once),
    "automatic retry after a time-out": (Outcome, "_unknown", lambda: _retry),
    "put back whatever was declared": (killswitch, "declared_since", lambda: lambda *_: False),
    "not found goes again": (reconciler, "_give_to_person", lambda: _goes_again),
    "staged resume with catch-up": (lifting, "_hold_missed", _held_by_nobody),
    "put back as if a lifted part was never stopped": (killswitch, "declared_since", _forgets_the_stop),
    "a code that outlives a crisis": (lifting, "lift", _unbound),
    "a request recorded twice": (killswitch, "find", _known_by_nobody),
    "the fence stays": (stop_ledger, "raise_fence", _known_by_nobody),
    "a fence that writes the whole cell": (stop_cell, "_write", _all_blocks),
    "naive restore": (restore, "_suspend", _known_by_nobody),
    "restore without a doubt": (restore, "_doubt_batch", lambda: lambda *_: 0),
    "restore that doubts by time alone": (restore, "_doubt_sent", lambda: lambda *_: 0),
    "restore that believes a claim": (restore, "_doubt_claimed", _known_by_nobody),
    "restore hidden by a stop": (stop_ledger, "notice_restore", _known_by_nobody),
    "a cell nobody records": (stop_ledger, "unrecorded", lambda: lambda *_: []),
    "a window that waits to be begun": (claim_rows, "LOOK", _look_without(killswitch.HAS_COME, UNWOKEN)),
    "a window that asks the clock again": (claim_rows, "LOOK", _look_without(killswitch.HAS_COME, CLOCK_AGAIN)),
    "a window that ends no claim": (killswitch, "begin_due", _begins_politely),
    "a window nobody steps": (killswitch, "begin_due", lambda: lambda *_: []),
    "an override not bound to the epoch": (claim_rows, "LOOK", _look_without(EPOCH, "")),
    "an override of any words": (claim_rows, "LOOK", _look_without(WORDS, "")),
    "an override that is lost with its attempt": (post_queue, "give_override_back", _known_by_nobody),
    "a lift that believes a clock set back": (lifting, "latest_us", lambda: lambda *_: clock.wall_us()),
}
"""By name: what is replaced, and by what."""


@contextmanager
def weakened(name: str) -> Iterator[None]:
    """The design weakened as `name` says, until the block ends; the boundaries must be in place already."""
    owner, attribute, make = WEAKENED[name]
    with patch.object(owner, attribute, make()):
        yield
