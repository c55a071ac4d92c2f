"""The stop: `scheduler.emergency_stop.EmergencyStop.run`, one process per entry of `Config.scopes`, from cell to answer.

| step | counterpart |
|---|---|
| cell | `stop_cell.stop` (only for everything); authority was checked before it |
| cell_fails | the same, with a disk that cannot be written |
| begin | a partial stop: no cell |
| commit | `killswitch.suspend`, committed and acknowledged: SUSPENDED is told |
| commit_unheard, commit_undone | not acknowledged; it stands, or it does not; up to `record_tries` times |
| not_recorded | NOT RECORDED (exit code 20) |
| fence | `stop_ledger.raise_fence` after the word |
| quiet | `drain.until_quiet` and the receipt find nothing under way: QUIET CONFIRMED (exit code 0) |
| not_confirmed | time ran out (exit code 10) |
| kill | kill -9 of this process |
| status / quiet | `crisis status --wait` by anybody, later |

The drain's own rescue and reconcile are the actors of `tests.model.recovery`.
"""

from __future__ import annotations

from tests.model.fence import can_raise, raise_fence
from tests.model.ledger import (
    active,
    find,
    newest_attempt,
    promise,
    put,
    suspend,
    unconfirmed,
    unrecorded,
)
from tests.model.state import (
    AGAIN,
    ALL,
    CELL,
    DRAIN,
    KILLED,
    LOST_CELL,
    QUIET,
    TOLD,
    UNCONFIRMED,
    UNRECORDED,
    UP,
    WAIT,
    Action,
    Cell,
    Config,
    Crisis,
    State,
    Suspension,
)

CRISIS, STATUS = "crisis", "status"


def enabled(state: State, config: Config) -> list[Action]:
    """What the processes of stops may do now."""
    found: list[Action] = []
    for who, crisis in enumerate(state.crises):
        if crisis.phase in _ENABLED:
            _ENABLED[crisis.phase](state, config, who, crisis, found)
            if config.kills and state.world.crashes and crisis.phase != WAIT:
                found.append(Action(CRISIS, "kill", who))
    if config.status and _status_says_quiet(state, config):
        found.append(Action(STATUS, "quiet"))
    return found


def _wait(state: State, config: Config, who: int, crisis: Crisis, found: list[Action]) -> None:
    if config.scopes[who] != ALL:
        found.append(Action(CRISIS, "begin", who))
        return
    found.append(Action(CRISIS, "cell", who))
    if config.cell_faults and state.world.outages:
        found.append(Action(CRISIS, "cell_fails", who))


def _cell(state: State, config: Config, who: int, crisis: Crisis, found: list[Action]) -> None:
    if crisis.tries >= config.record_tries:
        found.append(Action(CRISIS, "not_recorded", who))
    elif state.world.store != UP:
        found.append(Action(CRISIS, "commit_undone", who))
    else:
        found.append(Action(CRISIS, "commit", who))
        if state.world.faults:
            found.append(Action(CRISIS, "commit_unheard", who))
            found.append(Action(CRISIS, "commit_undone", who))


def _told(state: State, config: Config, who: int, crisis: Crisis, found: list[Action]) -> None:
    if can_raise(state):
        found.append(Action(CRISIS, "fence", who))


def _drain(state: State, config: Config, who: int, crisis: Crisis, found: list[Action]) -> None:
    if is_quiet(state, who, config):
        found.append(Action(CRISIS, "quiet", who))
    else:
        found.append(Action(CRISIS, "not_confirmed", who))


_ENABLED = {WAIT: _wait, CELL: _cell, TOLD: _told, DRAIN: _drain}


def own_suspension(state: State, who: int) -> Suspension | None:
    """The newest suspension recorded for this run of crisis, None when the store has none."""
    for request in (who + AGAIN, who):
        place = find(state.store, request)
        if place is not None:
            return state.store.suspensions[place]
    return None


def is_quiet(state: State, who: int, config: Config) -> bool:
    """What `drain.until_quiet`, `lost_attempts` and the receipt find, read in one moment."""
    own = own_suspension(state, who)
    if own is None or own.epoch != state.crises[who].told or own.lifted:  # a store put back does not know it
        return False
    if not _is_readable(state) or _lost_attempts(state):
        return False
    return not unconfirmed(state.store, own.scope, config)


