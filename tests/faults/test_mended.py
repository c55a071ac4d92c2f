"""What the loops and the jumps found, each alone: a defect that comes back is named by its own test."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from sqlmodel import select

from config import clock, essentials
from scheduler import clock_guard, killswitch, lifting, switch, worker
from scheduler.engines import local
from scheduler.killswitch import Order
from scheduler.switch import NOT_KNOWN as NOT_RECORDED
from scheduler.switch import SwitchUnavailable
from store.engine import NOT_KNOWN, StoreError, cursor, open_engine, reading, writing
from store.tables import Attempt, Channel, LogEntry, Meta
from tests.faults.fault import Fault
from tests.faults.sqlite_fault import SqliteInjector
from tests.support.calendar_city import SetClock
from tests.support.city import City
from tests.support.databases import libpq

YEAR_US = 365 * 86_400 * clock.SECOND


def test_a_fault_on_the_switch_s_own_cursor_is_the_store_s(engine: Engine) -> None:
    """SQLAlchemy does not see it: it was called a bug of ours."""
    with pytest.raises(StoreError, match="the store "), reading(engine) as session:
        cursor(session).execute("SELECT 1 FROM no_such_table")


def test_a_connection_whose_commit_failed_does_not_keep_the_lock(sqlite_url: str) -> None:
    """SQLAlchemy gives it back to the pool as it is: with the transaction, and so with the store's lock."""
    injector = SqliteInjector()
    with injector.in_place():
        engine = open_engine(sqlite_url, busy_timeout_s=0.2)
        with writing(engine) as session:
            session.add(Meta(key="first", value="1"))
        with injector.armed(None) as seen, writing(engine) as session:
            session.add(Meta(key="second", value="2"))
        commit = seen.operations.index("COMMIT") + 1
        with (
            pytest.raises(StoreError, match=NOT_KNOWN),
            injector.armed(Fault("busy", commit)),
            writing(engine) as session,
        ):
            session.add(Meta(key="third", value="3"))
        with sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), timeout=0, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        other.close()
        engine.dispose()


def test_a_full_disk_at_the_commit_says_that_nothing_was_changed(sqlite_url: str) -> None:
    """SQLite undoes it by itself: no doubt where there is none."""
    injector = SqliteInjector()
    with injector.in_place():
        engine = open_engine(sqlite_url)
        with injector.armed(None) as seen, writing(engine):
            pass
        assert seen.operations[-1] == "COMMIT"
        full = Fault("full, undone", 2)  # the connection stands: BEGIN IMMEDIATE, COMMIT
        with pytest.raises(StoreError, match="nothing was changed") as told, injector.armed(full), writing(engine):
            pass
        assert NOT_KNOWN not in str(told.value)
        engine.dispose()


def _ends(url: str) -> None:
    """Every session of the database is ended by its server."""
    with psycopg.connect(libpq(url), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_lost_connection_is_not_replaced_for_the_commit(
    postgres_url: str, sqlite_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a new one it would commit nothing, and succeed: SUSPENDED would be said of a stop that is nowhere."""
    monkeypatch.setenv("STANDFAST_DATABASE_URL", postgres_url)
    own = switch.open_switch(essentials.load())
    found = own.exclusive()
    killswitch.suspend(found, own.name, Order("lost", "dora"))
    _ends(postgres_url)
    with pytest.raises(psycopg.Error):  # psycopg notices, and calls the connection closed
        found.execute("SELECT 1")
    with pytest.raises(SwitchUnavailable) as lost:
        own.commit()
    assert NOT_RECORDED in str(lost.value)
    with switch.reading(own) as found:
        assert killswitch.find(found, own.name, "lost") is None
    own.close()


def test_a_transaction_that_had_failed_is_not_called_committed(
    postgres_url: str, sqlite_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL answers such a COMMIT with ROLLBACK, and without an error."""
    monkeypatch.setenv("STANDFAST_DATABASE_URL", postgres_url)
    own = switch.open_switch(essentials.load())
    found = own.exclusive()
    killswitch.suspend(found, own.name, Order("failed", "dora"))
    with pytest.raises(psycopg.Error):
        found.execute("SELECT 1 / 0")
    with pytest.raises(SwitchUnavailable, match="had failed and was undone"):
        own.commit()
    own.close()


@pytest.mark.parametrize("years", [-60, -1, 1, 12, 60])
def test_a_duty_is_due_once_after_a_jump_of_years(years: int) -> None:
    """APScheduler names every missed turn before it runs one: two billion of them, under the lock of all others."""
    trigger = local._Every(seconds=0.5)
    then = datetime(2026, 11, 25, 12, tzinfo=UTC)
    now = then + timedelta(days=365 * years)
    first = trigger.get_next_fire_time(then, now)
    assert first >= now if years > 0 else first > then
    assert timedelta() < trigger.get_next_fire_time(first, first) - first <= timedelta(seconds=1)


def test_what_a_clock_ahead_wrote_down_is_forgotten_when_a_person_confirms(engine: Engine, tmp_path: Path) -> None:
    """A channel would rest, a look wait, a lift hold and every start alarm until that time has come."""
    own = SetClock()
    with clock.use(own):
        right = own.wall
        own.wall = right + 80 * YEAR_US
        with writing(engine) as session:
            session.add(
                Channel(
                    name="parks",
                    platform="outbox",
                    created_at=1,
                    spacing_us=5,
                    next_free_at=own.wall + 5,
                    not_before_at=own.wall,
                )
            )
            session.add(_unknown(own.wall + 60))
            session.add(worker.WorkerRow(**_WORKER, heartbeat_at=own.wall))
        clock_guard.raise_alarm(engine, "ahead")
        own.wall = right
        assert clock_guard.check_start(engine, 30.0) is not None
        with writing(engine) as session:
            assert clock_guard.confirm(session, "omar") == 2
        assert clock_guard.check_start(engine, 30.0) is None
        with reading(engine) as session:
            channel = session.get_one(Channel, "parks")
            assert (channel.next_free_at, channel.not_before_at) == (right + 5, right)
            assert session.exec(select(Attempt.look_at)).one() == right
            assert lifting.latest_us(cursor(session), engine.dialect.name) == right


_WORKER = {
    "id": "gone",
    "kind": "daemon",
    "host": "here",
    "boot_id": "b",
    "pid": 1,
    "pid_start": 1,
    "lock_file": "/nowhere",
    "started_at": 1,
}


def _unknown(look_at: int) -> Attempt:
    return Attempt(
        post_id=1,
        channel="parks",
        state="unknown",
        worker="gone",
        idempotency_key="k",
        content_hash="h",
        claim_epoch=1,
        claimed_at=1,
        look_at=look_at,
    )


def test_a_lift_under_a_clock_that_went_back_knows_the_later_time(engine: Engine) -> None:
    """The alarm itself is the newest entry, and behind; the ones before it, and the heartbeat, are not."""
    own = SetClock()
    with clock.use(own):
        right = own.wall
        with writing(engine) as session:
            session.add(worker.WorkerRow(**_WORKER, heartbeat_at=right - 3))
        clock_guard.raise_alarm(engine, "written at the right time")
        own.wall = right - 3600 * clock.SECOND
        clock_guard.raise_alarm(engine, "written an hour too early")
        worker.beat(engine, "gone")
        with reading(engine) as session:
            assert session.get_one(worker.WorkerRow, "gone").heartbeat_at == right - 3
            assert session.exec(select(LogEntry.at).order_by(LogEntry.seq.desc())).first() == own.wall  # type: ignore[attr-defined]  # a column
            assert lifting.latest_us(cursor(session), engine.dialect.name) == right
