"""The stop page's own server: uvicorn in a thread, bounded in everything, beside the daemon or alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import uvicorn

from config import clock, essentials
from console.application import StopPage
from console.connections import Room, RoomConfig
from console.doorway import BACKLOG, Doorway, PageFault
from console.stops import AfterStop

READY_S = 10.0
LAST_WORD_S = 16.0
"""Longest that the end of the process waits for stops of which it is not known yet whether they are recorded."""
MOST_HEADERS = 16384


@dataclass(frozen=True)
class Serving:
    """The page as it is served: its address for people, and the thread that does it."""

    url: str
    thread: Thread


@contextmanager
def served(doorway: Doorway, load: Callable[[], essentials.Loaded], after: AfterStop) -> Iterator[Serving]:
    """The page at `doorway` until the block ends. Raises PageFault when it cannot be served."""
    secured = doorway.secured()
    with doorway.bound() as own:
        page = StopPage(load, after, tls=secured is not None, proxy=doorway.proxy)
        config = RoomConfig(
            page.application(),
            Room(),
            secured,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=doorway.proxy,
            forwarded_allow_ips=["127.0.0.1", "::1"],
            backlog=BACKLOG,
            h11_max_incomplete_event_size=MOST_HEADERS,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        thread = Thread(target=lambda: asyncio.run(server.serve([own])), name="stop-page", daemon=True)
        thread.start()
        try:
            _await_start(server, thread)
            yield Serving(doorway.url(own), thread)
        finally:
            wait([item.first for item in page.stops.untold()], LAST_WORD_S)
            server.should_exit = True
            thread.join(READY_S)
            page.close()


def _await_start(server: uvicorn.Server, thread: Thread) -> None:
    """Return once it answers. Raises PageFault."""
    until = clock.boot_s() + READY_S
    while not server.started:
        thread.join(0.01)
        if not thread.is_alive() or clock.boot_s() > until:
            raise PageFault("the stop page's server does not start: see the lines above, and STANDFAST_DEBUG=1")
