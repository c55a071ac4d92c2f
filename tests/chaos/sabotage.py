"""What happens to a trial's store and stop cell: the gate's row lost, the store locked, the cell out of order."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import Engine

from config import clock, essentials
from scheduler import stop_cell
from store.engine import open_engine
from store.lock import LOCK_KEY
from tests.chaos.plan import CellTrouble
from tests.chaos.points import CELL
from tests.chaos.stage import tag_of
from tests.chaos.worker import Diary

IN_FLIGHT = "SELECT p.text FROM attempt a JOIN post p ON p.id = a.post_id WHERE a.state IN ('sending', 'unknown')"


def lose_gate(diary: Diary) -> None:
    """Delete the gate's row; what was being sent at that very moment is read in the same transaction."""
    _under_lock(diary, "gate lost", lambda cursor: cursor.execute("DELETE FROM gate"), lambda: None)


def lock_store(diary: Diary, seconds: float) -> None:
    """Keep the store's lock for some time: nobody can write, so nothing may be authorised."""
    _under_lock(diary, "store locked", lambda cursor: None, lambda: Event().wait(seconds))


def _under_lock(diary: Diary, word: str, act: Callable[[Any], object], hold: Callable[[], object]) -> None:
    engine: Engine = open_engine(essentials.load().database_url, busy_timeout_s=30)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
            connection.commit()
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        cursor = connection.connection.cursor()
        cursor.execute(IN_FLIGHT)
        in_flight = [tag_of(row[0]) for row in cursor.fetchall()]
        act(cursor)
        locked_ns = clock.boot_ns()
        hold()
        open_ns = clock.boot_ns()
        connection.commit()
        diary.write(word, in_flight=in_flight, locked_ns=locked_ns, open_ns=open_ns)
    engine.dispose()


class CellTroubles:
    """Puts this host's cell out of order and in order again. Nothing is ever put back over a cell that was made meanwhile."""

    def __init__(self, file: Path, memory: mmap.mmap, diary: Diary) -> None:
        self.file, self.memory, self.diary = file, memory, diary
        self._aside = file.with_name("stop.cell.aside")

    def begin(self, kind: CellTrouble) -> None:
        """The cell is of no use from here on."""
        if kind == "unwritable":
            self.memory[CELL] = 1
        elif kind == "garbled":
            garble(self.file)
        elif self.file.is_file():
            self.file.rename(self._aside)
            if kind == "folder":
                self.file.mkdir()
        self.diary.write("cell out of order", kind=kind)

    def end(self, kind: CellTrouble) -> None:
        """The cell is as it was, unless the product has laid it down anew; a garbled one stays garbled until it does."""
        self.diary.write("cell in order", kind=kind)
        self.memory[CELL] = 0
        if kind == "folder":
            self.file.rmdir()
        with suppress(FileExistsError, FileNotFoundError):
            os.link(self._aside, self.file)


def garble(file: Path) -> None:
    """Overwrite the cell with what is none."""
    file.write_bytes(b"\0" * stop_cell.SIZE)


def heed(memory: mmap.mmap) -> None:
    """Let this process's writes to the cell fail while the trial says so: root's own would not."""
    genuine = stop_cell._write

    def write(descriptor: int, blocks: Sequence[bytes], before: Sequence[bytes] = ()) -> None:
        if memory[CELL]:
            raise OSError(30, "Read-only file system")
        genuine(descriptor, blocks, before)

    stop_cell._write = write
