"""The cell's fence, which crisis, resume, keeper and restore raise: `stop_ledger.raise_fence` and `stop_cell.raise_fence`."""

from __future__ import annotations

from tests.model.ledger import active, find, put, stops_all
from tests.model.state import AGAIN, LOST_CELL, Cell, State


def can_raise(state: State) -> bool:
    """Whether the ledger can be read and no stopped process holds the cell's lock."""
    return state.world.store <= 1 and state.pen is None


def raise_fence(state: State, *, lifted_all: bool = False) -> State:
    """The fence at the ledger's epoch at least, without the stops that the ledger has; the witness hears of the epoch anyway.

    A cell that cannot be read is laid down anew only when everything is suspended, or such a stop was just lifted.
    """
    cell = raised(state, lifted_all=lifted_all)
    return noted(state if cell is None else state._replace(cell=cell), state.store.epoch)


def noted(state: State, epoch: int) -> State:
    """The witness has heard of `epoch`, so that every stop up to it is one that only resume may lift."""
    return promise(state._replace(witness=(max(state.witness[0], epoch), state.witness[1])), epoch)


def promise(state: State, epoch: int) -> State:
    """`state` where every stop of the ledger up to `epoch` is one that only resume may lift."""
    crises = state.crises
    for item in active(state.store):  # the newest of each run comes last
        crisis = item.request % AGAIN
        if item.request < LOST_CELL and item.epoch <= epoch:
            released = sum(1 << channel for channel, _ in item.released)
            crises = put(crises, crisis, crises[crisis]._replace(promised=1, released=released))
    return state if crises == state.crises else state._replace(crises=crises)


def fail(state: State) -> State:
    """Another process holds the cell's lock, or the store is away; the witness hears of the epoch where it can be read."""
    return noted(state, state.store.epoch) if state.world.store <= 1 else promise(state, state.store.epoch)


def raised(state: State, *, lifted_all: bool = False) -> Cell | None:
    """What `raise_fence` writes, None when the cell stays lost."""
    if state.cell.bad:
        everything = any(stops_all(item) for item in active(state.store))
        return Cell(max(state.cell.fence, state.store.epoch)) if lifted_all or everything else None
    kept = state.cell.stops
    for crisis in range(len(state.crises)):
        if kept >> crisis & 1 and find(state.store, crisis) is not None:
            kept &= ~(1 << crisis)
    return Cell(max(state.cell.fence, state.store.epoch), kept)
