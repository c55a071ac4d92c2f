"""What is suspended, as the pages tell it: one look at a time for all who ask, and never a page that waits for the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog

from config import clock
from config.essentials import Essentials
from scheduler.status import Status

logger = structlog.get_logger()
FRESH_S = 1.0
MOST_S, OLD_S = 10.0, 15.0
"""What was seen longer ago is not told as the state."""
WAIT_S = 1.5
"""Longest that a page waits for a look: the button must be there."""
TIMES_ITS_COST = 4.0
"""A look that takes long is repeated less often: strangers must not keep the store busy."""


@dataclass(frozen=True)
class Seen:
    """One look: the status's data, and when (boot time, s) it began and ended."""

    data: Mapping[str, Any]
    began: float
    ended: float

    @property
    def is_fresh(self) -> bool:
        """True when nobody needs to look again."""
        return clock.boot_s() - self.ended < max(FRESH_S, min(MOST_S, TIMES_ITS_COST * (self.ended - self.began)))


class Watch:
    """The newest look. Used from the server's loop alone."""

    def __init__(self, load: Callable[[], Essentials]) -> None:
        self.load = load
        self._pool = ThreadPoolExecutor(1, "stop-page-look")
        self._task: asyncio.Future[None] | None = None
        self._seen: Seen | None = None

    async def seen(self, since: float = 0.0) -> Seen | None:
        """The state as seen lately, where there is time by a look that began after `since`; None when it is not known."""
        if self._seen is None or not self._seen.is_fresh or self._seen.began < since:
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().run_in_executor(self._pool, self._look)
            await asyncio.wait({self._task}, timeout=WAIT_S)
        seen = self._seen
        return None if seen is None or clock.boot_s() - seen.ended > OLD_S else seen

    def close(self) -> None:
        """End the thread; a look that hangs is left to itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> None:
        began = clock.boot_s()
        try:
            _code, data, _words = Status(self.load()).run(wait=False)
            self._seen = Seen(data, began, clock.boot_s())
        except Exception as error:  # what cannot be seen is told as not known
            logger.error("the stop page cannot look", action="stop_page", error=f"{type(error).__name__}: {error}")
