"""What goes wrong around a store: a wire that is cut, a lock that somebody else holds, a disk that is full, another user."""

from __future__ import annotations

import os
import resource
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest

from tests.support import city as cities
from tests.support.city import City
from tests.support.databases import libpq

NOBODY = 65534
HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
held.execute("ROLLBACK")
"""
AS_NOBODY = """
import encodings, importlib, os, pkgutil, psycopg, sqlite3, sys, zoneinfo
import calendars, commands, config, connectors, governance, records, scheduler, store
for room in (calendars, commands, config, connectors, governance, records, scheduler, store):
    for found in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
        if ".migrations" not in found.name:
            importlib.import_module(found.name)
for found in pkgutil.iter_modules(encodings.__path__):
    if found.name not in ("mbcs", "oem", "cp65001"):
        importlib.import_module("encodings." + found.name)
import cli
from sqlalchemy.dialects import sqlite, postgresql
from sqlalchemy.dialects.postgresql import psycopg as _driver
from governance import roles
roles.in_force()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
cli.main()
"""
"""Everything is loaded first: the interpreter's own folder may be closed to others."""
FULL = "could not extend file: No space left on device"


def city_at(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> City:
    """A city below `folder` whose store is `url`; this process is in it."""
    (folder / "city").mkdir()
    made = cities.make(folder / "city", url)
    monkeypatch.setenv("STANDFAST_CONFIG", str(made.settings_file))
    monkeypatch.chdir(made.root)
    return made


class Wire:
    """A TCP relay on loopback to (host, port): `cut` refuses and drops everything, `mend` takes calls again."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.port = 0
        self.mend()

    def mend(self) -> None:
        """Listen (again, on the same port)."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Refuse new connections and drop those that stand."""
        assert self._listener is not None
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._target) as far:
            ends = {near: far, far: near}
            self._open |= ends.keys()
            with suppress(OSError):
                while all(self._passed(source, ends[source]) for source in select.select([near, far], [], [])[0]):
                    pass
            self._open -= ends.keys()

    @staticmethod
    def _passed(source: socket.socket, target: socket.socket) -> bool:
        data = source.recv(65536)
        target.sendall(data)
        return bool(data)


@contextmanager
def foreign_lock(url: str) -> Iterator[int]:
    """The pid of a process, unknown to the city, that holds the SQLite store's write lock until the block ends."""
    command = [sys.executable, "-c", HOLD, url.removeprefix("sqlite:///")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder.pid
        finally:
            holder.communicate()


def as_nobody(city: City, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What ``standfast ARGUMENTS`` said to the user ``nobody`` (to this one, when it is not root)."""
    command = [sys.executable, "-c", AS_NOBODY if os.geteuid() == 0 else "import cli; cli.main()", *arguments]
    return subprocess.run(
        command,
        cwd=city.root,
        env={**city.environ, "HOME": str(city.root), "XDG_CONFIG_HOME": str(city.root / "none"), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def give_to_nobody(*places: Path) -> None:
    """Let the user ``nobody`` own these files and folders, and what is in them."""
    if os.geteuid() == 0:
        for place in places:
            for path in (place, *place.rglob("*")):
                os.chown(path, NOBODY, NOBODY)


class Postgres:
    """The administrator of the test's own PostgreSQL database."""

    says = "has no room left on its disk"

    def __init__(self, url: str) -> None:
        self._server, _, self.name = libpq(url).rpartition("/")

    def do(self, *statements: str, inside: bool = False) -> None:
        """Run statements, as the administrator; `inside` the database itself."""
        database = self.name if inside else "postgres"
        with psycopg.connect(f"{self._server}/{database}", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def drop_connections(self) -> None:
        """End everybody who is connected to it."""
        self.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")

    def set_read_only(self, state: str) -> None:
        """Answer every write with an error (``on``), or not (``off``)."""
        self.do(f"ALTER DATABASE {self.name} SET default_transaction_read_only = {state}")
        self.drop_connections()

    def fill(self, *_pids: int) -> None:
        """Answer every write as the server does when its disk is full."""
        body = f"BEGIN RAISE EXCEPTION '{FULL}' USING ERRCODE = 'disk_full'; END"
        loop = (
            "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP "
            "EXECUTE format('CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON %I "
            "FOR EACH STATEMENT EXECUTE FUNCTION full_disk()', t); END LOOP; END $$"
        )
        self.do(f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$", loop, inside=True)

    def free(self) -> None:
        """Make room again."""
        self.do("DROP FUNCTION full_disk() CASCADE", inside=True)


class SmallDisk:
    """A file system of a few megabytes at `place`."""

    says = "has no room left on its disk"

    def __init__(self, place: Path) -> None:
        self._filler = place / "filler"

    def fill(self, *_pids: int) -> None:
        """Leave no room at all."""
        with self._filler.open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(b"\0" * size):
                        pass

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink()


class SizeLimit:
    """For those who may not mount: no file of these processes may grow beyond what the store's log has now."""

    says = "check the disk"

    def __init__(self, place: Path) -> None:
        self._place = place
        self._limited: list[int] = []

    def fill(self, *pids: int) -> None:
        """Let nothing grow; commands inherit it from this process."""
        (log,) = self._place.glob("*-wal")
        self._limited = [os.getpid(), *pids]
        self._limit(log.stat().st_size)

    def free(self) -> None:
        """Let files grow again."""
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for pid in self._limited:
            with suppress(ProcessLookupError):
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size if hard < 0 else min(size % 2**63, hard), hard))


@contextmanager
def small_disk(place: Path) -> Iterator[SmallDisk | SizeLimit]:
    """A small disk mounted at `place`, or the nearest thing to it where mounting is not allowed."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        limit = SizeLimit(place)
        try:
            yield limit
        finally:
            limit.free()
        return
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


def open_to_all(place: Path) -> None:
    """Let others pass through the folders that lead to `place`, as far as they are the tests' own."""
    for folder in (place, *place.parents):
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith(("pytest-", "test_", "popen-")):
            folder.chmod(0o755)


def share(place: Path) -> None:
    """Let everybody read and write what is in `place`."""
    for path in (place, *place.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


def make_read_only(folder: Path) -> None:
    """Let nobody but root write this folder and what is in it."""
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)


def patience(seconds: float) -> None:
    """Let time pass: for statements about what does not happen meanwhile."""
    Event().wait(seconds)
