"""``python -m bench.content``: how long the content checks take, on posts put together from the labelled ones.

Prints the first post with everything that is loaded for it, ten thousand different posts by every rule, and by the rules that a
calendar's sync asks. The exit code is 1 when an aim is missed.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from typing import NamedTuple

from config import clock
from tests.support.city import CHECKOUT

FIRST_S, ALL_S = 2.0, 60.0
POSTS = 10_000
LABELLED = CHECKOUT / "tests" / "data" / "posts_tuning.jsonl"


def main() -> int:
    """Measure; the exit code."""
    first = _timed(_first)
    posts = _texts(POSTS)
    every, strict = _timed(lambda: _run(posts, every=True)), _timed(lambda: _run(posts, every=False))
    print(f"first post, with imports and dictionary   {first} (aim {FIRST_S:g} s)")
    print(f"{POSTS:,} different posts, every rule       {every} (aim {ALL_S:g} s)")
    print(f"{POSTS:,} different posts, rules of a sync  {strict}")
    return int(first.wall > FIRST_S or every.wall > ALL_S)


class Took(NamedTuple):
    """Seconds by the wall, and of the processor."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:6.2f} s, {self.cpu:6.2f} s CPU"


def _timed(do: Callable[[], None]) -> Took:
    start, before = clock.boot_s(), sum(os.times()[:2])
    do()
    return Took(clock.boot_s() - start, sum(os.times()[:2]) - before)


def _first() -> None:
    _run(["The libary is open from nine, and the pool is not."], every=True)


def _run(texts: list[str], every: bool) -> None:
    from config.settings import Settings
    from policy.post import Post
    from scheduler.planning import content_checks

    checks = content_checks.of(Settings())
    only = None if every else content_checks.blocking(checks)
    for text in texts:
        checks.run(Post(text, "x"), only)


def _texts(count: int) -> list[str]:
    rows = [json.loads(line)["text"] for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    sentences = [part.strip() for row in rows for part in row.split(". ") if len(part) > 20]
    draw = random.Random(1)  # noqa: S311 (no secret)
    return [". ".join(draw.sample(sentences, 3)) for _ in range(count)]


if __name__ == "__main__":
    sys.exit(main())
