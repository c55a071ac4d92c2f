"""What a platform's connector is: the interface and the values that cross it.

A connector knows one platform and one account. It has no database, keeps no queue, never waits and never repeats a
call; `scheduler.publisher` decides everything else. See CONTRIBUTING.md, "How to add a platform".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from config import clock
from connectors.errors import NotSent
from connectors.exchange import Draft


@dataclass(frozen=True)
class Account:
    """One channel's account: `settings` are the city's data (``base_url``, ids), `secrets` the resolved credentials."""

    channel: str
    platform: str
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Media:
    """One image: where it lies, its text alternative, MIME type and SHA-256 (hex)."""

    path: Path
    alt: str
    mime: str
    sha256: str


@dataclass(frozen=True)
class Message:
    """What is to be said: `key` is stable over all attempts at the same part of the same post."""

    post_id: int
    key: str
    text: str
    media: tuple[Media, ...] = ()


@dataclass(frozen=True)
class Deadline:
    """A moment of boot time after which a call must have ended."""

    boot_ns: int

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline `seconds` from now."""
        return cls(clock.boot_ns() + int(seconds * 1e9))

    def remaining_s(self) -> float:
        """Seconds left; zero or less when it has passed."""
        return (self.boot_ns - clock.boot_ns()) / 1e9


@dataclass(frozen=True)
class Permit:
    """Leave to send one request before `deadline`; `look` is the last look at the stop cell (raises NotSent).

    The HTTP layer calls `check` after it has connected and right before the first byte of the request.
    """

    deadline: Deadline
    look: Callable[[], None]

    def check(self) -> None:
        """Raise NotSent when the deadline has passed or the stop cell does not let this attempt pass."""
        if self.deadline.remaining_s() <= 0:
            raise NotSent("the deadline passed before the request was written")
        self.look()


@dataclass(frozen=True)
class Prepared:
    """What `prepare` made ready on the platform without the public seeing it (media ids, in order)."""

    media_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Published:
    """The platform took the post: its id there, and a link a person can open."""

    remote_id: str
    link: str


@dataclass(frozen=True)
class Search:
    """Where to look for an earlier send: wall time in µs, and remote ids known to belong to other posts."""

    since_us: int
    until_us: int
    not_these: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Length:
    """A text's length and the limit, both as the platform counts them."""

    count: int
    limit: int


@dataclass(frozen=True)
class Planned:
    """A post that lies in the platform's own scheduler: its id there, its words, when it would go out (wall µs), and a link.

    `media`: it has more than words, which nobody here keeps.
    """

    remote_id: str
    text: str
    at_us: int | None
    link: str
    media: bool = False


@dataclass(frozen=True)
class Heard:
    """What somebody wrote to or about the account. `remote_id` stays the same when it is edited; `kind`: one of `HEARD`.

    `at_us`: when it was written (None: not told). `in_reply_to`: the id it answers, empty when none is told. `raw`: the
    platform's own JSON of it. `own`: the account itself wrote it, on the platform.
    """

    remote_id: str
    kind: str
    author: str
    text: str
    at_us: int | None
    in_reply_to: str
    link: str
    raw: bytes
    own: bool = False


HEARD = ("comment", "reply", "mention", "post")
"""What others write: a comment, a reply in a conversation, a post elsewhere that names the account, a post on its page."""


@runtime_checkable
class Inbound(Protocol):
    """What a connector offers beside `Connector` where what the public writes can be read. Both only read."""

    def inbound(self, search: Search, deadline: Deadline) -> Iterator[Heard]:
        """What was written in the window, in any order, some of it perhaps twice.

        Raises Unfinished after what it gave when there is more, and ConnectorError (RateLimited says until when).
        """

    def again(self, remote_ids: Sequence[str], deadline: Deadline) -> dict[str, Heard | None]:
        """These as they stand now; None: the platform shows it no more; left out: it did not say. Raises ConnectorError."""


@runtime_checkable
class OwnScheduler(Protocol):
    """What a connector offers beside `Connector` where its platform has a scheduler of its own that programs can empty.

    Standfast never fills it: people do, past this store, and a crisis must find what lies there.
    """

    def planned(self, deadline: Deadline) -> list[Planned]:
        """Everything that lies there. Raises CannotTell when it cannot be read whole."""

    def cancel_planned(self, remote_id: str, deadline: Deadline) -> None:
        """Take one out; that it is gone is seen in `planned`. Raises ConnectorError."""


@runtime_checkable
class Seizable(Protocol):
    """What a connector offers beside `Connector` where an account that others hold can be looked at and cut off."""

    def recent(self, search: Search, deadline: Deadline) -> list[dict[str, Any]]:
        """The account's posts of the window, as the platform tells them, for the record. Raises CannotTell."""

    def revoke(self, deadline: Deadline) -> None:
        """Make this account's token worthless on the platform. Raises ConnectorError: then it is good as before, or may be.

        Also when it returns, the platform may honour the token for a while: nobody may trust that it is dead.
        """


@runtime_checkable
class Connector(Protocol):
    """One account on one platform."""

    platform: str
    required_settings: tuple[str, ...]
    required_secrets: tuple[str, ...]

    def __init__(self, account: Account) -> None:
        """Keep `account`; connect to nothing. Raises AccountError naming what the account lacks."""

    @staticmethod
    def length(text: str) -> Length:
        """The length of `text` as the platform counts it."""

    @staticmethod
    def problems(message: Message) -> list[str]:
        """One line per reason why the platform would not take `message` (length, number, size, kind of media)."""

    def prepare(self, message: Message, deadline: Deadline) -> Prepared:
        """Upload what the post needs; nothing the public can see. Raises PublishError (never Uncertain for the post)."""

    def draft(self, message: Message, prepared: Prepared) -> Draft:
        """The request that `publish` would write, without secrets, for the record; connects to nothing. Raises PublishError."""

    def publish(self, message: Message, prepared: Prepared, permit: Permit) -> Published:
        """Write one request, with `permit.check()` right before its first byte. Raises PublishError."""

    def find(self, message: Message, search: Search, deadline: Deadline) -> Published | None:
        """The post as the platform shows it, or None when it was looked for and not seen. Raises CannotTell."""

    def test(self, deadline: Deadline) -> str:
        """Who the platform says this account is. Raises ConnectorError."""

    def close(self) -> None:
        """Release the connections."""
