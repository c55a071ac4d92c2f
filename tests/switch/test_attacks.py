"""Attacks on the stop that once succeeded; each stays here so that it fails."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from config import clock, essentials
from scheduler import (
    drain,
    killswitch,
    lifting,
    post_queue,
    reconciler,
    restore,
    stop_ledger,
    switch,
    switch_postgres,
    witness,
)
from scheduler.emergency_stop import EmergencyStop, Request
from scheduler.killswitch import Order, Scope
from scheduler.planning import channel_service
from scheduler.switch import SwitchUnavailable
from store.engine import StoreError, open_engine, writing
from store.tables import Attempt, Worker
from tests.scheduler.press import STEWARD, LostCommits, ManualClock, Press
from tests.support.city import City
from tests.support.databases import await_lock_queue, libpq
from tests.support.live_city import LiveCity, X, until


def _forget(engine: Engine, post: int) -> None:
    """The store knows less than before, as a standby that lagged or an older copy does."""
    with writing(engine) as session:
        session.execute(text("DELETE FROM attempt WHERE post_id = :post"), {"post": post})
        values = "state = 'scheduled', remote_id = NULL, link = NULL, published_at = NULL"
        session.execute(text(f"UPDATE post SET {values} WHERE id = :post"), {"post": post})


# --- PostgreSQL's settings and faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_database_s_own_isolation_does_not_hide_the_stop(postgres_press: Press, level: str) -> None:
    """I1: a claim that waited for the store's lock while the stop was recorded must see it, whatever the default is."""
    press = postgres_press
    name = press.engine.url.database
    with psycopg.connect(libpq(press.engine.url.render_as_string(hide_password=False)), autocommit=True) as own:
        own.execute(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{level}'")
    press.engine.dispose()
    post = press.queue()
    with press.switched() as own_switch, ThreadPoolExecutor(1) as pool:
        with switch.exclusive(own_switch) as cursor:
            claimed = pool.submit(press.publisher.publish_post, post)
            with press.engine.connect() as watching:
                await_lock_queue(watching)
            killswitch.suspend(cursor, own_switch.name, Order("r", "dora"))
        assert claimed.result(timeout=20) == "not_claimed"
    assert press.connector.published == []


def test_a_server_that_stops_answering_does_not_hold_up_the_stop(
    postgres_press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KS-1: no time-out of the server's own works while it stands still (or its disk does): the switch cuts the line."""
    monkeypatch.setattr(switch_postgres, "ANSWER_S", 1.0, raising=False)
    with postgres_press.switched() as own:
        with switch.reading(own) as cursor:
            pid = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
        os.kill(pid, signal.SIGSTOP)
        alarm = threading.Timer(15, os.kill, (pid, signal.SIGCONT))
        alarm.start()
        began = clock.boot_s()
        try:
            with pytest.raises(SwitchUnavailable), switch.reading(own):
                pass
            assert clock.boot_s() - began < 10
        finally:
            alarm.cancel()
            os.kill(pid, signal.SIGCONT)
        with switch.reading(own) as cursor:
            assert killswitch.epoch(cursor, own.name) == 1


def test_a_claim_whose_commit_is_still_under_way_is_ended_after_it(
    postgres_press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: the line broke, the server has not ended the claim's transaction yet: it must not stand for ever unseen."""
    from scheduler import publisher as module

    press = postgres_press
    post = press.queue()
    LostCommits(monkeypatch, module).fails = {1: "before"}
    with pytest.raises(StoreError):
        press.publisher.publish_post(post)
    server = open_engine(press.engine.url.render_as_string(hide_password=False))
    try:
        with Session(server) as late, ThreadPoolExecutor(1) as pool:
            late.execute(text("SET idle_in_transaction_session_timeout = 0"))
            found = post_queue.locked_post(late, post)
            assert found is not None
            attempt = post_queue.add_attempt(late, found, press.process.id, 1, "k")
            post_queue.move_post(late, post, "publishing")
            late.execute(text("SELECT setval(pg_get_serial_sequence('attempt', 'id'), 100)"))
            number = attempt.id
            _owe(press, number)
            paid = pool.submit(press.publisher.pay)
            until(lambda: paid.done() or _waits(press), "the payment waits for the server")
            late.commit()
            assert paid.result(timeout=20) == 0
    finally:
        server.dispose()
    assert press.states(post) == (["aborted"], "scheduled")


def _owe(press: Press, attempt: int | None) -> None:
    """Let the owed claim be the one the server is about to commit."""
    owed = press.publisher._owed[0]
    claim = owed.args[0]
    object.__setattr__(claim, "attempt", attempt)


def _waits(press: Press) -> bool:
    with press.engine.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return bool(connection.exec_driver_sql(query).scalar())


def test_a_sequence_that_runs_ahead_does_not_hide_lost_attempts(press: Press) -> None:
    """KS-5, I3: a recovered PostgreSQL gives its sequence up to 32 numbers ahead; the attempts themselves are gone."""
    post = press.queue()
    assert press.publisher.publish_post(post) == "published"
    _forget(press.engine, post)
    if press.engine.dialect.name == "postgresql":
        with writing(press.engine) as session:
            session.execute(text("SELECT setval(pg_get_serial_sequence('attempt', 'id'), 33)"))
    reason = restore.guard(press.engine, press.essential, press.witness_file)
    assert reason is not None
    assert press.post(post).state == "unknown"
    assert restore.guard(press.engine, press.essential, press.witness_file) is None


# --- a store that is replaced under the daemon ------------------------------------------------------------------------


def test_a_store_that_goes_back_under_the_daemon_publishes_nothing_twice(live: LiveCity) -> None:
    """I3, KS-5: a standby that lagged takes over, or a copy is put back, while the daemon runs: it ends and says so."""
    daemon = live.start_daemon()
    post = live.queue(X, "once")
    live.await_state(post, "published")
    _forget(live.engine, post)
    until(lambda: daemon.process.poll() is not None, "the daemon has ended")
    assert any("older copy" in line for line in daemon.lines)
    assert live.texts() == ["once"]
    live.start_daemon()
    live.await_state(post, "published", "unknown")
    assert live.json("crisis", "status", code=10 if live.post(post).state == "unknown" else 0)["suspended"]
    assert live.texts() == ["once"]


def test_quiet_is_not_confirmed_by_a_store_that_lost_what_is_in_flight(sqlite_city: City) -> None:
    """I2: the -wal was removed under the daemon: the store cannot name the call that is under way."""
    from tests.support.live_city import live_city

    with live_city(sqlite_city) as live:
        with sqlite3.connect(live.city.url.removeprefix("sqlite:///")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        live.sandbox.fault("delay", seconds=2.5, text="in flight")
        live.start_daemon()
        live.queue(X, "in flight")
        until(lambda: live.sandbox.arrivals(), "the call has arrived")
        live.engine.dispose()
        for suffix in ("-wal", "-shm"):
            Path(live.city.url.removeprefix("sqlite:///") + suffix).unlink()
        receipt = live.crisis(who=None, code=10)
        assert not receipt["quiet_confirmed"]
        assert any("has seen attempt" in line for line in receipt["warnings"])
        assert not live.json("crisis", "status", code=10)["quiet_confirmed"]


# --- what people are told ---------------------------------------------------------------------------------------------


def _stop(press: Press) -> Any:
    environ = {"STANDFAST_TOKEN": press.tokens["dora"]}
    return EmergencyStop(press.essential, environ, lambda _: None).run(Request(Scope()))


@pytest.mark.parametrize(("place", "code"), [("suspend", 20), ("raise_fence", 10)])
def test_an_interrupt_is_not_called_a_refusal(
    press: Press, monkeypatch: pytest.MonkeyPatch, place: str, code: int
) -> None:
    """KS-1: Ctrl-C after the cell was set: exit code 1 would say that nothing is suspended."""

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    module = killswitch if place == "suspend" else stop_ledger
    monkeypatch.setattr(module, place, interrupted)
    assert _stop(press).code == code
    assert press.publisher.publish_post(press.queue()) == "not_claimed"


def test_a_stop_that_was_lifted_while_it_waited_is_not_called_quiet(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1: somebody resumed during the drain."""

    def lifted_meanwhile(_own: Any, _essential: Any, numbers: Any, *_: Any) -> bool:
        press.lift(numbers[0])
        return True

    monkeypatch.setattr(drain, "until_quiet", lifted_meanwhile)
    answer = _stop(press)
    assert answer.code == 10
    assert "QUIET CONFIRMED" not in answer.words
    assert "lifted" in answer.words


@pytest.mark.parametrize("others", ["another", None])
def test_a_stop_that_a_restored_store_does_not_know_is_not_called_quiet(
    press: Press, monkeypatch: pytest.MonkeyPatch, others: str | None
) -> None:
    """I1: the store was put back during the drain, and the number may belong to somebody's partial stop by now."""

    def put_back(_own: Any, _essential: Any, numbers: Any, *_: Any) -> bool:
        with writing(press.engine) as session:
            if others is None:
                session.execute(text("DELETE FROM suspension"))
            else:
                session.execute(text("UPDATE suspension SET request_id = :r, scope_kind = 'channel'"), {"r": others})
        return True

    monkeypatch.setattr(drain, "until_quiet", put_back)
    answer = _stop(press)
    assert answer.code == 10
    assert "QUIET CONFIRMED" not in answer.words


def test_a_stop_whose_request_was_taken_from_the_cell_and_lifted_stops_again(press: Press) -> None:
    """KS-1: the crisis stood still between cell and ledger, others recorded and lifted it: SUSPENDED must be true."""
    order = Order("slow", "dora", "tornado")
    with press.switched() as own:
        with switch.exclusive(own) as cursor:
            first = killswitch.suspend(cursor, own.name, order)
        press.lift(first.suspension)
        with switch.exclusive(own) as cursor:
            again = killswitch.suspend(cursor, own.name, order)
        with switch.exclusive(own) as cursor:
            retried = killswitch.suspend(cursor, own.name, order)
    assert again.suspension != first.suspension
    assert retried.suspension == again.suspension
    assert press.ask(killswitch.closed_by, "parks", 0) == [again.suspension]


def test_a_drain_asks_no_platform_after_its_time(press: Press, hands: ManualClock) -> None:
    """KS-1: fifty calls of unknown outcome on a platform that hangs: the stop still answers in time."""
    for _ in range(3):
        press.attempt(press.queue(state="unknown"), "unknown", look_at=0)
    press.connector.on_find = lambda: hands.pass_s(20)
    connector_of: Any = lambda _: press.connector  # noqa: E731
    folder = press.essential.data_dir
    only = frozenset(item.id or 0 for item in _unknown(press))
    limit = clock.boot_s() + 30
    answers = reconciler.reconcile(press.engine, press.settings, connector_of, folder, only=only, until=limit)
    assert len(answers) == len(press.connector.searched) == 2


@pytest.fixture
def hands() -> Iterator[ManualClock]:
    """A clock that moves when told."""
    made = ManualClock()
    with clock.use(made):
        yield made


def _unknown(press: Press) -> list[Attempt]:
    with writing(press.engine) as session:
        found = post_queue.open_attempts(session, "unknown")
        session.expunge_all()
    return found


# --- what goes out after a resume -------------------------------------------------------------------------------------


def test_a_clock_that_is_behind_lifts_nothing_into_the_open(press: Press, hands: ManualClock) -> None:
    """I7, KS-8: resume from a machine (or with STANDFAST_CLOCK) an hour slow: what was missed is still held."""
    post = press.queue(in_s=10, lateness_us=7200 * clock.SECOND)
    number = press.suspend().suspension
    hands.pass_s(60)
    press.change(Worker, press.process.id, heartbeat_at=clock.wall_us())
    slow = ManualClock()
    slow.wall, slow.boot = hands.wall - 3600 * clock.SECOND, hands.boot
    with clock.use(slow):
        assert press.ask(lifting.missed, number) == 1
        assert press.lift(number)[1] == 1
    assert press.post(post).state == "held"
    assert press.publisher.publish_post(post) == "not_claimed"


def test_a_channel_that_joined_and_left_a_stopped_group_stays_stopped(press: Press, hands: ManualClock) -> None:
    """I6, I7: whoever was covered is covered until the lift."""
    post = press.queue("police", in_s=10)
    number = press.suspend("group:outdoors").suspension
    _regroup(press, "outdoors")
    assert press.ask(killswitch.closed_by, "police", 0) == [number]
    hands.pass_s(20)
    _regroup(press)
    assert press.ask(killswitch.closed_by, "police", 0) == [number]
    assert press.lift(number)[1] == 1
    assert press.post(post).state == "held"


def _regroup(press: Press, *groups: str) -> None:
    """Change police's groups as `channel add` does."""
    spec = channel_service.Spec(
        "police", "outbox", groups, {"folder": str(press.essential.data_dir / "outbox")}, {}, None
    )
    house = channel_service.House(press.essential.root, press.essential.data_dir, 0, 60 * clock.SECOND)
    with writing(press.engine) as session:
        channel_service.add(session, STEWARD, [spec], house)


# --- SQLite -----------------------------------------------------------------------------------------------------------


def test_a_reading_waits_for_a_wal_that_is_being_closed(sqlite_city: City) -> None:
    """KS-1: the first look can find the file locked for a moment; that is no reason to end the wait for quiet."""
    essential = essentials.load(sqlite_city.environ)
    other = sqlite3.connect(
        essential.database_url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
    )
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("UPDATE gate SET generation = 1")
    timer = threading.Timer(0.5, other.close)
    timer.start()
    own = switch.open_switch(essential)
    try:
        with switch.reading(own) as cursor:
            assert killswitch.epoch(cursor, own.name) == 1
    finally:
        timer.join()
        own.close()


def test_the_witness_learns_of_other_hosts_attempts(press: Press) -> None:
    """KS-5: this host has sent nothing itself; an older copy put back is one for it, too."""
    post = press.queue(state="publishing")
    number = press.attempt(post, "published", worker=press.worker(host="elsewhere"))
    press.publisher.publish_post(press.queue(in_s=600))
    with writing(press.engine) as session:
        assert press.publisher.may_claim(session)
    press.publisher.note_extent()
    seen = witness.read(press.witness_file)
    assert seen is not None
    assert seen.attempt == number
    _forget(press.engine, post)
    assert restore.guard(press.engine, press.essential, press.witness_file) is not None
