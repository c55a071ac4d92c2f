"""The stop: `scheduler.emergency_stop.EmergencyStop.run`, one process per entry of `Config.scopes`, from cell to answer.

| step | counterpart |
|---|---|
| cell | `stop_cell.stop` (only for everything); authority was checked before it |
| cell_fails | the same, with a disk that cannot be written |
| begin | a partial stop: no cell |
| read | weakened designs only: the transaction's statements, before its COMMIT |
| commit | `killswitch.suspend`, committed and acknowledged: SUSPENDED is told |
| commit_unheard, commit_undone | not acknowledged; it stands, or it does not; up to `record_tries` times |
| not_recorded | NOT RECORDED (exit code 20) |
| fence | `stop_ledger.raise_fence` after the word |
| fence_fails | the same, when another process holds the cell's lock or the store is away |
| quiet | `drain.until_quiet` and the receipt find nothing under way: QUIET CONFIRMED (exit code 0) |
| not_confirmed | time ran out (exit code 10) |
| sweep | the platform's own scheduler is emptied, after the drain: the receipt is complete (not built yet) |
| kill | kill -9 of this process |
| status / quiet | `crisis status --wait` by anybody, later |

The drain's own rescue and reconcile are the actors of `tests.model.recovery`.
"""

from __future__ import annotations

