"""The city of the rig: one store, one host's files, one platform and one clock, all put back for each example."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from config import clock, essentials, settings
from config.settings import Settings
from connectors.protocol import Connector
from governance import people
from scheduler import stop_cell, witness
from scheduler.planning import content
from store.crisis_tables import Override
from store.engine import writing
from store.tables import Channel, Meta, Post
from tests.oracle.boundary import Outage
from tests.oracle.ground import FRESH, IN_MEMORY, Ground
from tests.oracle.platform import Line, Platform
from tests.support import city

START_US = 1_800_000_000 * clock.SECOND
"""When every example begins (wall time): an example repeats to the microsecond."""
START_BOOT_NS = 10**15
AUTHOR = "stew"
SETTINGS = {
    "spacing": 0, "retries": 1, "retry_first": 0, "settle": "2h", "send_deadline": "1h", "lateness": "2h",
    "resume_code_life": "1d",
}  # fmt: skip
"""Moments that an example does not reach by letting time pass: what may pass at any moment is a step of its own."""


class HandClock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Back to the moment at which every example begins."""
        self.wall, self.boot, self._late_ns = START_US, START_BOOT_NS, 0

    @contextmanager
    def later(self, seconds: float) -> Iterator[None]:
        """Boot time as one process sees it that stood still for so long; nobody else runs before the block ends."""
        self._late_ns = int(seconds * 1e9)
        try:
            yield
        finally:
            self._late_ns = 0

    def wall_us(self) -> int:
        """Wall time in µs."""
        return self.wall

    def boot_ns(self) -> int:
        """Boot time in ns."""
        return self.boot + self._late_ns

    def set_back_s(self, seconds: float) -> None:
        """Somebody sets wall time back; boot time goes on as it does."""
        self.wall -= int(seconds * clock.SECOND)

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += int(seconds * clock.SECOND)
        self.boot += int(seconds * 1e9)


class Town:
    """Everything that outlives a process of the rig."""

    def __init__(self, ground: Ground, root: Path, hands: HandClock, channels: tuple[str, ...]) -> None:
        self.ground, self.hands, self.root = ground, hands, root
        self.platform, self.outage = Platform(), Outage()
        made = city.make(root, str(ground.url))
        made.set(**SETTINGS)
        self.environ = {**made.environ, "HOME": str(root)}
        self.settings: Settings = settings.check(essentials.merged(self.environ))
        self.token = self._furnish(channels)
        self.environ |= {"STANDFAST_TOKEN": self.token}
        self.essential = essentials.load(self.environ)
        self.store_id = str(ground.rows("SELECT value FROM meta WHERE key = 'store_id'")[0][0])
        self.witness_file = witness.file_for(self.essential.state_dir, self.store_id)
        ground.keep(FRESH)

    @property
    def engine(self) -> Engine:
        """On the store as it is now."""
        return self.ground.engine

    def _furnish(self, channels: tuple[str, ...]) -> str:
        with writing(self.ground.engine) as session:
            session.merge(Meta(key="store_id", value="0" * 32))
            session.add_all(Channel(name=name, platform="outbox", created_at=1) for name in channels)
            return people.bootstrap(session, AUTHOR, "Stew Ward")

    def reset(self) -> None:
        """A new day: the first store, an open cell, a witness that has seen nothing, a platform that nobody used."""
        self.hands.reset()
        self.outage.clear()
        self.platform.clear()
        self.ground.put_back(FRESH)
        for folder in (self.essential.data_dir, self.essential.state_dir):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        stop_cell.lay_down(self.essential.cell_file, 0)
        witness.note(self.witness_file, epoch=1)

    def connector_of(self, _channel: str) -> Connector:
        """The line to the platform, for any channel."""
        return cast(Connector, Line(self.platform))

    def digests(self) -> list[str]:
        """The content hashes of all posts, by id."""
        return [str(row[0]) for row in self.ground.rows("SELECT content_hash FROM post ORDER BY id")]

    def queue(self, session: Session, channel: str, due_in_s: float, lateness_s: float) -> int:
        """The id of a new scheduled post."""
        now = clock.wall_us()
        due = now + int(due_in_s * clock.SECOND)
        text = f"Post for {channel}, due in {due_in_s:g} s."
        post = Post(
            channel=channel, text=text, content_hash=content.content_hash(text, []), local_time="-", zone="UTC",
            lateness_us=int(lateness_s * clock.SECOND), author=AUTHOR, due_at=due, ready_at=due,
            created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(post)
        session.flush()
        assert post.id is not None
        return post.id

    def give_lane(self, post: int) -> None:
        """Make `post` an emergency message: one that had leave in an epoch that is over."""
        digest = self.digests()[0]
        with writing(self.ground.engine) as session:
            session.add(Override(post_id=post, content_hash=digest, epoch=0, suspension_id=0, by=AUTHOR, at=0))


@contextmanager
def opened(ground: Ground, channels: tuple[str, ...]) -> Iterator[Town]:
    """A town on `ground`, its clock in force and the product's log silent until the block ends."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop])
    root = Path(tempfile.mkdtemp(prefix="standfast-oracle-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    try:
        hands = HandClock()
        with clock.use(hands):
            yield Town(ground, root, hands, channels)
    finally:
        structlog.configure(**before)
        shutil.rmtree(root, ignore_errors=True)


def _drop(_logger: Any, _name: str, _event: Any) -> Any:
    raise structlog.DropEvent
