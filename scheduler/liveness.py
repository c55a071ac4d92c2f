"""Who is alive: every process that writes to the store holds a lock file on its host for as long as it lives.

A process is dead only when that is proven: its boot is over, or its lock is free and no process has its number and start
time. A process of another host is never assumed dead; where only the name of this one changed since its boot, a lock file
that is here and free proves it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from config import clock, essentials, failpoint

SWITCH = "switch"
"""The kind of crisis and resume: such a process is never ended by another."""


@dataclass(frozen=True)
class Process:
    """A registered process: `kind` is a word for people (``daemon``, ``calendar sync``)."""

    id: str
    kind: str
    host: str
    boot_id: str
    pid: int
    pid_start: int
    lock_file: str


def host() -> str:
    """This host's name."""
    return os.uname().nodename


def pid_start(pid: int) -> int | None:
    """When process `pid` started (clock ticks since boot), None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def pid_state(pid: int) -> str | None:
    """The kernel's letter for what process `pid` does (``T``: stopped), None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[0]


@contextmanager
def registered(workers_dir: Path, kind: str) -> Iterator[Process]:
    """This process, registered under a fresh id until the block ends."""
    workers_dir.mkdir(parents=True, exist_ok=True)
    own = uuid.uuid4().hex
    path = workers_dir / f"{own}.lock"
    process = Process(own, kind, host(), clock.boot_id(), os.getpid(), pid_start(os.getpid()) or 0, str(path))
    with failpoint.step("register.make"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with failpoint.step("register.lock"):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with failpoint.step("register.write"):
            os.write(descriptor, json.dumps(asdict(process)).encode())
        yield process
    finally:
        with suppress(OSError), failpoint.step("register.remove"):
            path.unlink()
        os.close(descriptor)


@contextmanager
def registered_or_not(workers_dir: Path, kind: str) -> Iterator[Process | None]:
    """`registered`, or None where no file can be made (a full disk, no city here): a stop never waits for that."""
    with ExitStack() as stack:
        process: Process | None = None
        with suppress(OSError):
            if workers_dir.parent.is_dir():  # a command in the wrong folder makes none
                process = stack.enter_context(registered(workers_dir, kind))
        yield process


def known(workers_dir: Path) -> list[Process]:
    """The processes that have a lock file here, dead ones included."""
    found = []
    with suppress(OSError):
        for path in sorted(workers_dir.glob("*.lock")):
            with suppress(OSError, ValueError, TypeError):
                written = json.loads(path.read_text(encoding="utf-8"))
                # Where it lies, not where it says it lies: what is cleared away is removed by this path.
                found.append(Process(**{**written, "lock_file": str(path)}))
    return found


def is_dead(process: Process) -> bool:
    """True only when `process` is proven to be gone."""
    if process.boot_id != clock.boot_id():
        return process.host == host()
    lock_file = Path(process.lock_file)
    if process.host != host():  # this kernel under another name, or a container: its numbers and files may not be ours
        return essentials.is_there(lock_file) and lock_is_free(lock_file)
    return lock_is_free(lock_file) and pid_start(process.pid) != process.pid_start


def lock_is_free(path: Path) -> bool:
    """True when nobody holds the lock on `path`, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def clear_dead(workers_dir: Path) -> int:
    """How many lock files of dead processes were removed.

    Of a process that registered under another name of this host its file is the only proof, and stays: whoever takes up
    its attempts comes later.
    """
    dead = [process for process in known(workers_dir) if process.host == host() and is_dead(process)]
    for process in dead:
        Path(process.lock_file).unlink(missing_ok=True)
    return len(dead)


def end(workers_dir: Path, pid: int) -> Process | None:
    """The registered process `pid` of this host after SIGKILL; None when it is none, or is a crisis or resume itself.

    A pidfd is opened first and the identity compared after, so that a reused number is never hit. One that registered before
    this host was renamed still holds its lock.
    """
    here = [item for item in known(workers_dir) if (item.pid, item.boot_id) == (pid, clock.boot_id())]
    here = [item for item in here if item.host == host() or not lock_is_free(Path(item.lock_file))]
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        same = [item for item in here if item.pid_start == pid_start(pid)]
        if not same or any(item.kind == SWITCH for item in same):
            return None
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        return same[0]
    except OSError:
        return None
    finally:
        os.close(descriptor)
