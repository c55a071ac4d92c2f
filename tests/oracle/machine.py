"""The model and the real code side by side: hypothesis draws what the model allows, the rig does it, both must agree.

Beside what the model allows, it draws probes: what the model forbids is asked of the real code, which must refuse and change
nothing; and slow steps, which are one in the model and several in the code. Weights make deep states likely: publishes get
on, and stops are seldom enough that something is under way when one comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.model.lane import OVERRIDDEN
from tests.model.ledger import find, unaccounted
from tests.model.state import (
    ALL,
    DOWN,
    HOLDING,
    IDLE,
    LEAVE,
    READ_ONLY,
    READY,
    RESULT,
    TOLD,
    WINDOW,
    Action,
    Config,
    State,
    first,
)
from tests.model.step import apply, enabled
from tests.oracle import probe, slow
from tests.oracle.projection import of_model, of_rig
from tests.oracle.rig import STEPS, Rig
from tests.oracle.town import Town

EVERYTHING = Config(
    "everything at once",
    channels=(1, 2, 1, 2),
    due=(0, 0, 1, 3),
    scopes=(ALL, 1, ALL),
    last_tick=6,
    lateness=4,
    crashes=5,
    kills=True,
    faults=5,
    outages=5,
    health=(READ_ONLY, DOWN),
    late_looks=True,
    refusals=True,
    acts=5,
    verbs=("edit", "hold", "cancel", "release", "move"),
    cell_faults=True,
    fence_fails=True,
    frozen_pens=True,
    restores=True,
    status=True,
    parts=(1, 2),
    window=(ALL, 1),
    backs=True,
    overrides=True,
    record_tries=3,
)
"""Two workers, four posts on two channels, three stops, every kind of trouble. `record_tries`: as in the real code."""
FAILS_AT_THE_FENCE = 40
"""How likely the store goes away where a lift was committed and its fence is not raised yet."""
AROUND_A_WINDOW = {("clock", "tick"): 60, ("clock", "back"): 60, (probe.PROBE, "claim"): 0}
"""How likely time passes where a window is planned, and goes back where one has come."""
ASKED_BEHIND_IT, ASKED_WITH_OTHER_WORDS, EDITS_IN_THE_LANE = 40, 60, 20
FAILS_AFTER_THE_WORD = 6
"""The same where SUSPENDED was told; more would leave no crisis that is not disturbed."""
RESUMES_IN_HAND = 60
"""How likely a part is resumed while a worker has something in hand, which comes back to a channel stopped since."""
COPIES_A_CLAIM, LOSES_A_SEND, MOVES_AFTER_THE_COPY = 8, 80, 60
"""How likely these are: what a restore may lose is seldom there by chance."""
CHANNELS = ("channel-1", "channel-2")
ACTOR_WEIGHTS = {
    "worker": 40, "platform": 60, "crisis": 10, "resume": 10, "rescuer": 20, "reconciler": 20, "keeper": 5, "person": 2,
    "clock": 3, "status": 5, "store": 2, "cell": 1, "probe": 1, "slow": 8,
}  # fmt: skip
WEIGHTS: Mapping[tuple[str, str], int] = {
    ("worker", "prepare"): 40,
    ("worker", "authorise"): 40,
    ("worker", "look"): 24,
    ("worker", "send"): 40,
    ("worker", "record"): 20,
    ("worker", "crash"): 2, ("worker", "look_late"): 12, ("worker", "claim_undone"): 8, ("worker", "claim_unheard"): 8,
    ("worker", "authorise_undone"): 8, ("worker", "authorise_unheard"): 8, ("worker", "record_unheard"): 8,
    ("worker", "timeout"): 25, ("platform", "refuse"): 30,
    ("crisis", "cell"): 2, ("crisis", "begin"): 2, ("crisis", "cell_fails"): 1, ("crisis", "kill"): 1,
    ("crisis", "commit_undone"): 6, ("crisis", "commit_unheard"): 5, ("crisis", "not_recorded"): 30,
    ("resume", "ask"): 8, ("resume", "confirm"): 8, ("resume", "ask_part"): 4, ("resume", "release"): 12,
    ("resume", "fence"): 20, ("resume", "kill"): 10,
    ("resume", "fence_fails"): 60,
    ("store", "heal"): 30, ("store", "guard"): 60, ("store", "fail"): 1, ("store", "restore"): 3,
    ("reconciler", "found"): 50, ("keeper", "begin"): 40, ("keeper", "fence_begins"): 3, ("keeper", "fence_ends"): 10,
    ("person", "plan"): 6, ("person", "override"): 60,
    ("person", "close_held"): 10, ("person", "close_published"): 120, ("person", "cancel"): 1, ("person", "release"): 8,
    ("slow", "fence begins"): 2,
    ("probe", "confirm"): 20, ("probe", "status"): 4,
}  # fmt: skip
"""Of an action where its actor's does not fit."""


RESTORES = {("store", "backup"), ("store", "restore"), ("store", "guard"), ("worker", "end")}
"""What happens only where an older copy may be put back."""


class Tally:
    """What a run has taken: examples, steps, and each kind of action."""

    def __init__(self) -> None:
        self.examples = 0
        self.taken: Counter[tuple[str, str]] = Counter()

    @property
    def steps(self) -> int:
        """All actions and probes."""
        return self.taken.total()

    def missing(self, config: Config) -> list[str]:
        """The actions, probes and slow steps of the rig that `config` allows and that were never taken."""
        own = [(probe.PROBE, step) for step in probe.STEPS] + [(slow.SLOW, step) for step in slow.STEPS]
        impossible = set() if config.restores else RESTORES
        return [" ".join(key) for key in sorted({*STEPS, *own} - impossible - set(self.taken))]


