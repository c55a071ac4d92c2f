"""What a trial is made of, as data: posts, faults of the platforms, signals to the workers, people, crises, a restore.

`tests.chaos.draw` draws a plan from a seed. What the product does not have yet joins here when it comes: a post's parts (a
thread, a first comment) beside `PlannedPost.fault`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Variant = Literal[
    "crisis",
    "restore",
    "frozen",
    "ambush",
    "calm",
    "quiet twin",
    "gate lost",
    "cell lost",
    "store locked",
    "lane",
    "planner",
    "window",
    "drill",
]
"""``restore``: crises, and the store is put back from an older copy; ``frozen``: a worker stands still with its leave to send
across a stop and its resume; ``ambush``: nothing but a worker stopped before its first byte and a crisis; ``calm``: kills and
stops, but no crisis; ``quiet twin``: neither, nor faults: then everything goes out; ``cell lost``: crises, and the stop cell is
out of order for a while before the first; ``lane``: emergency messages that are slow, and a second crisis; ``planner``: the
Pages' own planners, which are swept; ``window``: a planned stop, and perhaps no daemon as its moment comes; ``drill``: a live
exercise and a real crisis in its midst. ``crisis`` and ``restore`` have some of all four."""
VARIANTS: tuple[Variant, ...] = (
    "crisis",
    "restore",
    "frozen",
    "ambush",
    "calm",
    "quiet twin",
    "gate lost",
    "cell lost",
    "store locked",
    "lane",
    "planner",
    "window",
    "drill",
)
Ambush = Literal["", "word", "receipt", "lift"]
"""A worker is stopped between its last look and its first byte, and goes on soon after the word or after the receipt; or
(``lift``) between its leave to send and its last look, and goes on after the resume."""
Verb = Literal["add", "edit", "cancel", "release", "reschedule", "status", "status --wait", "restart", "renew", "sweep"]
Kind = Literal["crisis", "drill", "planned"]
CellTrouble = Literal["missing", "garbled", "folder", "unwritable"]
"""The cell is moved away, overwritten, replaced by a folder, or (in all processes of the trial) refuses to be written."""


@dataclass(frozen=True)
class PlannedPost:
    """One post: `due_s` after it was queued, and the fault its first request meets."""

    channel: str
    due_s: float
    fault: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Native:
    """A post that somebody puts into a Page's own planner `at_s` after the start; it fires `fires_s` later."""

    channel: str
    at_s: float
    fires_s: float


@dataclass(frozen=True)
class Flare:
    """An emergency message on these channels, `after_s` after its crisis was called; with `at_lift` as the lift is near.

    Who sends it may be killed on the way.
    """

    channels: tuple[str, ...]
    after_s: float
    at_lift: bool = False
    fault: Mapping[str, Any] | None = None
    killed_after_s: float | None = None


@dataclass(frozen=True)
class Away:
    """All daemons end `before_s` before the first window's moment and begin again `after_s` after it."""

    before_s: float
    after_s: float


@dataclass(frozen=True)
class Strike:
    """At `at_s` (after the start or, `at_crisis`, after the first crisis was called) a worker drawn then is stopped, and
    continued or killed `after_s` later; or it is killed at once."""

    at_s: float
    at_crisis: bool
    stop: bool
    after_s: float = 0
    then_kill: bool = False


@dataclass(frozen=True)
class Act:
    """What somebody does `at_s` after the start: a verb on posts drawn then, a question, or a restart of a worker."""

    at_s: float
    verb: Verb


@dataclass(frozen=True)
class Crisis:
    """A stop `after_s` after the one before it was called (the first: after `leaves` leaves to send), and what follows.

    A planned one holds from `starts_s` after its call. It may be called by two at once, be killed or stopped on its way; then
    somebody may ask for the status; `dwell_s` after all that (and a planned one's start) it is lifted, unless `resume` is
    ``none``: then it stays until the trial's end. A resume may be killed on its way.
    """

    after_s: float = 0.0
    leaves: int = 0
    scope: str = "all"
    kind: Kind = "crisis"
    starts_s: float = 0.0
    flares: tuple[Flare, ...] = ()
    renews_after_s: float | None = None
    """When somebody gives the pending emergency messages leave anew."""
    wait: bool = True
    subprocess: bool = False
    twice: bool = False
    killed_after_s: float | None = None
    stopped_after_s: float | None = None
    status: Literal["", "look", "wait"] = ""
    dwell_s: float = 0.3
    resume: Literal["own", "any", "none"] = "own"
    resume_by_subprocess: bool = False
    resume_falls_after_s: float | None = None


@dataclass(frozen=True)
class Cell:
    """The stop cell's trouble, `at_s` after the first crisis was called, for `for_s`."""

    kind: CellTrouble
    at_s: float
    for_s: float


@dataclass(frozen=True)
class Restore:
    """A copy of the store is taken `copy_s` after the start and put back `back_s` after the first crisis was called.

    `under`: under the running daemon (there is one then, as the product allows on a store's host); else all daemons have ended.
    """

    copy_s: float
    back_s: float
    under: bool


@dataclass(frozen=True)
class Plan:
    """A trial."""

    seed: int
    variant: Variant
    channels: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    posts: list[PlannedPost]
    later_posts: list[PlannedPost]
    """Queued one by one by the acts ``add``, the last two at the end."""
    look_faults: list[Mapping[str, Any]]
    """Faults of the requests that look for a post, by channel."""
    strikes: list[Strike] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    crises: list[Crisis] = field(default_factory=list)
    cell: Cell | None = None
    restore: Restore | None = None
    workers: int = 3
    likelihood: float = 0.0
    """How likely a worker falls at a place."""
    ambush: Ambush = ""
    natives: list[Native] = field(default_factory=list)
    away: Away | None = None

    @property
    def still(self) -> bool:
        """True when nobody falls and no platform fails."""
        return self.variant in ("quiet twin", "ambush")

    def covered(self, scope: str) -> frozenset[str]:
        """The channels that a scope covers."""
        kind, _, value = scope.partition(":")
        if kind == "channel":
            return frozenset({value})
        return frozenset(self.groups[value] if kind == "group" else self.channels)
