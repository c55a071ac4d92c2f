"""People with posts in their hands: the verbs of `scheduler.planning`, and the closing of an unknown post. `what` is the post.

| step | counterpart |
|---|---|
| edit | `post_verbs.edit`: another content hash |
| cancel, hold | `post_verbs.cancel`, `post_verbs.hold` |
| release | `post_verbs.release`: scheduled again, at its own time if that is to come, else now |
| move | `post_verbs.reschedule` to the present moment |
| override | the emergency lane's approval (`planning.emergency.renew`), for this epoch and these words |
| plan | `standfast crisis --kind planned` (`killswitch._plan`) |
| close_published | `post_service.close` with a link: the person sees it on the platform |
| close_held | `post_service.close` without one: the person does not see it, and answers for that |

A request that a person has disclaimed is not followed any further: that it may still come out is among the things no program
can promise.
"""

from __future__ import annotations

from tests.model.lane import OVERRIDDEN, has_override
from tests.model.ledger import find, in_force, is_older_copy, move_attempt, notice_restore, put
from tests.model.ledger import plan as ledger_plan
from tests.model.state import (
    ACCEPTED,
    CANCELLED,
    CLAIMED,
    CLOSED,
    FAILED,
    HELD,
    PUBLISHED,
    SCHEDULED,
    SENDING,
    TURNED_DOWN,
    UNKNOWN,
    UNSURE,
    UP,
    WINDOW,
    WRITTEN,
    Action,
    Config,
    Post,
    Request,
    State,
)

PERSON = "person"
SOURCES = {
    "edit": (SCHEDULED, HELD, FAILED),
    "cancel": (SCHEDULED, HELD, FAILED),
    "hold": (SCHEDULED,),
    "release": (HELD, FAILED),
    "move": (SCHEDULED, HELD, FAILED),
}
"""The states that each verb takes (`states.EDITABLE` without drafts)."""
CHANGING = ("edit", "cancel", "release", "move")
"""What is refused in an older copy that no daemon has looked through (`restore.refuse_older_copy`)."""


def enabled(state: State, config: Config) -> list[Action]:
    """What people may do to posts now."""
    found: list[Action] = []
    if state.world.store != UP:
        return found
    if config.window and state.world.now < config.window[1] and find(state.store, WINDOW) is None:
        found.append(Action(PERSON, "plan"))
    if state.world.acts and may_override(state, config):
        found.append(Action(PERSON, "override", what=OVERRIDDEN))
    for post, row in enumerate(state.store.posts):
        unsure = _open_attempt(state, post)
        if unsure is None:
            _touch(state, config, post, row, found)
        elif state.store.attempts[unsure - 1].state == UNSURE and row.state in (UNKNOWN, HELD):
            shown = any(request == Request(post, ACCEPTED) for request in state.requests)
            found.append(Action(PERSON, "close_published" if shown else "close_held", what=post))
    return found


def may_override(state: State, config: Config) -> bool:
    """Whether a message is pending that has no leave (any more), while something is suspended."""
    if not config.overrides or is_older_copy(state) or not any(in_force(state.store, state.world.now)):
        return False
    pending = state.store.posts[OVERRIDDEN].state == SCHEDULED
    return pending and not has_override(state.store, OVERRIDDEN, config)


def _touch(state: State, config: Config, post: int, row: Post, found: list[Action]) -> None:
    if not state.world.acts:
        return
    older = is_older_copy(state)
    for verb in config.verbs:
        if row.state not in SOURCES[verb] or (older and verb in CHANGING):
            continue
        if verb != "move" or row.due != state.world.now:
            found.append(Action(PERSON, verb, what=post))


def _open_attempt(state: State, post: int) -> int | None:
    for number, row in enumerate(state.store.attempts, 1):
        if row.post == post and row.state in (CLAIMED, SENDING, UNSURE):
            return number
    return None


def _write(state: State, post: int, row: Post) -> State:
    store = state.store._replace(posts=put(state.store.posts, post, row))
    return state._replace(store=store, world=state.world._replace(acts=state.world.acts - 1))


def edit(state: State, action: Action, config: Config) -> State:
    """Other words."""
    row = state.store.posts[action.what]
    return _write(state, action.what, row._replace(content=row.content + 1))


def cancel(state: State, action: Action, config: Config) -> State:
    """It will never go out."""
    return _write(state, action.what, state.store.posts[action.what]._replace(state=CANCELLED))


def hold(state: State, action: Action, config: Config) -> State:
    """It waits for a person."""
    return _write(state, action.what, state.store.posts[action.what]._replace(state=HELD))


def release(state: State, action: Action, config: Config) -> State:
    """It goes out at its own time, or now."""
    row = state.store.posts[action.what]
    due = max(row.due, state.world.now)
    asked = Post(SCHEDULED, due, 0, row.content, state.store.epoch)
    return _forgiven(_write(state, action.what, asked), action.what)


def move(state: State, action: Action, config: Config) -> State:
    """It goes out now."""
    row = state.store.posts[action.what]
    asked = Post(SCHEDULED, state.world.now, 0, row.content, state.store.epoch)
    return _forgiven(_write(state, action.what, asked), action.what)


def _forgiven(state: State, post: int) -> State:
    """A person has decided about the post whose time had passed."""
    return state._replace(missed=state.missed & ~(1 << post))


def override(state: State, action: Action, config: Config) -> State:
    """An emergency message is approved for the present epoch: a person has set it going, whatever a stop took out of hand."""
    own, epoch = state.store.posts[action.what], state.store.epoch
    posts = put(state.store.posts, action.what, own._replace(asked=epoch))
    store = state.store._replace(override=epoch, override_of=own.content, posts=posts)
    return state._replace(store=store, world=state.world._replace(acts=state.world.acts - 1))


def plan(state: State, action: Action, config: Config) -> State:
    """A window is put on record ahead of its time; an older copy is noticed and suspended with it, as by any stop."""
    assert config.window is not None
    return state._replace(store=ledger_plan(notice_restore(state, config), *config.window))


def close_published(state: State, action: Action, config: Config) -> State:
    """A person found it."""
    return _close(state, action.what, PUBLISHED)


def close_held(state: State, action: Action, config: Config) -> State:
    """A person did not find it, and disclaims what may still come."""
    requests = tuple(
        Request(request.post, TURNED_DOWN) if request == Request(action.what, WRITTEN) else request
        for request in state.requests
    )
    return _close(state, action.what, HELD)._replace(requests=requests)


def _close(state: State, post: int, to: int) -> State:
    number = _open_attempt(state, post) or 0
    store = move_attempt(state.store, number, CLOSED, UNSURE) or state.store
    row = store.posts[post]._replace(state=to)
    return state._replace(store=store._replace(posts=put(store.posts, post, row)))


STEPS = {
    (PERSON, step.__name__): step
    for step in (edit, cancel, hold, release, move, override, plan, close_published, close_held)
}
