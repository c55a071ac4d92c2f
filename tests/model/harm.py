"""The moment at which a promise is broken: bits that a step adds to `State.harm`, read by `tests.model.invariant`.

These are no part of the system: they compare what is happening with what people were told.
"""

from __future__ import annotations

from typing import Final

from tests.model.ledger import active, covers, is_closed, released_in
from tests.model.state import (
    ABORTED,
    ACCEPTED,
    DOWN,
    NOT_SENT,
    Attempt,
    Config,
    State,
    Worker,
)

QUIET_BROKEN: Final = 1
UNREPORTED: Final = 2
TWICE: Final = 4
MISSED: Final = 8
BLIND: Final = 16
FOREIGN_OVERRIDE: Final = 32
UNGATED: Final = 64


def of_leave(state: State, row: Attempt, config: Config) -> int:
    """Leave given without a readable store, past the post's lateness, under another epoch's override, or in a window."""
    harm = BLIND if state.world.store == DOWN else 0
    late = state.world.now > state.store.posts[row.post].due + config.lateness
    if late or (_was_in_hand(state, row.post, config) and not row.override):
        harm |= MISSED
    closed = is_closed(state.store, config.channels[row.post], state.world.now)
    if closed and row.override and state.store.override != state.store.epoch:
        harm |= FOREIGN_OVERRIDE
    if config.window and closed and not row.override:
        harm |= UNGATED
    return harm


def _was_in_hand(state: State, post: int, config: Config) -> bool:
    """Whether a stop came while an attempt at the post was under way that sent nothing, and no person set it going since."""
    asked, channel = state.store.posts[post].asked, config.channels[post]
    return any(
        row.post == post
        and row.state in (ABORTED, NOT_SENT)
        and item.begun
        and covers(item.scope, channel)
        and item.epoch > max(row.claim_epoch, asked)
        for row in state.store.attempts
        for item in state.store.suspensions
    )


def of_send(state: State, worker: Worker, config: Config) -> int:
    """A request written where people were told that none would be."""
    number, post = worker.attempt, worker.post
    harm = _quiet_broken(state, number, post, config)
    known = number <= len(state.store.attempts) and not worker.lost
    row = state.store.attempts[number - 1] if known else None
    if row is not None and any(
        covers(item.scope, config.channels[post])
        and not item.in_flight >> number & 1
        and _lane(state, number) < item.epoch
        and not 0 < released_in(item, config.channels[post]) <= row.claim_epoch
        for item in active(state.store)
    ):
        harm |= UNREPORTED
    if state.missed >> post & 1 and not worker.lost:  # a lost worker had its leave before the store was replaced
        harm |= MISSED
    return harm


def of_acceptance(state: State, number: int, config: Config) -> int:
    """A post made public after quiet was told, or for the second time."""
    post = state.requests[number - 1].post
    harm = _quiet_broken(state, number, post, config)
    if sum(request.post == post and request.state == ACCEPTED for request in state.requests) > 1:
        harm |= TWICE
    return harm


def of_firing(state: State, number: int, config: Config) -> int:
    """The platform's own scheduler speaks after a receipt was called complete."""
    post = state.requests[number - 1].post
    broken = any(
        crisis.quiet
        and crisis.complete
        and covers(config.scopes[who], config.channels[post])
        and not crisis.released >> config.channels[post] & 1
        for who, crisis in enumerate(state.crises)
    )
    return QUIET_BROKEN if broken else 0


def _quiet_broken(state: State, number: int, post: int, config: Config) -> int:
    """Whether a stop that covers the post was called quiet and not lifted; an override given under it is no breach.

    On a channel that was resumed ahead of the rest, only what began before the stop is one.
    """
    channel, leave = config.channels[post], _lane(state, number)
    for who, crisis in enumerate(state.crises):
        if not crisis.quiet or not covers(config.scopes[who], channel):
            continue
        given_under_it = leave >= crisis.quiet  # what people were told; an older copy of the store may not know it
        if not given_under_it and (not crisis.released >> channel & 1 or _began_before(state, number, crisis.quiet)):
            return QUIET_BROKEN
    return 0


def _began_before(state: State, number: int, epoch: int) -> bool:
    """Whether the attempt was claimed before `epoch`, as far as the store knows it."""
    return number <= len(state.store.attempts) and state.store.attempts[number - 1].claim_epoch < epoch


def _lane(state: State, number: int) -> int:
    """The epoch in which the emergency lane let this attempt pass, 0 for any other."""
    return state.lane[number - 1] if number <= len(state.lane) else 0
