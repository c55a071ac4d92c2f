"""The lift, in two steps bound to the epoch: `scheduler.resumption.Resumption`.

| step | counterpart |
|---|---|
| ask | `Resumption.ask`: the cell's unrecorded stops are adopted, a code is given for one suspension (`what`) |
| confirm | `Resumption.confirm`: `lifting.lift`, acknowledged; the fence comes next |
| ask_part | the same code for one channel (`who`) of a stop of everything: ``resume --only`` |
| release | `Resumption.confirm` of such a code: `lifting.lift_part` |
| confirm_unheard | either stands, unacknowledged: nobody raises the fence |
| fence, fence_fails | `Resumption._raise_fence` |
| kill | kill -9 before the fence |
"""

from __future__ import annotations

from tests.model import design
from tests.model.fence import can_raise, fail, raise_fence
from tests.model.ledger import adopt, begin_due, covers_now, has_come, is_of, is_older_copy, next_epoch, put
from tests.model.state import (
    ALL,
    HELD,
    LOST_CELL,
    RESTORE,
    SCHEDULED,
    UP,
    Action,
    Config,
    Crisis,
    Post,
    Resume,
    State,
    Store,
    Suspension,
)

RESUME = "resume"
MOST_PARTS = 2
"""Staged resumes in one history: while a cell is lost each may call for a further stop of everything, without an end."""


def enabled(state: State, config: Config) -> list[Action]:
    """What people who resume may do now."""
    found: list[Action] = []
    resume = state.resume
    if not config.resumes:
        return found
    if resume.fence:
        if can_raise(state):
            found.append(Action(RESUME, "fence"))
        elif config.fence_fails:
            found.append(Action(RESUME, "fence_fails"))
        if config.kills and state.world.crashes:
            found.append(Action(RESUME, "kill"))
    elif state.world.store == UP and not is_older_copy(state):
        _ask_or_confirm(state, config, found)
    return found


def _at(state: State, config: Config) -> int:
    """The tick that a code bears; it matters only where the clock may go back behind it."""
    return state.world.now if config.backs else 0


def _ask_or_confirm(state: State, config: Config, found: list[Action]) -> None:
    resume, store = state.resume, state.store
    for place, item in enumerate(store.suspensions):
        if not item.lifted and _is_new(state, config, place):
            found.append(Action(RESUME, "ask", what=place + 1))
        if config.parts and not item.lifted and item.scope == ALL:
            _ask_part(state, config, place, found)
    if resume.suspension and _is_good(resume, store, state.world.now):
        found.append(Action(RESUME, "release" if resume.only else "confirm"))
        if state.world.faults:
            found.append(Action(RESUME, "confirm_unheard"))


def _is_new(state: State, config: Config, place: int, only: int = 0) -> bool:
    """Whether a code for this suspension (`only`: for that channel of it) would be another than the one that is there."""
    asked = Resume(place + 1, state.store.epoch, only=only, at=_at(state, config))
    return state.resume != asked


def _ask_part(state: State, config: Config, place: int, found: list[Action]) -> None:
    """A code for each channel that may be resumed first and that the suspension covers still."""
    item = state.store.suspensions[place]
    if sum(len(own.released) for own in state.store.suspensions) >= MOST_PARTS:
        return
    for channel in config.parts if has_come(item, state.world.now) else ():
        if covers_now(item, channel) and _is_new(state, config, place, channel):
            found.append(Action(RESUME, "ask_part", channel, place + 1))


def _is_good(resume: Resume, store: Store, now: int) -> bool:
    """Whether the code lifts: a crisis, a lift, or a clock set back behind its making voids it."""
    place = resume.suspension - 1
    return (
        resume.at <= now
        and resume.epoch == store.epoch
        and place < len(store.suspensions)
        and not store.suspensions[place].lifted
    )


def ask(state: State, action: Action, config: Config) -> State:
    """A code for suspension `what` in the present epoch; stops that only the cell knew are recorded first."""
    state = adopt(state, config)
    state = state._replace(store=begin_due(state.store, config, state.world.now))
    return state._replace(resume=Resume(action.what, state.store.epoch, at=_at(state, config)))


def ask_part(state: State, action: Action, config: Config) -> State:
    """The same for one channel of it."""
    asked = ask(state, action, config)
    return asked._replace(resume=asked.resume._replace(only=action.who))


def confirm(state: State, action: Action, config: Config) -> State:
    """One suspension lifted; its posts whose time has passed are held."""
    place = state.resume.suspension - 1
    store, missed = lift(state.store, place, max(state.world.now, state.store.latest), config)
    state = state._replace(store=store, missed=state.missed | missed, resume=Resume(place + 1, 0, 1))
    return _released(state, store.suspensions[place])


