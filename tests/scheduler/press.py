"""A publisher in this process for the tests of what it does: a store, people, and a scripted connector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from config import clock, essentials, settings
from config.essentials import Essentials
from config.settings import Settings
from connectors.exchange import Draft
from connectors.protocol import Deadline, Message, Permit, Prepared, Published, Search
from governance import people
from governance.authority import Identity
from scheduler import killswitch, lifting, liveness, stop_cell, stop_ledger, switch, witness
from scheduler.killswitch import Order, Recorded, Scope
from scheduler.planning import content
from scheduler.publisher import Place, Publisher
from store.engine import StoreError, cursor, dialect, reading, writing
from store.tables import Attempt, Channel, ChannelGroup, LogEntry, Meta, Post, Worker
from tests.support.city import City

STEWARD = Identity("stew", "Stew Ward", "token")
PUBLISHED = Published("remote-1", "https://example.org/1")
MEMBERS = ("parks", "pool")


class ManualClock:
    """A clock that moves when told: `pass_s` moves both readings, `jump` wall time alone."""

    def __init__(self) -> None:
        self.wall, self.boot = clock.wall_us(), clock.boot_ns()

    def wall_us(self) -> int:
        return self.wall

    def boot_ns(self) -> int:
        return self.boot

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += int(seconds * clock.SECOND)
        self.boot += int(seconds * 1e9)

    def jump(self, seconds: float) -> None:
        """Somebody sets the machine's clock."""
        self.wall += int(seconds * clock.SECOND)


class Scripted:
    """A connector: each step does what its script says, raises what it holds, or gives it back."""

    platform = "outbox"
    required_settings: tuple[str, ...] = ()
    required_secrets: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.on_prepare: Any = Prepared()
        self.on_publish: Any = PUBLISHED
        self.on_find: Any = None
        self.on_look: Callable[[Deadline], None] = lambda deadline: None
        self.prepared: list[Message] = []
        self.published: list[Message] = []
        self.searched: list[Search] = []

    @staticmethod
    def _play(script: Any, *arguments: Any) -> Any:
        found = script(*arguments) if callable(script) else script
        if isinstance(found, Exception):
            raise found
        return found

    def prepare(self, message: Message, deadline: Deadline) -> Prepared:
        self.prepared.append(message)
        found = self._play(self.on_prepare)
        return found if isinstance(found, Prepared) else Prepared()

    def draft(self, message: Message, prepared: Prepared) -> Draft:
        return Draft("test:", message.text.encode(), "text/plain")

    def publish(self, message: Message, prepared: Prepared, permit: Permit) -> Published:
        self.published.append(message)
        found: Published = self._play(self.on_publish, *([permit] if callable(self.on_publish) else []))
        return found

    def find(self, message: Message, search: Search, deadline: Deadline) -> Published | None:
        self.searched.append(search)
        self.on_look(deadline)
        found: Published | None = self._play(self.on_find)
        return found

    def close(self) -> None:
        """Nothing to release."""


