"""An older copy of a trial's store: taken while everybody works, put back at one stroke.

SQLite: the backup API; the store's path leads through a symbolic link, which is turned to a folder with the copy (so that no
journal of the one file ever lies beside the other). PostgreSQL: all rows of all tables, swapped in one transaction.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from config import clock
from store.lock import LOCK_KEY
from tests.chaos.worker import Diary
from tests.support.databases import libpq

PREFIX = "sqlite:///"
COPY, FIRST = "copy", "first"
TRIES = 20
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
LOST = f"{COPY}.lost"
LISTED = """SELECT suspension.epoch, post.text FROM suspension
  JOIN suspension_inflight ON suspension_inflight.suspension_id = suspension.id
  JOIN attempt ON attempt.id = suspension_inflight.attempt_id JOIN post ON post.id = attempt.post_id"""
LOST_COPIES = f"{COPY}.lost_copies"
COPIED = "SELECT post.created_at, post.text FROM native_post JOIN post ON post.id = native_post.post_id"
"""What a sweep had copied, and when (wall µs)."""
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"


def behind_link(url: str) -> str:
    """The URL of the same store with a symbolic link in its path, so that it can be replaced whole; other URLs as they are."""
    if not url.startswith(PREFIX):
        return url
    file = Path(url.removeprefix(PREFIX))
    home = file.parent / FIRST
    home.mkdir()
    for suffix in ("", "-wal", "-shm"):
        if (beside := Path(f"{file}{suffix}")).exists():
            beside.rename(home / beside.name)
    link = file.parent / "store"
    link.symlink_to(home)
    return f"{PREFIX}{link / file.name}"


def take(diary: Diary, url: str) -> None:
    """Copy the store as it is."""
    before_ns = clock.boot_ns()
    if url.startswith(PREFIX):
        _take_sqlite(Path(url.removeprefix(PREFIX)))
    else:
        _again(lambda: _take_postgres(url))
    diary.write("copied", before_ns=before_ns, after_ns=clock.boot_ns())


def put_back(diary: Diary, url: str) -> None:
    """The store is what it was when the copy was taken."""
    before_ns = clock.boot_ns()
    if url.startswith(PREFIX):
        _put_back_sqlite(Path(url.removeprefix(PREFIX)))
    else:
        _again(lambda: _put_back_postgres(url))
    diary.write("restored", before_ns=before_ns, after_ns=clock.boot_ns())


def lost_lists(url: str) -> list[tuple[int, str]]:
    """(epoch, a post's text) of each call that a suspension listed as in flight in the store that was replaced."""
    return _in_replaced(url, LOST, LISTED)


def lost_copies(url: str) -> list[tuple[int, str]]:
    """(when, a post's text) of each copy that a sweep had made in the store that was replaced."""
    return _in_replaced(url, LOST_COPIES, COPIED)


def _in_replaced(url: str, kept: str, query: str) -> list[tuple[int, str]]:
    if not url.startswith(PREFIX):
        with psycopg.connect(libpq(url)) as connection:
            return connection.execute(f"SELECT * FROM {kept}").fetchall()
    link = Path(url.removeprefix(PREFIX))
    with closing(sqlite3.connect(link.parent.parent / FIRST / link.name)) as opened:
        return opened.execute(query).fetchall()


def _take_sqlite(file: Path) -> None:
    home = file.parent.parent / COPY
    home.mkdir()
    source, target = sqlite3.connect(file, timeout=30), sqlite3.connect(home / file.name)
    source.backup(target)
    source.close()
    target.close()


def _put_back_sqlite(file: Path) -> None:
    link, folder = file.parent, file.parent.parent
    second = folder / "second"
    shutil.copytree(folder / COPY, second)
    turned = folder / "turned"
    turned.symlink_to(second)
    turned.replace(link)  # at one stroke: everybody finds the one store or the other


def _again(act: Callable[[], None]) -> None:
    """Do `act`, again when a frozen session held it up or the hostage rule ended it."""
    for left in reversed(range(TRIES)):
        try:
            act()
            break
        except psycopg.OperationalError:
            if not left:
                raise


@contextmanager
def _alone(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that no writer is beside."""
    with psycopg.connect(libpq(url), options="-c lock_timeout=5s") as connection:
        connection.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        yield connection


def _take_postgres(url: str) -> None:
    with _alone(url) as connection:
        connection.execute(f"CREATE SCHEMA {COPY}")
        for name in _tables(connection):
            table = sql.Identifier(name)
            connection.execute(sql.SQL("CREATE TABLE copy.{} AS SELECT * FROM public.{}").format(table, table))
        connection.execute(f"CREATE TABLE {COPY}.sequences AS {SEQUENCES}")


def _put_back_postgres(url: str) -> None:
    with _alone(url) as connection:
        tables = [sql.Identifier(name) for name in _tables(connection)]
        connection.execute(f"CREATE TABLE {LOST} AS {LISTED}")
        connection.execute(f"CREATE TABLE {LOST_COPIES} AS {COPIED}")
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in tables:  # not TRUNCATE: who reads an older snapshot would find nothing at all
            connection.execute(sql.SQL("DELETE FROM public.{}").format(table))
        for table in tables:
            connection.execute(sql.SQL("INSERT INTO public.{} SELECT * FROM copy.{}").format(table, table))
        connection.execute(
            f"SELECT setval(format('public.%I', sequencename)::regclass, COALESCE(last_value, 1), last_value IS NOT NULL) "
            f"FROM {COPY}.sequences"
        )


def _tables(connection: psycopg.Connection[Any]) -> list[str]:
    return [str(row[0]) for row in connection.execute(TABLES).fetchall()]
