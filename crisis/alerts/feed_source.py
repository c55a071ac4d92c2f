"""The feed that a city names: asked at its interval for what is new; its links are followed to hosts that the city lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from config import clock, web_address
from crisis.alerts import cap, feed, fetch
from crisis.alerts.alert import AlertError
from crisis.alerts.fetch import FetchError
from crisis.alerts.intake import Intake, Taken

FEED_S, LINK_S, LINKS_S = 20.0, 10.0, 120.0
"""Longest that the feed, one link, and all links of a turn may take."""
LINK_AGAIN_S = 900.0
"""A link whose document was read is not followed again before this: an address stands for one alert as a rule."""
MOST_WAIT = 8
"""A feed that fails is asked again after its interval, then twice that, and so on up to so many times that."""
MOST_TOLD = 3


@dataclass
class Turn:
    """What came of one look at the feed: `troubles` are lines for people, of which the first ones are enough."""

    taken: list[Taken] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def trouble(self) -> str | None:
        """The troubles on one line, None without any."""
        more = len(self.troubles) - MOST_TOLD
        lines = [*self.troubles[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]
        return "; ".join(lines) or None


class FeedSource:
    """Asks `address`, and the links that it holds, on `hosts` alone."""

    def __init__(self, address: str, hosts: Collection[str], interval_s: float, intake: Intake) -> None:
        self.address, self.hosts, self.intake = address, frozenset(hosts), intake
        self.interval_s = interval_s
        self._unchanged: dict[str, str] = {}
        self._followed: dict[str, float] = {}
        self._silent: set[str] = set()
        self._failed = 0
        self._next_s = 0.0

    @property
    def is_due(self) -> bool:
        """True when the feed may be asked again."""
        return clock.boot_s() >= self._next_s

    def turn(self) -> Turn:
        """Ask now. Whatever the host does is a trouble in what comes back; only the store's faults are raised."""
        self._next_s = clock.boot_s() + self.interval_s * min(2**self._failed, MOST_WAIT)
        turn = Turn()
        try:
            self._ask(turn)
            self._failed = 0
        except (FetchError, AlertError) as error:
            turn.troubles.append(str(error))
            self._failed = min(self._failed + 1, MOST_WAIT)
        return turn

    def _ask(self, turn: Turn) -> None:
        answer = fetch.get(self.address, self.hosts, FEED_S, feed.MAX_FEED_BYTES, self._unchanged)
        if answer.status == fetch.NOT_MODIFIED:
            return
        source = web_address.named(self.address)
        found = feed.read(answer.body, source, self.address)
        turn.taken += self.intake.take_all(found.documents, source)
        turn.troubles += [f"{source}: {line}" for line in found.skipped]
        finished = self._follow(found.links, turn)
        # What was not read to its end must come again, whether or not the feed has changed.
        whole = finished and not turn.troubles
        self._unchanged = _conditions(answer.headers) if whole else {}

    def _follow(self, links: Sequence[str], turn: Turn) -> bool:
        """True when each link was read, now or not long ago."""
        until = clock.boot_s() + LINKS_S
        self._silent &= {*links}
        self._followed = {link: self._followed[link] for link in links if link in self._followed}
        for link in sorted(links, key=lambda link: link in self._silent):  # those that gave nothing keep nobody waiting
            if clock.boot_s() - self._followed.get(link, -LINK_AGAIN_S) < LINK_AGAIN_S:
                continue
            if clock.boot_s() > until:
                return False
            self._read(link, turn)
        return True

    def _read(self, link: str, turn: Turn) -> None:
        """Take the alert behind `link`; a host that does not give it is a trouble, what is none goes to a person, once."""
        source = web_address.named(link)
        try:
            data = fetch.get(link, self.hosts, LINK_S, cap.MAX_BYTES, {}).body
        except FetchError as error:
            turn.troubles.append(str(error))
            self._silent.add(link)
            return
        self._silent.discard(link)
        try:
            turn.taken += self.intake.take(data, source)
        except AlertError as error:
            turn.taken.append(self.intake.unreadable(data, source, error))
        self._followed[link] = clock.boot_s()


def _conditions(headers: object) -> dict[str, str]:
    """What to send next time, so that a feed that has not changed is not sent again."""
    given = headers if isinstance(headers, dict) else {}
    pairs = (("If-None-Match", given.get("etag")), ("If-Modified-Since", given.get("last-modified")))
    return {name: value for name, value in pairs if isinstance(value, str) and value.isprintable() and len(value) < 300}
