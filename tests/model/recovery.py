"""What the daemon does beside publishing: `rescuer.rescue`, `reconciler.reconcile`, `cell_keeper.CellKeeper`.

| step | counterpart |
|---|---|
| rescuer / rescue | `rescuer._take_up` of an attempt (`what`) whose worker is proven dead |
| reconciler / found | `reconciler._looked`: the platform shows the post |
| reconciler / not_found | it does not (evidence only: it may be wrong), and the settling time has passed |
| keeper / adopt | `CellKeeper.keep`: a stop that only the cell knows is recorded |
| keeper / begin | `CellKeeper.keep`: a planned window whose moment has come takes its step |
| keeper / fence | `CellKeeper.keep`: the fence follows the ledger |
| keeper / fence_begins, fence_ends | the same, stopped between reading and writing the cell, its lock in hand |

The drain of a crisis rescues and reconciles by the same functions.
"""

from __future__ import annotations

from tests.model import design
from tests.model.fence import can_raise, noted, raise_fence, raised
from tests.model.ledger import adopt, begin_due, is_older_copy, move_attempt, move_post, put_back, unrecorded
from tests.model.state import (
    ABORTED,
    ACCEPTED,
    CLAIMED,
    DONE,
    HELD,
    NOT_SENT,
    PUBLISHED,
    PUBLISHING,
    SCHEDULED,
    SENDING,
    UNKNOWN,
    UNSURE,
    UP,
    Action,
    Cell,
    Config,
    Pen,
    State,
)

RESCUER, RECONCILER, KEEPER = "rescuer", "reconciler", "keeper"


def enabled(state: State, config: Config) -> list[Action]:
    """What the duties may do now."""
    found: list[Action] = []
    if state.world.store == UP:
        _settle(state, config, found)
        if begin_due(state.store, config, state.world.now) is not state.store and not is_older_copy(state):
            found.append(Action(KEEPER, "begin"))
        elif unrecorded(state):
            found.append(Action(KEEPER, "adopt"))
    if can_raise(state) and raised(state) not in (state.cell, None):
        found.append(Action(KEEPER, "fence"))
        if config.frozen_pens and not state.cell.bad:
            found.append(Action(KEEPER, "fence_begins"))
    if state.pen is not None:
        found.append(Action(KEEPER, "fence_ends"))
    return found


def _settle(state: State, config: Config, found: list[Action]) -> None:
    for number, row in enumerate(state.store.attempts, 1):
        if row.worker and row.state == SENDING and config.weakened == design.LEASE:
            found.append(Action(RESCUER, "lease", what=number))
        if row.state == SENDING and config.weakened == design.NO_RECONCILE_FENCE and not _is_shown(state, row.post):
            found.append(Action(RECONCILER, "believe", what=number))
        if row.worker == 0 and row.state in (CLAIMED, SENDING):
            found.append(Action(RESCUER, "rescue", what=number))
        if row.state == UNSURE:
            if _is_shown(state, row.post):
                found.append(Action(RECONCILER, "found", what=number))
            if state.store.posts[row.post].state == UNKNOWN:
                found.append(Action(RECONCILER, "not_found", what=number))


def _is_shown(state: State, post: int) -> bool:
    """Whether the platform shows the post and no other attempt is known to be it."""
    shown = sum(request.post == post and request.state == ACCEPTED for request in state.requests)
    return shown > sum(row.post == post and row.state == DONE for row in state.store.attempts)


def rescue(state: State, action: Action, config: Config) -> State:
    """``claimed`` becomes ``aborted``, ``sending`` becomes ``unknown``."""
    row = state.store.attempts[action.what - 1]
    aborted = move_attempt(state.store, action.what, ABORTED, CLAIMED)
    if aborted is not None:
        return state._replace(store=put_back(aborted, row, config))
    doubted = move_attempt(state.store, action.what, UNSURE, SENDING) or state.store
    return state._replace(store=move_post(doubted, row.post, UNKNOWN, PUBLISHING))


def lease(state: State, action: Action, config: Config) -> State:
    """A weakened design: what has been sending for too long is called not sent, and goes again."""
    post = state.store.attempts[action.what - 1].post
    store = move_attempt(state.store, action.what, NOT_SENT, SENDING) or state.store
    return state._replace(store=move_post(store, post, SCHEDULED, PUBLISHING))


def believe(state: State, action: Action, config: Config) -> State:
    """A weakened design: what the platform does not show was not sent, whoever may still be about to."""
    post = state.store.attempts[action.what - 1].post
    store = move_attempt(state.store, action.what, NOT_SENT, SENDING) or state.store
    return state._replace(store=move_post(store, post, HELD, PUBLISHING))


def found(state: State, action: Action, config: Config) -> State:
    """The attempt was published after all."""
    post = state.store.attempts[action.what - 1].post
    store = move_attempt(state.store, action.what, DONE, SENDING, UNSURE) or state.store
    return state._replace(store=move_post(store, post, PUBLISHED, PUBLISHING, UNKNOWN, HELD))


def not_found(state: State, action: Action, config: Config) -> State:
    """The post waits for a person; the attempt stays unknown."""
    post = state.store.attempts[action.what - 1].post
    return state._replace(store=move_post(state.store, post, HELD, UNKNOWN))


def keeper_adopt(state: State, action: Action, config: Config) -> State:
    """A suspension by the stop cell."""
    return adopt(state, config)


def keeper_begin(state: State, action: Action, config: Config) -> State:
    """The step of a planned window whose moment has come."""
    return state._replace(store=begin_due(state.store, config, state.world.now))


def keeper_fence(state: State, action: Action, config: Config) -> State:
    """The fence at the ledger's epoch."""
    return raise_fence(state)


def fence_begins(state: State, action: Action, config: Config) -> State:
    """It holds the cell's lock, has read, and stands still before its writes (as crisis and resume may, too)."""
    after = raised(state)
    assert after is not None
    fence = after.fence if after.fence != state.cell.fence else 0
    return state._replace(pen=Pen(fence, state.cell.stops & ~after.stops, state.store.epoch))


def fence_ends(state: State, action: Action, config: Config) -> State:
    """It writes what it meant to, over a cell that may say stop by now: the fence, and each slot that it takes out.

    A cell that was lost meanwhile stays lost: what lies between its writes is no cell's.
    """
    assert state.pen is not None
    cell = state.cell
    after = Cell(state.pen.fence or cell.fence, cell.stops & ~state.pen.cleared, cell.bad)
    return noted(state._replace(cell=after, pen=None), state.pen.epoch)


STEPS = {
    (KEEPER, "fence_begins"): fence_begins,
    (KEEPER, "fence_ends"): fence_ends,
    (RESCUER, "rescue"): rescue,
    (RESCUER, "lease"): lease,
    (RECONCILER, "believe"): believe,
    (RECONCILER, "found"): found,
    (RECONCILER, "not_found"): not_found,
    (KEEPER, "adopt"): keeper_adopt,
    (KEEPER, "begin"): keeper_begin,
    (KEEPER, "fence"): keeper_fence,
}
