"""`enabled` and `apply`: the whole model in two functions.

Each actor's module explains its steps and names their counterparts in the code: `worker`, `platform`, `crisis`, `resume`,
`recovery` (rescuer, reconciler, the daemon's cell keeper), `person`, `world` (clock, store, cell). Steps are atomic: what one
transaction, one write to a file or one write to the wire does. Everything is deterministic: what may go either way (an
acknowledgement lost, a deadline passed) is a step of its own, so that a list of actions is a whole history:

    state = first(config)
    for action in actions:
        assert action in enabled(state, config)
        state = apply(state, action, config)
"""

from __future__ import annotations

from collections.abc import Callable

from tests.model import crisis, person, platform, recovery, resume, worker, world
from tests.model.state import Action, Config, State

Step = Callable[[State, Action, Config], State]
STEPS: dict[tuple[str, str], Step] = {
    **worker.STEPS,
    **platform.STEPS,
    **crisis.STEPS,
    **resume.STEPS,
    **recovery.STEPS,
    **person.STEPS,
    **world.STEPS,
}
"""By actor and name: what a step does."""


def enabled(state: State, config: Config) -> list[Action]:
    """All that may happen next, in a fixed order."""
    return [
        *worker.enabled(state, config),
        *platform.enabled(state, config),
        *crisis.enabled(state, config),
        *resume.enabled(state, config),
        *recovery.enabled(state, config),
        *person.enabled(state, config),
        *world.enabled(state, config),
    ]


def apply(state: State, action: Action, config: Config) -> State:
    """The state after `action`, which must be enabled."""
    return STEPS[action.actor, action.step](state, action, config)
