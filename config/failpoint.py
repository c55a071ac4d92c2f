"""Failpoints: named steps at which a test can make the process fall, as FreeBSD's fail(9), fail-rs and gofail have them.

Every commit, file, lock and socket step on the ways that must survive a crash is wrapped in `step`. The names, with what each
step is, are data: ``config/data/failpoints.toml``. A *point* is a step's ``:before``, or its ``:after`` when it ended well.

Off, as it always is in production, a step costs two calls that do nothing. On is only what the process's own environment says
(a settings file or ``.env`` cannot), and then no platform but one on this machine is reached (`connectors.account`):

    STANDFAST_FAILPOINT="publish.claim.commit:after=kill@2;crisis.cell.write:before=pause(50)"

``POINT=ACTION`` or ``POINT=ACTION@HIT``, several with ``;`` between them. An action is done at the hit of that number in this
process, without a number at every hit: ``kill`` (SIGKILL) and ``stop`` (SIGSTOP) of the process, ``error`` (raise `Injected`),
``pause(MILLISECONDS)`` of the thread, ``print`` (only say so). What is done is said on standard error first.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from threading import Event, Lock, get_ident

VARIABLE = "STANDFAST_FAILPOINT"
SIDES = ("before", "after")
KINDS: Mapping[str, tuple[str, ...]] = {
    "transaction": ("lock", "commit"),
    "view": ("read",),
    "file": ("lock", "write"),
    "fence": ("fence.lock", "fence.write", "witness.lock", "witness.write"),
    "socket": ("connect", "write", "answer"),
    "single": ("",),
}
"""Kind of entry in the registry → the steps that each of its names has; a single one is a step itself."""
ACTION = r"(?P<task>kill|stop|error|print|pause)(?:\((?P<ms>\d{1,6})\))?(?:@(?P<hit>[1-9]\d*))?"


class Injected(Exception):
    """What the action ``error`` raises: the step failed, for no reason of the program's."""


@dataclass(frozen=True)
class Action:
    """What is done at a point: at the hit of this number, or at every one."""

    task: str
    ms: int = 0
    hit: int | None = None


class _Off:
    """The way through a step while failpoints are off."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, _error: object, _trace: object) -> None:
        return None


class _On:
    """The way through a step while failpoints are on."""

    __slots__ = ("_armed", "_name")

    def __init__(self, armed: Armed, name: str) -> None:
        self._armed, self._name = armed, name

    def __enter__(self) -> None:
        self._armed.reach(f"{self._name}:before")

    def __exit__(self, kind: object, _error: object, _trace: object) -> None:
        if kind is None:
            self._armed.reach(f"{self._name}:after")


class Armed:
    """The points that are on in this process, and how often each was hit."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self._actions, self._lock = actions, Lock()
        self._hits: Counter[str] = Counter()

    def reach(self, point: str) -> None:
        """Do what is to be done at this hit of `point`, if anything."""
        action = self._actions.get(point)
        if action is None:
            return
        with self._lock:
            self._hits[point] += 1
            hit = self._hits[point]
        if action.hit in (None, hit):
            _say(f"failpoint {point}, hit {hit}: {action.task}")
            _do(action, point)


class _Current:
    armed: Armed | None = None
    fault: str | None = None


_OFF = _Off()


def step(name: str, part: str = "") -> AbstractContextManager[None]:
    """The step `name`, or ``name.part``, of the registry: its ``:before`` and ``:after`` are reached around the block."""
    if _Current.armed is None:
        return _OFF
    return _On(_Current.armed, f"{name}.{part}" if part else name)


def is_on() -> bool:
    """True when any failpoint is on in this process."""
    return _Current.armed is not None


def fault() -> str | None:
    """Why the process's STANDFAST_FAILPOINT was refused (then nothing is on), or None."""
    return _Current.fault


def arm(text: str) -> None:
    """Switch on in this process what `text` (a value of STANDFAST_FAILPOINT) says; nothing when it is empty.

    Raises ValueError, one line that names the wrong piece; then everything is as it was.
    """
    actions = parse(text)
    _Current.armed = Armed(actions) if actions else None
    if actions:
        _say(f"FAILPOINTS ARE ON ({VARIABLE}): this process will fall at {'; '.join(actions)}")


def parse(text: str) -> dict[str, Action]:
    """Point → action. Raises ValueError, one line that names the wrong piece."""
    import re  # only when something is to be switched on

    known, found = registry(), dict[str, Action]()
    for piece in filter(None, (part.strip() for part in text.split(";"))):
        point, _, action = piece.partition("=")
        name, _, side = point.partition(":")
        if name not in known or side not in SIDES:
            raise ValueError(_refusal(piece, f"{point!r} is no step of the registry with :before or :after"))
        form = re.fullmatch(ACTION, action)
        if form is None or (form["task"] == "pause") != (form["ms"] is not None):
            raise ValueError(
                _refusal(piece, f"{action!r} is none of kill, stop, error, print, pause(MS), with @HIT or not")
            )
        found[point] = Action(form["task"], int(form["ms"] or 0), int(form["hit"]) if form["hit"] else None)
    return found


def _refusal(piece: str, why: str) -> str:
    return f"{VARIABLE}: {piece!r} is refused: {why}: unset it"


def registry() -> dict[str, str]:
    """Every step's name → what it is, from ``config/data/failpoints.toml``."""
    import tomllib
    from importlib import resources

    text = (resources.files("config") / "data" / "failpoints.toml").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for kind, names in tomllib.loads(text).items():
        for name, about in names.items():
            found |= {f"{name}.{part}".rstrip("."): about for part in KINDS[kind]}
    return found


def _do(action: Action, point: str) -> None:
    match action.task:
        case "kill":  # sent to the process, the signal might let this thread run on a little
            signal.pthread_kill(get_ident(), signal.SIGKILL)
        case "stop":
            signal.pthread_kill(get_ident(), signal.SIGSTOP)
        case "error":
            raise Injected(f"failpoint {point}")
        case "pause":
            Event().wait(action.ms / 1000)
        case _:
            return


def _say(line: str) -> None:
    with suppress(OSError):  # a closed standard error
        os.write(2, f"standfast: {line}\n".encode())


def _begin() -> None:
    """What the environment of this process says; a stop must not fail for a misspelled variable, so it is kept for others."""
    try:
        arm(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        _Current.fault = str(error)
        _say(str(error))


if VARIABLE in os.environ:
    _begin()
