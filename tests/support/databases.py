"""A fresh, migrated store for each test: copied from a template, so that it costs milliseconds on both databases."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import Connection

from config import clock
from store import migration
from store.engine import open_engine
from tests.support.postgres_server import Lock, url_of_server

TEMPLATE = "standfast_template"


def libpq(url: str) -> str:
    """`url` as libpq reads it (without SQLAlchemy's driver name)."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def await_lock_queue(connection: Connection, within_s: float = 10.0) -> None:
    """Return as soon as somebody waits for an advisory lock in this PostgreSQL database. Raises TimeoutError."""
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
        "WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
    )
    until = clock.boot_s() + within_s
    while not connection.exec_driver_sql(waiting).scalar_one():
        if clock.boot_s() > until:
            raise TimeoutError(f"nobody asked for the store's lock within {within_s} s")


class Databases:
    """Makes stores for one test process. `server` is the folder of the session's PostgreSQL."""

    def __init__(self, server: Path, scratch: Path) -> None:
        self._folder = server
        self._scratch = scratch
        self._server: str | None = None
        self._sqlite: Path | None = None

    @property
    def server(self) -> str:
        """The URL of the PostgreSQL server without a database name; starts it when it is the first to ask."""
        if self._server is None:
            self._server = url_of_server(self._folder)
        return self._server

    def sqlite(self, folder: Path, *, empty: bool = False) -> str:
        """The URL of a new SQLite store in `folder`, migrated unless `empty`."""
        file = folder / f"store-{uuid.uuid4().hex[:8]}.db"
        if not empty:
            shutil.copyfile(self._sqlite_template(), file)
            _give_own_id(f"sqlite:///{file}")
        return f"sqlite:///{file}"

    @contextmanager
    def postgres(self, *, empty: bool = False) -> Iterator[str]:
        """The URL of a new PostgreSQL store, dropped at the end with whoever is still connected."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        template = "template0" if empty else self._postgres_template()
        self._administer("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            if not empty:
                _give_own_id(f"{self.server}/{name}")
            yield f"{self.server}/{name}"
        finally:
            self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _administer(self, statement: str, *names: str) -> None:
        with psycopg.connect(f"{libpq(self.server)}/postgres", autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))

    def _sqlite_template(self) -> Path:
        if self._sqlite is None:
            self._sqlite = self._scratch / "template.db"
            _initialise(f"sqlite:///{self._sqlite}")
        return self._sqlite

    def _postgres_template(self) -> str:
        made = self._folder / "template.made"
        url = self.server
        lock = Lock(self._folder / "template.lock")
        try:
            if not made.exists():
                self._administer("DROP DATABASE IF EXISTS {}", TEMPLATE)
                self._administer("CREATE DATABASE {}", TEMPLATE)
                _initialise(f"{url}/{TEMPLATE}")
                made.touch()
        finally:
            lock.free()
        return TEMPLATE


def _initialise(url: str) -> None:
    engine = open_engine(url)
    try:
        migration.initialise(engine)
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        engine.dispose()


def _give_own_id(url: str) -> None:
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE meta SET value = '{uuid.uuid4().hex}' WHERE key = 'store_id'")
    finally:
        engine.dispose()
