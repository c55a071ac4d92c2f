"""The store replaced by an older copy while the daemon runs: nothing goes out twice, the daemon ends or stays closed.

Between two runs: `test_restored`. SQLite in the ways that people do it; PostgreSQL by another database under its name.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from config import clock
from tests.faults.places import Postgres
from tests.faults.test_restored import Backup
from tests.support.live_city import DaemonProcess, LiveCity, X, until

SQLITE: dict[str, Callable[[Path, Path], None]] = {}
"""How people put a copy (the second path) in the store's place (the first)."""


def way(put: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
    """Let `put` be tried under its own name."""
    SQLITE[put.__name__.replace("_", " ")] = put
    return put


@way
def renamed_over_it(file: Path, copy: Path) -> None:
    """``mv copy store``, its log and index removed before."""
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    copy.rename(file)


@way
def written_over_it(file: Path, copy: Path) -> None:
    """``cp copy store``: the same file as before, with another content; its log still stands beside it."""
    shutil.copyfile(copy, file)


@way
def written_over_it_without_its_log(file: Path, copy: Path) -> None:
    """``rm store-wal store-shm; cp copy store``, under the processes that have both open."""
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(copy, file)


@way
def copied_in_by_the_backup_interface(file: Path, copy: Path) -> None:
    """``sqlite3 store '.restore copy'``: a transaction like any other, seen by everybody."""
    with sqlite3.connect(copy) as source, sqlite3.connect(file) as target:
        source.backup(target)
    source.close()
    target.close()


def closed(live: LiveCity, daemon: DaemonProcess, sent: list[str], post: int) -> None:
    """The daemon has ended with a word, or sends nothing although a post is due; nothing went out twice."""
    until(lambda: clock.wall_us() > live.post(post).due_at + 3 * clock.SECOND, "its time has passed", 60)
    assert live.texts() == sent
    if daemon.process.poll() is not None:
        assert daemon.process.returncode == 1
        assert daemon.lines[-1].startswith("standfast: ")
        assert "Traceback" not in daemon.log.read_text()


def opened_again(live: LiveCity, backup: Backup, sent: list[str]) -> None:
    """Put back as operations.md says, the store suspends itself; after a resume it goes on, and nothing goes out twice."""
    for daemon in live.daemons:
        if daemon.process.poll() is None:
            daemon.end()
    live.engine.dispose()
    shutil.copyfile(backup.copy.with_suffix(".kept"), backup.copy)
    backup.put_back()
    again = live.start_daemon()
    assert any("SUSPENDED: the store" in line for line in again.lines), again.lines
    until(lambda: live.json("crisis", "status", "--wait")["suspended"], "it is quiet", 60)
    assert live.texts() == sent
    live.resume()
    live.await_state(live.queue(X, "after the restore"), "published", within_s=60)
    assert live.texts() == [*sent, "after the restore"]


@pytest.mark.parametrize("how", SQLITE)
def test_an_older_copy_under_a_running_daemon_publishes_nothing(sqlite_live: LiveCity, how: str) -> None:
    """I3, KS-4, KS-5: whether the file is another one or has another content, what was sent since is not sent again."""
    live, backup = sqlite_live, Backup(sqlite_live)
    since = [live.queue(X, text, 2.0) for text in ("sent since the copy", "and this")]
    backup.take()
    shutil.copyfile(backup.copy, backup.copy.with_suffix(".kept"))
    daemon = live.start_daemon()
    for number in since:
        live.await_state(number, "published", within_s=60)
    sent = live.texts()
    live.engine.dispose()
    SQLITE[how](backup.file, backup.copy)
    closed(live, daemon, sent, since[0])
    opened_again(live, backup, sent)


def test_an_older_database_under_a_running_daemon_publishes_nothing(postgres_live: LiveCity) -> None:
    """I3, KS-4, KS-5: the connections are lost, the database that answers under the name is an older one."""
    live, backup = postgres_live, Backup(postgres_live)
    server = Postgres(live.city.url)
    since = live.queue(X, "sent since the copy", 2.0)
    backup.take()
    daemon = live.start_daemon()
    live.await_state(since, "published", within_s=60)
    live.engine.dispose()
    server.do(
        f"ALTER DATABASE {server.name} WITH ALLOW_CONNECTIONS false"
    )  # else the daemon is back before the next line
    server.drop_connections()
    server.do(f"DROP DATABASE {server.name}", f"ALTER DATABASE {server.name}_backup RENAME TO {server.name}")
    assert daemon.process.wait(timeout=60) == 1
    assert "replaced by an older copy" in daemon.lines[-1]
    assert live.texts() == ["sent since the copy"]
    again = live.start_daemon()
    assert any("SUSPENDED: the store" in line for line in again.lines)
    live.await_state(since, "published", within_s=60)
    live.resume()
    live.await_state(live.queue(X, "after it"), "published", within_s=60)
    assert live.texts() == ["sent since the copy", "after it"]
