"""A city with a first steward, for the tests of people and access."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import select

from governance import access, people
from governance.authority import Identity
from store.engine import reading, writing
from store.tables import Channel, LogEntry

DAY = people.DAY_US


@dataclass(frozen=True)
class Town:
    """A store with the steward `ana`, signed in by `token`, and the channels `parks` and `police`."""

    engine: Engine
    ana: Identity
    token: str

    def add(self, person: str, role: str | None = None, channel: str = "*") -> str:
        """The token of a new person, with a role where one is named."""
        with writing(self.engine) as session:
            people.add_person(session, self.ana, person, person.title())
            if role is not None:
                people.grant(session, self.ana, person, role, channel)
            return people.create_token(session, self.ana, person).token

    def signed_in(self, person: str, role: str | None = None, channel: str = "*") -> Identity:
        """A new person, signed in."""
        return access.sign_in(self.engine, self.add(person, role, channel))

    def log(self) -> list[LogEntry]:
        """The whole log, in order."""
        with reading(self.engine) as session:
            found = list(session.exec(select(LogEntry).order_by("seq")).all())
            session.expunge_all()
            return found

    def refusals(self) -> list[LogEntry]:
        """The refusals in the log."""
        return [entry for entry in self.log() if entry.action == "refused"]


def found(engine: Engine) -> Town:
    """A town in the empty store of `engine`."""
    with writing(engine) as session:
        token = people.bootstrap(session, "ana", "Ana Ruiz")
        for name in ("parks", "police"):
            session.add(Channel(name=name, platform="outbox", created_at=1))
    return Town(engine, access.sign_in(engine, token), token)


def id_of(token: str) -> str:
    """The id inside a token."""
    return token.split("_")[1]
