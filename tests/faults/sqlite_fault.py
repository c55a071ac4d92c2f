"""SQLite that fails at the n-th operation: connections and cursors under the product's own code, engine and switch alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeVar
from unittest.mock import patch

from tests.faults.fault import Fault, Tally

T = TypeVar("T")


@dataclass(frozen=True)
class _Trouble:
    """How SQLite tells it. `undone`: it has rolled the transaction back by itself, as it may after such an error."""

    code: int
    says: str
    kind: type[sqlite3.DatabaseError] = sqlite3.OperationalError
    undone: bool = False
    only_writes: bool = False
    """While it lasts, it meets only what writes."""


ANSWER_LOST = "answer lost"
"""The COMMIT stands, and yet ends with an error: the log's pages were written, and what came after them failed."""
TROUBLES = {
    "full": _Trouble(sqlite3.SQLITE_FULL, "database or disk is full", only_writes=True),
    "full, undone": _Trouble(sqlite3.SQLITE_FULL, "database or disk is full", undone=True, only_writes=True),
    "I/O error": _Trouble(sqlite3.SQLITE_IOERR_READ, "disk I/O error"),
    "I/O error, undone": _Trouble(sqlite3.SQLITE_IOERR_WRITE, "disk I/O error", undone=True),
    "busy": _Trouble(sqlite3.SQLITE_BUSY, "database is locked"),
    "read-only": _Trouble(sqlite3.SQLITE_READONLY, "attempt to write a readonly database", only_writes=True),
    "corrupt": _Trouble(sqlite3.SQLITE_CORRUPT, "database disk image is malformed", sqlite3.DatabaseError),
    "not a database": _Trouble(sqlite3.SQLITE_NOTADB, "file is not a database", sqlite3.DatabaseError),
    "cannot open": _Trouble(sqlite3.SQLITE_CANTOPEN, "unable to open database file"),
    ANSWER_LOST: _Trouble(sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error"),
}
WRITES = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "COMMIT")


class SqliteInjector:
    """Stands between ``sqlite3`` and whoever connects while it is in place."""

    kinds = tuple(TROUBLES)
    lasting = tuple(kind for kind in TROUBLES if kind != ANSWER_LOST)

    def __init__(self) -> None:
        self._tally = Tally()
        self._armed = False
        self.arrived = Event()
        """Set: here nothing is ever on its way."""
        self.arrived.set()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let every connection that is made in the block be one that can fail."""
        made = {"connect": self._connect}
        with patch.multiple("sqlite3", **made), patch.multiple("sqlite3.dbapi2", **made):
            yield

    @contextmanager
    def armed(self, fault: Fault | None) -> Iterator[Tally]:
        """The account of the block's operations, one of which fails."""
        self._tally, self._armed = Tally(fault), True
        try:
            yield self._tally
        finally:
            self._armed = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is asked in the block is the test's own."""
        before, self._armed = self._armed, False
        try:
            yield
        finally:
            self._armed = before

    def _connect(self, *arguments: Any, **named: Any) -> sqlite3.Connection:
        def connect() -> sqlite3.Connection:
            made = Connection(*arguments, **named)
            made.injector = self
            return made

        return self.ask("connect", None, connect)

    def ask(self, operation: str, connection: sqlite3.Connection | None, action: Callable[[], T]) -> T:
        """What `action` gives, unless this operation is to fail. Raises sqlite3.Error."""
        if not self._armed:
            return action()
        kind = self._tally.step(operation)
        if kind is None or self._is_spared(kind, operation):
            return action()
        if operation == "ROLLBACK" or (operation == "COMMIT" and kind == ANSWER_LOST):
            action()  # a ROLLBACK ends the transaction whatever it says
        raise self._error(kind, connection)

    def fetch(self, number: int, connection: sqlite3.Connection, action: Callable[[], T]) -> T:
        """The rows of operation `number`, as `action` gives them, unless that is to fail. Raises sqlite3.Error."""
        kind = self._tally.fetch(number) if self._armed and number else None
        if kind is None or TROUBLES[kind].only_writes:
            return action()
        raise self._error(kind, connection)

    @property
    def number(self) -> int:
        """The operation that was asked for last, 0 while nothing is counted."""
        return len(self._tally.operations) if self._armed else 0

    @staticmethod
    def _error(kind: str, connection: sqlite3.Connection | None) -> sqlite3.Error:
        """How `kind` shows, after it has done to the transaction what it does."""
        trouble = TROUBLES[kind]
        if connection is not None and trouble.undone and connection.in_transaction:
            sqlite3.Connection.rollback(connection)
        error = trouble.kind(trouble.says)
        error.sqlite_errorcode, error.sqlite_errorname = trouble.code, f"code {trouble.code}"
        return error

    def _is_spared(self, kind: str, operation: str) -> bool:
        fault = self._tally.fault
        assert fault is not None
        if not fault.lasts:
            return False
        reads = not operation.startswith(WRITES) and not (kind == "read-only" and operation.startswith("BEGIN IMM"))
        return operation == "ROLLBACK" or (TROUBLES[kind].only_writes and reads)


class Connection(sqlite3.Connection):
    """A connection whose `injector` is asked before each operation."""

    injector: SqliteInjector

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(Cursor if factory is None else factory)

    def execute(self, sql: str, *parameters: Any) -> Any:
        return self.cursor().execute(sql, *parameters)  # sqlite3's own makes a cursor that we do not see

    def executemany(self, sql: str, *parameters: Any) -> Any:
        return self.cursor().executemany(sql, *parameters)

    def commit(self) -> None:
        if self.in_transaction:
            self.injector.ask("COMMIT", self, super().commit)

    def rollback(self) -> None:
        if self.in_transaction:
            self.injector.ask("ROLLBACK", self, super().rollback)


class Cursor(sqlite3.Cursor):
    """A cursor of such a connection: a statement is an operation, which may fail when its rows are fetched."""

    number = 0
    """Of the statement whose rows it holds."""

    def _ask(self, sql: str, action: Callable[[], T]) -> T:
        connection = self.connection
        assert isinstance(connection, Connection)

        def counted() -> T:
            self.number = connection.injector.number
            return action()

        return connection.injector.ask(" ".join(sql.split()), connection, counted)

    def _fetch(self, action: Callable[[], T]) -> T:
        connection = self.connection
        assert isinstance(connection, Connection)
        return connection.injector.fetch(self.number, connection, action)

    def execute(self, sql: str, *parameters: Any) -> Any:
        return self._ask(sql, lambda: super(Cursor, self).execute(sql, *parameters))

    def executemany(self, sql: str, *parameters: Any) -> Any:
        return self._ask(sql, lambda: super(Cursor, self).executemany(sql, *parameters))

    def fetchone(self) -> Any:
        return self._fetch(super().fetchone)

    def fetchmany(self, *size: Any) -> Any:
        return self._fetch(lambda: super(Cursor, self).fetchmany(*size))

    def fetchall(self) -> Any:
        return self._fetch(super().fetchall)
