"""The store is locked, gone, read-only or full: closed, told in one line, and nothing of what was done is lost.

I8, KS-4: an unreadable store authorises nothing. The stop works all the same, through the cell.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from config import clock
from scheduler import stop_cell
from store.engine import open_engine
from store.lock import LOCK_KEY
from tests.faults import places
from tests.faults.places import Postgres, Wire
from tests.support.databases import Databases, libpq
from tests.support.live_city import DaemonProcess, LiveCity, X, live_city, until


def one_line(ran: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one line that a refused command said."""
    assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "this is a bug" not in ran.stderr
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    return ran.stderr.strip()


def not_recorded(live: LiveCity) -> str:
    """What `crisis` said when it set the cell and could not record the stop: exit code 20."""
    ran = live.run("crisis", "--reason", "storm", who="dora")
    assert ran.returncode == 20, (ran.returncode, ran.stderr)
    told = ran.stderr.splitlines()
    assert any(line.startswith("NOT RECORDED") for line in told[:2]), (
        ran.stderr
    )  # after a word of waiting, where it waits
    assert "Traceback" not in ran.stderr
    assert "The stop cell is set" in ran.stderr
    assert stop_cell.read(live.city.data_dir / "stop.cell").stops
    return ran.stderr


def adopted(live: LiveCity) -> None:
    """The running daemon has recorded the stop that only the cell knew."""
    until(lambda: _stopped(live), "the stop is in the ledger")


def _stopped(live: LiveCity) -> bool:
    data = json.loads(live.run("crisis", "status", "--json").stdout)
    return [item["by"] for item in data.get("suspensions", [])] == ["stop cell"] and not data["stop_cell_unrecorded"]


def silent_then_resumed(live: LiveCity, sent_before: list[str]) -> None:
    """KS-6: what is due stays where it is until a person resumes; then it waits to be released, and goes out."""
    post = live.queue(X, "behind the stop")
    until(lambda: clock.wall_us() > live.post(post).due_at + clock.SECOND, "its time has passed")
    assert live.texts() == sent_before
    live.resume()
    assert live.post(post).state == "held"
    assert live.run("post", "release", str(post), who="omar").returncode == 0
    live.await_state(post, "published")
    assert live.texts() == [*sent_before, "behind the stop"]


# --- locked ----------------------------------------------------------------------------------------------------------


def test_a_locked_store_refuses_a_command_in_one_line_and_nothing_is_done(sqlite_live: LiveCity) -> None:
    with places.foreign_lock(sqlite_live.city.url):
        ran = sqlite_live.run("post", "add", "--channel", X, "--at", "2190-01-01 09:00", "--text", "no", who="ann")
        line = one_line(ran)
        assert "is locked by another process" in line
        assert "wait a moment" in line
        assert sqlite_live.json("crisis", "status")["suspended"] is False
    assert sqlite_live.json("post", "list")["posts"] == []
    assert (
        sqlite_live.run(
            "post", "add", "--channel", X, "--at", "2190-01-01 09:00", "--text", "yes", who="ann"
        ).returncode
        == 0
    )


def test_a_locked_server_refuses_a_command_in_one_line_and_nothing_is_done(postgres_live: LiveCity) -> None:
    words = ("post", "add", "--channel", X, "--at", "2190-01-01 09:00", "--text", "once")
    with psycopg.connect(libpq(postgres_live.city.url)) as foreign:
        foreign.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        assert "is locked by another session: wait a moment" in one_line(postgres_live.run(*words, who="ann"))
        foreign.rollback()
    assert postgres_live.json("post", "list")["posts"] == []
    assert postgres_live.run(*words, who="ann").returncode == 0


def test_a_stop_on_a_locked_store_is_in_the_cell_and_recorded_later(sqlite_live: LiveCity) -> None:
    """KS-1, KS-4, KS-6: a lock held by a process that is none of ours: exit code 20, closed at once, adopted later."""
    live = sqlite_live
    live.start_daemon()
    first = live.queue(X, "before")
    live.await_state(first, "published")
    with places.foreign_lock(live.city.url) as holder:
        began = clock.boot_s()
        said = not_recorded(live)
        assert clock.boot_s() - began < 30
        assert f"process {holder}" in said
    adopted(live)
    silent_then_resumed(live, ["before"])


def test_a_foreign_session_with_the_lock_of_postgresql_is_ended(postgres_live: LiveCity) -> None:
    """The hostage rule: on PostgreSQL whoever holds the store's lock for a second is ended, and the stop is recorded."""
    with psycopg.connect(libpq(postgres_live.city.url)) as foreign:
        foreign.execute(f"SELECT pg_advisory_xact_lock_shared({LOCK_KEY})")
        receipt = postgres_live.crisis()
        assert receipt["quiet_confirmed"]
        assert receipt["ended"]
        with pytest.raises(psycopg.OperationalError):
            foreign.execute("SELECT 1")


