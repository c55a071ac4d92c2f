"""Breadth-first over every interleaving, with the way back to the start kept for each state.

Each state is kept once, as a short key; a key is exact: its parts are numbers that stand for whole components of the state
(SPIN calls it collapse compression). The way to a state is kept as its parent's number and the place of the action among those
that were enabled there. So a state costs about 250 bytes, the frontier's whole states aside.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct

from tests.model.invariant import Invariant, broken, settled
from tests.model.state import UP, WAIT, Action, Config, State, first
from tests.model.step import STEPS, enabled

UNFAIR = frozenset(
    {
        ("worker", "crash"),
        ("worker", "claim_unheard"),
        ("worker", "claim_undone"),
        ("worker", "authorise_unheard"),
        ("worker", "record_unheard"),
        ("crisis", "kill"),
        ("crisis", "commit_unheard"),
        ("resume", "ask_part"),
        ("resume", "release"),
        ("resume", "kill"),
        ("resume", "confirm_unheard"),
        ("store", "fail"),
        ("store", "restore"),
        ("store", "guard_dies"),
        ("cell", "lose"),
        ("clock", "back"),
        ("person", "edit"),
        ("person", "hold"),
        ("person", "cancel"),
        ("person", "release"),
        ("person", "move"),
        ("person", "override"),
    }
)
"""Faults, and what people do of their own accord: nobody may need them to get on (I4)."""


@dataclass(frozen=True)
class Step:
    """One line of a history."""

    before: State
    action: Action
    after: State


@dataclass
class Result:
    """What an exploration found. `invariant`: the broken one's name and predicate, None when all states keep all."""

    config: Config
    states: int = 0
    transitions: int = 0
    depth: int = 0
    invariant: tuple[str, Invariant] | None = None
    story: list[Step] = field(default_factory=list)
    complete: bool = True


class Explorer:
    """One exploration of one configuration."""

    def __init__(self, config: Config, *, most_states: int | None = None, ways_out: bool = True) -> None:
        """`most_states`: where to stop; `ways_out`: whether I4 is checked, which keeps all fair transitions."""
        self.config, self.most_states, self.ways_out = config, most_states, ways_out
        self.parents, self.places = array("I", [0]), array("B", [0])
        self.sources, self.targets = array("I"), array("I")
        self.goals = bytearray()
        self.result = Result(config)
        self._number: dict[bytes, int] = {}
        self._key = Key()

    def run(self) -> Result:
        """Explore until everything was seen, or the first invariant is broken."""
        start = first(self.config)
        self._number[self._key(start)] = 0
        frontier = [(0, start)]
        while frontier and self.result.invariant is None:
            frontier = self._next(frontier)
            self.result.depth += bool(frontier)
        self.result.states = len(self._number)
        if self.result.invariant is None and self.ways_out and self.result.complete:
            self._find_stuck()
        return self.result

    def _next(self, frontier: list[tuple[int, State]]) -> list[tuple[int, State]]:
        found: list[tuple[int, State]] = []
        for number, state in frontier:
            self.goals.append(settled(state, self.config))
            if (invariant := broken(state, self.config)) is not None:
                self.result.invariant, self.result.story = invariant, self.story(number)
                return []
            if self.most_states is not None and len(self._number) >= self.most_states:
                self.result.complete = False
            else:
                self._expand(number, state, found)
        return found

    def _expand(self, number: int, state: State, found: list[tuple[int, State]]) -> None:
        config, numbers = self.config, self._number
        actions = enabled(state, config)
        self.result.transitions += len(actions)
        for place, action in enumerate(actions):
            after = STEPS[action.actor, action.step](state, action, config)
            key = self._key(after)
            target = numbers.get(key)
            if target is None:
                target = numbers[key] = len(numbers)
                self.parents.append(number)
                self.places.append(place)
                found.append((target, after))
            if self.ways_out and is_fair(state, action):
                self.sources.append(number)
                self.targets.append(target)

    def story(self, number: int) -> list[Step]:
        """The steps from the start to state `number`: none shorter leads there."""
        places = []
        while number:
            places.append(self.places[number])
            number = self.parents[number]
        return list(_replayed(self.config, reversed(places)))

    def _find_stuck(self) -> None:
        """I4: the first state from which no fair way leads to a settled one, if any."""
        reached = reaching(self.goals, self.sources, self.targets)
        stuck = reached.find(0)
        if stuck >= 0:
            self.result.invariant, self.result.story = ("I4", settled), self.story(stuck)


def _replayed(config: Config, places: Iterator[int]) -> Iterator[Step]:
    state = first(config)
    for place in places:
        action = enabled(state, config)[place]
        after = STEPS[action.actor, action.step](state, action, config)
        yield Step(state, action, after)
        state = after


def is_fair(state: State, action: Action) -> bool:
    """Whether the step is neither a fault nor a new order of a person. A COMMIT that fails on a lost store is no choice."""
    if action.step in ("authorise_undone", "commit_undone"):
        return state.world.store != UP
    if action.actor == "crisis" and state.crises[action.who].phase == WAIT:
        return False
    return (action.actor, action.step) not in UNFAIR


def reaching(goals: bytearray, sources: array[int], targets: array[int]) -> bytearray:
    """For each state 1 when some way along the edges leads to a goal: backwards from the goals, each edge looked at once."""
    begin = array("I", bytes(4 * (len(goals) + 1)))
    for target in targets:
        begin[target + 1] += 1
    for number in range(len(goals)):
        begin[number + 1] += begin[number]
    before, fill = array("I", bytes(4 * len(sources))), begin[:]
    for source, target in zip(sources, targets, strict=True):
        before[fill[target]] = source
        fill[target] += 1
    reached = bytearray(goals)
    ahead = [number for number, goal in enumerate(goals) if goal]
    while ahead:
        number = ahead.pop()
        for source in before[begin[number] : begin[number + 1]]:
            if not reached[source]:
                reached[source] = 1
                ahead.append(source)
    return reached


class Key:
    """A short exact key for each state: its components are numbered as they are first seen."""

    def __init__(self) -> None:
        self._known: tuple[dict[object, int], ...] = tuple({} for _ in range(6))
        self._pack = Struct("<6I").pack

    def __call__(self, state: State) -> bytes:
        """The key of `state`."""
        store, workers, requests, cell, witness, crises, resume, world, *rest = state
        parts = (store, workers, (requests, witness), crises, (cell, resume, world), tuple(rest))
        return self._pack(*[known.setdefault(part, len(known)) for known, part in zip(self._known, parts, strict=True)])
