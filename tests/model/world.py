"""What happens to everybody: time passes, the store or the cell fails, an older copy is put back.

| step | counterpart |
|---|---|
| clock / tick | wall time moves on by one tick: posts fall due, or become too late |
| clock / back | it goes back by one |
| store / fail | `what`: 1 not writable, 2 not readable |
| store / heal | it is whole again |
| store / backup, restore | a copy is made; it is put in the store's place under running processes |
| store / guard | the next daemon's start on it: `restore.guard`; it needs the host lock, so that the old one has ended |
| store / guard_dies | kill -9 of that daemon before its doubts are written down |
| store / doubt | `restore._doubt`; then that daemon publishes |
| cell / lose | the cell becomes unreadable |
"""

from __future__ import annotations

from tests.model import design
from tests.model.fence import can_raise, raise_fence
from tests.model.fence import fail as fail_fence
from tests.model.ledger import is_older_copy, move_attempt, move_post, put, seen_epoch, suspend_restored, unaccounted
from tests.model.state import (
    ABSENT,
    CLAIMED,
    DEAD,
    DOUBT,
    FAILED,
    HELD,
    LIVE,
    PUBLISHING,
    SCHEDULED,
    UNKNOWN,
    UNSURE,
    UP,
    Action,
    Attempt,
    Cell,
    Config,
    Resume,
    State,
    Store,
)

CLOCK, STORE, CELL_FILE = "clock", "store", "cell"
DOUBTED = (SCHEDULED, HELD, FAILED)
"""`restore.DOUBTED`, without drafts: what waited in the copy for its time or for a person."""


def enabled(state: State, config: Config) -> list[Action]:
    """What may happen to everybody now."""
    found: list[Action] = []
    world = state.world
    if world.now < config.last_tick:
        found.append(Action(CLOCK, "tick"))
    if config.backs and world.now and world.outages and world.store == UP:
        found.append(Action(CLOCK, "back"))
    if world.store != UP:
        found.append(Action(STORE, "heal"))
    elif world.outages:
        found += [Action(STORE, "fail", what=health) for health in config.health]
    if config.cell_faults and not config.cell_stays and world.outages and not state.cell.bad:
        found.append(Action(CELL_FILE, "lose"))
    if config.restores:
        _copies(state, found)
    return found


def _copies(state: State, found: list[Action]) -> None:
    if state.backup is None and state.world.guarded == 1:
        found.append(Action(STORE, "backup"))
    if state.backup is not None and state.world.guarded == 1 and state.backup.epoch:
        found.append(Action(STORE, "restore"))
    if not state.world.guarded and state.world.store == UP and all(worker.phase == DEAD for worker in state.workers):
        found.append(Action(STORE, "guard"))
    if state.world.guarded == 2:
        found.append(Action(STORE, "doubt"))
        if state.world.crashes:
            found.append(Action(STORE, "guard_dies"))


def tick(state: State, action: Action, config: Config) -> State:
    """Time passes."""
    return state._replace(world=state.world._replace(now=state.world.now + 1))


def back(state: State, action: Action, config: Config) -> State:
    """Somebody sets the clock back, by less than the guard notices, after the log (or a heartbeat) had its time."""
    world = state.world
    store = state.store._replace(latest=max(state.store.latest, world.now))
    return state._replace(store=store, world=world._replace(now=world.now - 1, outages=world.outages - 1))


def fail(state: State, action: Action, config: Config) -> State:
    """The store is away."""
    return state._replace(world=state.world._replace(store=action.what, outages=state.world.outages - 1))


def heal(state: State, action: Action, config: Config) -> State:
    """The store is back, as it was."""
    return state._replace(world=state.world._replace(store=UP))


def lose(state: State, action: Action, config: Config) -> State:
    """The cell cannot be read: that means stop."""
    world = state.world._replace(outages=state.world.outages - 1)
    return state._replace(cell=Cell(bad=1), world=world)


def backup(state: State, action: Action, config: Config) -> State:
    """A copy is made."""
    return state._replace(backup=state.store)


