"""The daemon's part: a channel whose time has come is looked at, in a thread of its own that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock, Thread

import structlog
from sqlalchemy import Engine
from sqlmodel import select

from config import clock
from connectors.protocol import Connector
from crisis.inbound.fetch import Fetched, Fetcher, offers
from store.engine import reading
from store.inbound_tables import InboundCursor
from store.tables import Channel

logger = structlog.get_logger()
BY = "standfast"
OFF = "off"
"""A channel's own setting ``inbound`` with which nothing is fetched there."""


class Watch:
    """Every `every_s` seconds each channel is looked at, one after another: never more than one call at a time."""

    def __init__(self, engine: Engine, connector_of: Callable[[str], Connector], every_s: float) -> None:
        self.engine, self.every_s = engine, every_s
        self.fetcher = Fetcher(engine, connector_of, BY)
        self._at_it = Lock()
        self._troubles: dict[str, str] = {}

    def turn(self) -> None:
        """Have what is due fetched, unless somebody is at it; returns at once."""
        if self._at_it.acquire(blocking=False):
            Thread(target=self._run, name="inbound", daemon=True).start()

    def _run(self) -> None:
        try:
            self.look()
        except Exception as error:  # the store's; said here, for nobody waits for this thread
            logger.error("duty failed", action="inbound", error=f"{type(error).__name__}: {error}")
        finally:
            self._at_it.release()

    def look(self) -> list[Fetched]:
        """What came of each channel that was due."""
        found = [self.fetcher.run(channel) for channel in due(self.engine, self.every_s)]
        for item in found:
            self._say(item)
        return found

    def _say(self, item: Fetched) -> None:
        """What keeps a channel from being read is said once, as long as it is the same."""
        trouble = item.trouble if item.offered else None
        if trouble is not None and self._troubles.get(item.channel) != trouble:
            logger.warning("not read to the end", action="inbound", channel=item.channel, reason=trouble)
        self._troubles[item.channel] = trouble or ""


def due(engine: Engine, every_s: float) -> list[str]:
    """The channels whose last look is so long ago, the longest first; one that is switched off never is."""
    now = clock.wall_us()
    with reading(engine) as session:
        channels = session.exec(select(Channel)).all()
        looked = {row.channel: row.looked_at or 0 for row in session.exec(select(InboundCursor))}
        read = [row.name for row in channels if offers(row.platform) and not is_off(row.settings)]
    waiting = {name: looked.get(name, 0) for name in read}
    late = [name for name, at in waiting.items() if now - at >= every_s * clock.SECOND or at > now]
    return sorted(late, key=lambda name: (waiting[name], name))


def is_off(settings: Mapping[str, str]) -> bool:
    """True when a channel's own settings say that nothing is fetched there."""
    return settings.get("inbound", "").strip() == OFF
