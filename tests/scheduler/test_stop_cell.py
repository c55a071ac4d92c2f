"""The STOP cell: what cannot be read stops, a stop is never lost, and the fence never falls."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import stop_cell
from scheduler.stop_cell import SIZE, Cell, CellError
from tests.support.city import CHECKOUT


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """A cell with its fence at 3."""
    file = tmp_path / "data" / "stop.cell"
    assert stop_cell.lay_down(file, 3)
    return file


def test_a_fresh_cell_lets_its_epoch_and_later_ones_pass(cell: Path) -> None:
    assert stop_cell.read(cell) == Cell(3)
    assert stop_cell.refusal(cell, 3) is stop_cell.refusal(cell, 4) is None
    assert "authorised in epoch 2, but the fence stands at 3" in str(stop_cell.refusal(cell, 2))
    assert (cell.stat().st_size, cell.stat().st_mode & 0o777) == (SIZE, 0o600)


def test_laying_it_down_again_changes_nothing(cell: Path) -> None:
    stop_cell.stop(cell, "r1")
    assert not stop_cell.lay_down(cell, 9)
    assert stop_cell.read(cell) == Cell(3, ("r1",))
    assert [path.name for path in cell.parent.iterdir()] == ["stop.cell"]


def test_a_cell_that_is_there_needs_no_disk_that_takes_writes(cell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon starts on a disk that was remounted read-only, and heeds what the cell says."""

    def refuses(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(stop_cell, "_write", refuses)
    assert not stop_cell.lay_down(cell, 9)
    assert stop_cell.read(cell).fence == 3


@pytest.mark.parametrize(
    "content", [b"", b"x", b" " * SIZE, b"\xff" * SIZE, b"STANDFAST STOP CELL 1\nfence 0\nstops \n"]
)
def test_what_is_no_cell_stops(cell: Path, content: bytes) -> None:
    """I8: garbled means stop."""
    cell.write_bytes(content)
    with pytest.raises(CellError, match="not a stop cell's"):
        stop_cell.read(cell)
    assert stop_cell.refusal(cell, 10**9) is not None


def test_every_single_changed_byte_of_what_is_said_is_noticed(cell: Path) -> None:
    """A torn write fails the checksum; none reads as a lower fence or as no stop."""
    stop_cell.stop(cell, "r1")
    whole = cell.read_bytes()
    for at in range(len(whole.rstrip())):
        cell.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(CellError, match="not a stop cell's"):
            stop_cell.read(cell)


@pytest.mark.parametrize("grown", [b" ", b"\n"])
def test_a_longer_or_shorter_file_is_no_cell(cell: Path, grown: bytes) -> None:
    whole = cell.read_bytes()
    for content in (whole + grown, whole[:-1]):
        cell.write_bytes(content)
        assert stop_cell.refusal(cell, 9) is not None


def test_missing_and_unreadable_stop(cell: Path) -> None:
    cell.unlink()
    assert "No such file" in str(stop_cell.refusal(cell, 9))
    cell.mkdir()
    assert "Is a directory" in str(stop_cell.refusal(cell, 9))


def test_a_stop_stops_every_epoch_until_the_ledger_has_it(cell: Path) -> None:
    """I6: only what the ledger knows is taken out."""
    stop_cell.stop(cell, "r1")
    stop_cell.stop(cell, "r2")
    stop_cell.stop(cell, "r1")
    assert stop_cell.read(cell).stops == ("r1", "r2")
    assert stop_cell.refusal(cell, 10**9) == "the stop cell says stop"
    assert stop_cell.raise_fence(cell, 5, {"r1"}) == Cell(5, ("r2",))
    assert stop_cell.refusal(cell, 10**9) == "the stop cell says stop"
    assert stop_cell.raise_fence(cell, 6, {"r1", "r2"}) == Cell(6)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20))
def test_the_fence_never_falls(tmp_path_factory: pytest.TempPathFactory, epochs: list[int]) -> None:
    file = tmp_path_factory.mktemp("cell") / "stop.cell"
    stop_cell.lay_down(file, 0)
    for number, epoch in enumerate(epochs):
        assert stop_cell.raise_fence(file, epoch, ()).fence == max(epochs[: number + 1])


@pytest.mark.parametrize("content", [None, b"rubbish"])
def test_a_stop_can_be_set_where_the_cell_is_lost(cell: Path, content: bytes | None) -> None:
    cell.unlink()
    if content is not None:
        cell.write_bytes(content)
    stop_cell.stop(cell, "r1")
    assert stop_cell.read(cell) == Cell(0, ("r1",))


