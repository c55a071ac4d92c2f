"""The store of the rig, one per process: put back to its first state for each example, copied and restored within one."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import Engine, MetaData, event

from store.engine import open_engine
from tests.oracle.boundary import IN_NO_TIME
from tests.support.databases import Databases, libpq

Rows = list[tuple[Any, ...]]
IN_MEMORY = Path("/dev/shm")
"""Where there is one, the SQLite file lies there: thousands of durable commits cost nothing, and are not what is tested."""
FRESH, COPY = "fresh", "copy"
"""The two copies kept of a store: its first state, and the backup that an example has made."""
REPLACED = "replaced"
"""Where the store lives on that a restore has put another in the place of."""


class Ground(Protocol):
    """A store that can be put back."""

    url: str
    engine: Engine

    def keep(self, name: str) -> None:
        """Copy the store as it is now under `name`."""

    def put_back(self, name: str) -> None:
        """Replace the store's content by the copy `name`, under whoever is connected."""

    def fork(self) -> Engine:
        """An engine on a store that is as this one is now and goes its own way: what processes keep under a replaced file."""

    def numbers_kept(self) -> AbstractContextManager[object]:
        """What is undone in the block gives its numbers back, as in the model; PostgreSQL alone would leave them unused."""

    def look(self, queries: Sequence[str]) -> list[Rows]:
        """What several queries find in what is committed."""

    def rows(self, query: str) -> Rows:
        """What a query finds in what is committed."""


class SqliteGround:
    """A file; copies are files beside it, put back page by page so that open connections see them."""

    def __init__(self, url: str) -> None:
        self.url, self.engine = url, open_engine(url)
        self._file = Path(url.removeprefix("sqlite:///"))
        self._own = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
        self._copies: dict[str, sqlite3.Connection] = {}

    def keep(self, name: str) -> None:
        """Copy the store as it is now under `name`."""
        if name not in self._copies:
            self._copies[name] = sqlite3.connect(":memory:")
        self._own.backup(self._copies[name])

    def put_back(self, name: str) -> None:
        """Replace the store's content by the copy `name`."""
        self._copies[name].backup(self._own)

    def fork(self) -> Engine:
        """An engine on a file of its own."""
        file = self._file.with_name("replaced.db")
        for suffix in ("", "-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        with closing(sqlite3.connect(file)) as target:
            self._own.backup(target)
        return open_engine(f"sqlite:///{file}")

    def numbers_kept(self) -> AbstractContextManager[object]:
        """SQLite undoes them by itself."""
        return nullcontext()

    def look(self, queries: Sequence[str]) -> list[Rows]:
        """What several queries find."""
        return [self.rows(query) for query in queries]

    def rows(self, query: str) -> Rows:
        """What a query finds."""
        return self._own.execute(query).fetchall()

    def close(self) -> None:
        """Close the connections."""
        for connection in (*self._copies.values(), self._own):
            connection.close()
        self.engine.dispose()


class PostgresGround:
    """A database; copies are schemas of their own, so that one round trip puts them back."""

    def __init__(self, url: str) -> None:
        self.url, self.engine = url, open_engine(url)
        event.listen(self.engine, "connect", _patient)
        self._own = psycopg.connect(libpq(url), autocommit=True)
        self._tables = _tables(self.engine)
        found = self._own.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'").fetchall()
        self._sequences = [str(row[0]) for row in found]
        for name in (FRESH, COPY):
            self._make(name)
        self._run([f"CREATE SCHEMA {REPLACED};", *self._twins(REPLACED, "INCLUDING ALL")])

    def _make(self, name: str) -> None:
        counts = f"CREATE TABLE {name}.counts (sequence text, last bigint, called boolean);"
        self._run([f"CREATE SCHEMA {name};", *self._twins(name, ""), counts])

    def _twins(self, name: str, how: str) -> list[str]:
        return [f"CREATE TABLE {name}.{table} (LIKE public.{table} {how});" for table in self._tables]

    def keep(self, name: str) -> None:
        """Copy the store as it is now under `name`."""
        self._move("public", name)
        counts = [
            f"INSERT INTO {name}.counts SELECT '{item}', last_value, is_called FROM {item};" for item in self._sequences
        ]
        self._run([f"DELETE FROM {name}.counts;", *counts])

    def put_back(self, name: str) -> None:
        """Replace the store's content by the copy `name`."""
        self._move(name, "public")
        self._run([f"SELECT setval(sequence, last, called) FROM {name}.counts"])

    def fork(self) -> Engine:
        """An engine on a schema of its own."""
        self._move("public", REPLACED)
        engine = open_engine(self.url)
        event.listen(engine, "connect", _patient)
        event.listen(engine, "connect", _into_replaced)
        return engine

    @contextmanager
    def numbers_kept(self) -> Iterator[object]:
        """Sequences go back to where they were."""
        before = self.look([f"SELECT last_value, is_called FROM {item}" for item in self._sequences])
        yield
        back = [
            f"setval('{item}', {row[0][0]}, {row[0][1]})" for item, row in zip(self._sequences, before, strict=True)
        ]
        self._run([f"SELECT {', '.join(back)}"])

    def _move(self, source: str, target: str) -> None:
        empty = [f"DELETE FROM {target}.{table};" for table in reversed(self._tables)]
        fill = [f"INSERT INTO {target}.{table} SELECT * FROM {source}.{table};" for table in self._tables]
        self._run(["BEGIN;", *empty, *fill, "COMMIT;"])

    def _run(self, statements: list[str]) -> None:
        self._own.execute(" ".join(statements).encode())

    def look(self, queries: Sequence[str]) -> list[Rows]:
        """What several queries find, in one round trip."""
        with self._own.pipeline():
            found = [self._own.execute(query.encode()) for query in queries]
        return [cursor.fetchall() for cursor in found]

    def rows(self, query: str) -> Rows:
        """What a query finds."""
        return self.look([query])[0]

    def close(self) -> None:
        """Close the connections."""
        self._own.close()
        self.engine.dispose()


def _tables(engine: Engine) -> list[str]:
    """Every table that the migrations made, referred ones first: asked of the database, so that none can be forgotten."""
    found = MetaData()
    found.reflect(engine)
    return [table.name for table in found.sorted_tables if table.name != "alembic_version"]


def _patient(connection: Any, _record: Any) -> None:
    """A machine under load may take a second between two statements: that is no process that stands still."""
    with connection.cursor() as cursor:
        cursor.execute(IN_NO_TIME)
    connection.commit()


def _into_replaced(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path = {REPLACED}")
    connection.commit()


@contextmanager
def sqlite_ground(databases: Databases) -> Iterator[SqliteGround]:
    """A migrated store on SQLite, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="standfast-oracle-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    try:
        with closing(SqliteGround(databases.sqlite(folder))) as ground:
            yield ground
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_ground(databases: Databases) -> Iterator[PostgresGround]:
    """A migrated store on PostgreSQL, gone at the end."""
    with databases.postgres() as url, closing(PostgresGround(url)) as ground:
        yield ground
