"""How long to wait before a new attempt at what provably was not sent."""

from __future__ import annotations

from config.clock import SECOND


def backoff_us(tries: int, first_s: float, most_s: float) -> int:
    """Microseconds to wait after the `tries`-th attempt (1 is the first): doubling from `first_s` up to `most_s`."""
    return int(min(most_s, first_s * 2 ** min(max(tries - 1, 0), 40)) * SECOND)