def restore(state: State, action: Action, config: Config) -> State:
    """The copy stands in the store's place; running workers keep the file that nobody reads any more. Once.

    What the lost store held for people is forgotten with it; it is the guard's to doubt.
    """
    assert state.backup is not None
    workers = tuple(worker._replace(lost=1) if worker.phase != DEAD else worker for worker in state.workers)
    spent = Store(0, (), ())
    return state._replace(
        store=state.backup,
        backup=spent,
        workers=workers,
        resume=Resume(),
        world=state.world._replace(guarded=0),
        missed=0,
    )


def guard(state: State, action: Action, config: Config) -> State:
    """A store that is behind this host's witness or cell suspends itself; its doubts come next."""
    if not is_older_copy(state) or config.weakened == design.NAIVE_RESTORE:
        return _witnessed(state._replace(world=state.world._replace(guarded=1)))
    store = suspend_restored(_claims_doubted(state.store), config, 1 + seen_epoch(state))
    state = state._replace(store=store)
    state = raise_fence(state) if can_raise(state) else fail_fence(state)
    state = state._replace(world=state.world._replace(guarded=2))
    return state if config.guard_falls else doubt(state, action, config)


def guard_dies(state: State, action: Action, config: Config) -> State:
    """kill -9 between the suspension and the doubts: the next daemon begins anew."""
    return state._replace(world=state.world._replace(guarded=0, crashes=state.world.crashes - 1))


def doubt(state: State, action: Action, config: Config) -> State:
    """What this host has sent and the copy does not know, and what was due, becomes unknown."""
    store = _skipped(state.store, state.witness[1])
    for post in _sent_from_here(state._replace(store=store), config) + _due(state, config):
        store = _doubted(store, post)
    world = state.world._replace(guarded=1)
    return _witnessed(state._replace(store=store._replace(doubting=0), noted=(), world=world))


def _sent_from_here(state: State, config: Config) -> list[int]:
    if config.weakened in (design.NO_DOUBT, design.BY_TIME_ALONE):
        return []
    return sorted({state.noted[number - 1] - 1 for number in unaccounted(state)})


def _due(state: State, config: Config) -> list[int]:
    rows = sorted(enumerate(state.store.posts), key=lambda item: (item[1].due, item[0]))
    return [] if config.weakened == design.NO_DOUBT else [post for post, row in rows if row.due <= state.world.now]


def _witnessed(state: State) -> State:
    """The witness knows at least what the store has."""
    epoch, attempt = state.witness
    return state._replace(witness=(max(epoch, state.store.epoch), max(attempt, len(state.store.attempts))))


def _claims_doubted(store: Store) -> Store:
    """`restore._doubt_claimed`."""
    for number, row in enumerate(store.attempts, 1):
        if row.state == CLAIMED:
            store = move_attempt(store, number, UNSURE, CLAIMED) or store
            store = move_post(store, row.post, UNKNOWN, PUBLISHING)
    return store


def _skipped(store: Store, highest: int) -> Store:
    """`restore._skip_numbers`: numbers that the lost store used are used by nobody else."""
    missing = highest + 1 - len(store.attempts)
    return store._replace(attempts=(*store.attempts, *(Attempt(ABSENT, 0, 0, 0),) * missing))


def _doubted(store: Store, post: int) -> Store:
    """`restore._doubt_post`: an attempt of unknown outcome, unless the post has a live one or is over; a held one stays."""
    row = store.posts[post]
    if row.state not in DOUBTED or any(item.post == post and item.state in LIVE for item in store.attempts):
        return store
    attempts = (*store.attempts, Attempt(UNSURE, post, DOUBT, store.epoch, row.content))
    after = row if row.state == HELD else row._replace(state=UNKNOWN)
    return store._replace(attempts=attempts, posts=put(store.posts, post, after))


STEPS = {(STORE, step.__name__): step for step in (fail, heal, backup, restore, guard, guard_dies, doubt)} | {
    (CLOCK, "tick"): tick,
    (CLOCK, "back"): back,
    (CELL_FILE, "lose"): lose,
}
