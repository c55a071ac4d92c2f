"""A copy of a case's store, and the store put back from it, as people do who lost a disk: nobody is connected meanwhile."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.databases import libpq


@dataclass(frozen=True)
class Backup:
    """The copy of the store at `url`; a SQLite store's lies beside it, a PostgreSQL store's on the same server."""

    url: str

    def make(self) -> None:
        """Copy what is in the store now."""
        if self._file is not None:
            shutil.copyfile(self._file, self._copy)
        else:
            self._administer("CREATE DATABASE {copy} TEMPLATE {store}")

    def put_back(self) -> None:
        """Let the store be what the copy is. A second time there is no copy any more."""
        if self._file is None:
            self._administer("DROP DATABASE {store} WITH (FORCE)", "ALTER DATABASE {copy} RENAME TO {store}")
            return
        for suffix in ("-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        self._copy.rename(self._file)

    @property
    def _file(self) -> Path | None:
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:") else None

    @property
    def _copy(self) -> Path:
        assert self._file is not None
        return self._file.with_suffix(".copy")

    def _administer(self, *statements: str) -> None:
        server, _, name = libpq(self.url).rpartition("/")
        names = {"store": sql.Identifier(name), "copy": sql.Identifier(f"{name}_copy")}
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            for statement in statements:
                connection.execute(sql.SQL(statement).format(**names))