from tests.model import design
from tests.model.fence import can_raise, fail, noted, raise_fence
from tests.model.ledger import (
    abort_claimed,
    active,
    begin_due,
    covers,
    in_flight,
    in_force,
    is_of,
    is_older_copy,
    notice_restore,
    put,
    seen_epoch,
    suspend,
    unaccounted,
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
    NATIVE,
    QUIET,
    TOLD,
    TURNED_DOWN,
    UNCONFIRMED,
    UNRECORDED,
    UP,
    WAIT,
    Action,
    Cell,
    Config,
    Crisis,
    Request,
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
            if config.kills and state.world.crashes and crisis.phase not in (WAIT, QUIET):
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
    elif config.weakened in (design.NO_LOCK, design.OWN_SNAPSHOT) and not state.memory:
        found.append(Action(CRISIS, "read", who))
    else:
        found.append(Action(CRISIS, "commit", who))
        if state.world.faults:
            found.append(Action(CRISIS, "commit_unheard", who))
            found.append(Action(CRISIS, "commit_undone", who))


def _told(state: State, config: Config, who: int, crisis: Crisis, found: list[Action]) -> None:
    if can_raise(state):
        found.append(Action(CRISIS, "fence", who))
    elif config.fence_fails:
        found.append(Action(CRISIS, "fence_fails", who))


def _drain(state: State, config: Config, who: int, crisis: Crisis, found: list[Action]) -> None:
    if config.weakened == design.SWEEP_FIRST and not crisis.complete:
        found.append(Action(CRISIS, "sweep", who))
    if is_quiet(state, who, config):
        found.append(Action(CRISIS, "quiet", who))
    else:
        found.append(Action(CRISIS, "not_confirmed", who))


def _quiet(state: State, config: Config, who: int, crisis: Crisis, found: list[Action]) -> None:
    if config.native and crisis.quiet and not crisis.complete and config.weakened != design.SWEEP_FIRST:
        found.append(Action(CRISIS, "sweep", who))


_ENABLED = {WAIT: _wait, CELL: _cell, TOLD: _told, DRAIN: _drain, QUIET: _quiet}


def own_suspension(state: State, who: int) -> Suspension | None:
    """The newest suspension recorded for this run of crisis, None when the store has none."""
    own = [item for item in state.store.suspensions if is_of(item, who)]
    return own[-1] if own else None


def is_quiet(state: State, who: int, config: Config) -> bool:
    """What `drain.until_quiet`, `lost_attempts` and the receipt find, read in one moment."""
    own, crisis = own_suspension(state, who), state.crises[who]
    if own is None or own.lifted or (own.epoch, state.store.suspensions.index(own)) != (crisis.told, crisis.row):
        return False  # a store put back does not know it, or knows it as another
    if not _is_readable(state) or lost_attempts(state):
        return False
    return config.weakened == design.QUIET_AT_ONCE or not unconfirmed(state.store, own, config)


def _is_readable(state: State) -> bool:
    return state.world.store <= 1


def lost_attempts(state: State) -> bool:
    """`stop_ledger.lost_attempts`: this host has sent what the store does not know of."""
    return state.witness[1] > len(state.store.attempts) or bool(unaccounted(state))


def _status_says_quiet(state: State, config: Config) -> bool:
    state = status_begins(state, config)
    if not _is_readable(state) or unrecorded(state) or lost_attempts(state) or has_due(state, config):
        return False
    found = list(in_force(state.store, state.world.now))
    if not found or all(state.crises[item.request % AGAIN].quiet for item in found if item.request < LOST_CELL):
        return False
    return all(not unconfirmed(state.store, item, config) for item in found)


def status_begins(state: State, config: Config) -> State:
    """`Status._begin_due`: what it is asked about is begun first, where it can write."""
    if state.world.store != UP or is_older_copy(state):
        return state
    return state._replace(store=begin_due(state.store, config, state.world.now))


def has_due(state: State, config: Config) -> bool:
    """`killswitch.has_due`."""
    return begin_due(state.store, config, state.world.now) is not state.store


def _set(state: State, who: int, **changes: int) -> State:
    return state._replace(crises=put(state.crises, who, state.crises[who]._replace(**changes)))


def cell(state: State, action: Action, config: Config) -> State:
    """A stop stands on this host; a garbled cell is written anew. It waits for no lock."""
    stopped = Cell(state.cell.fence, state.cell.stops | 1 << action.who)
    return _set(state._replace(cell=stopped), action.who, phase=CELL, cell_set=1, promised=1)


def cell_fails(state: State, action: Action, config: Config) -> State:
    """A warning; the store is tried all the same."""
    world = state.world._replace(outages=state.world.outages - 1)
    return _set(state._replace(world=world), action.who, phase=CELL)


def begin(state: State, action: Action, config: Config) -> State:
    """A partial stop begins with its transaction."""
    return _set(state, action.who, phase=CELL)


def read(state: State, action: Action, config: Config) -> State:
    """A weakened design's view of what is in flight, before its suspension is there for others."""
    store, scope = state.store, config.scopes[action.who]
    if config.weakened == design.NO_LOCK:
        store = abort_claimed(store, scope, config)
    return state._replace(store=store, memory=(in_flight(store, scope, config),))


def _suspended(state: State, who: int, config: Config) -> State:
    if config.weakened == design.IN_MEMORY:
        return state._replace(memory=(1,))
    at_least = 1 + seen_epoch(state)
    store = suspend(notice_restore(state, config), who, config.scopes[who], config, at_least, state.memory)
    return state._replace(store=store, memory=())


def commit(state: State, action: Action, config: Config) -> State:
    """SUSPENDED."""
    state = _suspended(state, action.who, config)
    if config.weakened == design.IN_MEMORY:
        return _set(state, action.who, phase=TOLD, promised=1)
    own = own_suspension(state, action.who)
    if own is None:
        return _set(state, action.who, phase=TOLD)
    return _set(state, action.who, phase=TOLD, told=own.epoch, row=state.store.suspensions.index(own))


def commit_unheard(state: State, action: Action, config: Config) -> State:
    """The suspension stands, and its process does not know."""
    return _tried(_suspended(state, action.who, config), action.who)


def commit_undone(state: State, action: Action, config: Config) -> State:
    """The suspension does not stand."""
    return _tried(state, action.who)


def _tried(state: State, who: int) -> State:
    crisis, world = state.crises[who], state.world
    changes = {"phase": CELL, "tries": crisis.tries + 1}
    if world.store != UP:
        return _set(state, who, **changes)
    return _set(state._replace(world=world._replace(faults=world.faults - 1)), who, maybe=1, **changes)


def not_recorded(state: State, action: Action, config: Config) -> State:
    """NOT RECORDED, with what is known."""
    crisis = state.crises[action.who]
    denied = config.scopes[action.who] == ALL and not crisis.cell_set and not crisis.maybe
    return _set(state, action.who, phase=UNRECORDED, denied=int(denied))


def fence(state: State, action: Action, config: Config) -> State:
    """The stop in the cell becomes the fence; from here on no restore of an older copy can lose it unseen."""
    return _set(raise_fence(state), action.who, phase=DRAIN)


def fence_fails(state: State, action: Action, config: Config) -> State:
    """A warning; the next writer raises the fence."""
    return _set(fail(state), action.who, phase=DRAIN)


def sweep(state: State, action: Action, config: Config) -> State:
    """What waits in the platform's own scheduler is cancelled there, seen to be gone, and held here."""
    scope = config.scopes[action.who]
    requests = tuple(
        Request(item.post, TURNED_DOWN) if item.state == NATIVE and covers(scope, config.channels[item.post]) else item
        for item in state.requests
    )
    return _set(state._replace(requests=requests), action.who, complete=1)


def quiet(state: State, action: Action, config: Config) -> State:
    """QUIET CONFIRMED."""
    return _set(state, action.who, phase=QUIET, quiet=state.crises[action.who].told or 1, told=0, row=0)


def not_confirmed(state: State, action: Action, config: Config) -> State:
    """SUSPENDED, NOT CONFIRMED."""
    if config.weakened == design.TIMEOUT_IS_QUIET:
        return quiet(state, action, config)
    return _set(state, action.who, phase=UNCONFIRMED, told=0, row=0)


def kill(state: State, action: Action, config: Config) -> State:
    """The process is gone; what stands, stands."""
    world = state.world._replace(crashes=state.world.crashes - 1)
    return _set(state._replace(world=world), action.who, phase=KILLED, told=0, row=0)


def status_quiet(state: State, action: Action, config: Config) -> State:
    """All that is suspended is quiet, a planned window that has come among it."""
    state = status_begins(state, config)
    for item in active(state.store):
        if item.request < LOST_CELL:
            state = _set(state, item.request % AGAIN, quiet=item.epoch)
    return noted(state, state.store.epoch)


STEPS = (
    {
        (CRISIS, step.__name__): step
        for step in (
            cell,
            cell_fails,
            begin,
            read,
            commit,
            commit_unheard,
            commit_undone,
            not_recorded,
            fence,
            fence_fails,
        )
    }
    | {(CRISIS, step.__name__): step for step in (quiet, not_confirmed, sweep, kill)}
    | {(STATUS, "quiet"): status_quiet}
)
