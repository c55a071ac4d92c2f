"""What one trial does, drawn from its seed: posts, faults of the platforms, signals to the workers, crises and resumes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Literal

Ambush = Literal["", "word", "receipt"]
"""A worker is stopped between its last look and its first byte, and goes on soon after the word or after the receipt."""
Variant = Literal["crisis", "ambush", "calm", "quiet twin", "gate lost", "store locked"]
"""``ambush``: nothing but a worker stopped before its first byte and a crisis;
``calm``: kills and stops, but no crisis; ``quiet twin``: neither, nor faults: then everything goes out."""

FAULTS: tuple[tuple[str, float, float], ...] = (
    ("timeout_after", 0.4, 2.0),
    ("timeout_before", 0.4, 2.0),
    ("late", 0.2, 1.8),
    ("slow_body", 0.1, 0.8),
    ("reset_after", 0, 0),
    ("reset_before", 0, 0),
    ("half_body", 0, 0),
    ("no_id", 0, 0),
    ("500", 0, 0),
    ("503", 0, 0),
    ("403", 0, 0),
    ("429_retry_after", 1, 1),
)
"""(fault, least and most seconds)"""


@dataclass(frozen=True)
class PlannedPost:
    """One post: `due_s` after the start (the second wave: after the resume), the fault its first request meets."""

    channel: str
    due_s: float
    fault: dict[str, Any] | None
    cancelled_s: float | None = None


@dataclass(frozen=True)
class Signal:
    """At `at_s` (after the start or, `at_crisis`, after the crisis was called) a worker drawn then is stopped, and continued or
    killed `after_s` later; or it is killed at once."""

    at_s: float
    at_crisis: bool
    stop: bool
    after_s: float
    then_kill: bool


@dataclass(frozen=True)
class Crisis:
    """A stop `at_s` after the `leaves`-th leave to send (a second one: after the first stop was called): of all or one channel,
    as a subprocess or a fork, perhaps killed or stopped on its way."""

    at_s: float
    leaves: int = 0
    scope: str = "all"
    wait: bool = True
    subprocess: bool = False
    killed_after_s: float | None = None
    stopped_after_s: float | None = None


@dataclass(frozen=True)
class Plan:
    """A trial."""

    seed: int
    variant: Variant
    channels: dict[str, str]
    posts: list[PlannedPost]
    second_wave: list[PlannedPost]
    signals: list[Signal]
    crises: list[Crisis]
    workers: int
    likelihood: float
    dwell_s: float
    resume_by_subprocess: bool
    release: bool
    relapse: bool
    """A second crisis soon after the resume."""
    ambush: Ambush = ""


def variant_of(seed: int) -> Variant:
    """Of 40 trials, 2 lose the gate's row, 2 the store for a while; the rest meet a crisis."""
    return {7: "gate lost", 27: "gate lost", 17: "store locked", 37: "store locked"}.get(seed % 40, "crisis")  # type: ignore[return-value]  # get() forgets the literals


def draw(seed: int, variant: Variant | None = None) -> Plan:
    """The plan of trial `seed`."""
    rng = random.Random(seed)
    kind = variant or variant_of(seed)
    still = kind in ("quiet twin", "ambush")
    channels = _channels(rng)
    crisis_s = rng.uniform(0.4, 1.0)
    return Plan(
        seed=seed,
        variant=kind,
        channels=channels,
        posts=_posts(rng, channels, rng.randint(6, 9), crisis_s, still),
        second_wave=[PlannedPost(rng.choice(list(channels)), rng.uniform(0.05, 0.5), None) for _ in range(2)],
        signals=[] if still else _signals(rng, kind),
        crises=_crises(rng, channels, _ambush(seed, kind))
        if kind == "crisis"
        else [Crisis(0)]
        if kind == "ambush"
        else [],
        workers=rng.choice((2, 2, 2, 3)),
        likelihood=0.0 if still else rng.choice((0.0, 0.05, 0.1, 0.2)),
        dwell_s=rng.uniform(0.05, 0.6),
        resume_by_subprocess=rng.random() < 0.04,
        release=rng.random() < 0.4,
        relapse=kind == "crisis" and rng.random() < 0.15,
        ambush=_ambush(seed, kind),
    )


def _channels(rng: random.Random) -> dict[str, str]:
    platforms = ["x", "facebook", *rng.choices(("x", "facebook"), k=rng.randint(0, 2))]
    return {f"{platform}{number}": platform for number, platform in enumerate(platforms)}


def _posts(rng: random.Random, channels: dict[str, str], count: int, crisis_s: float, still: bool) -> list[PlannedPost]:
    """Half of them due about the crisis, the others before and after it."""
    found = []
    for _ in range(count):
        about = rng.gauss(crisis_s - 0.15, 0.15) if rng.random() < 0.6 else rng.uniform(0.2, crisis_s + 1)
        channel = rng.choice(list(channels))
        cancelled = max(0.2, about + rng.uniform(-0.1, 0.1)) if rng.random() < 0.06 and not still else None
        found.append(
            PlannedPost(channel, max(0.2, about), None if still else _fault(rng, channels[channel]), cancelled)
        )
    return found


def _fault(rng: random.Random, platform: str) -> dict[str, Any] | None:
    draw = rng.random()
    if draw < 0.35:
        return None
    if draw < 0.78:
        return {"name": "delay", "platform": platform, "seconds": rng.uniform(0.05, 0.9)}
    name, least, most = rng.choice(FAULTS)
    return {"name": name, "platform": platform, **({"seconds": rng.uniform(least, most)} if most else {})}


def _ambush(seed: int, kind: Variant) -> Ambush:
    if kind == "ambush":
        return "receipt" if seed % 2 else "word"
    if kind != "crisis":
        return ""
    return random.Random(f"ambush {seed}").choice(("", "word", "word", "receipt"))


def _signals(rng: random.Random, kind: Variant) -> list[Signal]:
    found = [_signal(rng, kind != "calm" and rng.random() < 0.5) for _ in range(rng.randint(1, 4))]
    return [*found, Signal(rng.uniform(0.3, 1.5), False, False, 0, False)] if kind == "calm" else found


def _signal(rng: random.Random, at_crisis: bool) -> Signal:
    return Signal(
        at_s=rng.uniform(0, 0.4) if at_crisis else rng.uniform(0.1, 4),
        at_crisis=at_crisis,
        stop=rng.random() < 0.6,
        after_s=rng.choice((rng.uniform(0.02, 0.4), rng.uniform(0.2, 3.0))),
        then_kill=rng.random() < 0.3,
    )


def _crises(rng: random.Random, channels: dict[str, str], ambush: Ambush) -> list[Crisis]:
    """One, sometimes two; the first one falls or stops one channel alone only where nobody lies in ambush for its word."""
    first = Crisis(
        rng.uniform(0, 0.25),
        rng.randint(1, 6),
        scope=f"channel:{rng.choice(list(channels))}" if rng.random() < 0.3 and not ambush else "all",
        wait=rng.random() < 0.85,
        subprocess=rng.random() < 0.06,
        killed_after_s=rng.uniform(0, 0.06) if rng.random() < 0.4 and not ambush else None,
        stopped_after_s=rng.uniform(0, 0.06) if rng.random() < 0.1 else None,
    )
    if rng.random() < 0.15:
        return [first, Crisis(rng.uniform(0, 0.5), scope=rng.choice(("all", f"channel:{next(iter(channels))}")))]
    return [first]
