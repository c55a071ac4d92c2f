"""The migrations make all tables, once, on both databases, and never lose or repair anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import autogenerate, command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util.exc import CommandError
from sqlalchemy import Engine, inspect, text
from sqlmodel import SQLModel

from config import essentials, settings
from scheduler.daemon import Daemon
from store import (
    alert_tables,
    anchor_tables,
    crisis_tables,
    cut_tables,
    drill_tables,
    governance_tables,
    inbound_tables,
    migration,
    moderation_tables,
    record_tables,
    release_tables,
    report_tables,
    retention_tables,
    search_tables,
    tables,
)
from store.engine import StoreError, open_engine, reading, writing
from store.lock import LOCK_KEY
from tests.support.city import CHECKOUT, City
from tests.support.databases import Databases, await_lock_queue

INITIALISE = """
import sys
from store import migration
from store.engine import open_engine
migration.head()
print("ready", flush=True)
sys.stdin.readline()
print(migration.initialise(open_engine(sys.argv[1])))
"""


def _differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_name": _is_compared}
        context = MigrationContext.configure(connection, opts=options)
        return list(autogenerate.compare_metadata(context, SQLModel.metadata))


def _is_compared(name: str | None, kind: str, _above: object) -> bool:
    """All but the index for words, which is of another kind on each database and no model's."""
    return kind != "table" or name not in search_tables.OWN


def _scalars(engine: Engine, statement: str) -> list[object]:
    with reading(engine) as session:
        return list(session.execute(text(statement)).scalars())


def test_the_migrations_make_the_tables_of_the_models(engine: Engine) -> None:
    made = (
        tables.Post,
        alert_tables.AlertRecord,
        anchor_tables.Anchor,
        crisis_tables.Override,
        cut_tables.Cut,
        drill_tables.Drill,
        governance_tables.Approval,
        inbound_tables.InboundItem,
        moderation_tables.Moderation,
        record_tables.Record,
        release_tables.SuspensionRelease,
        report_tables.CorrectiveAction,
        retention_tables.Disposition,
        search_tables.SearchMark,
    )
    assert {table.__tablename__ for table in made} <= {*inspect(engine).get_table_names()}
    assert _differences(engine) == []


def test_a_column_without_a_migration_is_seen(engine: Engine) -> None:
    """The twin of the test above: the comparison can fail."""
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE post DROP COLUMN time_note")
    assert "time_note" in str(_differences(engine))


def test_what_autogenerate_does_not_compare_is_there_too(engine: Engine) -> None:
    """Checks and the conditions of partial indexes, by trying them: a double attempt and an unknown state."""
    attempt = (
        "INSERT INTO attempt (post_id, part, channel, state, worker, idempotency_key, content_hash, claim_epoch, "
        "claimed_at, looks) VALUES (1, 0, 'c', '{}', 'w', 'k', 'h', 1, 1, 0)"
    )
    with writing(engine) as session:
        for state in ("aborted", "aborted", "sending"):
            session.execute(text(attempt.format(state)))
    for state in ("claimed", "unknown", "published", "no-such-state"):
        with pytest.raises(Exception, match=r"(?i)constraint"), writing(engine) as session:
            session.execute(text(attempt.format(state)))
    assert _scalars(engine, "SELECT state FROM attempt ORDER BY id") == ["aborted", "aborted", "sending"]


def test_a_number_is_never_given_twice(engine: Engine) -> None:
    """Attempt numbers only rise, also when the newest row is gone (the witness relies on it)."""
    insert = text("INSERT INTO alarm (kind, host, detail, raised_at) VALUES ('clock', 'h', '', 1)")
    for _ in range(2):
        with writing(engine) as session:
            session.execute(insert)
            session.execute(text("DELETE FROM alarm WHERE id = 1"))
    assert _scalars(engine, "SELECT id FROM alarm") == [2]


def test_initialise_makes_a_store_once_and_keeps_everything(bare_url: str) -> None:
    engine = open_engine(bare_url)
    assert migration.current(engine) is None
    assert migration.initialise(engine)
    assert migration.current(engine) == migration.head()
    store_id = _scalars(engine, "SELECT value FROM meta")
    with writing(engine) as session:
        session.execute(text("UPDATE gate SET epoch = 7"))
        session.execute(text("UPDATE chain_head SET seq = 3"))
    assert not migration.initialise(engine)
    assert _scalars(engine, "SELECT epoch FROM gate") == [7]
    assert _scalars(engine, "SELECT seq FROM chain_head") == [3]
    assert _scalars(engine, "SELECT value FROM meta") == store_id
    migration.check(engine)
    engine.dispose()


@pytest.mark.parametrize("table", ["gate", "chain_head", "meta"])
def test_a_missing_first_row_is_not_repaired(engine: Engine, table: str) -> None:
    """A missing gate row means suspended; making a new one would lift whatever was declared."""
    with writing(engine) as session:
        session.execute(text(f"DELETE FROM {table}"))
    assert not migration.initialise(engine)
    assert _scalars(engine, f"SELECT count(*) FROM {table}") == [0]


