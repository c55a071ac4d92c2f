"""The lift, in two steps bound to the epoch: `scheduler.resumption.Resumption`.

| step | counterpart |
|---|---|
| ask | `Resumption.ask`: the cell's unrecorded stops are adopted, a code is given for one suspension (`what`) |
| confirm | `Resumption.confirm`: `lifting.lift`, acknowledged; the fence comes next |
| confirm_unheard | it stands, unacknowledged: nobody raises the fence |
| fence, fence_fails | `Resumption._raise_fence` |
| kill | kill -9 before the fence |
"""

from __future__ import annotations

from tests.model import design
from tests.model.fence import can_raise, fail, raise_fence
from tests.model.ledger import adopt, begin_due, covers, has_come, is_of, is_older_copy, next_epoch, put
from tests.model.state import (
    ALL,
    HELD,
    LOST_CELL,
    RESTORE,
    SCHEDULED,
    UP,
    Action,
    Config,
    Post,
    Resume,
    State,
    Store,
    Suspension,
)

RESUME = "resume"


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
        if not item.lifted and (resume.suspension, resume.epoch, resume.at) != (
            place + 1,
            store.epoch,
            _at(state, config),
        ):
            found.append(Action(RESUME, "ask", what=place + 1))
    if resume.suspension and _is_good(resume, store, state.world.now):
        found.append(Action(RESUME, "confirm"))
        if state.world.faults:
            found.append(Action(RESUME, "confirm_unheard"))


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


def confirm(state: State, action: Action, config: Config) -> State:
    """One suspension lifted; its posts whose time has passed are held."""
    place = state.resume.suspension - 1
    store, missed = lift(state.store, place, max(state.world.now, state.store.latest), config)
    state = state._replace(store=store, missed=state.missed | missed, resume=Resume(place + 1, 0, 1))
    return _released(state, store.suspensions[place])


def confirm_unheard(state: State, action: Action, config: Config) -> State:
    """The lift stands; its process ended with an error and raised no fence."""
    world = state.world._replace(faults=state.world.faults - 1)
    return confirm(state, action, config)._replace(world=world, resume=Resume())


def lift(store: Store, place: int, now: int, config: Config) -> tuple[Store, int]:
    """`lifting.lift`: (the store, bits of the posts that fell due behind the gate by `now`, the latest that is known)."""
    own, missed, posts = store.suspensions[place], 0, store.posts
    for number, row in enumerate(posts):
        covered = has_come(own, now) and covers(own.scope, config.channels[number])
        if row.state == SCHEDULED and row.due <= now and covered:
            missed |= 1 << number
            if config.weakened != design.CATCH_UP:
                posts = put(posts, number, Post(HELD, row.due, row.tries, row.content))
    epoch = next_epoch(store)
    suspensions = put(store.suspensions, place, own._replace(lifted=epoch))
    return store._replace(epoch=epoch, posts=posts, suspensions=suspensions), missed


def _released(state: State, lifted: Suspension) -> State:
    """People are promised nothing more of what they have lifted.

    The lift that follows a restore, or a cell that was lost, stands for all that only the lost one knew.
    """
    crises = state.crises
    for who in range(len(crises)):
        known = any(is_of(item, who) and not item.lifted for item in state.store.suspensions)
        if is_of(lifted, who) or (lifted.request in (LOST_CELL, RESTORE) and not known):
            crises = put(crises, who, crises[who]._replace(promised=0, quiet=0, complete=0))
    return state._replace(crises=crises)


def fence(state: State, action: Action, config: Config) -> State:
    """The cell lets the new epoch pass."""
    lifted = state.store.suspensions[state.resume.suspension - 1]
    return raise_fence(state, lifted_all=lifted.scope == ALL)._replace(resume=Resume())


def fence_fails(state: State, action: Action, config: Config) -> State:
    """A warning; the lift stands, the keeper raises the fence."""
    return fail(state)._replace(resume=Resume())


def kill(state: State, action: Action, config: Config) -> State:
    """The process is gone."""
    world = state.world._replace(crashes=state.world.crashes - 1)
    return state._replace(world=world, resume=Resume())


STEPS = {(RESUME, step.__name__): step for step in (ask, confirm, confirm_unheard, fence, fence_fails, kill)}
