"""A live city on each database whose stop page is served in this process; and one on SQLite alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
from sqlmodel import Session, col, select

from commands import crisis
from config import essentials
from console import server
from console.doorway import Doorway
from governance import people, sealed_codes
from governance.authority import Identity
from store.engine import reading, writing
from store.tables import LogEntry, Suspension
from tests.console.visitor import Visitor
from tests.support.city import City
from tests.support.live_city import LiveCity, live_city

STEW = Identity("stew", "Stew Ward", "token")


@dataclass
class PageCity:
    """The city, where its page is, a visitor, and sealed codes that are good."""

    live: LiveCity
    url: str
    visitor: Visitor
    codes: list[str]

    def suspensions(self) -> list[Suspension]:
        """All that the ledger has."""
        with reading(self.live.engine) as session:
            return self._all(session)

    def refusals(self) -> list[LogEntry]:
        """Every refusal in the record, oldest first."""
        with reading(self.live.engine) as session:
            found = list(session.exec(select(LogEntry).where(LogEntry.action == "refused").order_by(col(LogEntry.seq))))
            session.expunge_all()
        return found

    @staticmethod
    def _all(session: Session) -> list[Suspension]:
        found = list(session.exec(select(Suspension).order_by(col(Suspension.id))))
        session.expunge_all()
        return found


@contextmanager
def page_city(live: LiveCity, **settings: object) -> Iterator[PageCity]:
    """`live` with its page on a free port of this machine."""
    live.city.set(timezone="America/Chicago", **settings)
    with writing(live.engine) as session:
        codes = [*sealed_codes.seal(session, STEW, "the safe", 3).values()]
    people.refresh_authority(live.engine, live.city.data_dir / "authority.json")
    with server.served(
        Doorway.of(_load(), {"stop_page": "127.0.0.1:0"}), _load, partial(crisis.after_stop, sweep=True)
    ) as page:
        yield PageCity(live, page.url, Visitor(page.url), codes)


def _load() -> essentials.Loaded:
    return essentials.merged(secrets=False)


@pytest.fixture
def live(city: City) -> Iterator[LiveCity]:
    """Sandbox running, people and channels there, daemon not started; once on each database."""
    with live_city(city) as made:
        yield made


@pytest.fixture
def paged(live: LiveCity) -> Iterator[PageCity]:
    """`live` with its page, once on each database."""
    with page_city(live) as made:
        yield made


@pytest.fixture
def sqlite_paged(sqlite_city: City) -> Iterator[PageCity]:
    """The same on SQLite alone, for what no database tells apart."""
    with live_city(sqlite_city) as live, page_city(live) as made:
        yield made
