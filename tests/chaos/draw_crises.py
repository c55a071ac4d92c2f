"""The crises of a trial, drawn: their kinds, scopes and times, what befalls who calls them, and the emergency messages."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.chaos.plan import Ambush, Away, Crisis, Flare, Kind, Variant

FaultOf = Callable[[random.Random, str], dict[str, Any] | None]
"""Draws what a post's first request meets on a platform."""


def crises(
    rng: random.Random, kind: Variant, channels: Mapping[str, str], ambush: Ambush, fault_of: FaultOf
) -> list[Crisis]:
    """One to four. Nobody lies in ambush for the word of one that is killed, or covers one channel alone."""
    if kind in ("calm", "quiet twin"):
        return []
    if kind in ("ambush", "gate lost", "store locked"):
        return [Crisis()]
    if kind in FOCUSED:
        return FOCUSED[kind](rng, channels, fault_of)
    first = _first_in_ambush(rng, ambush) if ambush else _crisis(rng, channels, rng.uniform(0, 0.25))
    found = [first, *(_crisis(rng, channels, _gap(rng)) for _ in range(rng.choice((1, 1, 2, 3))))]
    if kind not in ("crisis", "restore"):
        return found
    return [
        found[0] if ambush else _varied(rng, found[0]),
        *(_with_lane(rng, _varied(rng, item), channels, fault_of) for item in found[1:]),
    ]


def _gap(rng: random.Random) -> float:
    """So soon that it overlaps the one before, or later than that one's usual end."""
    return rng.uniform(0, 0.6) if rng.random() < 0.5 else rng.uniform(0.6, 2.2)


def _first_in_ambush(rng: random.Random, ambush: Ambush) -> Crisis:
    if ambush == "lift":
        return Crisis(wait=False, dwell_s=rng.uniform(0, 0.2))
    return Crisis(wait=ambush == "receipt" or rng.random() < 0.8, dwell_s=rng.uniform(0.05, 0.6))


def _crisis(rng: random.Random, channels: Mapping[str, str], after_s: float) -> Crisis:
    return Crisis(
        after_s=after_s,
        leaves=rng.randint(1, 5),
        scope=_scope(rng, channels),
        wait=rng.random() < 0.8,
        subprocess=rng.random() < 0.02,
        twice=rng.random() < 0.15,
        killed_after_s=rng.uniform(0, 0.06) if rng.random() < 0.25 else None,
        stopped_after_s=rng.uniform(0, 0.06) if rng.random() < 0.12 else None,
        status=rng.choice(("", "", "look", "wait")),
        dwell_s=rng.uniform(0.02, 1.0),
        resume=rng.choice(("own", "own", "any", "none")),
        resume_by_subprocess=rng.random() < 0.02,
        resume_falls_after_s=rng.uniform(0, 0.04) if rng.random() < 0.1 else None,
    )


def _scope(rng: random.Random, channels: Mapping[str, str]) -> str:
    return rng.choice(("all", "all", f"channel:{rng.choice(list(channels))}", "group:g0"))


# --- exercises, windows, the emergency lane ---------------------------------------------------------------------------


def _varied(rng: random.Random, item: Crisis) -> Crisis:
    """The same stop, or an exercise or a window in its place."""
    kind: Kind = rng.choices(("crisis", "drill", "planned"), (0.72, 0.13, 0.15))[0]
    return replace(item, kind=kind, starts_s=rng.uniform(0.05, 1.5) if kind == "planned" else 0.0)


def _with_lane(rng: random.Random, item: Crisis, channels: Mapping[str, str], fault_of: FaultOf) -> Crisis:
    flares = tuple(_flare(rng, channels, fault_of) for _ in range(rng.choice((0, 0, 1, 1, 2))))
    return replace(item, flares=flares, renews_after_s=rng.uniform(0.1, 1.2) if rng.random() < 0.25 else None)


def _flare(rng: random.Random, channels: Mapping[str, str], fault_of: FaultOf) -> Flare:
    first = rng.choice(list(channels))
    return Flare(
        channels=tuple(rng.sample(list(channels), rng.randint(1, 2))) if rng.random() < 0.3 else (first,),
        after_s=rng.uniform(0.1, 1.0),
        at_lift=rng.random() < 0.3,
        fault=fault_of(rng, channels[first]),
        killed_after_s=rng.uniform(0, 0.06) if rng.random() < 0.15 else None,
    )


