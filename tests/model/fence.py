"""The cell's fence, which crisis, resume, keeper and restore raise: `stop_ledger.raise_fence` and `stop_cell.raise_fence`."""

from __future__ import annotations

from tests.model.ledger import active, find, put
from tests.model.state import AGAIN, ALL, LOST_CELL, Cell, State


def can_raise(state: State) -> bool:
    """Whether the ledger can be read and no stopped process holds the cell's lock."""
    return state.world.store <= 1 and state.pen is None


def raise_fence(state: State, *, lifted_all: bool = False) -> State:
    """The fence at the ledger's epoch at least, without the stops that the ledger has; the witness hears of the epoch anyway.

    A cell that cannot be read is laid down anew only when everything is suspended, or such a stop was just lifted.
    """
    cell = raised(state, lifted_all=lifted_all)
    state = state._replace(witness=(max(state.witness[0], state.store.epoch), state.witness[1]))
    return state if cell is None else promise(state._replace(cell=cell))


def promise(state: State) -> State:
    """`state` where every stop of the ledger is one that only resume may lift: cell and witness have heard of its epoch."""
    crises = state.crises
    for item in active(state.store):
        crisis = item.request % AGAIN
        if item.request < LOST_CELL and not crises[crisis].promised:
            crises = put(crises, crisis, crises[crisis]._replace(promised=1))
    return state if crises is state.crises else state._replace(crises=crises)


def raised(state: State, *, lifted_all: bool = False) -> Cell | None:
    """What `raise_fence` writes, None when the cell stays lost."""
    if state.cell.bad:
        stops_all = any(item.scope == ALL for item in active(state.store))
        return Cell(state.store.epoch, 0, 0) if lifted_all or stops_all else None
    kept = state.cell.stops
    for crisis in range(len(state.crises)):
        if kept >> crisis & 1 and find(state.store, crisis) is not None:
            kept &= ~(1 << crisis)
    return Cell(max(state.cell.fence, state.store.epoch), kept)
