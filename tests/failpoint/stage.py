"""The city of a case and what can be done in it: queue posts, run a daemon, call a crisis, ask, confirm, look, end."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from sqlmodel import Session

from config import clock, essentials
from governance import people
from governance.authority import Identity
from sandbox.client import Client
from scheduler import restore, stop_cell
from scheduler.planning import content
from store.engine import open_engine, writing
from store.tables import Channel, Post
from tests.failpoint import parts
from tests.failpoint.process import Cast, Child
from tests.support import city as cities
from tests.support.databases import libpq

LIMIT_S = 90.0
"""Who has not come to an end by then never will, however slow the machine."""
LATENESS_US = 300 * clock.SECOND
PAGE, X, OUTBOX = "page", "x", "outbox"
SETTINGS = {
    "send_deadline": 2.5,
    "prepare_deadline": 5,
    "lateness": 300,
    "spacing": 0,
    "release_spacing": 0,
    "retries": 4,
    "retry_first": 0.1,
    "retry_most": 0.5,
    "settle": 2.5,
    "look_every": 0.3,
    "threads": 1,
    "busy_timeout": 5,
}
SECRETS = {
    X: ("consumer_key", "consumer_secret", "access_token", "access_token_secret"),
    PAGE: ("page_token",),
    OUTBOX: (),
}
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(64)
OPEN = (
    "SELECT count(*) FROM post p WHERE p.state = 'publishing' OR (p.state = 'scheduled' AND p.due_at <= {now} AND {open}) "
    "OR (p.state <> 'held' AND EXISTS (SELECT 1 FROM attempt a WHERE a.post_id = p.id AND a.state = 'unknown')) "
    "OR EXISTS (SELECT 1 FROM attempt a WHERE a.post_id = p.id AND a.state IN ('claimed', 'sending'))"
)
"""How many posts are in a state that they may not stay in."""
SUSPENDED = (
    "EXISTS (SELECT 1 FROM suspension WHERE lifted_epoch IS NULL AND (begun_at IS NOT NULL OR starts_at <= {now}))"
)
BEGUN = "SELECT count(*) FROM suspension WHERE kind = 'planned' AND begun_at IS NOT NULL"


class Stuck(Exception):
    """Something that must come to an end did not."""


@dataclass(frozen=True)
class Bench:
    """What the cases of a pool share: the sandbox, and how long anybody is waited for."""

    box: Client
    limit_s: float = LIMIT_S


class Stage:
    """`arms`: part → the failpoints of the process that plays it: ``first``, and ``second``, the one that recovers."""

    def __init__(self, url: str, folder: Path, bench: Bench, arms: Mapping[str, str]) -> None:
        self.url, self.folder, self.bench, self.arms = url, folder, bench, arms
        self.number = int.from_bytes(os.urandom(6))
        self.tag = f"f{self.number}"
        self.cast = Cast(folder)
        self.diary = parts.Diary(folder / "diary.jsonl")
        self.queued = 0
        self._postgres: psycopg.Connection[Any] | None = None

    # --- the city ----------------------------------------------------------------------------------------------------

    def set_up(self, *, new: bool) -> None:
        """A city with three channels, a person who may do everything and one who may do nothing.

        `new`: nobody has laid down its stop cell and witness yet, as `standfast init` does.
        """
        root = self.folder / "city"
        root.mkdir()
        city = cities.make(root, self.url)
        city.set(**SETTINGS)
        for name in [name for name in os.environ if name.startswith("STANDFAST_")]:
            del os.environ[name]
        os.environ.update(city.environ)
        os.chdir(root)
        media = city.data_dir / "media"
        media.mkdir()
        (media / "image.png").write_bytes(IMAGE)
        (self.folder / "outbox").mkdir()
        self._write(self._furnish)
        if not new:
            self._begin()

    def _begin(self) -> None:
        engine, essential = open_engine(self.url), essentials.load()
        try:
            restore.begin_if_unused(engine, essential, restore.file_of(engine, essential))
        finally:
            engine.dispose()

    def _furnish(self, session: Session) -> None:
        os.environ["STANDFAST_TOKEN"] = people.bootstrap(session, "ana", "Ana")
        ana = Identity("ana", "Ana", "token")
        people.add_person(session, ana, "eve", "Eve")
        os.environ["EVES_TOKEN"] = people.create_token(session, ana, "eve").token
        session.add_all([self._channel(number, platform) for number, platform in enumerate((PAGE, X, OUTBOX))])

    def _channel(self, number: int, platform: str) -> Channel:
        owner = f"{7 + number}{self.number:015}"
        settings = {
            X: {"base_url": self.bench.box.url, "user_id": owner, "handle": "city"},
            PAGE: {"base_url": self.bench.box.url, "page_id": owner},
            OUTBOX: {"folder": str(self.folder / "outbox")},
        }[platform]
        secrets = {secret: f"{platform}_{secret}".upper() for secret in SECRETS[platform]}
        os.environ.update({variable: f"{owner}-{secret}" for secret, variable in secrets.items()})
        name = "facebook" if platform == PAGE else platform
        return Channel(name=platform, platform=name, settings=settings, secrets=secrets, created_at=0)

    def queue(
        self, *channels: str, image: bool = False, delay_s: float = 0.0, held: str = "", in_s: float = 0.0
    ) -> None:
        """Queue a post for each of `channels`, due in `in_s` seconds, one after another.

        `image`: those for the platforms have one. `delay_s`: so late does the platform answer. `held`: why they wait.
        """
        now = clock.wall_us()
        posts = [self._post(channel, now, image and channel != OUTBOX) for channel in channels]
        for post in posts:
            post.due_at = post.ready_at = post.due_at + int(in_s * clock.SECOND)
        for post in posts if held else ():
            post.state, post.hold_reason = "held", held
        for post in posts if delay_s else ():
            platform = "facebook" if post.channel == PAGE else post.channel
            self.bench.box.fault("delay", platform=platform, seconds=delay_s, text=post.text)
        self._write(lambda session: session.add_all(posts))

    def _post(self, channel: str, now: int, image: bool) -> Post:
        self.queued += 1
        text = f"{self.tag}-{self.queued} A word."
        media = [{"file": "image.png", "alt": "Dots", "mime": "image/png", "sha256": _sha(IMAGE)}] if image else []
        due = now + self.queued
        return Post(
            channel=channel,
            text=text,
            media=media,
            content_hash=content.content_hash(text, media),
            local_time="",
            zone="UTC",
            lateness_us=LATENESS_US,
            author="ana",
            due_at=due,
            ready_at=due,
            created_at=now,
            updated_at=now,
        )

    def _write(self, act: Callable[[Session], object]) -> None:
        engine = open_engine(self.url, busy_timeout_s=30)
        try:
            with writing(engine) as session:
                if engine.dialect.name == "postgresql":  # the case's own preparations may stall on a busy machine
                    session.connection().exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
                act(session)
        finally:
            engine.dispose()

    # --- what people and daemons do ----------------------------------------------------------------------------------

    def start(self, part: str, run: Callable[[parts.Diary], None]) -> Child:
        """A process that plays `part`, armed as the case says of the part; the second time as of ``second``."""
        return self.cast.fork(part, partial(run, self.diary), self.arms.get(part, ""))

    def daemon(self, part: str) -> Child:
        """A daemon."""
        return self.start(part, parts.daemon)

    def await_ready(self, child: Child) -> None:
        """Return when the daemon is ready, or has fallen."""
        self.wait(lambda: not child.alive or any(line["pid"] == child.pid for line in self.said("ready")), "ready")

    def run(self, part: str, act: Callable[[parts.Diary], None]) -> Child:
        """The process that did `act`, once it has ended."""
        child = self.start(part, act)
        self.wait(lambda: not child.alive, f"{part} to end")
        return child

    def run_again(self, act: Callable[[parts.Diary], None], *, first: str = "first", second: str = "second") -> None:
        """Do `act`; who falls on the way is followed by the next, as people do who see that a command broke off."""
        for part in (first, second, "third"):
            if not self.run(part, act).killed:
                return

    def keep_up(self, done: Callable[[], bool], what: str, *names: str, current: Child | None = None) -> Child:
        """The daemon that was alive when `done` came true; one that fell before is started again, under the next name."""
        left = iter(names)
        while True:
            child = current or self.daemon(next(left, "last"))
            self.wait(lambda child=child: not child.alive or done(), what)  # type: ignore[misc]  # mypy does not infer a lambda with a default
            if child.alive:
                return child
            current = None

    def end(self, child: Child) -> None:
        """Let a daemon end in order (SIGTERM); its failpoints may fell it on the way."""
        child.signal(signal.SIGTERM)
        self.wait(lambda: not child.alive, "the daemon to end")

    def fell(self, child: Child) -> None:
        """Kill it, wherever it is."""
        child.signal(signal.SIGKILL)
        self.wait(lambda: not child.alive, "the killed to be dead")

    # --- looks -------------------------------------------------------------------------------------------------------

    def wait(self, done: Callable[[], object], what: str) -> None:
        """Return once `done`. Raises Stuck naming `what`."""
        if not self.cast.await_(done, self.bench.limit_s):
            raise Stuck(f"not within {self.bench.limit_s:.0f} s: {what}")

    def said(self, what: str) -> list[dict[str, Any]]:
        """The diary's lines of this kind."""
        return [line for line in self.diary.read() if line["what"] == what]

    def ask(self, question: str) -> int:
        """The number that a query gives; -1 while the store cannot be read."""
        try:
            return int(self._asked(question)[0])
        except (sqlite3.Error, psycopg.Error):
            return -1

    def _asked(self, question: str) -> Any:
        if self.url.startswith("sqlite:"):
            # Closed again before anybody is forked: SQLite's locks belong to a process.
            own = sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=5)
            try:
                return own.execute(question).fetchone()
            finally:
                own.close()
        if self._postgres is None or self._postgres.closed:
            self._postgres = psycopg.connect(libpq(self.url), autocommit=True)
        return self._postgres.execute(question).fetchone()

    def look_away(self) -> None:
        """Close the case's own connection until the next look, so that the store can be copied or taken away."""
        if self._postgres is not None:
            self._postgres.close()

    def close(self) -> None:
        """End every process and the case's own connection."""
        self.cast.bury()
        self.look_away()

    def is_settled(self) -> bool:
        """True when no post is in a state that it may not stay in, and none is due that the gate lets out."""
        return self.ask(OPEN.replace("{open}", f"NOT {SUSPENDED}").format(now=clock.wall_us())) == 0

    def is_suspended(self) -> bool:
        """True while any suspension is active."""
        return self.ask(f"SELECT CASE WHEN {SUSPENDED.format(now=clock.wall_us())} THEN 1 ELSE 0 END") != 0

    def is_begun(self) -> bool:
        """True when a planned window has taken its step."""
        return self.ask(BEGUN) > 0

    def is_fenced(self) -> bool:
        """True when this host's stop cell has the ledger's epoch as its fence."""
        return stop_cell.read(essentials.load().cell_file).fence == self.ask("SELECT epoch FROM gate")

    def arrivals(self) -> int:
        """How many publish requests of this city have arrived at a platform."""
        mark = f"{self.tag}-".encode()
        lines = self.bench.box.log.read_bytes().split(b"\n")
        return sum(mark in line and b'"kind": "publish"' in line for line in lines)

    def heartbeats(self, more: int) -> Callable[[], bool]:
        """Whether the newest worker has had `more` heartbeats since it began."""
        return lambda: self.beaten() > more

    def beaten(self) -> int:
        """How many heartbeats the newest worker has had since it began."""
        return int(self.ask("SELECT COALESCE((SELECT heartbeat FROM worker ORDER BY started_at DESC LIMIT 1), 0)"))


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
