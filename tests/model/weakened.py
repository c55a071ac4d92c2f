"""Each weakened design in the smallest configuration in which it falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.model import design
from tests.model.state import ALL, DOWN, Config


@dataclass(frozen=True)
class Weakened:
    """A design that must fall: what it is explored in, by what, how soon, and why.

    `breaks`: the invariants of which one must break. `steps`: the length of the shortest history here. `elsewhere`: the one
    that PROTOCOL names, from a coarser model (a publish of three steps, a stop of one); 0 for a design that PROTOCOL does not
    name. `reason`: what the story must say, in this order: a design that falls otherwise shows nothing about its part.
    """

    config: Config
    breaks: tuple[str, ...]
    steps: int
    elsewhere: int
    reason: tuple[str, ...]

    @property
    def name(self) -> str:
        """The design's name."""
        return self.config.weakened

    def falls_by(self, broken: str, story: Sequence[str]) -> bool:
        """Whether a history that breaks `broken`, told by `story`, is this design's own fall."""
        lines = iter(story)
        return broken in self.breaks and all(any(words in line for line in lines) for words in self.reason)


def _design(name: str, breaks: str, steps: int, elsewhere: int, reason: tuple[str, ...], **bounds: object) -> Weakened:
    made: dict[str, object] = {"workers": 1, "scopes": (1,)} | bounds
    config = Config(name=name, weakened=name, **made)  # type: ignore[arg-type]  # bounds of many types
    return Weakened(config, tuple(breaks.split()), steps, elsewhere, reason)


LEAVE, LOOK, SEND = "gets leave to send post A", "the cell lets it pass", "writes the request of post A"
SUSPENDED, EMPTY, QUIET = "records its suspension", "in flight: nothing", "says QUIET CONFIRMED"
PART_LIFTED = "a person lifts it for channel 1 alone"
LIFTED, RESTORED = "a person lifts it", "the copy is put in the store's place"
OF_PROTOCOL: Final = (
    _design(design.NAIVE_FLAG, "I1 I2", 4, 3, ("looks at the flag: open", SUSPENDED, SEND)),
    _design(design.ROW_AFTER_SEND, "I1 I2 I5", 5, 3, (LEAVE, SUSPENDED, "attempt 1 is aborted")),
    _design(design.CLAIM_ONLY, "I1 I2", 7, 5, (SUSPENDED, LEAVE, SEND)),
    _design(design.NO_LOCK, "I1 I2", 8, 6, ("before its suspension can be seen", "claims post A", LEAVE, EMPTY, SEND)),
    _design(design.QUIET_AT_ONCE, "I1", 9, 5, ("in flight: 1", QUIET, SEND)),
    _design(design.TIMEOUT_IS_QUIET, "I1", 9, 5, ("in flight: 1", "has waited long enough", SEND)),
    _design(design.IGNORES_UNKNOWN, "I1", 12, 6, ("attempt 1 is unknown", QUIET, "the platform accepts post A")),
    _design(design.OWN_SNAPSHOT, "I2", 8, 5, ("before its suspension can be seen", LEAVE, EMPTY, SEND)),
    _design(design.LEASE, "I3 I5", 4, 4, (LEAVE, "the lease of attempt 1 has run out")),
    _design(design.AUTOMATIC_RETRY, "I3 I5", 7, 8, (SEND, "gives up waiting", "post A is scheduled")),
    _design(design.NO_RECONCILE_FENCE, "I1 I5", 4, 5, (LEAVE, "does not find post A: attempt 1 is called not sent")),
    _design(design.CATCH_UP, "I7", 9, 9, (SUSPENDED, LIFTED, SEND)),
    _design(design.IN_MEMORY, "I6", 4, 3, ("sets the workers' flag", "is a new process"), crashes=1),
    _design(design.FAIL_OPEN, "I8", 4, 4, ("the store is away", LEAVE), outages=1, health=(DOWN,)),
    _design(
        design.NO_ATTEMPT_ID,
        "I3 I5",
        9,
        10,
        (
            "claims post A (attempt 1",
            SUSPENDED,
            LIFTED,
            "claims post A (attempt 2",
            "gets leave to send post A (attempt 1",
        ),
        workers=2,
        acts=1,
        verbs=("release",),
    ),
    _design(
        design.SWEEP_FIRST,
        "I1",
        14,
        4,
        (
            SEND,
            "empties the platform's own scheduler",
            "the platform accepts",
            QUIET,
            "own scheduler makes post A public",
        ),
        native=True,
    ),
    _design(
        design.UNBOUND_OVERRIDE,
        "I9",
        8,
        8,
        ("an override of post A in epoch 2", "records its suspension (channel 1, epoch 3)", "by its override", LEAVE),
        scopes=(1, 1),
        overrides=True,
        acts=1,
    ),
    _design(
        design.NAIVE_RESTORE,
        "I3 I5 I6",
        7,
        3,
        ("a copy of the store is made", SUSPENDED, RESTORED, "takes the store for the one it knew"),
        crashes=1,
        restores=True,
    ),
)
"""PROTOCOL's last section, in its order."""
OURS: Final = (
    _design(
        design.UNWOKEN,
        "I6",
        5,
        0,
        ("a person plans a window", "time passes", LEAVE),
        scopes=(),
        window=(1, 1),
        last_tick=1,
    ),
    _design(
        design.CLOCK_AGAIN,
        "I6",
        7,
        0,
        ("a person plans a window", "the clock is set back", LEAVE),
        scopes=(),
        window=(1, 1),
        last_tick=1,
        outages=1,
        health=(),
        backs=True,
    ),
    _design(
        design.NO_DOUBT,
        "I3 I5",
        11,
        0,
        ("a copy of the store is made", SEND, RESTORED, "it suspends itself", "post A is scheduled"),
        scopes=(),
        restores=True,
    ),
    _design(
        design.BY_TIME_ALONE,
        "I3 I5",
        12,
        0,
        ("a copy of the store is made", "moves post A to this moment", SEND, RESTORED, "post A is scheduled"),
        scopes=(),
        due=(1,),
        last_tick=1,
        restores=True,
        acts=1,
        verbs=("move",),
    ),
    _design(
        design.HIDDEN_RESTORE,
        "I6",
        8,
        0,
        (RESTORED, SUSPENDED, "takes the store for the one it knew"),
        channels=(),
        due=(),
        workers=0,
        scopes=(1, ALL),
        resumes=False,
        restores=True,
    ),
    _design(design.PART_CATCH_UP, "I7", 10, 0, (SUSPENDED, PART_LIFTED, SEND), scopes=(ALL,), parts=(1,)),
    _design(
        design.FORGOTTEN_STOP,
        "I7",
        13,
        0,
        (LEAVE, "the cell refuses", SUSPENDED, PART_LIFTED, "attempt 1 is not_sent, post A is scheduled", LEAVE),
        scopes=(ALL,),
        parts=(1,),
    ),
    _design(
        design.FORGOTTEN_CALLS,
        "I1",
        11,
        0,
        (LOOK, "in flight: 1", PART_LIFTED, QUIET, SEND),
        scopes=(ALL,),
        parts=(1,),
    ),
)
"""Designs of windows that PROTOCOL does not name; and what the model and the oracle found in this code: each was once there."""
DESIGNS: Final = (*OF_PROTOCOL, *OURS)
BY_NAME: Final = {item.name: item for item in DESIGNS}
