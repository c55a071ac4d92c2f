"""The exploration: what it must find, what it must not, and that it leaves nothing out."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.model import campaign, configuration, design, worker
from tests.model.__main__ import main
from tests.model.explore import UNFAIR, Explorer, reaching
from tests.model.fence import raised
from tests.model.state import IDLE, Action, Config, Pen, State, Worker, first
from tests.model.step import STEPS, apply, enabled
from tests.model.story import knows, said, story
from tests.model.weakened import BY_NAME, DESIGNS, OF_PROTOCOL

TINY = Config("tiny", workers=1)
ALL_SLOTS = 0b11
"""Of a cell that two crises may stop."""
PROTOCOLS = {
    "naive flag check": 3,
    "row written after the send": 3,
    "gate checked at claim only": 5,
    "no lock at READ COMMITTED": 6,
    '"quiet" right after commit': 5,
    "drain time-out counted as quiet": 5,
    "quiet ignores unknown": 6,
    "report from its own snapshot": 5,
    "lease expiry re-queues": 4,
    "automatic retry after a time-out": 8,
    "reconcile without the fence": 5,
    "resume with catch-up": 9,
    "pause in memory": 3,
    "fail-open cache": 4,
    "no attempt id (ABA)": 10,
    "native sweep before the drain": 4,
    "override not bound to the epoch": 8,
    "naive restore": 3,
}
"""The last section of PROTOCOL.md, by heart."""
QUICK = ("two workers", "too late", "refusals and people", "native scheduler")
"""Small configurations that take a second; `./dev model` explores all of them."""


@pytest.mark.parametrize("name", QUICK)
def test_the_protocol_keeps_every_promise(name: str) -> None:
    """I1, I2, I3, I4, I5, I6, I7, I8, I9: in every state of these configurations."""
    config = next(config for config in configuration.SMALL if config.name == name)
    report = campaign.explore(config)
    assert (report.broken, report.story) == ("", ())
    assert report.states > 10_000


@pytest.mark.parametrize("name", BY_NAME)
def test_each_weakened_design_falls(name: str) -> None:
    """I1, I2, I3, I5, I6, I7, I8, I9: a design that lacks one part of the protocol breaks one of them, in few steps."""
    weakened = BY_NAME[name]
    report = campaign.explore(weakened.config)
    assert report.is_good, report.story
    *steps, end, after = report.story
    assert len(steps) == report.depth == weakened.steps
    assert end.startswith(f"  {report.broken} is broken: ")
    assert after.startswith("      at the end: post A is " if weakened.config.channels else "      at the end: ")


@pytest.mark.parametrize("name", BY_NAME)
def test_what_falls_without_its_part_stands_with_it(name: str) -> None:
    """The twin of each design, with the part that it lacks, keeps every promise in the same configuration."""
    result = Explorer(replace(BY_NAME[name].config, weakened="")).run()
    assert result.invariant is None, [step.action for step in result.story]


def test_all_of_the_protocols_weakened_designs_are_here() -> None:
    """PROTOCOL's last section names eighteen, each with the length of its shortest counterexample."""
    assert {item.name: item.elsewhere for item in OF_PROTOCOL} == PROTOCOLS
    assert {item.name for item in DESIGNS} == {value for key, value in vars(design).items() if key.isupper()}


def test_a_fall_for_another_reason_does_not_count() -> None:
    """A story that lacks what the missing part is for, or tells it in another order, shows nothing about that part."""
    report = campaign.explore(BY_NAME["native sweep before the drain"].config)
    backwards = replace(report, story=report.story[::-1])
    assert report.is_good
    assert not backwards.is_good
    assert "falls for another reason: I1" in campaign.lines(backwards)[0]


def test_a_story_is_readable() -> None:
    report = campaign.explore(BY_NAME["no attempt id (ABA)"].config)
    assert report.story[:5] == (
        "   1. worker 1 claims post A (attempt 1, epoch 1)",
        "   2. worker 1 uploads what post A needs",
        "   3. crisis 1 begins",
        "   4. crisis 1 records its suspension (channel 1, epoch 2); in flight: nothing",
        "   5. a person asks to lift the suspension of channel 1, epoch 2, in epoch 2",
    )
    assert report.story[-3] == "   9. worker 1 gets leave to send post A (attempt 1, epoch 3)"
    assert report.story[-2] == (
        '  I5 is broken: the store never says "not sent" of what was written, or of what a worker still may write.'
    )
    assert report.story[-1] == "      at the end: post A is publishing; attempt 1 is aborted; attempt 2 is claimed"


def test_there_are_words_for_every_step() -> None:
    assert knows(STEPS)
    assert set(STEPS) >= UNFAIR


# --- nothing is left out ------------------------------------------------------------------------------------------------


