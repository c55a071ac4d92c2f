"""A whole city for a test: the sandbox and the daemon as processes of their own, real connectors, people with tokens."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlmodel import select

from config import clock
from governance import people
from governance.authority import Identity
from sandbox import client
from sandbox.arrivals import Arrival
from scheduler import stop_cell, witness
from scheduler.planning import content
from store.engine import open_engine, reading, writing
from store.tables import Attempt, Channel, ChannelGroup, Meta, Post
from tests.support.city import City

T = TypeVar("T")
X, FACEBOOK, OUTBOX = "parks-x", "hall-facebook", "desk-outbox"
SECRETS = {
    "PARKS_KEY": "consumer-key",
    "PARKS_SECRET": "consumer-secret",
    "PARKS_TOKEN": "4711-parks",
    "PARKS_TOKEN_SECRET": "token-secret",
    "HALL_TOKEN": "hall-page-token",
}
QUICK = {
    "send_deadline": "3s",
    "prepare_deadline": "5s",
    "settle": "3s",
    "lateness": "60s",
    "spacing": "0s",
    "release_spacing": "1s",
    "retry_first": "0.2s",
    "retry_most": "1s",
    "look_every": "0.5s",
}


def until(condition: Callable[[], T], what: str, within_s: float = 20.0) -> T:
    """The first true value of `condition`. Raises AssertionError naming `what` after `within_s`."""
    end = clock.boot_s() + within_s
    while not (found := condition()):
        if clock.boot_s() > end:
            raise AssertionError(f"not within {within_s} s: {what}")
        Event().wait(0.02)
    return found


@dataclass
class DaemonProcess:
    """A running `standfast daemon`; what it says goes to the file `log`."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def lines(self) -> list[str]:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8").splitlines()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def stopped(self) -> None:
        """Stop it where it stands (SIGSTOP) and return when the kernel says so."""
        self.send(signal.SIGSTOP)
        until(
            lambda: Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T", "stopped"
        )

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Its exit code after the signal."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@dataclass
class LiveCity:
    """The city, its sandbox and its store."""

    city: City
    sandbox: client.Client
    engine: Engine
    tokens: dict[str, str]
    daemons: list[DaemonProcess] = field(default_factory=list)

    def start_daemon(self, *, ready: bool = True) -> DaemonProcess:
        """A daemon that has said that it is ready."""
        log = self.city.root / f"daemon-{len(self.daemons)}.log"
        with log.open("wb") as out:
            command = self.city.command("daemon")
            process = subprocess.Popen(command, cwd=self.city.root, env=self.city.environ, stderr=out)
        started = DaemonProcess(process, log)
        self.daemons.append(started)
        if ready:
            until(lambda: process.poll() is not None or any("ready" in line for line in started.lines), "daemon ready")
            assert process.poll() is None, started.lines
        return started

    def queue(self, channel: str, text: str, in_s: float = 0.0, **values: Any) -> int:
        """The id of a scheduled post due in `in_s` seconds."""
        now = clock.wall_us()
        due = now + int(in_s * clock.SECOND)
        made = {"lateness_us": 60 * clock.SECOND, "author": "ann", "ready_at": due, "due_at": due} | values
        post = Post(
            channel=channel,
            text=text,
            content_hash=content.content_hash(text, []),
            local_time="-",
            zone="UTC",
            created_at=now,
            updated_at=now,
            **made,
        )
        with writing(self.engine) as session:
            session.add(post)
            session.flush()
            assert post.id is not None
            return post.id

    def post(self, number: int) -> Post:
        """The post as the store has it."""
        with reading(self.engine) as session:
            found = session.get_one(Post, number)
            session.expunge(found)
            return found

    def await_state(self, number: int, *states: str, within_s: float = 20.0) -> Post:
        """The post once it is in one of `states`."""
        until(lambda: self.post(number).state in states, f"post {number} {states}", within_s)
        return self.post(number)

    def attempts(self, number: int) -> list[Attempt]:
        """The post's attempts, oldest first."""
        with reading(self.engine) as session:
            found = list(session.exec(select(Attempt).where(Attempt.post_id == number).order_by(Attempt.id)))
            for item in found:
                session.expunge(item)
            return found

    def texts(self) -> list[str]:
        """What the platforms took, in order."""
        return [item.text or "" for item in self.arrivals()]

    def arrivals(self) -> list[Arrival]:
        """The publish calls that the platforms took, from the arrival log."""
        return self.sandbox.arrivals(accepted=True)

    def run(self, *arguments: str, who: str | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
        """A command as `who` (with their token), or as nobody."""
        environ = {"STANDFAST_TOKEN": self.tokens[who]} if who else {}
        return self.city.run(*arguments, **environ, **more)

    def json(self, *arguments: str, who: str | None = None, code: int = 0) -> Any:
        """A command's JSON, after its exit code was compared."""
        ran = self.run(*arguments, "--json", who=who)
        assert ran.returncode == code, (arguments, ran.returncode, ran.stderr, ran.stdout)
        return json.loads(ran.stdout)

    def crisis(self, *arguments: str, who: str | None = "dora", code: int = 0) -> Any:
        """The receipt of `standfast crisis`."""
        return self.json("crisis", *arguments, who=who, code=code)

    def resume(self, *arguments: str, who: str = "omar") -> Any:
        """What `standfast resume` lifted, in its two steps."""
        offer = self.json("resume", "--reason", "all clear", *arguments, who=who)
        return self.json("resume", "--reason", "all clear", "--confirm", offer["code"], who=who)


@contextmanager
def live_city(city: City, **settings: object) -> Iterator[LiveCity]:
    """A live city on `city`'s store; its processes end with the block."""
    city.set(**(QUICK | settings))
    (city.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    engine = open_engine(city.url)
    with client.start(city.root / "arrivals.log") as sandbox:
        tokens = furnish(engine, sandbox.url, city.data_dir)
        stop_cell.lay_down(city.data_dir / "stop.cell", 0)
        with reading(engine) as session:
            store_id = session.get_one(Meta, "store_id").value
        witness.note(witness.file_for(city.state_dir, store_id), epoch=1)
        people.refresh_authority(engine, city.data_dir / "authority.json")
        live = LiveCity(city, sandbox, engine, tokens)
        try:
            yield live
        finally:
            for started in live.daemons:
                if started.process.poll() is None:
                    started.end()
            engine.dispose()


def furnish(engine: Engine, url: str, data_dir: Path) -> dict[str, str]:
    """The tokens by person, after channels and people were put into the store."""
    now = clock.wall_us()
    secrets = {
        "consumer_key": "PARKS_KEY",
        "consumer_secret": "PARKS_SECRET",
        "access_token": "PARKS_TOKEN",
        "access_token_secret": "PARKS_TOKEN_SECRET",
    }
    with writing(engine) as session:
        session.add(Channel(name=X, platform="x", settings={"base_url": url}, secrets=secrets, created_at=now))
        page = {"base_url": url, "page_id": "100200"}
        session.add(
            Channel(
                name=FACEBOOK, platform="facebook", settings=page, secrets={"page_token": "HALL_TOKEN"}, created_at=now
            )
        )
        folder = {"folder": str(data_dir / "outbox" / OUTBOX)}
        session.add(Channel(name=OUTBOX, platform="outbox", settings=folder, secrets={}, created_at=now))
        session.add(ChannelGroup(channel=X, name="outdoors"))
    with writing(engine) as session:
        tokens = {"stew": people.bootstrap(session, "stew", "Stew Ward")}
    stew = Identity("stew", "Stew Ward", "token")
    for person, role in (("dora", "director"), ("omar", "operator"), ("ann", "administrator"), ("olga", "operator")):
        _add_person(engine, stew, person, role, tokens)
    return tokens


def _add_person(engine: Engine, stew: Identity, person: str, role: str, tokens: dict[str, str]) -> None:
    with writing(engine) as session:
        people.add_person(session, stew, person, person.title())
        people.grant(session, stew, person, role)
        tokens[person] = people.create_token(session, stew, person).token