def test_two_processes_that_initialise_at_once_make_one_store(bare_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", INITIALISE, bare_url],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60) for process in processes]
    assert sorted(out for out, _ in said) == ["False\n", "False\n", "True\n"], said
    engine = open_engine(bare_url)
    assert _scalars(engine, "SELECT count(*) FROM gate") == [1]
    assert _scalars(engine, "SELECT count(*) FROM meta") == [1]
    engine.dispose()


def test_a_migration_waits_for_whoever_holds_the_lock(databases: Databases) -> None:
    """On PostgreSQL a migration takes the lock alone: not beside a writer, who shares it."""
    with databases.postgres(empty=True) as url:
        engine = open_engine(url)
        thread = threading.Thread(target=migration.initialise, args=(engine,))
        with engine.connect() as writer:
            writer.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
            writer.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({LOCK_KEY})")
            thread.start()
            await_lock_queue(writer)
            assert migration.current(engine) is None
        thread.join()
        migration.check(engine)
        engine.dispose()


def test_a_failed_migration_leaves_nothing(bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing: the tables of the broken attempt are gone, and the next attempt makes the store."""
    engine = open_engine(bare_url)
    with monkeypatch.context() as patched:
        patched.setattr(migration, "FIRST_EPOCH", "no number")
        with pytest.raises(Exception, match="number"):
            migration.initialise(engine)
    assert inspect(engine).get_table_names() == []
    assert migration.initialise(engine)
    engine.dispose()


def test_check_names_what_is_found_and_wanted(engine: Engine, bare_url: str) -> None:
    migration.check(engine)
    bare = open_engine(bare_url)
    with pytest.raises(
        StoreError, match=rf"no tables yet \(wanted revision {migration.head()}\): run `standfast init`"
    ):
        migration.check(bare)
    bare.dispose()


def test_a_newer_store_is_refused_and_left_as_it_is(engine: Engine) -> None:
    with writing(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    expected = rf"revision 9999, .* {migration.head()}: this program is older than the store, upgrade it"
    for attempt in (migration.check, migration.upgrade, migration.initialise):
        with pytest.raises(StoreError, match=expected):
            attempt(engine)
    assert migration.current(engine) == "9999"


def test_an_older_store_is_sent_to_init(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = migration.head()
    monkeypatch.setattr(migration, "head", lambda: "9998")
    with pytest.raises(StoreError, match=f"revision {newest}, wanted is 9998: `standfast init` migrates it"):
        migration.check(engine)


CALENDAR = "INSERT INTO calendar_file (name, digest, owner, staged_until, fault_digest) VALUES ('parks.csv', 'd', 'ann', 7, '')"


@pytest.fixture
def first_program(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The program of the first revision (`engine` is a store that today's made before); undo the patch for today's."""
    folder = tmp_path / "migrations"
    shutil.copytree(CHECKOUT / "store" / "migrations", folder)
    for revision in (folder / "versions").glob("v0*.py"):
        if not revision.name.startswith("v0001_"):
            revision.unlink()
    whole = migration._config

    def config() -> Config:
        made = whole()
        made.set_main_option("script_location", str(folder))
        return made

    migration._known.cache_clear()
    monkeypatch.setattr(migration, "_config", config)
    yield monkeypatch
    migration._known.cache_clear()


def test_a_store_of_the_first_program_is_migrated_with_all_it_holds(
    first_program: pytest.MonkeyPatch, bare_url: str
) -> None:
    engine = open_engine(bare_url)
    assert migration.initialise(engine)
    assert migration.current(engine) == "0001"
    with writing(engine) as session:
        session.execute(text(CALENDAR))
        session.execute(text("INSERT INTO person (id, name, state, created_at) VALUES ('ann', 'Ann', 'active', 1)"))
    first_program.undo()
    migration._known.cache_clear()
    with pytest.raises(StoreError, match=r"is at revision 0001, wanted is .* `standfast init` migrates it"):
        migration.check(engine)
    assert not migration.initialise(engine)
    migration.check(engine)
    assert _differences(engine) == []
    with reading(engine) as session:
        row = session.get_one(tables.CalendarFile, "parks.csv")
        assert (row.digest, row.staged_until, row.basis) == ("d", 7, None)
        ann = session.get_one(tables.Person, "ann")
        assert (ann.employment, ann.department) == ("employee", None)
    engine.dispose()


def test_the_first_program_s_daemon_does_not_start_on_todays_store(
    first_program: pytest.MonkeyPatch, city: City
) -> None:
    essential = essentials.load(city.environ)
    daemon = Daemon(settings.check(essentials.merged(city.environ)), essential)
    with pytest.raises(StoreError, match=r"knows only up to 0001: this program is older than the store, upgrade it"):
        daemon.run(threading.Event(), lambda line: pytest.fail(line))


def test_a_strangers_database_is_refused(bare_url: str) -> None:
    engine = open_engine(bare_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE payroll (id INTEGER)")
    with pytest.raises(StoreError, match=r"holds tables \(payroll\) but no revision"):
        migration.initialise(engine)
    assert inspect(engine).get_table_names() == ["payroll"]
    engine.dispose()


def test_there_is_no_way_back(engine: Engine) -> None:
    """A store is never taken down to an older program, not even by Alembic's own command."""
    config = migration._config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        with pytest.raises((CommandError, AttributeError, NotImplementedError)):
            command.downgrade(config, "base")
    assert migration.current(engine) == migration.head()
    assert not hasattr(migration, "downgrade")


def test_looking_at_a_store_that_is_not_there_makes_no_file(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/none.db")
    assert migration.current(engine) is None
    assert list(tmp_path.iterdir()) == []
