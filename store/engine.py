"""Connections and sessions: one way to read, one way to write, on both databases.

A write session begins with the store's lock: ``BEGIN IMMEDIATE`` on SQLite; on PostgreSQL the shared advisory lock as the
transaction's own first statement (the switch takes it exclusively, so that its commit orders it against every writer).
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import CursorResult, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, create_engine

from config import failpoint
from store import chain
from store.lock import CALENDAR_LOCK, LOCK_KEY

APPLICATION_NAME = "standfast"
NO_ANSWER = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 15_000}
"""A server that vanished without a word (a pulled cable) is given up within seconds; the system's own default is two hours."""

LAST_FIRST: dict[str, Any] = {"pool_use_lifo": True}
"""The connection given back last is taken first: as few as are needed fill their caches and prepare their statements."""


COMMITTED: dict[str, Any] = {"isolation_level": "READ COMMITTED"}
"""What a connection to PostgreSQL goes back to after each use, whatever the role's or the database's own default."""
logging.getLogger("psycopg").addHandler(logging.NullHandler())
"""Without a handler, what the driver cannot help saying of a broken connection would go to people's screens beside the one line
that the error itself becomes."""


class StoreError(Exception):
    """The store cannot be used now: one line that says what, where and what to do."""


def open_engine(url: str, *, busy_timeout_s: float = 10.0, pool_size: int = 16) -> Engine:
    """An engine for `url`; connects to nothing yet."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url, busy_timeout_s, pool_size)
    arguments = {"application_name": APPLICATION_NAME, "connect_timeout": 5, **NO_ANSWER}
    engine = create_engine(url, connect_args=arguments, pool_size=pool_size, max_overflow=4, **LAST_FIRST, **COMMITTED)
    event.listen(engine, "connect", lambda connection, _: _prepare_postgres(connection, busy_timeout_s))
    return engine


def _sqlite(url: str, busy_timeout_s: float, pool_size: int) -> Engine:
    arguments = {"check_same_thread": False, "timeout": busy_timeout_s, "isolation_level": None}
    engine = create_engine(url, connect_args=arguments, pool_size=pool_size, max_overflow=4, **LAST_FIRST)
    _TURNS[engine] = (Lock(), busy_timeout_s)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


CACHE_KIB = 512
"""Of each connection on SQLite. The system keeps the file's pages as well: a larger one only made the daemon grow."""
_TURNS: WeakKeyDictionary[Engine, tuple[Lock, float]] = WeakKeyDictionary()
"""By engine on SQLite: whose turn it is among the threads of this process, and how long one waits for its turn (s)."""


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # The journal's mode is written into the file: somebody else's database is refused, and left as it is.
    cursor.execute("SELECT count(*), count(CASE name WHEN 'alembic_version' THEN 1 END) FROM sqlite_master")
    tables, ours = cursor.fetchone()
    if ours or not tables:
        cursor.execute("PRAGMA journal_mode=WAL")
    for pragma in ("synchronous=FULL", "foreign_keys=ON", f"cache_size=-{CACHE_KIB}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_postgres(connection: Any, busy_timeout_s: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {max(1, round(busy_timeout_s * 1000))}")  # as long as SQLite waits
        cursor.execute("SET idle_in_transaction_session_timeout = '1s'")
        cursor.execute("SET synchronous_commit = on")
        # Whatever the role's or the database's own default: a snapshot older than the store's lock would not see a stop.
        cursor.execute("SET default_transaction_isolation = 'read committed'")
    connection.commit()


def dialect(session: Session) -> str:
    """``sqlite`` or ``postgresql``."""
    return session.get_bind().dialect.name


def cursor(session: Session) -> chain.Cursor:
    """A DB-API cursor inside the session's own transaction, for the switch's SQL. Flush before, expire after."""
    session.flush()
    found: chain.Cursor = session.connection().connection.cursor()
    return found


READ_BEGINS = {
    "sqlite": "BEGIN",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0",
}
"""How a reading transaction begins: one snapshot for all of it. It holds no lock, so it may take its time."""
READ_ENDS = {"sqlite": "ROLLBACK", "postgresql": "COMMIT"}
"""How it ends. The driver for PostgreSQL forgets the statements that a connection has prepared when something is undone."""


