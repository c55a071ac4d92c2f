"""The plan of a trial, drawn from its seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from sandbox.faults import FAULTS
from tests.chaos import draw_crises
from tests.chaos.plan import Act, Ambush, Cell, CellTrouble, Native, Plan, PlannedPost, Restore, Strike, Variant, Verb

SECONDS: Mapping[str, tuple[float, float]] = {
    "timeout_after": (0.4, 2.0),
    "timeout_before": (0.4, 2.0),
    "late": (0.2, 1.8),
    "slow_body": (0.1, 0.8),
    "slow_headers": (0.1, 0.8),
    "429_retry_after": (1, 1),
    "429_reset": (1, 1),
}
"""(least, most) for the faults that last."""
RESTS = ("429", "graph_4", "graph_17", "graph_32", "graph_341", "graph_613")
"""The platform does not say until when, so the channel rests for a minute: seldom."""
LOOKED_AT = ("503", "reset_before", "half_body", "garbage", "timeout_before", "401")
"""What meets a request that looks for a post."""
CYCLE: Mapping[int, Variant] = {
    1: "window",
    3: "restore",
    5: "lane",
    7: "gate lost",
    9: "frozen",
    11: "drill",
    13: "restore",
    15: "planner",
    17: "store locked",
    19: "frozen",
    21: "window",
    23: "restore",
    25: "lane",
    27: "cell lost",
    29: "frozen",
    31: "drill",
    32: "planner",
    33: "restore",
    35: "calm",
    36: "restore",
    37: "store locked",
    38: "restore",
}
"""Of 40 trials; the rest meet crises."""
FEW: Mapping[Variant, tuple[int, int]] = {"lane": (3, 5), "planner": (3, 5), "window": (3, 4)}
"""How many posts (least, most), where another number serves better than 7 to 10."""
DELETED = ("503", "401", "502", "403", "reset_before", "timeout_before", "late", "reset_after", "garbage")
"""What meets a request that takes a post out of a planner."""


def variant_of(seed: int) -> Variant:
    """What kind of trial `seed` is."""
    return CYCLE.get(seed % 40, "crisis")


def draw(seed: int, variant: Variant | None = None) -> Plan:
    """The plan of trial `seed`."""
    rng = random.Random(seed)
    kind = variant or variant_of(seed)
    still, ambush = kind in ("quiet twin", "ambush"), _ambush(seed, kind)
    channels = _channels(rng)
    natives = _natives(random.Random(f"natives {seed}"), kind, channels)
    groups = {"g0": tuple(rng.sample(list(channels), rng.randint(1, len(channels))))}
    restore = _restore(rng) if kind == "restore" else None
    acts = [] if still else _acts(rng, kind)
    return Plan(
        seed=seed,
        variant=kind,
        channels=channels,
        groups=groups,
        posts=[
            *(_post(rng, channels, still) for _ in range(rng.randint(*FEW.get(kind, (7, 10))))),
            *_dark_posts(seed, kind, channels),
        ],
        later_posts=_later_posts(rng, channels, sum(act.verb == "add" for act in acts)),
        look_faults=[] if still else _look_faults(rng, kind, channels),
        strikes=[] if still else _strikes(rng, kind),
        acts=acts,
        crises=draw_crises.crises(rng, kind, channels, ambush, fault_of),
        cell=_cell(rng, kind) if not ambush else None,
        restore=restore,
        workers=_workers(seed, kind, restore),
        likelihood=0.0 if still or kind == "planner" else rng.choice((0.0, 0.05, 0.1, 0.2)),
        ambush=ambush,
        natives=natives,
        away=draw_crises.away(seed) if kind == "window" else None,
    )


def _workers(seed: int, kind: Variant, restore: Restore | None) -> int:
    if restore and restore.under:
        return 1
    return 2 if kind in ("lane", "planner", "window", "drill") or seed % 4 < 2 else 3


def _channels(rng: random.Random) -> dict[str, str]:
    platforms = ["x", "facebook", *rng.choices(("x", "facebook"), k=rng.randint(0, 2))]
    return {f"{platform}{number}": platform for number, platform in enumerate(platforms)}


def _post(rng: random.Random, channels: Mapping[str, str], still: bool) -> PlannedPost:
    """Most are due about the first crisis, the others before and after it."""
    about = rng.gauss(0.55, 0.2) if rng.random() < 0.6 else rng.uniform(0.2, 3.5)
    channel = rng.choice(list(channels))
    return PlannedPost(channel, max(0.2, about), None if still else fault_of(rng, channels[channel]))


def _dark_posts(seed: int, kind: Variant, channels: Mapping[str, str]) -> list[PlannedPost]:
    """Due while gate, cell or store are away, or as a planned stop comes: without them silence there shows little."""
    rng = random.Random(f"dark {seed}")
    count = 10 if kind == "window" else 6 if kind in ("gate lost", "cell lost", "store locked") else 0
    return [PlannedPost(rng.choice(list(channels)), rng.uniform(0.7, 2.2)) for _ in range(count)]


def _later_posts(rng: random.Random, channels: Mapping[str, str], adds: int) -> list[PlannedPost]:
    return [PlannedPost(rng.choice(list(channels)), rng.uniform(0.05, 0.5)) for _ in range(adds + 2)]


def fault_of(rng: random.Random, platform: str) -> dict[str, Any] | None:
    """What the first request of a post meets, if anything."""
    share = rng.random()
    if share < 0.35:
        return None
    if share < 0.7:
        return {"name": "delay", "platform": platform, "seconds": rng.uniform(0.05, 0.9)}
    if share > 0.985:
        return {"name": rng.choice([name for name in RESTS if _is_of(name, platform)]), "platform": platform}
    return _shaped(rng, rng.choice([name for name in FAULTS if name not in RESTS and _is_of(name, platform)]), platform)


def _is_of(name: str, platform: str) -> bool:
    return FAULTS[name].platform in (None, platform)


def _shaped(rng: random.Random, name: str, platform: str) -> dict[str, Any]:
    more: dict[str, Any] = {"seconds": rng.uniform(*SECONDS[name])} if name in SECONDS else {}
    if name == "huge_body":
        more["megabytes"] = 1
    return {"name": name, "platform": platform, **more}


def _look_faults(rng: random.Random, kind: Variant, channels: Mapping[str, str]) -> list[Mapping[str, Any]]:
    found = [] if rng.random() < 0.7 else [_look_fault(rng, channels)]
    return [
        *found,
        *(_delete_fault(rng, name) for name in channels if kind == "planner" and channels[name] == "facebook"),
    ]


def _delete_fault(rng: random.Random, channel: str) -> dict[str, Any]:
    shaped = _shaped(rng, rng.choice(DELETED), "facebook")
    return {**shaped, "channel": channel, "path": "^DELETE ", "kind": "other", "count": rng.choice((1, 3, 9))}


def _look_fault(rng: random.Random, channels: Mapping[str, str]) -> dict[str, Any]:
    channel = rng.choice(list(channels))
    shaped = _shaped(rng, rng.choice(LOOKED_AT), channels[channel])
    return {**shaped, "channel": channel, "kind": "other", "count": rng.randint(1, 3)}


def _natives(rng: random.Random, kind: Variant, channels: Mapping[str, str]) -> list[Native]:
    """Most lie there from the beginning, and would fire about the crises or after them."""
    pages = [name for name, platform in channels.items() if platform == "facebook"]
    if kind == "planner":
        return [_native(rng, pages) for _ in range(rng.randint(4, 7))]
    if kind not in ("crisis", "restore", "drill", "lane") or rng.random() < 0.5:
        return []
    return [_native(rng, pages) for _ in range(rng.randint(1, 3))]


def _native(rng: random.Random, pages: list[str]) -> Native:
    at_s = 0.0 if rng.random() < 0.7 else rng.uniform(0, 2)
    return Native(rng.choice(pages), at_s, rng.uniform(1, 4.5))


def _ambush(seed: int, kind: Variant) -> Ambush:
    if kind == "frozen":
        return "lift"
    if kind == "ambush":
        return "receipt" if seed % 2 else "word"
    if kind != "crisis":
        return ""
    return random.Random(f"ambush {seed}").choice(("", "", "word", "receipt"))


def _strikes(rng: random.Random, kind: Variant) -> list[Strike]:
    most = 2 if kind in ("lane", "planner", "window", "drill") else 4
    found = [_strike(rng, kind != "calm" and rng.random() < 0.5) for _ in range(rng.randint(1, most))]
    return [*found, Strike(rng.uniform(0.3, 1.5), at_crisis=False, stop=False)] if kind == "calm" else found


def _strike(rng: random.Random, at_crisis: bool) -> Strike:
    return Strike(
        at_s=rng.uniform(0, 0.4) if at_crisis else rng.uniform(0.1, 4),
        at_crisis=at_crisis,
        stop=rng.random() < 0.6,
        after_s=rng.choice((rng.uniform(0.02, 0.4), rng.uniform(0.2, 3.0))),
        then_kill=rng.random() < 0.3,
    )


def _acts(rng: random.Random, kind: Variant) -> list[Act]:
    """People at work while it happens; a restart is a daemon ended in good order and started again."""
    verbs: list[Verb] = ["add", "edit", "cancel", "release", "release", "reschedule"]
    if kind != "calm":
        verbs += ["status", "status --wait", "renew"]
    if kind == "planner":
        verbs = ["release", "reschedule", "sweep", "sweep", "status"]
    found = [Act(rng.uniform(0.3, 4), rng.choice(verbs)) for _ in range(rng.randint(2, 4))]
    return [*found, Act(rng.uniform(0.3, 3), "restart")] if rng.random() < 0.25 else found


def _cell(rng: random.Random, kind: Variant) -> Cell | None:
    kinds: tuple[CellTrouble, ...] = ("missing", "garbled", "folder", "unwritable")
    if kind == "cell lost":
        return Cell(rng.choice(kinds[:3]), 0, rng.uniform(1.0, 2.0))
    if kind not in ("crisis", "restore") or rng.random() > 0.2:
        return None
    return Cell(rng.choice(kinds), rng.uniform(0, 1.5), rng.uniform(0.3, 2.0))


def _restore(rng: random.Random) -> Restore:
    return Restore(copy_s=rng.uniform(0, 0.8), back_s=rng.uniform(0.3, 2.5), under=rng.random() < 0.5)
