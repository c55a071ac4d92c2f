"""The table of the kill matrix: step × before, after × first, second hit × phase. Each is a case, or not applicable by name.

``matrix.toml`` says, per scene, by which steps its first process comes once and twice, and gives a reason for every step (or
second hit) that a phase never comes to. A test holds the two together, and a trace of each scene against both.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from config import failpoint
from tests.failpoint.case import Case
from tests.failpoint.scenes import SCENES

FILE = Path(__file__).with_name("matrix.toml")
PHASES = ("running", "suspended", "draining", "resuming")
HITS = (1, 2)
DATABASES = ("sqlite", "postgresql")
PART = {"sqlite": (220, 70), "postgresql": (110, 40)}
"""Database → how many single and double crashes run with every change."""
Cell = tuple[str, str, int]
"""Phase, point and number of the hit."""


@cache
def read() -> Mapping[str, Any]:
    """The table as data."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def points(step: str) -> tuple[str, ...]:
    """Both points of a step."""
    return tuple(f"{step}:{side}" for side in failpoint.SIDES)


def steps(names: Iterable[str]) -> Iterator[str]:
    """The steps of a list in which ``@NAME`` stands for a group."""
    for name in names:
        yield from read()["group"][name[1:]] if name.startswith("@") else [name]


def reached(scene: str) -> dict[str, int]:
    """Point → how often (2: at least) the first process of `scene` comes by."""
    said = read()["scene"][scene]
    found = {point: 1 for step in steps(said.get("once", ())) for point in points(step)}
    return found | {point: 2 for step in steps(said.get("twice", ())) for point in points(step)}


def singles() -> list[Case]:
    """Every case with one crash, once for each phase, kind of process, way to fall, point and hit."""
    found: dict[tuple[str, str, bool, str, int], Case] = {}
    for name, scene in SCENES.items():
        for point, most in reached(name).items():
            for hit in range(1, most + 1):
                found.setdefault((scene.phase, scene.role, scene.standing, point, hit), Case(name, point, hit))
    return list(found.values())


def doubles() -> list[Case]:
    """Every case in which the one who recovers falls as well."""
    return [
        Case(group["scene"], point, int(hit or 1), second)
        for group in read()["double"]
        for first, second in product(group["first"], group["second"])
        for point, _, hit in [first.partition("@")]
    ]


def spread(cases: Sequence[Case], count: int, offset: int = 0) -> list[Case]:
    """`count` of the cases (or all, where there are fewer), evenly spread over them and always the same ones."""
    step = max(1.0, len(cases) / max(1, count))
    return [cases[int((number + offset / 2) * step) % len(cases)] for number in range(min(count, len(cases)))]


def ours(database: str) -> list[Case]:
    """The cases that run with every change: of each scene its share, and on each database another part."""
    single, double = PART[database]
    offset = DATABASES.index(database)
    return _share(singles(), single, offset) + spread(doubles(), double, offset)


def _share(cases: Sequence[Case], count: int, offset: int) -> list[Case]:
    found: list[Case] = []
    for scene in SCENES:
        own = [case for case in cases if case.scene == scene]
        found += spread(own, math.ceil(len(own) * count / len(cases)), offset)
    return found


def whole() -> set[Cell]:
    """The whole matrix."""
    every = [point for step in failpoint.registry() for point in points(step)]
    return set(product(PHASES, every, HITS))


def covered() -> set[Cell]:
    """What of it is a case."""
    return {(SCENES[case.scene].phase, case.point, case.hit) for case in singles()}


def absent() -> Iterator[tuple[Cell, str]]:
    """What of it is not applicable, and why."""
    for item in read()["absent"]:
        every = [point for step in steps(item["steps"]) for point in points(step)]
        for cell in product(item["phases"], every, item.get("hits", HITS)):
            yield cell, item["reason"]