# --- gone ------------------------------------------------------------------------------------------------------------


class Away:
    """A store that can go away and come back, while its city lives."""

    def __init__(self, live: LiveCity, wire: Wire | None) -> None:
        self.live, self.wire = live, wire
        self.file = Path(live.city.url.removeprefix("sqlite:///"))
        self.aside = self.file.parent / "aside"

    def go(self) -> None:
        if self.wire is not None:
            self.wire.cut()
            return
        self.aside.mkdir()
        for path in self.file.parent.glob(self.file.name + "*"):
            if path.suffix != ".lock":
                path.rename(self.aside / path.name)

    def wait_until_noticed(self, daemon: DaemonProcess) -> None:
        """The daemon lives on without a server; without its own file it ends, for what comes back may be another."""
        if self.wire is None:
            assert daemon.process.wait(timeout=20) == 1
            assert "was replaced or removed while the daemon ran" in daemon.lines[-1]
            return
        until(lambda: any("duty failed" in line for line in daemon.lines), "the daemon has noticed")
        places.patience(1.5)
        assert daemon.process.poll() is None

    def come_back(self) -> None:
        if self.wire is not None:
            self.wire.mend()
            return
        for path in self.aside.iterdir():
            path.rename(self.file.parent / path.name)

    def restart(self) -> None:
        """A new daemon where the old one has ended."""
        if self.wire is None:
            self.live.start_daemon()


@pytest.fixture(params=["sqlite", "postgresql"])
def away(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Away]:
    """A live city whose store can be taken away: the file is moved, or the wire to the server is cut."""
    if request.param == "sqlite":
        with live_city(
            places.city_at(tmp_path, request.getfixturevalue("sqlite_url"), monkeypatch), busy_timeout="1s"
        ) as live:
            yield Away(live, None)
        return
    direct = request.getfixturevalue("postgres_url")
    parsed = make_url(direct)
    wire = Wire(str(parsed.host), int(parsed.port or 0))
    through = parsed.set(port=wire.port).render_as_string(hide_password=False)
    with live_city(places.city_at(tmp_path, through, monkeypatch), busy_timeout="1s") as live:
        live.engine.dispose()
        live.engine = open_engine(direct)
        yield Away(live, wire)
        live.engine.dispose()
    wire.cut()


def test_without_its_store_the_daemon_stays_closed_and_goes_on_when_it_is_back(away: Away) -> None:
    """KS-4, I8: nothing goes out while the store is gone; the daemon lives, and what is due goes out afterwards."""
    live = away.live
    daemon = live.start_daemon()
    live.await_state(live.queue(X, "before"), "published")
    waiting = live.queue(X, "while it was gone", 1.0)
    due = live.post(waiting).due_at
    away.go()
    away.wait_until_noticed(daemon)
    until(lambda: clock.wall_us() > due + clock.SECOND, "its time has passed")
    assert live.texts() == ["before"]
    away.come_back()
    away.restart()
    live.await_state(waiting, "published")
    assert live.texts() == ["before", "while it was gone"]


def test_a_stop_without_the_store_is_in_the_cell_and_recorded_when_it_is_back(away: Away) -> None:
    """KS-1, KS-4, KS-6: crisis ends with 20 and the cell set, status with 10; only resume lifts it afterwards."""
    live = away.live
    daemon = live.start_daemon()
    live.await_state(live.queue(X, "before"), "published")
    away.go()
    not_recorded(live)
    away.wait_until_noticed(daemon)
    status = live.run("crisis", "status")
    assert status.returncode == 10
    assert status.stdout.startswith("NOT READABLE")
    assert "the stop cell says: stop" in status.stdout
    away.come_back()
    away.restart()
    adopted(live)
    silent_then_resumed(live, ["before"])


def test_commands_without_the_store_say_so_in_one_line(away: Away) -> None:
    live = away.live
    away.go()
    for command in (("post", "list"), ("channel", "list"), ("post", "cancel", "1"), ("records", "verify"), ("daemon",)):
        line = one_line(live.run(*command, who="omar"))
        assert "the store " in line
        assert any(word in line for word in ("does not exist", "does not answer", "cannot be opened")), line
    for confirmed in ((), ("--confirm", "ABCD")):
        one_line(live.run("resume", "--reason", "clear", *confirmed, who="omar"))
    away.come_back()
    assert live.json("crisis", "status")["suspended"] is False


def test_a_store_that_was_replaced_under_the_daemon_closes_it(sqlite_live: LiveCity) -> None:
    """KS-4, KS-5: another file under the same name is not trusted: nothing goes out until a restart has looked at it."""
    live = sqlite_live
    file = Path(live.city.url.removeprefix("sqlite:///"))
    live.engine.dispose()
    shutil.copyfile(file, file.with_suffix(".copy"))
    daemon = live.start_daemon()
    live.await_state(live.queue(X, "before"), "published")
    live.engine.dispose()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    file.with_suffix(".copy").rename(file)
    post = live.queue(X, "into the copy")
    assert daemon.process.wait(timeout=20) == 1
    assert "start it again" in daemon.lines[-1]
    assert live.texts() == ["before"]
    again = live.start_daemon()
    assert any("SUSPENDED" in line for line in again.lines)
    assert "does not show it" in str(live.await_state(post, "held").hold_reason)
    assert live.texts() == ["before"]


