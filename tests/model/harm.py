"""The moment at which a promise is broken: bits that a step adds to `State.harm`, read by `tests.model.invariant`.

These are no part of the system: they compare what is happening with what people were told.
"""

from __future__ import annotations

from typing import Final

from tests.model.ledger import covers, find
from tests.model.state import (
    ACCEPTED,
    AGAIN,
    DOWN,
    Attempt,
    Config,
    State,
    Suspension,
    Worker,
)

QUIET_BROKEN: Final = 1
UNREPORTED: Final = 2
TWICE: Final = 4
MISSED: Final = 8
BLIND: Final = 16
FOREIGN_OVERRIDE: Final = 32


def of_leave(state: State, row: Attempt, config: Config) -> int:
    """Leave given without a readable store, past the post's lateness, or under another epoch's override."""
    harm = BLIND if state.world.store == DOWN else 0
    if state.world.now > state.store.posts[row.post].due + config.lateness:
        harm |= MISSED
    if row.override and row.claim_epoch != state.store.epoch:
        harm |= FOREIGN_OVERRIDE
    return harm


def of_send(state: State, worker: Worker, config: Config) -> int:
    """A request written where people were told that none would be."""
    number, post = worker.attempt, worker.post
    harm = _quiet_broken(state, post, config)
    known = number <= len(state.store.attempts) and not worker.lost
    row = state.store.attempts[number - 1] if known else None
    if (
        row is not None
        and not row.override
        and any(
            covers(item.scope, config.channels[post]) and not item.lifted and not item.in_flight >> number & 1
            for item in state.store.suspensions
        )
    ):
        harm |= UNREPORTED
    if state.missed >> post & 1:
        harm |= MISSED
    return harm


def of_acceptance(state: State, number: int, config: Config) -> int:
    """A post made public after quiet was told, or for the second time."""
    post = state.requests[number - 1].post
    harm = _quiet_broken(state, post, config)
    if sum(request.post == post and request.state == ACCEPTED for request in state.requests) > 1:
        harm |= TWICE
    return harm


def _quiet_broken(state: State, post: int, config: Config) -> int:
    """Whether a stop that covers the post was called quiet and not lifted."""
    for who, crisis in enumerate(state.crises):
        if crisis.quiet and covers(config.scopes[who], config.channels[post]):
            return QUIET_BROKEN
    return 0


def suspension_of(state: State, who: int) -> Suspension | None:
    """The newest suspension of crisis `who`."""
    place = find(state.store, who + AGAIN)
    place = find(state.store, who) if place is None else place
    return None if place is None else state.store.suspensions[place]