def _lane(rng: random.Random, channels: Mapping[str, str], fault_of: FaultOf) -> list[Crisis]:
    """Messages that wait or are slow, and a second stop before all of them are out."""
    del fault_of
    first = Crisis(
        leaves=1,
        status="wait",
        flares=tuple(_slow_flare(rng, channels) for _ in range(rng.randint(2, 4))),
        dwell_s=rng.uniform(0.4, 1.8),
        resume=rng.choice(("own", "none")),
    )
    second = replace(
        _crisis(rng, channels, rng.uniform(0.5, 1.3)),
        flares=tuple(_slow_flare(rng, channels) for _ in range(rng.randint(0, 2))),
        renews_after_s=rng.uniform(0.3, 1.0) if rng.random() < 0.5 else None,
        dwell_s=rng.uniform(0.5, 1.5),
    )
    return [first, second]


def _slow_flare(rng: random.Random, channels: Mapping[str, str]) -> Flare:
    channel, share = rng.choice(list(channels)), rng.random()
    limited = {"name": "429_retry_after", "platform": channels[channel], "seconds": 1}
    slow = {"name": "delay", "platform": channels[channel], "seconds": rng.uniform(0.3, 0.9)}
    return Flare(
        channels=(channel,),
        after_s=rng.uniform(0.15, 0.8),
        at_lift=rng.random() < 0.15,
        fault=limited if share < 0.6 else slow if share < 0.85 else None,
        killed_after_s=rng.uniform(0, 0.06) if rng.random() < 0.1 else None,
    )


def _planner(rng: random.Random, channels: Mapping[str, str], fault_of: FaultOf) -> list[Crisis]:
    """Stops that wait, so that each is followed by its sweep; the first covers all."""
    del fault_of
    second = replace(_crisis(rng, channels, _gap(rng)), wait=True)
    second = replace(second, killed_after_s=rng.uniform(0, 0.6) if rng.random() < 0.4 else None)
    return [Crisis(leaves=1, dwell_s=rng.uniform(0.5, 2), status=rng.choice(("", "look")), resume="own"), second]


def _window(rng: random.Random, channels: Mapping[str, str], fault_of: FaultOf) -> list[Crisis]:
    """A planned stop, and beside it nothing, a crisis or an exercise."""
    own = replace(_crisis(rng, channels, 0.0), kind="planned", starts_s=rng.uniform(0.5, 1.3), leaves=1, resume="own")
    own = replace(own, scope=rng.choice(("all", own.scope)), dwell_s=rng.uniform(0.7, 1.5), killed_after_s=None)
    if rng.random() < 0.4:
        return [own]
    other = replace(_crisis(rng, channels, rng.uniform(0.3, 2.0)), kind=rng.choice(("crisis", "crisis", "drill")))
    return [own, _with_lane(rng, other, channels, fault_of)]


def away(seed: int) -> Away | None:
    """Whether, and for how long, no daemon lives about the moment of the window."""
    rng = random.Random(f"away {seed}")
    return Away(rng.uniform(0.05, 0.4), rng.uniform(0.05, 0.5)) if rng.random() < 0.5 else None


def _drill(rng: random.Random, channels: Mapping[str, str], fault_of: FaultOf) -> list[Crisis]:
    """An exercise; mostly a real crisis comes in its midst and outlasts it."""
    own = Crisis(
        kind="drill",
        leaves=rng.randint(1, 3),
        scope=rng.choice(("all", _scope(rng, channels))),
        stopped_after_s=rng.uniform(0, 0.06) if rng.random() < 0.2 else None,
        killed_after_s=rng.uniform(0, 0.1) if rng.random() < 0.2 else None,
        dwell_s=rng.uniform(0.3, 1.0),
    )
    if rng.random() < 0.25:
        return [replace(own, dwell_s=rng.uniform(0.5, 1.5), status="wait")]
    real = replace(_crisis(rng, channels, rng.uniform(0.1, 0.8)), killed_after_s=None, resume="own")
    real = replace(real, scope=rng.choice(("all", real.scope)), status="look", dwell_s=rng.uniform(1.0, 2.5))
    return [own, _with_lane(rng, real, channels, fault_of)]


FOCUSED: Mapping[Variant, Callable[[random.Random, Mapping[str, str], FaultOf], list[Crisis]]] = {
    "lane": _lane,
    "planner": _planner,
    "window": _window,
    "drill": _drill,
}
