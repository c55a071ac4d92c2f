"""The emergency lane's leave: for one post, for its words, in one epoch (`claim_rows.OVERRIDE`)."""

from __future__ import annotations

from tests.model import design
from tests.model.ledger import begin_due
from tests.model.state import Config, State, Store

OVERRIDDEN = 0
"""The post that the emergency lane is for."""


def has_override(store: Store, post: int, config: Config) -> bool:
    """Whether the emergency lane lets `post` past a closed gate: approved in this very epoch, for these words, and not used."""
    if not store.override or post != OVERRIDDEN or store.override_of != store.posts[post].content:
        return False
    return store.override == store.epoch or config.weakened == design.UNBOUND_OVERRIDE


def has_leave(state: State, post: int, config: Config) -> bool:
    """`claim_rows.OVERRIDE`: a planned window that has come ends the epoch, whether or not somebody has taken its step."""
    if (
        config.weakened != design.UNBOUND_OVERRIDE
        and begin_due(state.store, config, state.world.now) is not state.store
    ):
        return False
    return has_override(state.store, post, config)
