"""What the public writes is fetched, channel by channel, and kept as records. It only reads, and nothing answers by itself.

What was heard before a look failed is kept, and the next look reads the same again: an item is known by its id, so nothing is
kept twice and nothing is lost. A platform that asks to wait is not asked before its time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Engine

from config import clock
from connectors import registry
from connectors.errors import ConnectorError, RateLimited, Unfinished
from connectors.protocol import Connector, Deadline, Heard, Inbound, Search
from records import inbound
from records.inbound import Source, Window
from store.engine import StoreError, reading, writing
from store.tables import Channel

logger = structlog.get_logger()
PATIENCE_S = 60.0
"""Longest that one channel's look may take."""
LIMITED_S = 900.0
"""How long to wait where a platform limits us and does not say until when: X's window."""
LOOKS = 100
"""Items that the daemon looks at again in one turn."""
LOOKS_BY_HAND = 500
NOT_OFFERED = "its platform offers nothing to read"


@dataclass
class Fetched:
    """What came of one channel. `changes`: new, edited, gone, back. `trouble`: why the look did not get to its end."""

    channel: str
    offered: bool = True
    changes: Counter[str] = field(default_factory=Counter)
    trouble: str | None = None
    unfinished: bool = False


def offers(platform: str) -> bool:
    """False when the connector of `platform` says that there is nothing to read. One that cannot be loaded says nothing."""
    try:
        return issubclass(registry.load(platform), Inbound)
    except ConnectorError:
        return True


class Fetcher:
    """Fetches in the name of `by`. `connector_of` gives a channel's connector; raises ConnectorError."""

    def __init__(
        self, engine: Engine, connector_of: Callable[[str], Connector], by: str, *, by_hand: bool = False
    ) -> None:
        """`by_hand`: all recent items are looked at again, whatever their turn."""
        self.engine, self.connector_of, self.by, self.by_hand = engine, connector_of, by, by_hand

    def run(self, channel: str, seconds: float = PATIENCE_S) -> Fetched:
        """What came of a look at `channel`. Raises StoreError."""
        found = Fetched(channel)
        with reading(self.engine) as session:
            known, row = inbound.cursor_of(session, channel), session.get(Channel, channel)
            if row is not None and not offers(row.platform):
                return Fetched(channel, offered=False, trouble=NOT_OFFERED)
            own, wait_until = inbound.window(known), known.not_before
        try:
            connector = self.connector_of(channel)
        except ConnectorError as error:
            return self._failed(found, error)
        if not isinstance(connector, Inbound):
            return Fetched(channel, offered=False, trouble=NOT_OFFERED)
        if wait_until is not None and wait_until > clock.wall_us():
            found.trouble = f"the platform asked to wait until {clock.to_text(wait_until)}"
            return found
        return self._look(found, connector, own, Deadline.after(seconds))

    def _look(self, found: Fetched, connector: Inbound, own: Window, deadline: Deadline) -> Fetched:
        source = Source(found.channel, str(getattr(connector, "platform", "")), self.by)
        try:
            heard, ended = self._listen(connector, own, deadline)
            self._keep(found, source, heard)
            if ended is None:
                self._again(found, source, connector, deadline, {item.remote_id for item in heard})
        except StoreError:
            raise
        except Exception as error:  # of any kind: one platform's surprise keeps none of the others
            return self._failed(found, error)
        if ended is not None and not isinstance(ended, Unfinished):
            return self._failed(found, ended)
        found.unfinished = ended is not None
        with writing(self.engine) as session:
            inbound.looked(session, found.channel, own, left_until=None if ended is None else ended.until_us)
        return found

    @staticmethod
    def _listen(connector: Inbound, own: Window, deadline: Deadline) -> tuple[list[Heard], Exception | None]:
        """All that was told, and what kept it from being all there is: what came before an error counts."""
        heard: list[Heard] = []
        try:
            for item in connector.inbound(Search(own.since_us, own.until_us), deadline):
                heard.append(item)
        except Exception as error:
            return heard, error
        return heard, None

    def _keep(self, found: Fetched, source: Source, heard: Sequence[Heard]) -> None:
        posts = inbound.posts_of(self.engine, source.channel, {item.in_reply_to for item in heard}) if heard else {}
        # Platforms tell the newest first, and whole seconds: what answers another comes after it.
        ordered = sorted(reversed(heard), key=lambda item: item.at_us or 0)
        for start in range(0, len(ordered), inbound.STEP):
            with writing(self.engine) as session:
                found.changes += inbound.hear(session, source, ordered[start : start + inbound.STEP], posts)

    def _again(self, found: Fetched, source: Source, connector: Inbound, deadline: Deadline, but_for: set[str]) -> None:
        """Recent items as they stand now: edits, and what is gone."""
        most = LOOKS_BY_HAND if self.by_hand else LOOKS
        with reading(self.engine) as session:
            ids = inbound.due(session, source.channel, most, but_for, all_recent=self.by_hand)
        if not ids:
            return
        told = connector.again(ids, deadline)
        self._keep(found, source, [item for item in told.values() if item is not None])
        lost = [number for number, item in told.items() if item is None]
        for start in range(0, len(lost), inbound.STEP):
            with writing(self.engine) as session:
                gone = inbound.lose(session, source, lost[start : start + inbound.STEP])
            found.changes += Counter({inbound.GONE: gone})

    def _failed(self, found: Fetched, error: Exception) -> Fetched:
        if isinstance(error, ConnectorError):
            found.trouble = error.detail
        else:
            logger.exception("a look at what the public writes failed", action="inbound", channel=found.channel)
            found.trouble = f"{type(error).__name__}: {error}"
        wait = error.retry_after_s or LIMITED_S if isinstance(error, RateLimited) else None
        with writing(self.engine) as session:
            inbound.failed(session, found.channel, found.trouble, wait)
        return found