def _everything(state: State, config: Config) -> set[State]:
    """The states that can be reached, found depth-first and kept whole: nothing in common with the explorer."""
    found, ahead = {state}, [state]
    while ahead:
        here = ahead.pop()
        for action in enabled(here, config):
            after = apply(here, action, config)
            if after not in found:
                found.add(after)
                ahead.append(after)
    return found


@pytest.mark.parametrize("config", [TINY, replace(TINY, crashes=1, kills=True), replace(TINY, scopes=(1,), faults=1)])
def test_the_exploration_is_exhaustive(config: Config) -> None:
    states = _everything(first(config), config)
    result = Explorer(config).run()
    assert result.states == len(states)
    assert result.transitions == sum(len(enabled(state, config)) for state in states)


def test_a_story_is_a_way_that_exists() -> None:
    """Each step is enabled where the one before it led, from the first state on."""
    for item in DESIGNS:
        result = Explorer(item.config, ways_out=False).run()
        assert result.story[0].before == first(item.config)
        assert all(step.action in enabled(step.before, item.config) for step in result.story)
        assert all(one.after == other.before for one, other in pairwise(result.story))


def test_an_exploration_that_was_cut_says_so() -> None:
    result = Explorer(TINY, most_states=100).run()
    assert not result.complete
    assert result.invariant is None


# --- a model that is wrong is caught ------------------------------------------------------------------------------------

Broken = Callable[[State, Action, Config], State]


def _never_ends(state: State, action: Action, config: Config) -> State:
    return state


def _frees_the_worker(state: State, action: Action, config: Config) -> State:
    return worker._set(state, action.who, Worker(IDLE))


@pytest.mark.parametrize(
    ("step", "mutant", "breaks"),
    [
        (("resume", "confirm"), STEPS["resume", "ask"], "I4"),
        (("rescuer", "rescue"), _never_ends, "I4"),
        (("worker", "timeout"), _frees_the_worker, "I4"),
        (("crisis", "not_confirmed"), STEPS["crisis", "quiet"], "I1"),
    ],
)
def test_a_mutated_model_is_caught(
    monkeypatch: pytest.MonkeyPatch, step: tuple[str, str], mutant: Broken, breaks: str
) -> None:
    """I4, I1: a lift that does not lift, a rescue that does nothing, an outcome that is dropped, a drain that does not wait."""
    monkeypatch.setitem(STEPS, step, mutant)
    result = Explorer(replace(TINY, crashes=1)).run()
    assert result.invariant is not None
    assert result.invariant[0] == breaks
    assert list(story(result))


def test_a_pen_that_writes_over_a_stop_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """I6: a process frozen between reading and writing the cell puts down the whole cell as it had read it."""
    frozen = next(config for config in configuration.SMALL if config.name == "frozen pens")
    monkeypatch.setitem(STEPS, ("keeper", "fence_begins"), _will_write_all_slots)
    result = Explorer(frozen).run()
    assert result.invariant is not None
    assert result.invariant[0] == "I6"
    names = [step.action.step for step in result.story]
    assert names.index("fence_begins") < names.index("cell") < names.index("fence_ends")


def _will_write_all_slots(state: State, action: Action, config: Config) -> State:
    after = raised(state)
    assert after is not None
    return state._replace(pen=Pen(after.fence, ALL_SLOTS & ~after.stops, state.store.epoch))


def test_a_stuck_state_is_found_against_the_arrows() -> None:
    """I4: 0 → 1 → 2, 1 → 3: only 3 cannot come to the goal 2."""
    reached = reaching(bytearray([0, 0, 1, 0]), array("I", [0, 1, 1]), array("I", [1, 2, 3]))
    assert list(reached) == [1, 1, 1, 0]


def test_every_invariant_says_what_it_promises() -> None:
    result = Explorer(BY_NAME["pause in memory"].config).run()
    assert result.invariant is not None
    assert said(result.invariant[1]).startswith("what a stop closed")


# --- the command --------------------------------------------------------------------------------------------------------


def test_the_command_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--weakened", "pause in memory", "--processes", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("pause in memory ")
    assert lines[0].endswith("falls: I6 after 4 steps (elsewhere 3)")
    assert lines[-1].startswith("model: OK: 1 of 1 weakened designs fall; ")


def test_a_survivor_and_a_breach_fail_the_command() -> None:
    """A weakened design that keeps all its promises shows that the model is blind."""
    fallen = campaign.explore(BY_NAME["pause in memory"].config)
    survivor = replace(fallen, broken="", story=())
    assert not survivor.is_good
    assert campaign.lines(survivor)[0].endswith("SURVIVED")
    breach = replace(fallen, config=TINY)
    assert "BROKEN I6" in campaign.lines(breach)[0]
    assert campaign.summary([survivor, breach], 1.0).startswith("model: FAILED: 1 configurations")


def test_an_unknown_configuration_is_named() -> None:
    with pytest.raises(SystemExit, match="no configuration 'nothing'"):
        main(["--config", "nothing"])
