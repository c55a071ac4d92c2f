"""Who is alive: dead only when proven, and only a registered process that is what it says may be ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from scheduler import liveness
from scheduler.liveness import Process
from tests.support.city import CHECKOUT

WRITER = """
import sys
from contextlib import ExitStack
from pathlib import Path
from scheduler import liveness
with ExitStack() as stack:
    for kind in sys.argv[2:]:
        stack.enter_context(liveness.registered(Path(sys.argv[1]), kind))
    print("registered", flush=True)
    sys.stdin.read()
"""


@contextmanager
def writer(folder: Path, *kinds: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that is registered as `kinds` until it is told to end or killed."""
    environ = {"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", WRITER, str(folder), *kinds]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as made:
        assert made.stdout is not None
        assert made.stdout.readline() == b"registered\n"
        try:
            yield made
        finally:
            made.kill()


def _only(folder: Path) -> Process:
    (process,) = liveness.known(folder)
    return process


def test_a_registered_process_is_alive_until_it_ends(tmp_path: Path) -> None:
    with liveness.registered(tmp_path / "workers", "daemon") as own:
        assert _only(tmp_path / "workers") == own
        assert (own.pid, own.kind, own.host) == (os.getpid(), "daemon", liveness.host())
        assert not liveness.is_dead(own)
        assert not liveness.lock_is_free(Path(own.lock_file))
        assert liveness.clear_dead(tmp_path / "workers") == 0
    assert liveness.known(tmp_path / "workers") == []


def test_ids_are_never_used_again(tmp_path: Path) -> None:
    seen = set()
    for _ in range(20):
        with liveness.registered(tmp_path, "daemon") as own:
            seen.add(own.id)
    assert len(seen) == 20


def test_a_killed_process_is_dead_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    """KS-6 and the rescue stand on this: frozen is not dead."""
    with writer(tmp_path, "daemon") as other:
        process = _only(tmp_path)
        assert process.pid == other.pid
        os.kill(other.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, other.pid, os.WSTOPPED)
        assert liveness.pid_state(other.pid) == "T"
        assert not liveness.is_dead(process)
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        assert liveness.is_dead(process)
        assert (liveness.pid_state(other.pid), liveness.pid_start(other.pid)) == (None, None)
        assert liveness.clear_dead(tmp_path) == 1
    assert liveness.known(tmp_path) == []


def test_a_zombie_counts_as_gone(tmp_path: Path) -> None:
    with writer(tmp_path, "daemon") as other:
        process = _only(tmp_path)
        os.kill(other.pid, signal.SIGKILL)
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert liveness.pid_state(other.pid) == "Z"
        assert liveness.is_dead(process)


CHANGES: dict[str, tuple[Callable[[Process, Path], Process], bool]] = {
    "as it is": (lambda own, folder: own, False),
    "another host": (lambda own, folder: replace(own, host="elsewhere", boot_id="x", pid=2**22 + 1), False),
    "this host before it was renamed": (
        lambda own, folder: replace(own, host="before", lock_file=str(folder / "f")),
        True,
    ),
    "renamed since, lock held": (lambda own, folder: replace(own, host="before", pid_start=1), False),
    "a container's file": (
        lambda own, folder: replace(own, host="other", pid_start=1, lock_file=str(folder / "gone")),
        False,
    ),
    "a container's file, in a folder that may not be looked into": (
        lambda own, folder: replace(own, host="other", pid_start=1, lock_file=str(folder / ("x" * 300))),
        False,
    ),
    "renamed with a restart": (lambda own, folder: replace(own, host="before", boot_id="before the restart"), False),
    "another boot": (lambda own, folder: replace(own, boot_id="before the restart"), True),
    "number used again": (lambda own, folder: replace(own, pid_start=1, lock_file=str(folder / "gone")), True),
    "file removed, process there": (lambda own, folder: replace(own, lock_file=str(folder / "gone")), False),
    "lock held, number used again": (lambda own, folder: replace(own, pid_start=1), False),
    "lock cannot be opened": (lambda own, folder: replace(own, pid_start=1, lock_file=str(folder / "f" / "x")), False),
}


