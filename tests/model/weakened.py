"""Each weakened design in the smallest configuration in which it falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.model import design
from tests.model.state import DOWN, Config


@dataclass(frozen=True)
class Weakened:
    """A design, what it is explored in, the invariants of which one must break, and PROTOCOL's shortest length."""

    config: Config
    breaks: tuple[str, ...]
    elsewhere: int

    @property
    def name(self) -> str:
        """The design's name."""
        return self.config.weakened


def _design(name: str, breaks: str, elsewhere: int, **bounds: object) -> Weakened:
    made: dict[str, object] = {"workers": 1, "scopes": (1,)} | bounds
    return Weakened(Config(name=name, weakened=name, **made), tuple(breaks.split()), elsewhere)  # type: ignore[arg-type]  # bounds of many types


DESIGNS: Final = (
    _design(design.NAIVE_FLAG, "I1 I2", 3),
    _design(design.ROW_AFTER_SEND, "I1 I2 I5", 3),
    _design(design.CLAIM_ONLY, "I1 I2", 5),
    _design(design.NO_LOCK, "I1 I2", 6),
    _design(design.QUIET_AT_ONCE, "I1", 5),
    _design(design.TIMEOUT_IS_QUIET, "I1", 5),
    _design(design.IGNORES_UNKNOWN, "I1", 6),
    _design(design.OWN_SNAPSHOT, "I2", 5),
    _design(design.LEASE, "I3 I5", 4),
    _design(design.AUTOMATIC_RETRY, "I3 I5", 8),
    _design(design.NO_RECONCILE_FENCE, "I1 I5", 5),
    _design(design.CATCH_UP, "I7", 9),
    _design(design.IN_MEMORY, "I6", 3, crashes=1),
    _design(design.FAIL_OPEN, "I8", 4, outages=1, health=(DOWN,)),
    _design(design.NO_ATTEMPT_ID, "I3 I5", 10, workers=2, acts=1, verbs=("release",)),
    _design(design.SWEEP_FIRST, "I1", 4, native=True),
    _design(design.UNBOUND_OVERRIDE, "I9", 8, scopes=(1, 1), overrides=True, acts=1),
    _design(design.NAIVE_RESTORE, "I3 I5 I6", 3, crashes=1, restores=True),
)
BY_NAME: Final = {item.name: item for item in DESIGNS}
