"""One way to read and one way to write, on both databases."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from store.engine import StoreError, ask, open_engine, preparing, reading, writing
from store.lock import LOCK_KEY
from tests.support.city import CHECKOUT
from tests.support.databases import await_lock_queue, libpq
from tests.support.round_trips import RoundTrips

ADD = text("INSERT INTO meta (key, value) VALUES (:key, 'x')")
COUNT = text("SELECT count(*) FROM meta")


def _count(engine: Engine) -> int:
    with reading(engine) as session:
        return int(session.execute(COUNT).scalar_one())


def test_a_new_store_has_its_first_rows(engine: Engine) -> None:
    """The gate is open at epoch 1, the chain is empty, and the store has a name."""
    with reading(engine) as session:
        assert session.execute(text("SELECT id, epoch FROM gate")).all() == [(1, 1)]
        assert session.execute(text("SELECT id, seq FROM chain_head")).all() == [(1, 0)]
        assert len(session.execute(text("SELECT value FROM meta WHERE key = 'store_id'")).scalar_one()) == 32


def test_what_is_written_is_kept_when_the_block_ends(engine: Engine) -> None:
    with writing(engine) as session:
        session.execute(ADD, {"key": "kept"})
    assert _count(engine) == 2


def test_what_is_written_is_gone_when_the_block_raises(engine: Engine) -> None:
    def change() -> None:
        with writing(engine) as session:
            session.execute(ADD, {"key": "lost"})
            raise LookupError

    with pytest.raises(LookupError):
        change()
    assert _count(engine) == 1


def test_a_reader_sees_one_moment_while_a_writer_commits(engine: Engine) -> None:
    """Both looks of one reading session see the same rows, and the writer does not wait for it."""
    with reading(engine) as session:
        before = session.execute(COUNT).scalar_one()
        with writing(engine) as other:
            other.execute(ADD, {"key": "later"})
        assert session.execute(COUNT).scalar_one() == before
    assert _count(engine) == before + 1


def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    with writing(engine) as session:
        session.execute(ADD, {"key": "open"})
        assert _count(engine) == 1


def test_postgres_refuses_a_write_in_a_reading_session(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with pytest.raises(StoreError, match="read-only"), reading(engine) as session:
        session.execute(ADD, {"key": "slip"})
    assert _count(engine) == 1
    engine.dispose()


def test_only_a_reader_may_idle_in_its_transaction(postgres_url: str) -> None:
    """A reader holds no lock and is left alone; a writer who stops is ended after a second (the hostage rule)."""
    engine = open_engine(postgres_url)
    show = text("SHOW idle_in_transaction_session_timeout")
    with reading(engine) as session:
        assert session.execute(show).scalar_one() == "0"
        assert session.execute(text("SHOW transaction_isolation")).scalar_one() == "repeatable read"
    with writing(engine) as session:
        assert session.execute(show).scalar_one() == "1s"
        assert session.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
    engine.dispose()


def test_a_writer_waits_for_the_switch(postgres_url: str) -> None:
    """While the switch holds the lock alone, a writer gets no further than its first statement."""
    engine = open_engine(postgres_url)
    written = threading.Event()

    def write() -> None:
        with writing(engine) as session:
            session.execute(ADD, {"key": "waited"})
        written.set()

    thread = threading.Thread(target=write)
    with engine.connect() as switch:
        switch.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        thread.start()
        await_lock_queue(switch)
        assert not written.is_set()
    assert written.wait(10)
    thread.join()
    engine.dispose()


def _end_all_backends(url: str) -> None:
    """What a restart of the server does to the connections of a pool."""
    with psycopg.connect(libpq(url), autocommit=True) as own:
        own.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("asks", ["reads", "writes", "prepares", "asks"])
def test_a_connection_that_was_ended_while_nobody_used_it_is_replaced(postgres_url: str, asks: str) -> None:
    """After a restart of the server, nobody at work hears of it: the first statement changes nothing and is sent again."""
    engine = open_engine(postgres_url)
    sessions = {"reads": reading, "writes": writing, "prepares": lambda engine: preparing(engine, "events.yaml")}
    for _ in range(2):
        if asks == "asks":
            assert ask(engine, "SELECT count(*) FROM meta WHERE key = %s", "store_id") == (1,)
        else:
            with sessions[asks](engine) as session:
                assert session.execute(COUNT).scalar_one() == 1
        assert engine.pool.checkedin() == 1
        _end_all_backends(postgres_url)
    engine.dispose()


def test_a_connection_that_is_ended_in_a_transaction_is_not_replaced(postgres_url: str) -> None:
    """What was read before is worth nothing after: the lock was gone in between."""
    engine = open_engine(postgres_url)

    def cut_off() -> None:
        with writing(engine) as session:
            session.execute(ADD, {"key": "half"})
            _end_all_backends(postgres_url)
            session.execute(COUNT)

    with pytest.raises(StoreError):
        cut_off()
    assert _count(engine) == 1
    engine.dispose()


@pytest.mark.parametrize("default", ["repeatable read", "serializable"])
def test_a_connection_given_back_is_read_committed_whatever_the_database_s_default(
    postgres_url: str, default: str
) -> None:
    """A migration waits for the store's lock in its first statement, and must see what was done meanwhile."""
    with psycopg.connect(libpq(postgres_url), autocommit=True) as own:
        own.execute(f"ALTER DATABASE {own.info.dbname} SET default_transaction_isolation = '{default}'")
    engine = open_engine(postgres_url)
    level = text("SHOW transaction_isolation")
    for begun in (reading, writing):
        with begun(engine):
            pass
        with engine.connect() as connection:
            assert connection.execute(level).scalar_one() == "read committed"
    engine.dispose()


