"""The cell's fence, which crisis, resume, keeper and restore raise: `stop_ledger.raise_fence` and `stop_cell.raise_fence`."""

from __future__ import annotations

from tests.model.ledger import active, find
from tests.model.state import ALL, Cell, State


def can_raise(state: State) -> bool:
    """Whether the ledger can be read and no stopped process holds the cell's lock."""
    return state.world.store <= 1 and state.pen is None


def raise_fence(state: State, *, lifted_all: bool = False) -> State:
    """The fence at the ledger's epoch at least, without the stops that the ledger has; the witness hears of the epoch.

    A cell that cannot be read is laid down anew only when everything is suspended, or such a stop was just lifted.
    """
    cell = raised(state, lifted_all=lifted_all)
    if cell is None:
        return state
    return state._replace(cell=cell, witness=(max(state.witness[0], state.store.epoch), state.witness[1]))


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
