"""What the stand-in platforms remember: posts, media, revoked tokens.

Every change is an event. With a journal (``--state FILE``) each is appended before it is applied and replayed at the next
start, so that a sandbox that was killed still shows what it had accepted.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

from config import clock

DUPLICATE_WINDOW_US = 24 * 3600 * clock.SECOND
"""How long the same text of the same owner counts as a duplicate."""
WINDOW_US = 900 * clock.SECOND
"""X counts requests in windows of 15 minutes."""
X_ID_EPOCH_MS = 1_288_834_974_657
"""The millisecond from which X's ids count."""


@dataclass(frozen=True)
class Post:
    """One post. `owner` is X's user id or the Facebook page; `scheduled_us` its own scheduler's moment, if it has one.

    `published`: people can see it.
    """

    id: str
    platform: str
    owner: str
    account: str
    text: str
    media_ids: tuple[str, ...]
    created_us: int
    scheduled_us: int | None = None
    published: bool = True

    def shown_us(self) -> int:
        """The moment the platform shows as the post's own."""
        return self.created_us if self.scheduled_us is None else self.scheduled_us


@dataclass(frozen=True)
class Medium:
    """One upload: never its bytes, only their number and SHA-256 (hex)."""

    id: str
    owner: str
    size: int
    sha256: str
    alt: str = ""


@dataclass(frozen=True)
class Remark:
    """What a member of the public wrote. `owner`: whose account it is about; `under`: the post or remark it answers; `root`:
    the post at the head of its conversation. `versions`: (id, text) of each version; only X gives an edit an id of its own.
    """

    id: str
    platform: str
    owner: str
    kind: str
    author_id: str
    author: str
    created_us: int
    versions: tuple[tuple[str, str], ...]
    under: str = ""
    root: str = ""

    @property
    def text(self) -> str:
        """What it says now."""
        return self.versions[-1][1]