def test_a_question_whose_prepared_statement_grew_invalid_fails_once(postgres_url: str) -> None:
    """A column changed its type under a running program: outside a transaction nothing makes the driver forget."""
    engine = open_engine(postgres_url)
    question = ("SELECT value FROM meta WHERE key = %s", "store_id")
    for _ in range(8):
        ask(engine, *question)
    with psycopg.connect(libpq(postgres_url), autocommit=True) as own:
        own.execute("ALTER TABLE meta ALTER value TYPE varchar(99)")
    with pytest.raises(DBAPIError, match="cached plan"):
        ask(engine, *question)
    assert len(ask(engine, *question)[0]) == 32
    engine.dispose()


def test_beginning_and_ending_take_one_round_trip_each(postgres_url: str, tmp_path: Path) -> None:
    engine = open_engine(postgres_url)
    with writing(engine) as session:
        trips = RoundTrips(session.connection().connection.driver_connection, tmp_path / "trace")
    for begun in (reading, writing):
        with trips.counting(), begun(engine):
            pass
        assert trips.count == 2
    engine.dispose()


def test_a_read_leaves_prepared_what_the_connection_has_prepared(postgres_url: str, tmp_path: Path) -> None:
    """The driver forgets it all when something is undone, and prepares it anew."""
    engine = open_engine(postgres_url)
    with writing(engine) as session:
        trips = RoundTrips(session.connection().connection.driver_connection, tmp_path / "trace")
    for _ in range(8):
        _count(engine)
    with trips.counting():
        _count(engine)
    assert "\tParse\t" not in trips.file.read_text(encoding="utf-8")
    engine.dispose()


def test_sqlite_writers_take_turns(sqlite_url: str) -> None:
    """A second writer that may not wait is told that the store is locked, and what to do."""
    engine = open_engine(sqlite_url, busy_timeout_s=0.0)
    with writing(engine), pytest.raises(StoreError, match="locked by another process: wait"), writing(engine):
        pass
    engine.dispose()


def test_a_mistake_in_sql_is_not_called_a_broken_store(engine: Engine) -> None:
    """Only what the operator can mend is told as such; a fault of the program stays visible."""
    with pytest.raises(DBAPIError), writing(engine) as session:
        session.execute(ADD, {"key": "store_id"})


def test_a_database_that_does_not_answer_is_named_with_the_remedy() -> None:
    engine = open_engine("postgresql+psycopg://nobody:hidden-word@127.0.0.1:1/none")
    with pytest.raises(StoreError, match="start the database server") as caught, reading(engine):
        pass
    assert "hidden-word" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_named_with_the_remedy(sqlite_url: str) -> None:
    Path(sqlite_url.removeprefix("sqlite:///")).write_bytes(b"not a database at all" * 100)
    engine = open_engine(sqlite_url)
    with pytest.raises(StoreError, match="is not a database"), reading(engine):
        pass
    engine.dispose()


def test_what_the_driver_says_beside_its_error_reaches_no_screen() -> None:
    """A command that fails says one line; the driver logs what it could not clean up after a broken connection."""
    program = "import logging, store.engine; logging.getLogger('psycopg').warning('error ignored in rollback')"
    said = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("", "")
