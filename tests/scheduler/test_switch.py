"""The switch's own connection on both databases: its lock, its truth, and the hostage rule with stopped processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

from config import clock, essentials
from config.essentials import Essentials
from scheduler import liveness, switch, switch_postgres, switch_sqlite
from scheduler.switch import Switch, SwitchUnavailable
from store.engine import reading
from store.lock import LOCK_KEY
from tests.support.city import CHECKOUT, City
from tests.support.databases import libpq

KEEP = "INSERT INTO meta (key, value) VALUES ('{}', 'x')"
SQLITE_HOLDER = """
import sqlite3, sys
from contextlib import nullcontext
from pathlib import Path
from scheduler import liveness
file, folder, kind, how = sys.argv[1:]
with liveness.registered(Path(folder), kind) if kind else nullcontext():
    connection = sqlite3.connect(file, isolation_level=None, timeout=60)
    if how == "wait":
        print("asking", flush=True)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO meta (key, value) VALUES ('hostage', 'x')")
    print("held", flush=True)
    sys.stdin.read()
"""
POSTGRES_HOLDER = """
import psycopg, sys
url, name, function, how = sys.argv[1:]
with psycopg.connect(url, application_name=name) as connection:
    connection.execute("SET idle_in_transaction_session_timeout = 0")
    connection.commit()
    if how == "wait":
        print("asking", flush=True)
    connection.execute(f"SELECT {function}(%s)", (int(how) if how.isdigit() else KEY,))
    if how == "wait":
        connection.commit()
        print("granted", flush=True)
        sys.exit()
    connection.execute("INSERT INTO meta (key, value) VALUES (%s, 'x')", ("hostage" if how == "hold" else how,))
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def process(
    script: str, *arguments: str, says: bytes = b"held\n", stop: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has said so (and is stopped where it stands), killed at the end."""
    environ = {"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", script.replace("KEY", str(LOCK_KEY)), *arguments]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as made:
        assert made.stdout is not None
        try:
            assert made.stdout.readline() == says
            if stop:
                made.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, made.pid, os.WSTOPPED)
            yield made
        finally:
            made.kill()


@pytest.fixture
def essential(city: City) -> Essentials:
    """What the switch knows of the city, once on each database."""
    return essentials.load(city.environ)


@pytest.fixture
def own(essential: Essentials) -> Iterator[Switch]:
    """A switch."""
    made = switch.open_switch(essential)
    yield made
    made.close()


@pytest.fixture
def sqlite(sqlite_city: City) -> Iterator[tuple[Switch, str, str]]:
    """(a switch, the database's file, the folder of the registered) on SQLite."""
    essential = essentials.load(sqlite_city.environ)
    made = switch.open_switch(essential)
    yield made, essential.database_url.removeprefix("sqlite:///"), str(essential.workers_dir)
    made.close()


@pytest.fixture
def postgres(postgres_url: str, tmp_path: Path) -> Iterator[tuple[Switch, str]]:
    """(a switch, the database's URL) on PostgreSQL."""
    essential = essentials.load({"STANDFAST_DATABASE_URL": postgres_url, "HOME": str(tmp_path)}, tmp_path)
    made = switch.open_switch(essential)
    yield made, libpq(postgres_url)
    made.close()


def _keys(engine: Engine) -> set[str]:
    with reading(engine) as session:
        return set(session.execute(text("SELECT key FROM meta")).scalars())


def test_what_is_written_under_the_lock_is_kept(own: Switch, engine: Engine) -> None:
    with switch.exclusive(own) as cursor:
        cursor.execute(KEEP.format("kept"))
    assert "kept" in _keys(engine)


def test_what_raises_is_undone_and_raised_as_it_is(own: Switch, engine: Engine) -> None:
    def change() -> None:
        with switch.exclusive(own) as cursor:
            cursor.execute(KEEP.format("undone"))
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            change()
    assert "undone" not in _keys(engine)


def test_a_fault_of_the_database_is_one_line(own: Switch) -> None:
    for begin in (switch.exclusive, switch.reading):
        with pytest.raises(SwitchUnavailable) as caught, begin(own) as cursor:
            cursor.execute("SELECT * FROM no_such_table")
        assert len(str(caught.value).splitlines()) == 1
        assert "no_such_table" in str(caught.value)
    with switch.reading(own) as cursor:
        cursor.execute("SELECT count(*) FROM gate")
        assert tuple(cursor.fetchone()) == (1,)


def test_a_reading_is_one_view_and_changes_nothing(own: Switch, essential: Essentials, engine: Engine) -> None:
    other = switch.open_switch(essential)
    with switch.reading(own) as cursor:
        cursor.execute("SELECT count(*) FROM meta")
        before = cursor.fetchone()
        with switch.exclusive(other) as writer:
            writer.execute(KEEP.format("meanwhile"))
        cursor.execute("SELECT count(*) FROM meta")
        assert cursor.fetchone() == before
    other.close()
    assert "meanwhile" in _keys(engine)


@pytest.mark.parametrize(("limit_s", "patience_s"), [(0.5, None), (60.0, 0.5)], ids=["a stop's", "a caller's own"])
def test_two_switches_do_not_hold_the_lock_at_once(
    own: Switch, essential: Essentials, monkeypatch: pytest.MonkeyPatch, limit_s: float, patience_s: float | None
) -> None:
    """The one that waits gives up in time, says so, and never ends the one that holds it."""
    for module in (switch_sqlite, switch_postgres):
        monkeypatch.setattr(module, "GIVE_UP_S", limit_s)
    other = switch.open_switch(essential)
    with switch.exclusive(other) as holding:
        if other.name == "postgresql":  # the server would end a session that does nothing in its transaction
            holding.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        with pytest.raises(SwitchUnavailable, match="lock"), switch.exclusive(own, patience_s=patience_s):
            pass
        holding.execute(KEEP.format("held to the end"))
    with switch.exclusive(own):
        pass
    assert own.ended == other.ended == []
    other.close()


def test_a_switch_can_be_closed_twice_and_used_again(own: Switch) -> None:
    own.close()
    own.close()
    own.rollback()
    with switch.reading(own) as cursor:
        cursor.execute("SELECT epoch FROM gate")
        assert tuple(cursor.fetchone()) == (1,)


# --- SQLite --------------------------------------------------------------------------------------------------------------


def test_a_stopped_registered_writer_is_ended_within_two_seconds(sqlite: tuple[Switch, str, str]) -> None:
    """KS-2: a worker stopped inside its transaction does not hold the switch hostage; what it had not committed is gone."""
    own, file, folder = sqlite
    with process(SQLITE_HOLDER, file, folder, "calendar sync", "") as hostage:
        start = clock.boot_s()
        with switch.exclusive(own) as cursor:
            took = clock.boot_s() - start
            cursor.execute("SELECT count(*) FROM meta WHERE key = 'hostage'")
            assert cursor.fetchone()[0] == 0
        assert hostage.wait() == -signal.SIGKILL
        assert [(item.pid, item.kind) for item in own.ended] == [(hostage.pid, "calendar sync")]
        assert 1.0 <= took < 4.0


@pytest.mark.parametrize("kind", ["", "switch"])
def test_who_is_not_registered_or_is_a_switch_is_reported_and_lives(
    sqlite: tuple[Switch, str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's process, or another crisis, is never ended: its number stands in the refusal."""
    own, file, folder = sqlite
    monkeypatch.setattr(switch_sqlite, "GIVE_UP_S", 1.2)
    with process(SQLITE_HOLDER, file, folder, kind, "") as holder:
        assert switch_sqlite.holders(Path(file)) == [holder.pid]
        with pytest.raises(SwitchUnavailable, match=f"locked by process {holder.pid} for"), switch.exclusive(own):
            pass
        assert own.ended == []
        assert liveness.pid_state(holder.pid) == "T"
        with switch.reading(own) as cursor:
            cursor.execute("SELECT epoch FROM gate")
            assert cursor.fetchone() == (1,)
    with switch.exclusive(own):
        pass


def test_a_waiter_is_never_ended(sqlite: tuple[Switch, str, str]) -> None:
    """Only granted holders are ended."""
    own, file, folder = sqlite
    with (
        process(SQLITE_HOLDER, file, folder, "export", "") as holder,
        process(SQLITE_HOLDER, file, folder, "daemon", "wait", says=b"asking\n") as waiter,
    ):
        with switch.exclusive(own):
            pass
        assert [item.pid for item in own.ended] == [holder.pid]
        assert liveness.pid_state(waiter.pid) == "T"
        waiter.send_signal(signal.SIGCONT)
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == b"held\n"


def test_a_running_writer_that_ends_in_time_is_left_alone(sqlite: tuple[Switch, str, str]) -> None:
    own, file, folder = sqlite
    with process(SQLITE_HOLDER, file, folder, "daemon", "", stop=False) as holder:
        assert holder.stdin is not None
        holder.stdin.close()
        with switch.exclusive(own):
            pass
        assert holder.wait() == 0
    assert own.ended == []


def test_a_database_that_is_missing_is_not_made(tmp_path: Path) -> None:
    own = switch_sqlite.SqliteSwitch(f"sqlite:///{tmp_path}/none.db", tmp_path)
    with pytest.raises(SwitchUnavailable, match=r"none\.db: unable to open"):
        own.exclusive()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "bad.db"
    file.write_bytes(b"this is no database, whatever its name says" * 100)
    own = switch_sqlite.SqliteSwitch(f"sqlite:///{file}", tmp_path)
    for begin in (switch.exclusive, switch.reading):
        with pytest.raises(SwitchUnavailable, match=r"bad\.db"), begin(own):
            pass
    own.close()
    assert switch_sqlite.holder_text(file) == "an unknown process"


# --- PostgreSQL ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["pg_advisory_xact_lock_shared", "pg_advisory_xact_lock"])
def test_a_stopped_backend_is_ended(postgres: tuple[Switch, str], function: str) -> None:
    """KS-2, the hostage rule: its session is ended by the server, the process itself may stay frozen for ever."""
    own, url = postgres
    with process(POSTGRES_HOLDER, url, "standfast", function, "hold") as hostage:
        start = clock.boot_s()
        with switch.exclusive(own) as cursor:
            took = clock.boot_s() - start
            cursor.execute("SELECT count(*) FROM meta WHERE key = 'hostage'")
            assert cursor.fetchone() == (0,)
        assert len(own.ended) == 1
        assert 1.0 <= took < 4.0
        assert liveness.pid_state(hostage.pid) == "T"


def _sessions(url: str, name: str) -> int:
    with psycopg.connect(url) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
        found: Any = connection.execute(query, (name,)).fetchone()
        return int(found[0])


def test_another_switch_is_never_ended(postgres: tuple[Switch, str], monkeypatch: pytest.MonkeyPatch) -> None:
    own, url = postgres
    monkeypatch.setattr(switch_postgres, "GIVE_UP_S", 0.9)
    name = switch_postgres.SWITCH_NAME
    with process(POSTGRES_HOLDER, url, name, "pg_advisory_xact_lock", "hold"):
        with pytest.raises(SwitchUnavailable, match="lock could not be had"), switch.exclusive(own):
            pass
        assert own.ended == []
        assert _sessions(url, name) == 2


def test_a_waiting_backend_and_the_holder_of_another_lock_are_not_ended(postgres: tuple[Switch, str]) -> None:
    own, url = postgres
    lock = "pg_advisory_xact_lock"
    with (
        process(POSTGRES_HOLDER, url, "standfast", lock, "hold"),
        process(POSTGRES_HOLDER, url, "elsewhere", lock, str(LOCK_KEY + 1)),
        process(POSTGRES_HOLDER, url, "waiting", f"{lock}_shared", "wait", says=b"asking\n", stop=False) as waiter,
    ):
        with switch.exclusive(own):
            pass
        assert len(own.ended) == 1
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == b"granted\n"
        assert _sessions(url, "elsewhere") == 1


def test_a_server_that_does_not_answer_is_unavailable_in_one_line() -> None:
    own = switch_postgres.PostgresSwitch("postgresql+psycopg://nobody@127.0.0.1:1/none")
    for begin in (switch.exclusive, switch.reading):
        with pytest.raises(SwitchUnavailable) as caught, begin(own):
            pass
        assert len(str(caught.value).splitlines()) == 1


def test_a_session_that_the_server_ended_is_unavailable_and_then_used_anew(postgres: tuple[Switch, str]) -> None:
    """The commit that fails says so: it is asked for again under the same id."""
    own, url = postgres
    end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"

    def act() -> None:
        with switch.exclusive(own) as cursor:
            cursor.execute(KEEP.format("lost"))
            with psycopg.connect(url, autocommit=True) as server:
                server.execute(end, (switch_postgres.SWITCH_NAME,))

    with pytest.raises(SwitchUnavailable):
        act()
    with switch.reading(own) as cursor:
        cursor.execute("SELECT count(*) FROM meta WHERE key = 'lost'")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////srv/city/data/standfast.db", "the store /srv/city/data/standfast.db"),
        ("postgresql+psycopg://db.city.example:5432/standfast", "the store db.city.example:5432/standfast"),
        ("postgresql+psycopg://city:CANARY@db.city.example/standfast", "the store db.city.example/standfast"),
        ("postgresql+psycopg://db/standfast?user=city&password=CANARY", "the store db/standfast"),
        ("postgresql+psycopg://db/standfast?password=C@CANARY", "a store on a database server"),
        ("postgresql+psycopg://city:CANARY?x@db/standfast", "a store on a database server"),
        ("postgresql+psycopg://city:12/CANARY@db/standfast", "a store on a database server"),
    ],
)
def test_a_store_is_named_without_its_password(essential: Essentials, url: str, name: str) -> None:
    assert switch.named(replace(essential, database_url=url)) == name
