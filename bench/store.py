"""Stores with many queued posts on both databases: seeded once as a template, then copied in about a second."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from bench import seed
from store import migration
from store.engine import open_engine
from tests.support.databases import libpq
from tests.support.postgres_server import PostgresSession, url_of_server

SQLITE, POSTGRES = "sqlite", "postgresql"
BOTH = (SQLITE, POSTGRES)
DURABLE = {"fsync": "on", "full_page_writes": "on", "max_wal_size": "2GB", "autovacuum": "on"}
"""What the tests' server leaves out for speed: a figure counts only on a server that keeps what it acknowledged."""


class Stores:
    """Makes stores in `scratch`; the PostgreSQL server starts when the first of its stores is asked for."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._session = PostgresSession()
        self._server: str | None = None
        self._made: set[tuple[str, int]] = set()

    def close(self) -> None:
        """End the server, if it was started."""
        self._session.end()

    @property
    def server(self) -> str:
        """The URL of the PostgreSQL server without a database name."""
        if self._server is None:
            self._server = url_of_server(self._session.folder)
            for name, value in DURABLE.items():
                self._administer(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            self._administer(sql.SQL("SELECT pg_reload_conf()"))
        return self._server

    def postgres_version(self) -> str:
        """The server's version, empty when it was never needed."""
        if self._server is None:
            return ""
        with psycopg.connect(f"{libpq(self._server)}/postgres") as connection:
            return str(connection.execute("SHOW server_version").fetchall()[0][0]).split()[0]

    @contextmanager
    def copy(self, database: str, posts: int) -> Iterator[str]:
        """The URL of a store of its own with `posts` queued posts, gone when the block ends."""
        self._make(database, posts)
        name = f"b_{uuid.uuid4().hex[:12]}"
        if database == SQLITE:
            file = self.scratch / name / "standfast.db"
            file.parent.mkdir()
            shutil.copyfile(self._template_file(posts), file)
            try:
                yield f"sqlite:///{file}"
            finally:
                shutil.rmtree(file.parent, ignore_errors=True)
            return
        self._create(name, template(posts))
        try:
            yield f"{self.server}/{name}"
        finally:
            self._drop(name)

    @contextmanager
    def empty(self, database: str) -> Iterator[str]:
        """The URL of a database without any table, for what is measured beside the product."""
        name = f"e_{uuid.uuid4().hex[:12]}"
        if database == SQLITE:
            file = self.scratch / f"{name}.db"
            try:
                yield f"sqlite:///{file}"
            finally:
                for path in self.scratch.glob(f"{name}.db*"):
                    path.unlink()
            return
        self._create(name, "template0")
        try:
            yield f"{self.server}/{name}"
        finally:
            self._drop(name)

    def _make(self, database: str, posts: int) -> None:
        if (database, posts) in self._made:
            return
        if database == SQLITE:
            url = f"sqlite:///{self._template_file(posts)}"
        else:
            self._create(template(posts), "template0")
            url = f"{self.server}/{template(posts)}"
        engine = open_engine(url, busy_timeout_s=60)
        try:
            migration.initialise(engine)
            seed.settle(engine)
            seed.queue_far(engine, posts)
        finally:
            engine.dispose()
        self._made.add((database, posts))

    def _template_file(self, posts: int) -> Path:
        return self.scratch / f"{template(posts)}.db"

    def _create(self, name: str, source: str) -> None:
        words = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        self._administer(sql.SQL(words).format(sql.Identifier(name), sql.Identifier(source)))

    def _drop(self, name: str) -> None:
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.SQL | sql.Composed) -> None:
        url = self._server or url_of_server(self._session.folder)
        with psycopg.connect(f"{libpq(url)}/postgres", autocommit=True) as connection:
            connection.execute(statement)


def template(posts: int) -> str:
    """The name of the template with `posts` queued posts."""
    return f"template_{posts}"
