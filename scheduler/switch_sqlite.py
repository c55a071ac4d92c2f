"""The switch on SQLite: its own connection, ``BEGIN IMMEDIATE`` with a short retry, and the hostage rule.

SQLite's own busy handler backs off and was seen to starve the stop for 22 s; asking again every half millisecond needed a
third of a second at worst. One host only.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from config import clock
from scheduler import liveness
from scheduler.switch import NOT_KNOWN, SwitchUnavailable

PREFIX = "sqlite:///"
RETRY_S = 0.0005
HOSTAGE_AFTER_S = 1.0
GIVE_UP_S = 15.0
READ_GIVE_UP_S = 3.0
WRITE_LOCK_BYTES = frozenset({120, 122})
"""In the -shm file: the WAL's write and recover locks (SQLite file format, section "WAL-mode locks")."""


class SqliteSwitch:
    """A connection for the switch. `workers_dir` holds the lock files of those who may be ended."""

    name = "sqlite"

    def __init__(self, url: str, workers_dir: Path) -> None:
        self.file = Path(url.removeprefix(PREFIX))
        self.workers_dir = workers_dir
        self.ended: list[Any] = []
        self._connection: sqlite3.Connection | None = None
        self._connected_to: tuple[int, int] | None = None

    def connect(self) -> None:
        """Open the database, which must exist. Raises SwitchUnavailable."""
        self._connected_to = _identity(
            self.file
        )  # before it is opened: one that is replaced in between is seen to differ
        try:
            uri = f"{self.file.absolute().as_uri()}?mode=rw"
            self._connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
        except sqlite3.Error as error:
            raise SwitchUnavailable(f"{self.file}: {error}") from None

    def reading(self) -> Any:
        """A cursor in a reading transaction: one consistent view, waits for no writer."""
        self._begin("BEGIN", lambda: None, READ_GIVE_UP_S)
        # BEGIN alone takes no lock: only the first look can find another process recovering or closing the WAL.
        return self._ask("SELECT 1 FROM sqlite_master LIMIT 1", lambda: None, READ_GIVE_UP_S)

    def exclusive(self, patience_s: float | None = None) -> Any:
        """A cursor in a transaction that holds the store's lock; ends a registered writer that holds it for over 1 s."""
        return self._begin("BEGIN IMMEDIATE", self._end_holder, GIVE_UP_S if patience_s is None else patience_s)

    def commit(self) -> None:
        """Make the transaction durable. Raises SwitchUnavailable: then it may or may not have happened; ask again by id.

        What went into a file that is no longer the store's did not happen in the store that is there now.
        """
        try:
            self._own().execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            raise SwitchUnavailable(f"{self.file}: {error}; {NOT_KNOWN}") from None
        self._refuse_other_file()

    def rollback(self) -> None:
        """Undo the transaction, if any."""
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def failure(self, error: Exception) -> SwitchUnavailable | None:
        """`error` as SwitchUnavailable when it is the database's, None when it is not."""
        return SwitchUnavailable(f"{self.file}: {error}") if isinstance(error, sqlite3.Error) else None

    def _refuse_other_file(self) -> None:
        """Raise SwitchUnavailable when another file has taken the store's place: nobody reads what the old one says."""
        if _identity(self.file) != self._connected_to:
            raise SwitchUnavailable(f"{self.file} was replaced or removed meanwhile")

    def _own(self) -> sqlite3.Connection:
        if self._connection is None:
            self.connect()
        assert self._connection is not None
        return self._connection

    def _begin(self, statement: str, on_hostage: Callable[[], None], give_up_s: float) -> sqlite3.Cursor:
        self._own()
        self._refuse_other_file()
        # Outside the transaction, where alone it works; and it reads the file, so that it can find it locked.
        self._ask("PRAGMA synchronous=FULL", on_hostage, give_up_s)
        return self._ask(statement, on_hostage, give_up_s)

    def _ask(self, statement: str, on_hostage: Callable[[], None], give_up_s: float) -> sqlite3.Cursor:
        cursor = self._own().cursor()
        start = clock.boot_s()
        looked = start
        while not self._try(cursor, statement):
            now = clock.boot_s()
            if now - start > give_up_s:
                raise SwitchUnavailable(f"{self.file}: locked by {holder_text(self.file)} for {give_up_s:.0f} s")
            if now - looked > HOSTAGE_AFTER_S:
                looked = now
                on_hostage()
            Event().wait(RETRY_S)
        return cursor

    def _try(self, cursor: sqlite3.Cursor, statement: str) -> bool:
        try:
            cursor.execute(statement)
            return True
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return False
            raise SwitchUnavailable(f"{self.file}: {error}") from None
        except sqlite3.Error as error:
            raise SwitchUnavailable(f"{self.file}: {error}") from None

    def _end_holder(self) -> None:
        for pid in holders(self.file):
            process = liveness.end(self.workers_dir, pid)
            if process is not None and process not in self.ended:  # one that takes its time to die is told once
                self.ended.append(process)


def holders(file: Path) -> list[int]:
    """The processes that hold the database's write lock now (granted, not waiting), from ``/proc/locks``."""
    found = []
    inode = {key for suffix, key in (("-shm", _device_inode(Path(f"{file}-shm"))),) if key}
    for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
        fields = line.split()
        if "->" in fields or len(fields) < 8 or fields[1] != "POSIX" or fields[3] != "WRITE":
            continue
        first, last = int(fields[6]), 2**63 if fields[7] == "EOF" else int(fields[7])
        if fields[5] in inode and any(first <= byte <= last for byte in WRITE_LOCK_BYTES):
            found.append(int(fields[4]))
    return [pid for pid in found if pid not in (os.getpid(), -1)]


def holder_text(file: Path) -> str:
    """Who holds the write lock, for people."""
    names = [f"process {pid}" for pid in holders(file)]
    return ", ".join(names) or "an unknown process"


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file it is (device, inode); None when there is none."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _device_inode(path: Path) -> str | None:
    """The file as ``/proc/locks`` names it."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}:{stat.st_ino}"
