"""What the model forbids, asked of the real code: it must refuse and leave everything as it is.

| probe | asked |
|---|---|
| claim | a publish of a post that may not be claimed now |
| confirm | the lift with a code that is void: used, of another epoch, or of a store that was replaced |
| rescue | the rescue, where nobody who is dead has left anything |
| close | the close of a post whose outcome is not unknown |
| renew | leave for an emergency message where nothing is suspended, or none is pending |
| status | whether all is quiet, at any moment: neither more nor less than the model knows |
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from config.fault import Fault
from scheduler.emergency_stop import DONE, NOT_CONFIRMED
from tests.model.crisis import has_due, lost_attempts
from tests.model.ledger import in_force, is_older_copy, unconfirmed, unrecorded
from tests.model.person import may_override
from tests.model.state import DOWN, IDLE, UP, Action, Config, State
from tests.oracle.rig import Rig

PROBE = "probe"


def enabled(state: State, rig: Rig, allowed: list[Action]) -> list[Action]:
    """The probes that make sense now: each asks for what is not among `allowed`."""
    config = rig.config
    keys = {(item.actor, item.step) for item in allowed}
    found = [Action(PROBE, "status")] if state.world.store != DOWN and not _does_something(state, config) else []
    if state.world.store != UP:
        return found
    found += [
        Action(PROBE, "claim", who, post)
        for who, worker in enumerate(state.workers)
        if worker.phase == IDLE
        for post in range(len(config.channels))
        if Action("worker", "claim", who, post) not in allowed
    ]
    good = keys & {("resume", "confirm"), ("resume", "release")}
    if rig.lift.code and not state.resume.fence and not good:
        found.append(Action(PROBE, "confirm"))
    if ("rescuer", "rescue") not in keys:
        found.append(Action(PROBE, "rescue"))
    if not may_override(state, config):
        found.append(Action(PROBE, "renew"))
    closable = {item.what for item in allowed if item.step.startswith("close_")}
    return found + [Action(PROBE, "close", what=n) for n in range(len(config.channels)) if n not in closable]


def _does_something(state: State, config: Config) -> bool:
    """Whether a status would be one of the model's own steps: it begins a window, or is the first to call this epoch quiet."""
    is_told = bool(list(in_force(state.store, state.world.now))) and is_quiet(state, config)
    begins = state.world.store == UP and has_due(state, config) and not is_older_copy(state)
    return begins or (is_told and state.witness[0] < state.store.epoch)


def claim(rig: Rig, state: State, action: Action) -> None:
    """Not claimed."""
    worker, post = rig.workers[action.who], rig.posts[action.what]
    answer = worker.refused(post)
    assert answer == "not_claimed", f"post {action.what}: {answer}"


def confirm(rig: Rig, state: State, action: Action) -> None:
    """NOT LIFTED."""
    refusal = rig.lift.refused()
    assert isinstance(refusal, Fault), f"the lift with a void code: {refusal}"


def rescue(rig: Rig, state: State, action: Action) -> None:
    """Nobody's."""
    taken = rig.duties.rescue(0)
    assert taken == [], f"rescued from the living: {taken}"


def close(rig: Rig, state: State, action: Action) -> None:
    """Not yours to close."""
    try:
        rig.person.close(rig.posts[action.what], None)
    except Fault:
        return
    raise AssertionError(f"post {action.what} was closed")


def renew(rig: Rig, state: State, action: Action) -> None:
    """Nothing to renew."""
    with suppress(Fault):
        given = rig.person.renew()
        assert given == [], f"leave was given to {given}"


def status(rig: Rig, state: State, action: Action) -> None:
    """What is true."""
    code, data = rig.duties.status()
    expected = DONE if is_quiet(state, rig.config) else NOT_CONFIRMED
    assert code == expected, f"status says {code}: {data}"


def is_quiet(state: State, config: Config) -> bool:
    """Whether `crisis status` may end with 0: open, or everything that is suspended is quiet."""
    if unrecorded(state) or has_due(state, config):
        return False
    found = list(in_force(state.store, state.world.now))
    if found and lost_attempts(state):
        return False
    return not any(unconfirmed(state.store, item, config) for item in found)


STEPS: dict[str, Callable[[Rig, State, Action], None]] = {
    step.__name__: step for step in (claim, confirm, rescue, close, renew, status)
}