@pytest.mark.parametrize("case", CHANGES)
def test_dead_is_only_what_is_proven(tmp_path: Path, case: str) -> None:
    """An unreachable host is listed, never assumed dead."""
    (tmp_path / "f").touch()
    change, dead = CHANGES[case]
    with liveness.registered(tmp_path / "workers", "daemon") as own:
        assert liveness.is_dead(change(own, tmp_path)) is dead


def test_rubbish_among_the_lock_files_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.lock").write_text("{")
    (tmp_path / "b.lock").write_text('{"id": "x"}')
    (tmp_path / "c.lock").write_bytes(b"\xff")
    (tmp_path / "d.lock").mkdir()
    (tmp_path / "e.lock").write_text("[]")
    with liveness.registered(tmp_path, "daemon") as own:
        assert liveness.known(tmp_path) == [own]
    assert liveness.known(tmp_path / "nowhere") == []


def test_a_stop_does_not_wait_for_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "workers").touch()
    with liveness.registered_or_not(tmp_path / "workers", liveness.SWITCH) as own:
        assert own is None
    with liveness.registered_or_not(tmp_path / "others", liveness.SWITCH) as own:
        assert own is not None


def test_a_registered_process_is_ended(tmp_path: Path) -> None:
    with writer(tmp_path, "calendar sync") as other:
        ended = liveness.end(tmp_path, other.pid)
        assert ended is not None
        assert (ended.pid, ended.kind) == (other.pid, "calendar sync")
        assert other.wait() == -signal.SIGKILL


@pytest.mark.parametrize("kinds", [("switch",), ("daemon", "switch"), ("switch", "daemon")])
def test_a_process_in_crisis_or_resume_is_never_ended(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    """PROTOCOL: also when the same process is registered as something else besides."""
    with writer(tmp_path, *kinds) as other:
        assert liveness.end(tmp_path, other.pid) is None
        assert other.poll() is None


def test_a_process_that_is_not_registered_is_not_ended(tmp_path: Path) -> None:
    with writer(tmp_path / "elsewhere", "daemon") as other:
        assert liveness.end(tmp_path, other.pid) is None
        assert other.poll() is None


@pytest.mark.parametrize("changed", [{"pid_start": 1}, {"boot_id": "before"}])
def test_a_number_that_is_another_process_s_by_now_is_not_hit(tmp_path: Path, changed: dict[str, object]) -> None:
    with writer(tmp_path, "daemon") as other:
        process = _only(tmp_path)
        Path(process.lock_file).write_text(json.dumps(asdict(replace(process, **changed))))
        assert liveness.end(tmp_path, other.pid) is None
        assert other.poll() is None


def test_a_process_that_registered_before_this_host_was_renamed_is_ended(tmp_path: Path) -> None:
    """KS-6: its number, start and boot are its own, and it holds its lock."""
    with writer(tmp_path, "daemon") as other:
        process = _only(tmp_path)
        Path(process.lock_file).write_text(json.dumps(asdict(replace(process, host="before"))))
        assert liveness.end(tmp_path, other.pid) is not None
        assert other.wait() == -signal.SIGKILL


def test_a_file_that_another_host_left_names_nobody_here(tmp_path: Path) -> None:
    """Nobody holds its lock."""
    with writer(tmp_path / "own", "daemon") as other:
        left = replace(_only(tmp_path / "own"), host="elsewhere")
        (tmp_path / "left.lock").write_text(json.dumps(asdict(left)))
        assert liveness.end(tmp_path, other.pid) is None
        assert other.poll() is None


def test_the_proof_that_a_process_from_before_a_rename_is_dead_is_not_cleared_away(tmp_path: Path) -> None:
    """Its attempts are taken up after the files are cleared, and a start may be interrupted between the two."""
    with liveness.registered(tmp_path / "own", "daemon") as own:
        left = replace(own, host="before", lock_file=str(tmp_path / "left.lock"))
    Path(left.lock_file).write_text(json.dumps(asdict(left)))
    assert liveness.is_dead(left)
    assert liveness.clear_dead(tmp_path) == 0
    assert liveness.is_dead(left)


def test_a_number_that_nobody_has_is_nobody(tmp_path: Path) -> None:
    with liveness.registered(tmp_path, "daemon") as own:
        Path(own.lock_file).write_text(json.dumps(asdict(replace(own, pid=2**22 + 1))))
        assert liveness.end(tmp_path, 2**22 + 1) is None
