"""The platform of the rig: what it was asked, what it took, and what it says of itself. Its log judges what went out."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.errors import Rejected, Uncertain
from connectors.exchange import Draft
from connectors.protocol import Deadline, Message, Permit, Prepared, Published, Search
from tests.oracle.boundary import ANSWER, FIND, PREPARE, SEND
from tests.oracle.puppet import current, order, pause

TAKEN, TURNED_DOWN, SILENT = "taken", "turned down", "silent"
"""Orders for the answer to a request; a silent platform gives none."""
SHOWN, HIDDEN = "shown", "hidden"
"""Orders for a question: whether the platform shows what it has taken."""


@dataclass(frozen=True)
class Request:
    """A request whose bytes were written: for which attempt, post and key."""

    attempt: int
    post: int
    key: str


@dataclass
class Platform:
    """All accounts on the one platform of the rig."""

    written: list[Request] = field(default_factory=list)
    """The arrival log: every request, in the order of its first byte."""
    taken: list[Request] = field(default_factory=list)
    """What the public has seen, in its order."""
    refused: list[Request] = field(default_factory=list)

    def clear(self) -> None:
        """A platform that nobody has used."""
        for known in (self.written, self.taken, self.refused):
            known.clear()

    def take(self, attempt: int) -> Request:
        """Make the post of `attempt`'s request public; it is the public that counts, so once more counts twice."""
        request = self._of(attempt)
        self.taken.append(request)
        return request

    def refuse(self, attempt: int) -> None:
        """Never make it public."""
        self.refused.append(self._of(attempt))

    def disclaim(self, post: int) -> None:
        """A person has answered for what is still under way for `post`: it is followed no further."""
        self.refused += [item for item in self.written if item.post == post and self.is_open(item)]

    def _of(self, attempt: int) -> Request:
        return next(item for item in reversed(self.written) if item.attempt == attempt)

    def is_open(self, request: Request) -> bool:
        """Whether a request was not acted on yet."""
        return request not in self.taken and request not in self.refused


class Line:
    """A connector to the platform that stops at every boundary; what happens there is the order it goes on with."""

    platform = "outbox"
    required_settings: tuple[str, ...] = ()
    required_secrets: tuple[str, ...] = ()

    def __init__(self, platform: Platform) -> None:
        self.there = platform

    def prepare(self, message: Message, deadline: Deadline) -> Prepared:
        """Nothing to upload."""
        pause(PREPARE)
        return Prepared()

    def draft(self, message: Message, prepared: Prepared) -> Draft:
        """The words alone."""
        return Draft("test:", message.text.encode(), "text/plain")

    def publish(self, message: Message, prepared: Prepared, permit: Permit) -> Published:
        """One request, looked at for the last time right before its first byte. What comes of it, the rig decides later."""
        permit.check()
        pause(SEND)
        own = current()
        request = Request(own.attempt if own is not None else 0, message.post_id, message.key)
        self.there.written.append(request)
        pause(ANSWER)
        if order() == TAKEN:
            return _seen(len(self.there.taken) - 1 - self.there.taken[::-1].index(request))
        if order() == TURNED_DOWN:
            raise Rejected("not this one")
        raise Uncertain("no answer")

    def find(self, message: Message, search: Search, deadline: Deadline) -> Published | None:
        """The oldest public post with this key that is not known to belong to another attempt."""
        pause(FIND)
        found = (_seen(place) for place, item in enumerate(self.there.taken) if item.key == message.key)
        unclaimed = (item for item in found if item.remote_id not in search.not_these)
        return next(unclaimed, None) if order() == SHOWN else None

    def close(self) -> None:
        """Nothing to release."""


def _seen(place: int) -> Published:
    return Published(f"there-{place}", link_of(place))


def link_of(place: int) -> str:
    """The address of the post that was taken as number `place`."""
    return f"https://platform.test/{place}"