PATIENCE_MS = 250
"""How long a small step that needs the store's lock alone waits for it: whoever writes would wait behind it."""
EXCLUSIVE_LOCK = f"SELECT pg_advisory_xact_lock({LOCK_KEY})"
BEGIN, SHARED_LOCK = "BEGIN ISOLATION LEVEL READ COMMITTED", f"SELECT pg_advisory_xact_lock_shared({LOCK_KEY})"
"""How a writing transaction begins on PostgreSQL: with the store's lock, as its own first statement. They go out in one
message, and yet each is a statement for itself: what is read next has a snapshot of its own, taken under the lock."""
ALONE: dict[str, dict[str, Any]] = {"sqlite": {}, "postgresql": {"isolation_level": "AUTOCOMMIT"}}
"""How a statement runs in no transaction but one that was begun in so many words; on SQLite each does."""


def _first(session: Session, statement: str, parameters: tuple[Any, ...] = ()) -> CursorResult[Any]:
    """The answer to the first statement of a session, which changes nothing: several with ``;`` are one round trip.

    A connection that the server has ended since its last use (a restart) shows here, and is replaced once.
    """
    how = ALONE[session.get_bind().dialect.name]
    try:
        return session.connection(execution_options=how).exec_driver_sql(statement, parameters)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        session.rollback()
        return session.connection(execution_options=how).exec_driver_sql(statement, parameters)


def ask(engine: Engine, statement: str, *parameters: Any) -> Any:
    """The first row that one reading statement finds, in no transaction; None when it finds none."""
    with told(engine), Session(engine) as session:
        try:
            return _first(session, statement, parameters).first()
        except DBAPIError:
            session.invalidate()  # outside a transaction the driver keeps a prepared statement that has grown invalid
            raise


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for reading: one consistent view, never waits for a writer, nothing in it is kept."""
    with told(engine), Session(engine) as session:
        _first(session, READ_BEGINS[engine.dialect.name])
        yield session
        session.connection().exec_driver_sql(READ_ENDS[engine.dialect.name])


@contextmanager
def writing(engine: Engine, step: str = "", *, alone_on: str = "", alone: bool = False) -> Iterator[Session]:
    """A session under the store's lock: commits when the block ends, rolls back when it raises. `step` names its failpoints.

    `alone_on` names a calendar that a `preparing` session may be changing: that one is waited for before the lock is asked for.
    `alone`: no other writer's transaction is open, and none begins; for small steps, which give up where others write on.
    """
    with told(engine), _turn(engine), Session(engine, expire_on_commit=False) as session:
        with failpoint.step(step, "lock"):
            _first(session, _write_begins(engine, alone_on, alone))
        yield session
        with failpoint.step(step, "commit"):
            _commit(session)


def _write_begins(engine: Engine, alone_on: str, alone: bool) -> str:
    if engine.dialect.name == "sqlite":
        return "BEGIN IMMEDIATE"
    if alone:
        return "; ".join([BEGIN, f"SET LOCAL lock_timeout = {PATIENCE_MS}", EXCLUSIVE_LOCK])
    calendar = [_calendar_lock(alone_on)] if alone_on else []
    return "; ".join([BEGIN, *calendar, SHARED_LOCK])


def _commit(session: Session) -> None:
    """Commit. Raises what the database says; the connection is given up then.

    SQLAlchemy hands a connection whose COMMIT failed to the next user as it is: on SQLite with the transaction, and so with
    the store's lock.
    """
    try:
        session.commit()
    except BaseException as error:
        session.invalidate()
        if isinstance(error, DBAPIError) and error.orig is not None and not _is_undone(error.orig):
            error.orig.add_note(NOT_KNOWN)
        raise


NOT_KNOWN = "whether it was done is not known: look before you repeat it"
"""The note of an error that came in place of the answer to a COMMIT."""


def _is_undone(error: BaseException) -> bool:
    """True when the database itself said at a COMMIT that it was not done: not a lost answer, a shutdown, or a disk's fault."""
    full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return full or (getattr(error, "sqlstate", None) or "57")[:2] not in ("08", "57", "58", "XX")


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """One writer of this process at a time on SQLite, whose own way of waiting sleeps past a lock that came free.

    Who does not get a turn in time goes on all the same, and hears from the database that it is locked.
    """
    lock, wait_s = _TURNS.get(engine, (None, 0.0))
    if lock is None or not lock.acquire(timeout=wait_s):
        yield
        return
    try:
        yield
    finally:
        lock.release()


