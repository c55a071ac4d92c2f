"""The switch on PostgreSQL: the store's advisory lock taken exclusively, as its own first statement, and the hostage rule.

Advisory locks queue fairly: once this waits, later sharers wait behind it. So a sharer that still holds the lock when our
wait of one second ends has held it for that whole second, and what has not committed cannot send: its backend is ended.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen

from config import clock
from scheduler.switch import NOT_KNOWN, SwitchUnavailable
from store.lock import LOCK_KEY

DRIVER = "postgresql+psycopg://"
SWITCH_NAME = "standfast-switch"
"""The application name of crisis and resume: such a backend is never ended by another."""
CONNECT_S = 4
OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "lock_timeout=1s",
        "statement_timeout=10s",
        "idle_in_transaction_session_timeout=1s",
        "synchronous_commit=on",
    )
)
LOCKED = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({LOCK_KEY})"
"""One message, and yet the lock is a statement for itself: what is read next has a snapshot of its own, taken under it."""
GIVE_UP_S = 15.0
ANSWER_S = 12.0
"""Longer than the server's own time-outs, which say more."""
END_HOLDERS = f"""SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid() AND a.application_name <> '{SWITCH_NAME}'
AND ((l.classid::bigint << 32) | l.objid::bigint) = {LOCK_KEY} AND l.objsubid = 1
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""  # noqa: S608 (constants only)


class _BoundedConnection(psycopg.Connection[Any]):
    """A connection that waits for no answer longer than ANSWER_S: a stopped server, or one whose disk hangs in a COMMIT, keeps
    no time-out of its own. It needs no thread for that: a host may have none left."""

    def wait(self, gen: PQGen[RV], *arguments: Any, **named: Any) -> RV:
        """As psycopg's. Raises psycopg.Error also when the answer did not come in time; the connection is gone then."""
        return super().wait(_until(clock.boot_s() + ANSWER_S, gen, self), *arguments, **named)


def _until(end: float, gen: PQGen[RV], connection: psycopg.Connection[Any]) -> PQGen[RV]:
    """`gen`, under which `connection` is cut when it still waits at `end` (boot time, s): psycopg asks ten times a second."""
    try:
        asked = next(gen)
        while True:
            ready = yield asked
            if not ready and clock.boot_s() > end:
                _cut(connection)
            asked = gen.send(ready)
    except StopIteration as ended:
        found: RV = ended.value
        return found


def _cut(connection: psycopg.Connection[Any]) -> None:
    """End the connection under whoever waits on it."""
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as own:
        own.shutdown(socket.SHUT_RDWR)


class PostgresSwitch:
    """A connection for the switch."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = "postgresql://" + url.removeprefix(DRIVER)
        self.ended: list[Any] = []
        self._connection: psycopg.Connection[Any] | None = None

    def connect(self) -> None:
        """Connect, bounded in time. Raises SwitchUnavailable."""
        try:
            self._connection = _BoundedConnection.connect(
                self.url,
                autocommit=True,
                connect_timeout=CONNECT_S,
                application_name=SWITCH_NAME,
                options=OPTIONS,
                tcp_user_timeout=5000,
                keepalives_idle=2,
                keepalives_interval=1,
                keepalives_count=3,
            )
        except psycopg.Error as error:
            raise SwitchUnavailable(_line(error)) from None

    def reading(self) -> Any:
        """A cursor in a reading transaction: one consistent view."""
        return self._guard("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def exclusive(self, patience_s: float | None = None) -> Any:
        """A cursor in a transaction that holds the store's lock; ends backends that hold it for over 1 s."""
        start, give_up_s = clock.boot_s(), GIVE_UP_S if patience_s is None else patience_s
        while True:
            try:
                return self._own().execute(LOCKED)
            except psycopg.errors.LockNotAvailable:
                self.rollback()
                self._end_holders()
            except psycopg.Error as error:
                raise SwitchUnavailable(_line(error)) from None
            if clock.boot_s() - start > give_up_s:
                raise SwitchUnavailable(f"the store's lock could not be had in {give_up_s:.0f} s")

    def commit(self) -> None:
        """Make the transaction durable. Raises SwitchUnavailable: then it may or may not have happened; ask again by id."""
        if self._connection is None:
            raise SwitchUnavailable("PostgreSQL: the connection was lost before the COMMIT")
        try:  # never on a new connection: there it would commit nothing, and succeed
            done = self._connection.execute("COMMIT")
        except psycopg.Error as error:
            self.close()
            raise SwitchUnavailable(f"{_line(error)}; {NOT_KNOWN}") from None
        if done.statusmessage != "COMMIT":  # so the server answers where a statement before it had failed
            raise SwitchUnavailable("PostgreSQL: the transaction had failed and was undone")

    def rollback(self) -> None:
        """Undo the transaction, if any."""
        if self._connection is not None and not self._connection.closed:
            try:
                self._connection.execute("ROLLBACK")
            except psycopg.Error:
                self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def failure(self, error: Exception) -> SwitchUnavailable | None:
        """`error` as SwitchUnavailable when it is the database's, None when it is not."""
        return SwitchUnavailable(_line(error)) if isinstance(error, psycopg.Error) else None

    def _own(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self.connect()
        assert self._connection is not None
        return self._connection

    def _guard(self, statement: str) -> Any:
        try:
            return self._own().execute(statement)
        except psycopg.Error as error:
            self.close()
            raise SwitchUnavailable(_line(error)) from None

    def _end_holders(self) -> None:
        try:
            ended = self._guard(END_HOLDERS).fetchall()
        except psycopg.Error as error:
            raise SwitchUnavailable(_line(error)) from None
        self.ended += [row for row in ended if row[0]]


def _line(error: Exception) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"PostgreSQL: {first}"