def _is_readable(state: State) -> bool:
    return state.world.store <= 1


def _lost_attempts(state: State) -> bool:
    """`stop_ledger.lost_attempts`: this host has seen attempts that the store does not know."""
    return state.witness[1] > newest_attempt(state.store)


def _status_says_quiet(state: State, config: Config) -> bool:
    if not _is_readable(state) or unrecorded(state) or _lost_attempts(state):
        return False
    found = list(active(state.store))
    if not found or all(state.crises[item.request % AGAIN].quiet for item in found if item.request < LOST_CELL):
        return False
    return all(not unconfirmed(state.store, item.scope, config) for item in found)


def _set(state: State, who: int, **changes: int) -> State:
    return state._replace(crises=put(state.crises, who, state.crises[who]._replace(**changes)))


def cell(state: State, action: Action, config: Config) -> State:
    """A stop stands on this host; a garbled cell is written anew. It waits for no lock."""
    before = Cell() if state.cell.bad else state.cell
    stopped = Cell(before.fence, before.stops | 1 << action.who)
    return _set(state._replace(cell=stopped), action.who, phase=CELL, cell_set=1, promised=1)


def cell_fails(state: State, action: Action, config: Config) -> State:
    """A warning; the store is tried all the same."""
    world = state.world._replace(outages=state.world.outages - 1)
    return _set(state._replace(world=world), action.who, phase=CELL)


def begin(state: State, action: Action, config: Config) -> State:
    """A partial stop begins with its transaction."""
    return _set(state, action.who, phase=CELL)


def _suspended(state: State, who: int, config: Config) -> State:
    at_least = 0 if state.cell.bad else state.cell.fence + 1
    return promise(state._replace(store=suspend(state.store, who, config.scopes[who], config, at_least)))


def commit(state: State, action: Action, config: Config) -> State:
    """SUSPENDED."""
    state = _suspended(state, action.who, config)
    own = own_suspension(state, action.who)
    return _set(state, action.who, phase=TOLD, promised=1, told=own.epoch if own is not None else 0)


def commit_unheard(state: State, action: Action, config: Config) -> State:
    """The suspension stands, and its process does not know."""
    return _tried(_suspended(state, action.who, config), action.who)


def commit_undone(state: State, action: Action, config: Config) -> State:
    """The suspension does not stand."""
    return _tried(state, action.who)


def _tried(state: State, who: int) -> State:
    if state.world.store == UP:
        state = state._replace(world=state.world._replace(faults=state.world.faults - 1))
    return _set(state, who, tries=state.crises[who].tries + 1)


def not_recorded(state: State, action: Action, config: Config) -> State:
    """NOT RECORDED, with what is known."""
    return _set(state, action.who, phase=UNRECORDED)


def fence(state: State, action: Action, config: Config) -> State:
    """The stop in the cell becomes the fence."""
    return _set(raise_fence(state), action.who, phase=DRAIN)


def quiet(state: State, action: Action, config: Config) -> State:
    """QUIET CONFIRMED."""
    return _set(state, action.who, phase=QUIET, quiet=1, told=0)


def not_confirmed(state: State, action: Action, config: Config) -> State:
    """SUSPENDED, NOT CONFIRMED."""
    return _set(state, action.who, phase=UNCONFIRMED, told=0)


def kill(state: State, action: Action, config: Config) -> State:
    """The process is gone; what stands, stands."""
    world = state.world._replace(crashes=state.world.crashes - 1)
    return _set(state._replace(world=world), action.who, phase=KILLED, told=0)


def status_quiet(state: State, action: Action, config: Config) -> State:
    """All that is suspended is quiet."""
    for item in active(state.store):
        if item.request < LOST_CELL:
            state = _set(state, item.request % AGAIN, quiet=1)
    return state


STEPS = {
    (CRISIS, step.__name__): step
    for step in (cell, cell_fails, begin, commit, commit_unheard, commit_undone, not_recorded, fence, quiet)
} | {(CRISIS, "not_confirmed"): not_confirmed, (CRISIS, "kill"): kill, (STATUS, "quiet"): status_quiet}