def test_more_stops_than_fit_still_stop(cell: Path) -> None:
    names = [f"{number:032x}" for number in range(stop_cell.MOST_STOPS + 5)]
    for name in names:
        stop_cell.stop(cell, name)
    assert stop_cell.read(cell).stops == tuple(names[: stop_cell.MOST_STOPS])


def test_a_cell_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(CellError, match="No such file"):
        stop_cell.stop(tmp_path / "gone" / "stop.cell", "r1")


def test_a_stop_does_not_wait_for_a_frozen_holder_and_the_fence_does_not_pass_it(cell: Path) -> None:
    """A process stopped while it holds the cell's lock keeps nobody from stopping."""
    script = (
        "import fcntl, os, sys\nd = os.open(sys.argv[1], os.O_RDWR)\nfcntl.flock(d, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(cell)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(signal.SIGSTOP)
        stop_cell.stop(cell, "r1")
        assert stop_cell.read(cell).stops == ("r1",)
        with pytest.raises(CellError, match="another process holds it"):
            stop_cell.raise_fence(cell, 9, {"r1"})
        assert stop_cell.read(cell) == Cell(3, ("r1",))
        holder.kill()


def _before_the_first_write(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Let `act` happen while the next writer of a cell holds its lock, has read the cell and has not written yet."""
    genuine, done = stop_cell._write, []

    def stopped(*arguments: Any) -> None:
        if not done:
            done.append(True)
            act()
        genuine(*arguments)

    monkeypatch.setattr(stop_cell, "_write", stopped)


def test_a_fence_that_was_about_to_be_written_overwrites_no_stop(cell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I6: a process stopped before the write, with the lock in hand; the stop that came meanwhile was promised to stand."""
    stop_cell.stop(cell, "r1")
    _before_the_first_write(monkeypatch, lambda: stop_cell.stop(cell, "r2"))
    stop_cell.raise_fence(cell, 9, {"r1"})
    assert stop_cell.read(cell) == Cell(9, ("r2",))


def test_a_stop_that_was_about_to_be_written_overwrites_no_other(cell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I6: two stops at once, the first stopped before its write with the lock in hand."""
    _before_the_first_write(monkeypatch, lambda: stop_cell.stop(cell, "r2"))
    stop_cell.stop(cell, "r1")
    assert sorted(stop_cell.read(cell).stops) == ["r1", "r2"]


def test_stops_of_many_at_once_are_all_kept(cell: Path) -> None:
    names = [f"r{number}" for number in range(10)]
    threads = [threading.Thread(target=stop_cell.stop, args=(cell, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stop_cell.read(cell).stops) == sorted(names)


def test_a_laid_down_cell_needs_no_more_space(cell: Path) -> None:
    """KS-1: a process that may not make any file one byte longer than the cell can still stop and raise the fence."""
    script = (
        "import resource, sys; from pathlib import Path; from scheduler import stop_cell\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({SIZE}, {SIZE}))\n"
        "stop_cell.stop(Path(sys.argv[1]), 'full'); stop_cell.raise_fence(Path(sys.argv[1]), 7, ())"
    )
    environ = {"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", script, str(cell)], env=environ, check=True, timeout=30)
    assert stop_cell.read(cell) == Cell(7, ("full",))
    assert resource.getrlimit(resource.RLIMIT_FSIZE) != (SIZE, SIZE)


@pytest.mark.parametrize("where", ["pwrite", "fsync"])
def test_a_write_that_fails_is_said_and_never_opens(cell: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def full(*_arguments: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    stop_cell.stop(cell, "r0")
    monkeypatch.setattr(os, where, full)
    with pytest.raises(CellError, match="No space"):
        stop_cell.stop(cell, "r1")
    with pytest.raises(CellError, match="No space"):
        stop_cell.raise_fence(cell, 9, {"r0"} if where == "pwrite" else ())
    assert stop_cell.refusal(cell, 10**9) is not None


def test_half_a_write_is_said(cell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", lambda *_arguments: 100)
    with pytest.raises(CellError, match="not written whole"):
        stop_cell.stop(cell, "r1")


def test_a_pipe_in_the_cell_s_place_means_stop_and_is_not_waited_for(tmp_path: Path) -> None:
    """I8: `crisis` reads the cell under the store's lock."""
    file = tmp_path / "stop.cell"
    os.mkfifo(file)
    asks = (
        f"from pathlib import Path; from scheduler import stop_cell; print(stop_cell.refusal(Path({str(file)!r}), 9))"
    )
    said = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, timeout=20, check=True)
    assert said.stdout.startswith(f"stop cell {file}: ")
    with pytest.raises(CellError):
        stop_cell.stop(file, "r")