@contextmanager
def preparing(engine: Engine, calendar: str) -> Iterator[Session]:
    """A session on PostgreSQL that writes much before it has the store's lock: what it adds nobody sees or waits for.

    Whatever a stop or a lift may decide about is read and written after `take_lock`, which comes before the end. The lock of
    `calendar` keeps other writers of the same rows away. Commits when the block ends, rolls back when it raises.
    """
    with told(engine), Session(engine, expire_on_commit=False) as session:
        patience = "SET LOCAL idle_in_transaction_session_timeout = '10s'"
        _first(session, "; ".join([BEGIN, patience, _calendar_lock(calendar)]))
        yield session
        _commit(session)


def take_lock(session: Session) -> None:
    """Give a `preparing` session the store's lock for the rest of its transaction, as `writing` has it."""
    connection = session.connection()
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '1s'")
    connection.exec_driver_sql(SHARED_LOCK)


def _calendar_lock(name: str) -> str:
    half = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:4], "big", signed=True)
    return f"SELECT pg_advisory_xact_lock({CALENDAR_LOCK}, {half})"


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """Turn a database's failure into a StoreError that says what to do: SQLAlchemy's error, or the driver's own, which the
    switch's SQL meets on its cursor."""
    try:
        yield
    except DBAPIError as error:
        if error.orig is None or not (error.connection_invalidated or _is_the_stores(engine, error.orig)):
            raise
        raise _as_told(engine, error.orig) from error
    except Exception as error:
        if not _is_the_stores(engine, error):
            raise
        raise _as_told(engine, error) from error


def _as_told(engine: Engine, error: BaseException) -> StoreError:
    line = explain(str(error), engine.url.render_as_string(hide_password=True))
    return StoreError("; ".join([line, *getattr(error, "__notes__", ())]))


def was_cut_off(error: StoreError) -> bool:
    """True when the connection was ended under somebody at work: what was not committed is gone, and may be tried again."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and cause.connection_invalidated


def _is_the_stores(engine: Engine, error: BaseException) -> bool:
    """True when the store failed rather than the program: SQLite tells a damaged file by the bare base class."""
    driver = engine.dialect.loaded_dbapi
    missing_table = getattr(error, "sqlstate", None) == "42P01"
    known = isinstance(error, driver.OperationalError | driver.InternalError) or type(error) is driver.DatabaseError
    return known or missing_table


REMEDIES = (
    ("lock timeout", "is locked by another session: wait a moment and repeat, or see `standfast doctor`"),
    ("locked", "is locked by another process: wait a moment and repeat, or see `standfast doctor`"),
    ("disk is full", "has no room left on its disk: free some space; nothing was changed"),
    ("No space left", "has no room left on its disk: free some space; nothing was changed"),
    ("readonly", "cannot be written: mend the permissions of the file and its folder"),
    ("read-only", "cannot be written: mend the permissions or end the server's read-only mode"),
    (
        "unable to open",
        "cannot be opened: run `standfast init`, or mend database_url or permissions (is its disk read-only?)",
    ),
    ("no such table", "has no tables: run `standfast init`"),
    ("does not exist", "has no such database or tables: create it and run `standfast init`"),
    ("malformed", "is damaged: stop the daemon and restore a backup"),
    ("not a database", "is not a database: mend database_url or restore a backup"),
    ("disk I/O error", "cannot be read or written (I/O error): check the disk"),
    ("connection", "does not answer: start the database server or mend database_url"),
)


def explain(error: str, url: str) -> str:
    """One line for people from a database's own message."""
    first = error.strip().splitlines()[0] if error.strip() else "no message"
    for sign, remedy in REMEDIES:
        if sign in error:
            return f"the store {url} {remedy} ({first})"
    return f"the store {url} failed: {first}; see `standfast doctor`"