# --- read-only -------------------------------------------------------------------------------------------------------


@pytest.fixture
def closed_live(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveCity]:
    """A city whose owner is not root, and whose database file somebody made read-only."""
    places.open_to_all(tmp_path)
    store = tmp_path / "store"
    store.mkdir()
    with live_city(places.city_at(tmp_path, databases.sqlite(store), monkeypatch), busy_timeout="1s") as live:
        live.engine.dispose()
        places.give_to_nobody(live.city.root)
        places.make_read_only(store)
        yield live
        store.chmod(0o755)


def test_a_read_only_store_refuses_writes_in_one_line_and_the_cell_still_stops(closed_live: LiveCity) -> None:
    """KS-4: `post add` and the daemon name it; crisis ends with 20, and the cell is set."""
    city, tokens = closed_live.city, closed_live.tokens
    words = ("post", "add", "--channel", X, "--at", "2190-01-01 09:00", "--text", "no")
    line = one_line(places.as_nobody(city, *words, STANDFAST_TOKEN=tokens["ann"]))
    assert "permissions" in line, line
    line = one_line(places.as_nobody(city, "daemon"))
    assert "ermission" in line, line
    ran = places.as_nobody(city, "crisis", STANDFAST_TOKEN=tokens["dora"])
    assert ran.returncode == 20, ran.stderr
    assert "The stop cell is set" in ran.stderr
    assert stop_cell.read(city.data_dir / "stop.cell").stops
    assert closed_live.json("post", "list")["posts"] == []


def test_a_read_only_server_closes_the_daemon_until_it_takes_writes_again(postgres_live: LiveCity) -> None:
    """KS-4, I8: nothing is authorised without a row; the stop goes into the cell and is recorded later."""
    live, server = postgres_live, Postgres(postgres_live.city.url)
    live.start_daemon()
    live.await_state(live.queue(X, "before"), "published")
    waiting = live.queue(X, "meanwhile", 1.5)
    server.set_read_only("on")
    line = one_line(live.run("post", "cancel", str(waiting), who="omar"))
    assert "cannot be written" in line
    until(lambda: clock.wall_us() > live.post(waiting).due_at + clock.SECOND, "its time has passed")
    assert live.texts() == ["before"]
    not_recorded(live)
    server.set_read_only("off")
    adopted(live)
    assert live.texts() == ["before"]
    assert live.resume()["held"] == 1
    assert live.post(waiting).state == "held"


# --- full ------------------------------------------------------------------------------------------------------------


class Disk:
    """A store whose disk can be filled."""

    def __init__(self, live: LiveCity, small: places.SmallDisk | places.SizeLimit | Postgres) -> None:
        self.live, self.small = live, small


@pytest.fixture(params=["sqlite", "postgresql"])
def disk(
    request: pytest.FixtureRequest, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Disk]:
    """A city on a disk of a few megabytes, which can be filled; PostgreSQL answers as it does on a full disk."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        with live_city(places.city_at(tmp_path, url, monkeypatch), busy_timeout="1s") as live:
            yield Disk(live, Postgres(url))
        return
    place = tmp_path / "small"
    place.mkdir()
    with places.small_disk(place) as small:
        url = databases.sqlite(place)
        with live_city(places.city_at(place, url, monkeypatch), busy_timeout="1s") as live:
            yield Disk(live, small)
            live.engine.dispose()
        monkeypatch.undo()


def test_on_a_full_disk_the_outcome_is_kept_in_mind_and_the_stop_is_in_the_cell(disk: Disk) -> None:
    """I5, KS-1, KS-4: the call in flight is never called unsent, its outcome is paid later; the cell needs no room."""
    live = disk.live
    live.sandbox.fault("delay", seconds=2, text="in flight")
    daemon = live.start_daemon()
    post = live.queue(X, "in flight")
    until(lambda: live.sandbox.arrivals(), "the call has arrived")
    disk.small.fill(daemon.process.pid)
    until(lambda: any("outcome not recorded yet" in line for line in daemon.lines), "the outcome could not be written")
    assert [attempt.state for attempt in live.attempts(post)] == ["sending"]
    ran = live.run("post", "add", "--channel", X, "--at", "2190-01-01 09:00", "--text", "no", who="ann")
    assert disk.small.says in one_line(ran)
    not_recorded(live)
    disk.small.free()
    assert live.await_state(post, "published").link
    adopted(live)
    silent_then_resumed(live, ["in flight"])
    assert [attempt.state for attempt in live.attempts(post)] == ["published"]
