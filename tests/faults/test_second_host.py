"""A second host on a SQLite store is refused, and the first one told; so are file systems that several hosts can see."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Engine

from config import clock
from scheduler import host_lock, host_watch, liveness
from scheduler.host_lock import HostFault
from scheduler.host_watch import HostWatch
from store.engine import writing
from store.tables import Worker
from tests.faults import rig
from tests.faults.judge import told
from tests.support import city as cities
from tests.support.city import City
from tests.support.databases import Databases
from tests.support.live_city import QUICK, SECRETS, LiveCity, X, until

ELSEWHERE = """
from contextlib import nullcontext
from unittest.mock import patch
import cli
from config import clock
from scheduler import host_lock, liveness
with (
    patch.object(liveness, "host", lambda: "other-host"),
    patch.object(clock, "boot_id", lambda: "6f1c2c3e-0000-4000-8000-000000000000"),
    patch.object(host_lock, "held", lambda path: nullcontext()),
):
    cli.main()
"""
"""A process as another host would have it: its own name and boot, and a lock that does not reach this one."""


@pytest.fixture
def other(sqlite_live: LiveCity, tmp_path: Path) -> City:
    """The same store, seen from another host: its own folders, no witness, no cell."""
    made = cities.make(tmp_path / "other", sqlite_live.city.url)
    made.set(**(QUICK | {"busy_timeout": "1s"}))
    (made.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    return made


@contextmanager
def elsewhere(city: City, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``standfast ARGUMENTS`` on the other host."""
    command = [sys.executable, "-c", ELSEWHERE, *arguments]
    with subprocess.Popen(
        command, cwd=city.root, env=city.environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_daemon_on_a_second_host_is_refused_and_the_first_goes_on(sqlite_live: LiveCity, other: City) -> None:
    """One host only: the second hears who publishes already, suspends nothing, and sends nothing."""
    live = sqlite_live
    first = live.start_daemon()
    with elsewhere(other, "daemon") as second:
        _, said = second.communicate(timeout=120)
    assert second.returncode == 1
    (line,) = said.splitlines()
    assert f"process {first.process.pid} on the host {liveness.host()} publishes from this SQLite store" in line
    assert "stop it there, or use PostgreSQL" in line
    assert live.json("crisis", "status")["suspended"] is False
    live.await_state(live.queue(X, "still the first"), "published", within_s=60)
    assert live.texts() == ["still the first"]


def test_a_second_host_that_came_in_all_the_same_closes_the_first(sqlite_live: LiveCity, other: City) -> None:
    """Two that start at once see nobody: whoever sees the other's heartbeat ends, and says why."""
    live = sqlite_live
    first = live.start_daemon()
    with writing(live.engine) as session:
        session.add(_worker("ghost", host="other-host", boot_id="another"))
    for beat in (1, 2, 3):
        with writing(live.engine) as session:
            session.get_one(Worker, "ghost").heartbeat = beat
        Event().wait(1.2)  # the other's own rhythm
    assert first.process.wait(timeout=60) == 1
    assert "on the host other-host publishes from this SQLite store" in first.lines[-1]
    post = live.queue(X, "nobody is there")
    Event().wait(1.0)  # nothing to wait for: nothing may happen
    assert live.post(post).state == "scheduled"
    assert live.texts() == []


def test_a_host_that_is_gone_is_waited_for_and_then_followed_by_a_suspended_one(
    sqlite_live: LiveCity, other: City
) -> None:
    """KS-5: the new host has no witness, so it suspends itself; the call that the old one had begun is named, never assumed."""
    live = sqlite_live
    live.sandbox.fault("delay", seconds=30, text="begun")
    first = live.start_daemon()
    begun = live.queue(X, "begun")
    until(live.arrivals, "the call has arrived", 60)
    first.end(signal.SIGKILL)
    with elsewhere(other, "daemon") as second:
        assert second.stderr is not None
        said = [second.stderr.readline() for _ in range(2)]
        assert any("SUSPENDED" in line and "no witness" in line for line in said), said
        status = live.json("crisis", "status", code=10)
        assert [call["host"] for call in status["suspensions"][0]["unconfirmed"]] == [liveness.host()]
        assert live.attempts(begun)[0].state == "sending"
    assert live.texts() == ["begun"]


def test_a_stop_from_a_second_host_stops_the_first(sqlite_live: LiveCity, other: City) -> None:
    """KS-1: whatever else is refused there, `crisis` is not."""
    live = sqlite_live
    live.start_daemon()
    other_environ = {**other.environ, "STANDFAST_TOKEN": live.tokens["dora"]}
    with elsewhere(City(other.root, other.url, other_environ), "crisis", "--reason", "seen from there") as stop:
        _, said = stop.communicate(timeout=120)
    assert stop.returncode == 0, said
    assert live.json("crisis", "status")["suspensions"][0]["reason"] == "seen from there"
    post = live.queue(X, "behind the stop")
    until(lambda: clock.wall_us() > live.post(post).due_at + 2 * clock.SECOND, "its time has passed")
    assert live.texts() == []


# --- the look itself -------------------------------------------------------------------------------------------------


def _worker(name: str, **changed: Any) -> Worker:
    known = {"kind": "daemon", "host": liveness.host(), "boot_id": clock.boot_id(), "pid": 4711, "pid_start": 1}
    return Worker(id=name, lock_file="/nowhere", started_at=1, heartbeat=0, heartbeat_at=1, **(known | changed))


@pytest.mark.parametrize(
    ("changed", "beats"),
    [
        ({"host": "other-host", "boot_id": "another"}, True),
        ({"host": "other-host", "boot_id": "another", "ended_at": 1}, False),
        ({"host": "other-host"}, False),
        ({"boot_id": "another"}, False),
        ({}, False),
    ],
    ids=["another host", "it has ended", "this boot under another name", "this host before its last boot", "this host"],
)
def test_only_another_host_s_living_worker_is_refused(engine: Engine, changed: dict[str, Any], beats: bool) -> None:
    """On PostgreSQL nobody is: it serves several hosts."""
    with writing(engine) as session:
        session.add(_worker("known", **changed))
    watch = HostWatch(engine)
    watch.look()
    with writing(engine) as session:
        session.get_one(Worker, "known").heartbeat += 1
    if beats and engine.dialect.name == "sqlite":
        with pytest.raises(HostFault, match="process 4711 on the host other-host"):
            watch.look()
    watch.look()


def test_a_silent_host_is_waited_for_as_long_as_asked(engine: Engine) -> None:
    with patch.object(host_watch, "LOOK_S", 0.01):
        began = clock.boot_s()
        HostWatch(engine).refuse_living(Event(), 30.0)
        assert clock.boot_s() - began < 20
        with writing(engine) as session:
            session.add(_worker("silent", host="other-host", boot_id="another"))
        began = clock.boot_s()
        HostWatch(engine).refuse_living(Event(), 0.3)
        assert (clock.boot_s() - began >= 0.3) == (engine.dialect.name == "sqlite")


# --- file systems ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "virtiofs", "fuse.sshfs"])
def test_a_network_file_system_is_refused_where_a_store_is_made_and_served(
    kind: str, databases: Databases, tmp_path: Path
) -> None:
    """`init` and the daemon say why in one line; `crisis` stops all the same; the twin on a local disk is let through."""
    with rig.opened("sqlite", tmp_path, databases) as made:
        with patch.object(host_lock, "file_system", lambda _: kind):
            for command in (("daemon",), ("init",)):
                ran = made.run(*command, who="stew")
                told(ran, 1)
                assert f"lies on a network file system ({kind})" in ran.words[0]
                assert "put it on a local disk, or use PostgreSQL" in ran.words[0]
            assert f"network file system ({kind})" in made.run("doctor", who="stew").out
            told(made.run("crisis", who="dora"), 0)
        told(made.run("init", who="stew"), 0)