class Mismatch(AssertionError):
    """The model and the real code do not agree."""


def machine(town: Town, config: Config, tally: Tally) -> type[RuleBasedStateMachine]:
    """The state machine of hypothesis on `town`."""

    class Beside(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            town.reset()
            self.state, self.rig = first(config), Rig(town, config)
            self.history: list[Action] = []
            tally.examples += 1

        @rule(data=st.data())
        def step(self, data: st.DataObject) -> None:
            """One action that the model allows, or one probe of what it forbids."""
            chosen = data.draw(st.sampled_from(_weighted(self.state, self.rig)), label="action")
            tally.taken[chosen.actor, chosen.step] += 1
            self.history.append(chosen)
            try:
                self._take(chosen)
                compare(self.state, self.rig)
            except Exception as error:
                error.add_note(story(self.history))
                raise

        def _take(self, chosen: Action) -> None:
            if chosen.actor == probe.PROBE:
                probe.STEPS[chosen.step](self.rig, self.state, chosen)
            elif chosen.actor == slow.SLOW:
                self.state = slow.STEPS[chosen.step](self.rig, self.state, chosen)
            else:
                self.rig.do(chosen)
                self.state = apply(self.state, chosen, config)

        def teardown(self) -> None:
            self.rig.close()

    return Beside


def _weighted(state: State, rig: Rig) -> list[Action]:
    allowed = [item for item in enabled(state, rig.config) if (item.actor, item.step) in STEPS]
    more = (*probe.enabled(state, rig, allowed), *slow.enabled(state, rig))
    return [
        item for item in (*filter(partial(slow.allows, rig, state), allowed), *more) for _ in range(weight(item, state))
    ]


def weight(action: Action, state: State) -> int:
    """How likely an action is beside the others; what shows nothing is left out, what is seldom possible is made likely."""
    if action.step == "crash" and state.world.guarded and state.workers[action.who].phase == IDLE:
        return 0
    if action.step == "crash" and not state.world.guarded:
        return ACTOR_WEIGHTS[action.actor]
    if action.step == "fail" and action.what == DOWN:
        told = any(item.phase == TOLD for item in state.crises)
        return FAILS_AT_THE_FENCE if state.resume.fence else FAILS_AFTER_THE_WORD if told else 1
    return (
        _around_a_copy(action, state)
        or _around_a_window(action, state)
        or _around_the_lane(action, state)
        or _around_a_part(action, state)
        or WEIGHTS.get((action.actor, action.step), ACTOR_WEIGHTS[action.actor])
    )


def _around_a_copy(action: Action, state: State) -> int:
    """How likely a copy is made while something is claimed, and put back once it lacks what was sent; else 0."""
    kept = state.backup if state.backup is not None and state.backup.epoch else None
    if action.step == "backup" and any(worker.phase in (HOLDING, READY) for worker in state.workers):
        return COPIES_A_CLAIM
    if kept is None:
        return 0
    if action.step == "restore" and unaccounted(state._replace(store=kept)):
        return LOSES_A_SEND
    if action.step == "move" and kept.posts[action.what].due > state.world.now:
        return MOVES_AFTER_THE_COPY
    return 0


def _around_a_window(action: Action, state: State) -> int:
    """How likely a planned window comes, and the clock goes back behind its moment, where a claim is asked for; else 0."""
    place = find(state.store, WINDOW) if (action.actor, action.step) in AROUND_A_WINDOW else None
    if place is None or state.store.suspensions[place].lifted:
        return 0
    has_come = state.store.suspensions[place].starts <= state.world.now
    if action.actor == probe.PROBE:
        return ASKED_BEHIND_IT if state.store.suspensions[place].begun and not has_come else 0
    return AROUND_A_WINDOW[action.actor, action.step] if has_come == (action.step == "back") else 0


def _around_the_lane(action: Action, state: State) -> int:
    """How likely a message that has leave gets other words, and is tried with the old ones' leave; else 0."""
    store = state.store
    if action.what != OVERRIDDEN or store.override != store.epoch:
        return 0
    is_open = store.override_of == store.posts[OVERRIDDEN].content
    if (action.actor, action.step) == (probe.PROBE, "claim"):
        return 0 if is_open else ASKED_WITH_OTHER_WORDS
    return EDITS_IN_THE_LANE if is_open and (action.actor, action.step) == ("person", "edit") else 0


def _around_a_part(action: Action, state: State) -> int:
    """How likely a stop is lifted for a part while a worker has leave from before it, or owes what became of that; else 0."""
    if (action.actor, action.step) not in (("resume", "ask_part"), ("resume", "release")):
        return 0
    return RESUMES_IN_HAND if any(worker.phase in (LEAVE, RESULT) for worker in state.workers) else 0


def story(history: list[Action]) -> str:
    """The actions of an example, one a line."""
    return "\n".join(f"  {n:3} {item.actor} {item.step} {item.who} {item.what}" for n, item in enumerate(history, 1))


def compare(state: State, rig: Rig) -> None:
    """Raise Mismatch, naming each difference, when the two do not say the same or the model calls a promise broken."""
    if state.harm:
        raise Mismatch(f"the model says that a promise is broken ({state.harm:b})")
    expected, found = of_model(state, rig.config), of_rig(rig)
    different = [
        f"{name}: model {expected[name]}, real {found[name]}" for name in expected if expected[name] != found[name]
    ]
    if different:
        raise Mismatch("\n  ".join(["the model and the real code do not agree", *different]))