class State:
    """The memory of all platforms; the caller serialises its use."""

    def __init__(self, journal: Path | None = None) -> None:
        """An empty memory, or the one that `journal` tells. Raises OSError, ValueError naming the line."""
        self.replanned = Event()
        """Set when something was planned: it may come before all else."""
        self._clear()
        self._journal = None
        if journal is not None:
            for number, line in enumerate(journal.read_bytes().splitlines() if journal.exists() else [], start=1):
                self._replay(journal, number, line)
            self._journal = journal.open("a", encoding="utf-8")

    def _clear(self) -> None:
        self.posts: dict[str, Post] = {}
        self.media: dict[str, Medium] = {}
        self.remarks: dict[str, Remark] = {}
        self.revoked: set[str] = set()
        self.accounts: dict[str, set[str]] = {}
        self._texts: dict[tuple[str, str, str], str] = {}
        self._owned: dict[tuple[str, str], list[str]] = {}
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._planned: dict[str, int] = {}
        self._last_id = 0

    def _replay(self, journal: Path, number: int, line: bytes) -> None:
        try:
            event = json.loads(line)
            self._apply(event["event"], event["of"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{journal}:{number} is not a line of a sandbox's state: name another file") from None

    def _record(self, event: str, of: dict[str, Any]) -> None:
        if self._journal is not None:
            self._journal.write(json.dumps({"event": event, "of": of}) + "\n")
            self._journal.flush()
        self._apply(event, of)

    def _apply(self, event: str, of: dict[str, Any]) -> None:
        if event == "post":
            self._keep(Post(**{**of, "media_ids": tuple(of["media_ids"])}))
        elif event == "medium":
            self.media[of["id"]] = Medium(**of)
            self._last_id = max(self._last_id, int(of["id"]))
        elif event == "delete":
            self._forget(of["id"])
        elif event == "remark":
            self._hear(Remark(**{**of, "versions": tuple((str(i), str(text)) for i, text in of["versions"])}))
        elif event == "unsay":
            del self.remarks[of["id"]]
        elif event == "fire":
            self.posts[of["id"]] = replace(self.posts[of["id"]], published=True)
            del self._planned[of["id"]]
        elif event == "revoke":
            self.revoked.add(of["token"])
        elif event == "reset":
            self._clear()
        else:
            raise ValueError(event)

    def _keep(self, post: Post) -> None:
        self.posts[post.id] = post
        self._counts[post.platform, post.owner, post.created_us // WINDOW_US] += 1
        self._texts[post.platform, post.owner, post.text] = post.id
        self._owned.setdefault((post.platform, post.owner), []).append(post.id)
        self._last_id = max(self._last_id, int(post.id.rpartition("_")[2]))
        if post.scheduled_us is not None and not post.published:
            self._planned[post.id] = post.scheduled_us
            self.replanned.set()

    def _hear(self, remark: Remark) -> None:
        self.remarks[remark.id] = remark
        self._last_id = max(self._last_id, int(remark.versions[-1][0].rpartition("_")[2]))

    def _forget(self, post_id: str) -> None:
        post = self.posts.pop(post_id)
        self._planned.pop(post_id, None)
        self._owned[post.platform, post.owner].remove(post_id)

    def _new_id(self) -> str:
        stamp = max(clock.wall_us() // 1000 - X_ID_EPOCH_MS, 1) << 22
        return str(max(stamp, self._last_id + 1))

    def seen(self, platform: str, account: str) -> None:
        """Remember that `account` (a token) called `platform`."""
        self.accounts.setdefault(platform, set()).add(account)

    def add_post(self, post: Post) -> Post:
        """`post` with the id it was given; ids rise, and a Facebook post's begins with its page."""
        number = self._new_id()
        given = replace(post, id=f"{post.owner}_{number}" if post.platform == "facebook" else number)
        self._record("post", asdict(given))
        return given

    def add_remark(self, remark: Remark, text: str) -> Remark:
        """`remark` as it was first said; a comment on Facebook has the number of its post before its own."""
        number = self._new_id()
        prefix = (remark.root or remark.owner).rpartition("_")[2]
        own = f"{prefix}_{number}" if remark.platform == "facebook" else number
        self._record("remark", asdict(replace(remark, id=own, versions=((own, text),))))
        return self.remarks[own]

    def reword(self, remark_id: str, text: str) -> None:
        """Change what a remark says."""
        said = self.remarks[remark_id]
        version = self._new_id() if said.platform == "x" else remark_id
        self._record("remark", asdict(replace(said, versions=(*said.versions, (version, text)))))

    def unsay(self, remark_id: str) -> None:
        """Take a remark away."""
        self._record("unsay", {"id": remark_id})

    def heard(self, platform: str, owner: str, kinds: tuple[str, ...]) -> list[Remark]:
        """The remarks of those kinds about `owner`, the youngest first."""
        known = (item for item in self.remarks.values() if (item.platform, item.owner) == (platform, owner))
        return sorted((item for item in known if item.kind in kinds), key=lambda item: item.created_us, reverse=True)

    def add_medium(self, owner: str, content: bytes, alt: str = "") -> Medium:
        """What is remembered of an upload."""
        medium = Medium(self._new_id(), owner, len(content), hashlib.sha256(content).hexdigest(), alt)
        self._record("medium", asdict(medium))
        return medium

    def set_alt(self, medium_id: str, alt: str) -> None:
        """Give an upload its text alternative."""
        self._record("medium", asdict(replace(self.media[medium_id], alt=alt)))

    def delete_post(self, post_id: str) -> None:
        """Forget a post that exists."""
        self._record("delete", {"id": post_id})

    def due(self, now_us: int) -> list[Post]:
        """What lies in the platforms' own schedulers and has come due at `now_us`, oldest first."""
        found = sorted((moment, post_id) for post_id, moment in self._planned.items() if moment <= now_us)
        return [self.posts[post_id] for _, post_id in found]

    def next_due(self) -> int | None:
        """When the next of them comes due (wall µs)."""
        return min(self._planned.values(), default=None)

    def fire(self, post_id: str) -> None:
        """Make a planned post public."""
        self._record("fire", {"id": post_id})

    def revoke(self, token: str) -> None:
        """Refuse `token` from now on."""
        self._record("revoke", {"token": token})

    def reset(self) -> None:
        """Forget everything."""
        self._record("reset", {})

    def is_duplicate(self, platform: str, owner: str, text: str) -> bool:
        """True when `owner` has a post of the same text that is not older than `DUPLICATE_WINDOW_US`."""
        earlier = self.posts.get(self._texts.get((platform, owner, text), ""))
        return bool(text) and earlier is not None and clock.wall_us() - earlier.created_us < DUPLICATE_WINDOW_US

    def count(self, platform: str, owner: str, window: int) -> int:
        """How many posts `owner` made in the window of that number (wall time divided by `WINDOW_US`)."""
        return self._counts[platform, owner, window]

    def newest_first(self, platform: str, owner: str) -> Iterator[Post]:
        """The posts of `owner`, the youngest first."""
        return (self.posts[post_id] for post_id in reversed(self._owned.get((platform, owner), [])))


def owner_of(token: str) -> str:
    """The user or page id of a token: the digits before its first hyphen, as X's tokens have them, else a made-up one."""
    digits = token.partition("-")[0]
    if digits.isascii() and digits.isdigit():
        return digits
    return str(10**15 + int.from_bytes(hashlib.sha256(token.encode("utf-8", "replace")).digest()[:6], "big"))
