"""The model's steps: a history is a list of actions, each enabled in its turn."""

from __future__ import annotations

from tests.model.state import DONE, IDLE, PUBLISHED, Action, Config, State, first
from tests.model.step import STEPS, apply, enabled

PUBLISH = [
    Action("worker", "claim"),
    Action("worker", "prepare"),
    Action("worker", "authorise"),
    Action("worker", "look"),
    Action("worker", "send"),
    Action("platform", "accept", what=1),
    Action("platform", "answer", what=1),
    Action("worker", "record"),
]


def _after(config: Config, actions: list[Action]) -> State:
    state = first(config)
    for action in actions:
        assert action in enabled(state, config), action
        state = apply(state, action, config)
    return state


def test_a_post_goes_out_step_by_step() -> None:
    """One worker, nobody in its way."""
    state = _after(Config("one"), PUBLISH)
    assert state.store.posts[0].state == PUBLISHED
    assert [row.state for row in state.store.attempts] == [DONE]
    assert state.workers[0].phase == IDLE
    assert state.witness == (1, 1)


def test_every_step_says_what_it_does() -> None:
    """Another person reads the steps beside the code: each has a docstring."""
    assert all(step.__doc__ for step in STEPS.values())
