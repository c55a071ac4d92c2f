"""The invariants of PROTOCOL.md by name: each says whether a state keeps it. I4 is about ways on, not states: `way_out`.

What is broken by a step (a request written after quiet was told) is a bit of `State.harm`, set by that step
(`tests.model.harm`); what is wrong about a state at rest is read from the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.model import harm
from tests.model.ledger import active, is_closed
from tests.model.state import (
    ABORTED,
    ACCEPTED,
    ALL,
    CANCELLED,
    CLAIMED,
    DOUBT,
    FAILED,
    HELD,
    LEAVE,
    LOOKED,
    NATIVE,
    NOT_SENT,
    PUBLISHED,
    REJECTED,
    SCHEDULED,
    SENDING,
    WRITTEN,
    Config,
    State,
)

Invariant = Callable[[State, Config], bool]
MAY_BE_OUT: Final = (WRITTEN, ACCEPTED, NATIVE)


def quiet_is_kept(state: State, config: Config) -> bool:
    """I1: after QUIET CONFIRMED nothing covered is written or becomes public until it is lifted.

    Where a platform has a scheduler of its own the promise is the receipt's ``complete``.
    """
    return not state.harm & harm.QUIET_BROKEN


def report_is_whole(state: State, config: Config) -> bool:
    """I2: what is written after the suspension's commit was on its in-flight list."""
    return not state.harm & harm.UNREPORTED


def answer_denies_nothing(state: State, config: Config) -> bool:
    """I2 of the words: NOTHING IS SUSPENDED is said only where neither ledger nor cell has the stop."""
    return not any(crisis.denied and crisis.promised for crisis in state.crises)


def accepted_once(state: State, config: Config) -> bool:
    """I3: the platform makes no post public twice, but where a person disclaimed the first (`person.close_held`)."""
    return not state.harm & harm.TWICE


def unsent_is_unsent(state: State, config: Config) -> bool:
    """I5: the store never says "not sent" of what was written, or of what a worker still may write.

    "Not sent" is an attempt that is ``not_sent`` or ``aborted`` (``rejected``: that it will not be public), and a post that is
    ``scheduled``: whose next attempt would be its first to be seen. A restored store says nothing before its guard.
    """
    nobody_sends = not state.requests and not any(worker.phase in (LEAVE, LOOKED) for worker in state.workers)
    if nobody_sends or state.world.guarded != 1:
        return True
    return not any(_is_denied(state, number) for number in _may_be_out(state)) and not _goes_again(state)


def _may_be_out(state: State) -> list[int]:
    written = [number for number, item in enumerate(state.requests, 1) if item.state in MAY_BE_OUT]
    return written + [worker.attempt for worker in state.workers if worker.phase in (LEAVE, LOOKED) and not worker.lost]


def _is_denied(state: State, number: int) -> bool:
    rows = state.store.attempts
    if number > len(rows) or rows[number - 1].state not in (ABORTED, NOT_SENT, REJECTED):
        return False
    return not any(row.worker == DOUBT and row.post == rows[number - 1].post for row in rows[number:])


def _goes_again(state: State) -> bool:
    posts = state.store.posts
    return any(item.state in MAY_BE_OUT and posts[item.post].state == SCHEDULED for item in state.requests)


def only_resume_lifts(state: State, config: Config) -> bool:
    """I6: what a stop closed (in the ledger, or in the cell alone) stays closed until a person lifts it."""
    return all(
        not crisis.promised or _keeps_closed(state, config, config.scopes[who], crisis.released)
        for who, crisis in enumerate(state.crises)
    )


def _keeps_closed(state: State, config: Config, scope: int, released: int) -> bool:
    """Whether all of `scope` is closed but the channels (bits) that a person resumed ahead of the rest."""
    if state.cell.bad or state.cell.stops or state.world.guarded != 1 or state.memory:
        return True
    if scope == ALL:
        channels = {*config.channels, *config.parts}
        kept = all(is_closed(state.store, item, state.world.now) for item in channels if not released >> item & 1)
        return kept and any(item.scope == ALL for item in active(state.store))
    return bool(released >> scope & 1) or is_closed(state.store, scope, state.world.now)


def missed_waits(state: State, config: Config) -> bool:
    """I7: a post that fell due behind the gate, or is later than its limit, gets no leave without a person."""
    return not state.harm & harm.MISSED


def window_holds(state: State, config: Config) -> bool:
    """I6: from its moment on a planned window gives no leave, whoever runs, and once begun no clock ends it."""
    return not state.harm & harm.UNGATED


def dark_is_silent(state: State, config: Config) -> bool:
    """I8: while the store cannot be read, nothing gets leave."""
    return not state.harm & harm.BLIND


def override_is_bound(state: State, config: Config) -> bool:
    """I9: an override gives leave only in the epoch in which it was approved."""
    return not state.harm & harm.FOREIGN_OVERRIDE


INVARIANTS: tuple[tuple[str, Invariant], ...] = (
    ("I1", quiet_is_kept),
    ("I2", report_is_whole),
    ("I2", answer_denies_nothing),
    ("I3", accepted_once),
    ("I5", unsent_is_unsent),
    ("I6", only_resume_lifts),
    ("I6", window_holds),
    ("I7", missed_waits),
    ("I8", dark_is_silent),
    ("I9", override_is_bound),
)


def broken(state: State, config: Config) -> tuple[str, Invariant] | None:
    """The first invariant that `state` breaks, None when it keeps all."""
    for name, holds in INVARIANTS:
        if not holds(state, config):
            return name, holds
    return None


def settled(state: State, config: Config) -> bool:
    """I4's goal: every post is where it may stay for ever, nobody has it in hand, and the gate is open.

    May stay: published, failed, cancelled, or held for a person (then also with an attempt of unknown outcome, which a
    person closes). That from every state some fair way leads here is checked over the whole graph (`tests.model.explore`):
    fair are all steps but faults and new orders of people.
    """
    if any(row.state not in (PUBLISHED, HELD, FAILED, CANCELLED) for row in state.store.posts):
        return False
    if any(row.state in (CLAIMED, SENDING) for row in state.store.attempts):
        return False
    return not config.resumes or _is_open(state)


def _is_open(state: State) -> bool:
    cell = state.cell
    standing = any(not item.lifted for item in state.store.suspensions)
    return not standing and not cell.stops and not cell.bad and cell.fence <= state.store.epoch
