"""What every test may ask for: a store on both databases, a city, and an environment of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine

from store.engine import open_engine
from tests.support import city as cities
from tests.support.authority import Authority
from tests.support.databases import Databases
from tests.support.postgres_server import PostgresSession

if TYPE_CHECKING:
    from tests.scheduler.press import Press

# Tests of several folders use the connectors' contracts, so their rewriting is known before any of them.
pytest.register_assert_rewrite(
    "tests.connectors.contract", "tests.connectors.http_contract", "tests.connectors.inbound_contract"
)
SESSION = pytest.StashKey[PostgresSession]()
SERVER_FOLDER = pytest.StashKey[Path]()
WORKER_KEY = "standfast_postgres"
BOTH = ("sqlite", "postgresql")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the session's PostgreSQL (which starts when first asked for); workers share the first process's."""
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[SERVER_FOLDER] = Path(given[WORKER_KEY])
        return
    config.stash[SESSION] = PostgresSession()
    config.stash[SERVER_FOLDER] = config.stash[SESSION].folder


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the server is."""
    node.workerinput[WORKER_KEY] = str(node.config.stash[SERVER_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server with the session."""
    if SESSION in config.stash:
        config.stash[SESSION].end()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of the caller's settings or home is seen or touched by a test."""
    home = tmp_path_factory.mktemp("home")
    for name in os.environ:
        if name.startswith(("STANDFAST_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG", "DATA", "STATE", "CACHE", "RUNTIME"):
        folder = home / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(f"XDG_{name}_{'DIR' if name == 'RUNTIME' else 'HOME'}", str(folder))


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """The maker of stores, for tests that need several."""
    return Databases(pytestconfig.stash[SERVER_FOLDER], tmp_path_factory.mktemp("templates"))


@pytest.fixture
def sqlite_url(databases: Databases, tmp_path: Path) -> str:
    """A migrated, empty SQLite store of this test's own."""
    return databases.sqlite(tmp_path)


@pytest.fixture
def postgres_url(databases: Databases) -> Iterator[str]:
    """A migrated, empty PostgreSQL store of this test's own."""
    with databases.postgres() as url:
        yield url


@pytest.fixture(params=BOTH)
def store_url(request: pytest.FixtureRequest) -> str:
    """A migrated store without posts (gate open at epoch 1), once on each database."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=BOTH)
def bare_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[str]:
    """A database without any table, once on each database."""
    if request.param == "sqlite":
        yield databases.sqlite(tmp_path, empty=True)
        return
    with databases.postgres(empty=True) as url:
        yield url


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """An engine on `store_url`."""
    found = open_engine(store_url)
    yield found
    found.dispose()


@pytest.fixture
def city(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cities.City:
    """A city's folder (and working directory) on each database; its settings file is named by the environment."""
    return _enter(tmp_path / "city", store_url, monkeypatch)


@pytest.fixture
def sqlite_city(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cities.City:
    """A city's folder (and working directory) on SQLite alone."""
    return _enter(tmp_path / "city", sqlite_url, monkeypatch)


@pytest.fixture
def postgres_city(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cities.City:
    """A city's folder (and working directory) on PostgreSQL alone."""
    return _enter(tmp_path / "city", postgres_url, monkeypatch)


@pytest.fixture(scope="session")
def authority_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a time-stamp authority's keys and certificates."""
    folder = tmp_path_factory.mktemp("authority")
    Authority(folder).make()
    return folder


@pytest.fixture
def authority(authority_keys: Path) -> Iterator[Authority]:
    """A time-stamp authority that answers on this machine."""
    with Authority(authority_keys).serving() as serving:
        yield serving


@pytest.fixture
def press(city: cities.City) -> Iterator[Press]:
    """A publisher with a scripted connector, once on each database."""
    yield from _pressed(city)


@pytest.fixture
def sqlite_press(sqlite_city: cities.City) -> Iterator[Press]:
    """The same on SQLite alone, for long tables of cases that no database tells apart."""
    yield from _pressed(sqlite_city)


@pytest.fixture
def postgres_press(postgres_city: cities.City) -> Iterator[Press]:
    """The same on PostgreSQL alone, for what only a server costs."""
    yield from _pressed(postgres_city)


def _pressed(city: cities.City) -> Iterator[Press]:
    from tests.scheduler.press import opened  # most suites need nothing of what it loads

    found = open_engine(city.url)
    with opened(city, found) as made:
        yield made
    found.dispose()


def _enter(root: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> cities.City:
    root.mkdir()
    made = cities.make(root, url)
    monkeypatch.setenv("STANDFAST_CONFIG", str(made.settings_file))
    monkeypatch.chdir(root)
    return made