def release(state: State, action: Action, config: Config) -> State:
    """One suspension lifted for one channel; the channel's posts whose time has passed are held."""
    place, channel = state.resume.suspension - 1, state.resume.only
    store, missed = lift_part(state.store, place, channel, max(state.world.now, state.store.latest), config)
    state = state._replace(store=store, missed=state.missed | missed, resume=Resume(place + 1, 0, 1))
    return _released(state, store.suspensions[place], channel)


def confirm_unheard(state: State, action: Action, config: Config) -> State:
    """The lift stands; its process ended with an error and raised no fence."""
    world = state.world._replace(faults=state.world.faults - 1)
    step = release if state.resume.only else confirm
    return step(state, action, config)._replace(world=world, resume=Resume())


def lift(store: Store, place: int, now: int, config: Config) -> tuple[Store, int]:
    """`lifting.lift`: (the store, bits of the posts that fell due behind the gate by `now`, the latest that is known)."""
    posts, missed = _hold_missed(store, store.suspensions[place], now, config)
    if config.weakened == design.CATCH_UP:
        posts = store.posts
    epoch = next_epoch(store)
    suspensions = put(store.suspensions, place, store.suspensions[place]._replace(lifted=epoch))
    return store._replace(epoch=epoch, posts=posts, suspensions=suspensions), missed


def lift_part(store: Store, place: int, channel: int, now: int, config: Config) -> tuple[Store, int]:
    """`lifting.lift_part`: the same for one channel of it."""
    own = store.suspensions[place]
    posts, missed = _hold_missed(store, own, now, config, channel)
    if config.weakened == design.PART_CATCH_UP:
        posts = store.posts
    epoch = next_epoch(store)
    suspensions = put(store.suspensions, place, own._replace(released=(*own.released, (channel, epoch))))
    return store._replace(epoch=epoch, posts=posts, suspensions=suspensions), missed


def _hold_missed(
    store: Store, own: Suspension, now: int, config: Config, only: int = 0
) -> tuple[tuple[Post, ...], int]:
    """`lifting._hold_missed`."""
    missed, posts = 0, store.posts
    for number, row in enumerate(posts):
        channel = config.channels[number]
        covered = has_come(own, now) and covers_now(own, channel) and only in (0, channel)
        if row.state == SCHEDULED and row.due <= now and covered:
            missed |= 1 << number
            posts = put(posts, number, row._replace(state=HELD))
    return posts, missed


def _released(state: State, lifted: Suspension, only: int = 0) -> State:
    """People are promised nothing more of what they have lifted (`only`: of that channel).

    The lift that follows a restore, or a cell that was lost, stands for all that only the lost one knew.
    """
    crises = state.crises
    for who, crisis in enumerate(crises):
        stood = [item for item in state.store.suspensions if is_of(item, who) and (not item.lifted or item == lifted)]
        stands = [item for item in stood if not item.lifted]
        if lifted in stood[-1:] or (lifted.request in (LOST_CELL, RESTORE) and not stands):
            crises = put(crises, who, _promised(crisis, stands, only))
    return state._replace(crises=crises)


def _promised(crisis: Crisis, stands: list[Suspension], only: int) -> Crisis:
    """What a run of crisis has told and still promises; it has two where a part of the first was lifted under its hands."""
    if only:
        return crisis._replace(released=crisis.released | 1 << only)
    released = sum(1 << channel for channel, _ in stands[-1].released) if stands else 0
    return crisis._replace(promised=int(bool(stands)), quiet=0, complete=0, released=released)


def fence(state: State, action: Action, config: Config) -> State:
    """The cell lets the new epoch pass; a lost one is laid down anew by the lift of a stop of everything that stood whole."""
    own = state.store.suspensions[state.resume.suspension - 1]
    lifted_all = bool(own.lifted) and own.scope == ALL and not own.released
    return raise_fence(state, lifted_all=lifted_all)._replace(resume=Resume())


def fence_fails(state: State, action: Action, config: Config) -> State:
    """A warning; the lift stands, the keeper raises the fence."""
    return fail(state)._replace(resume=Resume())


def kill(state: State, action: Action, config: Config) -> State:
    """The process is gone."""
    world = state.world._replace(crashes=state.world.crashes - 1)
    return state._replace(world=world, resume=Resume())


STEPS = {
    (RESUME, step.__name__): step
    for step in (ask, ask_part, confirm, release, confirm_unheard, fence, fence_fails, kill)
}