@dataclass
class Press:
    """The publisher with everything it needs."""

    engine: Engine
    essential: Essentials
    settings: Settings
    tokens: dict[str, str]
    process: liveness.Process
    connector: Scripted = field(default_factory=Scripted)

    def __post_init__(self) -> None:
        self.publisher = self.publisher_of()

    def publisher_of(self, **changed: Any) -> Publisher:
        """A publisher of this press, with other settings where some are given."""
        with reading(self.engine) as session:
            store_id = session.get_one(Meta, "store_id").value
        self.witness_file = witness.file_for(self.essential.state_dir, store_id)
        place = Place(
            engine=self.engine,
            settings=self.settings.model_copy(update=changed),
            cell_file=self.essential.cell_file,
            witness_file=self.witness_file,
            media_dir=self.essential.data_dir / "media",
            worker=self.process.id,
            key_prefix="sf-test",
        )
        return Publisher(place, lambda channel: self.connector)

    def queue(self, channel: str = "parks", in_s: float = 0.0, **values: Any) -> int:
        """The id of a scheduled post of ann's, due in `in_s` seconds."""
        now = clock.wall_us()
        due = now + int(in_s * clock.SECOND)
        text = values.pop("text", "The pool opens at nine.")
        made: dict[str, Any] = {
            "lateness_us": 60 * clock.SECOND,
            "author": "ann",
            "ready_at": due,
            "due_at": due,
        } | values
        digest = content.content_hash(text, [])
        post = Post(channel=channel, text=text, content_hash=digest, local_time="-", zone="UTC", **made)
        post.created_at = post.updated_at = now
        return self._add(post)

    def attempt(self, post: int, state: str, worker: str = "", **values: Any) -> int:
        """The id of an attempt at `post` put straight into `state`, by this process unless another worker is named."""
        now = clock.wall_us()
        made: dict[str, Any] = {
            "channel": self.post(post).channel,
            "idempotency_key": "k",
            "content_hash": "h",
            "claim_epoch": 1,
        }
        made |= {"claimed_at": now, "sending_at": None if state == "claimed" else now} | values
        return self._add(Attempt(post_id=post, state=state, worker=worker or self.process.id, **made))

    def worker(self, **changed: Any) -> str:
        """The id of another worker in the ledger, like this process but for what is `changed`."""
        process = replace(self.process, **({"id": "other"} | changed))
        with writing(self.engine) as session:
            session.add(Worker(**vars(process), started_at=clock.wall_us()))
        return process.id

    def _add(self, row: Any) -> int:
        with writing(self.engine) as session:
            session.add(row)
            session.flush()
            number: int = row.id
            return number

    def change(self, table: Any, key: object, **values: Any) -> None:
        """Set columns of a row, past every rule."""
        with writing(self.engine) as session:
            row = session.get_one(table, key)
            for name, value in values.items():
                setattr(row, name, value)
            session.add(row)

    def post(self, number: int) -> Post:
        """The post as it stands."""
        return self.row(Post, number)

    def row(self, table: Any, key: object) -> Any:
        """A row as it stands."""
        with reading(self.engine) as session:
            found = session.get_one(table, key)
            session.expunge(found)
            return found

    def attempts(self, post: int) -> list[Attempt]:
        """The post's attempts, oldest first."""
        with reading(self.engine) as session:
            found = list(session.exec(select(Attempt).where(Attempt.post_id == post).order_by("id")))
            session.expunge_all()
            return found

    def states(self, post: int) -> tuple[list[str], str]:
        """(the states of its attempts, its own)."""
        return [item.state for item in self.attempts(post)], self.post(post).state

    def log(self, action: str) -> list[LogEntry]:
        """The chain's entries of this action."""
        with reading(self.engine) as session:
            found = list(session.exec(select(LogEntry).where(LogEntry.action == action).order_by("seq")))
            session.expunge_all()
            return found

    def suspend(self, scope: str = "all", **values: Any) -> Recorded:
        """A suspension as `crisis` records it, with the fence in the cell."""
        order = Order(f"r-{clock.boot_ns()}", "dora", "tornado", Scope.parse(scope), **values)
        with self.switched() as own:
            with switch.exclusive(own) as found:
                recorded = killswitch.suspend(found, own.name, order)
            with switch.reading(own) as found:
                assert stop_ledger.raise_fence(found, own.name, self.essential) is None
        return recorded

    def lift(self, number: int) -> tuple[int, int]:
        """(new epoch, posts held) of the lift of a suspension."""
        with self.switched() as own:
            with switch.exclusive(own) as found:
                epoch = killswitch.epoch(found, own.name)
                lifted = lifting.lift(found, own.name, number, by="omar", reason="over", asked_epoch=epoch)
            with switch.reading(own) as found:
                stop_ledger.raise_fence(found, own.name, self.essential, lifted_all=True)
        return lifted

    @contextmanager
    def switched(self) -> Iterator[switch.Switch]:
        """A switch of this store, closed at the end."""
        own = switch.open_switch(self.essential)
        try:
            yield own
        finally:
            own.close()

    def ask(self, question: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """What a function of the switch (cursor, dialect, …) answers."""
        with reading(self.engine) as session:
            return question(cursor(session), dialect(session), *arguments, **named)

    def revoke(self, person: str) -> None:
        """Take away what `person` may do."""
        with writing(self.engine) as session:
            people.mark_left(session, STEWARD, person)


@contextmanager
def opened(city: City, engine: Engine) -> Iterator[Press]:
    """A press in `city`, whose worker is this process."""
    essential = essentials.load(city.environ)
    tokens = _furnish(engine)
    stop_cell.lay_down(essential.cell_file, 0)
    with liveness.registered(essential.workers_dir, "daemon") as process:
        made = Press(engine, essential, settings.load(), tokens, process)
        with writing(engine) as session:
            session.add(Worker(**vars(process), started_at=clock.wall_us()))
        witness.note(made.witness_file, epoch=1)
        yield made


def _furnish(engine: Engine) -> dict[str, str]:
    with writing(engine) as session:
        for name in (*MEMBERS, "police"):
            session.add(Channel(name=name, platform="outbox", created_at=1))
        for name in MEMBERS:
            session.add(ChannelGroup(channel=name, name="outdoors"))
        tokens = {"stew": people.bootstrap(session, "stew", "Stew Ward")}
        for person, role in (
            ("dora", "director"),
            ("omar", "operator"),
            ("olga", "operator"),
            ("ann", "administrator"),
            ("erin", "emergency_publisher"),
        ):
            people.add_person(session, STEWARD, person, person.title())
            people.grant(session, STEWARD, person, role)
            tokens[person] = people.create_token(session, STEWARD, person).token
    return tokens


class LostCommits:
    """Stands for `store.engine.writing` in a module; the n-th transaction from now fails as `fails` says.

    ``before``: the database goes away before the commit. ``after``: it commits, and the acknowledgement is lost.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
        self.fails: dict[int, str] = {}
        self.done = 0
        monkeypatch.setattr(module, "writing", self.writing)

    @contextmanager
    def writing(self, engine: Engine, step: str = "") -> Iterator[Any]:
        self.done += 1
        how = self.fails.pop(self.done, "")
        with writing(engine) as session:
            yield session
            if how == "before":
                raise StoreError("the database is gone")
        if how == "after":
            raise StoreError("the acknowledgement was lost")
