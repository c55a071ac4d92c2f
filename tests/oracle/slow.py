"""Steps that are one in the model and several in the real code, stopped in the middle while everybody else goes on.

| step | what is stopped |
|---|---|
| drain | a crisis that waits for quiet goes on by one boundary: poll, note, lost attempts, receipt, last question |
| fence begins | a keeper has read the ledger and stands before the cell |
| fence ends | it writes what it had read then: the fence never falls, and a stop that it did not know stays |

What a slow crisis says at the end the model must allow at that moment; that it says less than it could is allowed.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.model import crisis
from tests.model.fence import raised
from tests.model.state import DRAIN, UP, Action, State
from tests.oracle.boundary import FENCE, POLL, READ
from tests.oracle.commands import keep_fence
from tests.oracle.puppet import DONE, Puppet
from tests.oracle.rig import Rig

SLOW = "slow"


def enabled(state: State, rig: Rig) -> list[Action]:
    """What may be slow now."""
    found = [Action(SLOW, "drain", who) for who, item in enumerate(state.crises) if item.phase == DRAIN]
    if rig.slow_fence is not None:
        found += [Action(SLOW, "fence ends")] if state.pen is None else []  # else another keeper holds the cell's lock
    elif state.world.store == UP and not state.cell.bad:
        found.append(Action(SLOW, "fence begins"))
    return found


def allows(rig: Rig, state: State, action: Action) -> bool:
    """Whether the rig can take an action of the model beside what is slow.

    A crisis in the middle of its last questions answers by these; and a cell that is lost under a keeper's hands, between its
    look and its write, is laid down anew. The clock goes back only where no post rests (`Rig.rests`), nor one in the copy.
    """
    if (action.actor, action.step) == ("cell", "lose"):
        return rig.slow_fence is None
    if (action.actor, action.step) == ("clock", "back"):
        return not (state.backup is not None and state.backup.epoch) and not rig.rests
    if action.actor == "crisis" and action.step in ("quiet", "not_confirmed"):
        return not rig.stops[action.who].crept or rig.stops[action.who].process.at == POLL
    return True


def drain(rig: Rig, state: State, action: Action) -> State:
    """One boundary further; at the end, what was said."""
    stop = rig.stops[action.who]
    stop.creep()
    if stop.answer is None:
        return state
    if stop.answer.code:
        return crisis.not_confirmed(state, action, rig.config)
    assert crisis.is_quiet(state, action.who, rig.config), "QUIET CONFIRMED, and the model knows of something under way"
    return crisis.quiet(state, action, rig.config)


def fence_begins(rig: Rig, state: State, action: Action) -> State:
    """The ledger was read."""
    keeper = Puppet("keeper", lambda: keep_fence(rig.town))
    assert keeper.step() == READ
    if keeper.step() != DONE:
        assert keeper.at == FENCE
        rig.slow_fence, rig.slow_store = keeper, state.store
    return state


def fence_ends(rig: Rig, state: State, action: Action) -> State:
    """The cell and the witness are written."""
    assert rig.slow_fence is not None
    rig.slow_fence.run()
    rig.slow_fence = None
    cell = raised(state._replace(store=rig.slow_store))
    assert cell is not None
    return state._replace(cell=cell, witness=(max(state.witness[0], rig.slow_store.epoch), state.witness[1]))


STEPS: dict[str, Callable[[Rig, State, Action], State]] = {
    "drain": drain,
    "fence begins": fence_begins,
    "fence ends": fence_ends,
}
