"""Wrong guesses wait for their answer, longer each time; a right one never does.

What is guessed at is random (98 bits and more), so the delay is no wall but a damper, for load and for the log. Nothing is ever
locked: failures are counted, and only the answer to a failure is held back.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from contextlib import suppress

from config import clock

FIRST_S, LONGEST_S = 0.5, 8.0
FORGET_S = 600.0
"""A client that failed last so long ago begins anew."""
MOST_CLIENTS = 1024
MOST_WAITING = 64
"""Answers held back at once: one more lets the oldest go, so that they never fill the room."""
ALL_PER_S = 0.02
"""What each failure of the last minute, whoever's it was, adds to a delay."""


class Throttle:
    """Failures by client and in all. Used from the server's own loop alone."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._recent: list[float] = []
        self._waiting: OrderedDict[int, asyncio.Event] = OrderedDict()
        self._next = 0

    async def hold_back(self, client: str) -> None:
        """Note a failure of `client`, and return when its answer may go out."""
        delay = self.failed(client)
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popitem(last=False)[1].set()
        number, released = self._next, asyncio.Event()
        self._next += 1
        self._waiting[number] = released
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(released.wait(), delay)
        finally:
            self._waiting.pop(number, None)

    def failed(self, client: str) -> float:
        """How long (s) the answer to this failure of `client` is to be held back."""
        now, name = clock.boot_s(), _network(client)
        before, last = self._failures.pop(name, (0, now))
        count = 1 if now - last > FORGET_S else before + 1
        self._failures[name] = (count, now)
        if len(self._failures) > MOST_CLIENTS:
            self._failures.popitem(last=False)
        self._recent = [at for at in self._recent[-1000:] if now - at < 60] + [now]
        return min(FIRST_S * 2.0 ** min(count - 1, 10) + ALL_PER_S * len(self._recent), LONGEST_S)


def _network(client: str) -> str:
    """Whom an address stands for: of IPv6, everybody has a whole network."""
    try:
        found = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client[:60]
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
