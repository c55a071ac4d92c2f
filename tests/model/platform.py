"""The platform: it may take a written request now, late or never, and its answer may be lost.

| step | counterpart |
|---|---|
| accept | the platform makes the post public (`what`: the attempt's number); it does not look at idempotency keys |
| fire | its own scheduler makes public what it had accepted for later (`Config.native`) |
| refuse | the platform refuses it for good, with a documented answer |
| answer | the answer reaches the waiting worker; a lost one is the worker's `timeout` |

A request that is never accepted stays written for ever.
"""

from __future__ import annotations

from tests.model import harm
from tests.model.ledger import put
from tests.model.state import (
    ACCEPTED,
    NATIVE,
    OK,
    REFUSED,
    RESULT,
    TURNED_DOWN,
    WAITING,
    WRITTEN,
    Action,
    Config,
    Request,
    State,
)

PLATFORM = "platform"


def enabled(state: State, config: Config) -> list[Action]:
    """What the platform may do now."""
    found: list[Action] = []
    for number, request in enumerate(state.requests, 1):
        if request.state == WRITTEN:
            found.append(Action(PLATFORM, "accept", what=number))
            if config.refusals:
                found.append(Action(PLATFORM, "refuse", what=number))
        elif request.state == NATIVE:
            found.append(Action(PLATFORM, "fire", what=number))
    for worker in state.workers:
        if worker.phase == WAITING and state.requests[worker.attempt - 1].state != WRITTEN:
            found.append(Action(PLATFORM, "answer", what=worker.attempt))
    return found


def accept(state: State, action: Action, config: Config) -> State:
    """The post is public."""
    request = state.requests[action.what - 1]
    if config.native:
        return state._replace(requests=put(state.requests, action.what - 1, Request(request.post, NATIVE)))
    requests = put(state.requests, action.what - 1, Request(request.post, ACCEPTED))
    state = state._replace(requests=requests)
    return state._replace(harm=state.harm | harm.of_acceptance(state, action.what, config))


def fire(state: State, action: Action, config: Config) -> State:
    """The platform's own scheduler makes public what was handed to it."""
    request = state.requests[action.what - 1]
    state = state._replace(requests=put(state.requests, action.what - 1, Request(request.post, ACCEPTED)))
    return state._replace(harm=state.harm | harm.of_firing(state, action.what, config))


def refuse(state: State, action: Action, config: Config) -> State:
    """It will never be public."""
    request = state.requests[action.what - 1]
    return state._replace(requests=put(state.requests, action.what - 1, Request(request.post, TURNED_DOWN)))


def answer(state: State, action: Action, config: Config) -> State:
    """The worker knows."""
    for who, worker in enumerate(state.workers):
        if worker.phase == WAITING and worker.attempt == action.what:
            outcome = REFUSED if state.requests[action.what - 1].state == TURNED_DOWN else OK
            return state._replace(workers=put(state.workers, who, worker._replace(phase=RESULT, outcome=outcome)))
    raise AssertionError(f"nobody waits for attempt {action.what}")


STEPS = {(PLATFORM, step.__name__): step for step in (accept, fire, refuse, answer)}
