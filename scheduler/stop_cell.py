"""The STOP cell: a small file, laid down once and overwritten in place, that stops this host without the database.

It holds the fence, an epoch that never falls, and the ids of stops that the ledger may not know yet. At the last look an
attempt passes only when no stop stands here and its authorise epoch has reached the fence. Missing, unreadable or garbled
means stop. Overwriting a laid-down block needs no free space; one `pwrite` below a page either lands or fails the checksum.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config import failpoint
from config.fault import Fault
from scheduler import file_lock

SIZE = 512
HEAD = "STANDFAST STOP CELL 1"
MOST_STOPS = 12
"""More stops than fit are dropped: those that stand already stop everything."""


class CellError(Fault):
    """The cell cannot be read or written: one line that names the file and the reason."""


@dataclass(frozen=True)
class Cell:
    """What the cell says: the fence epoch, and the request ids of stops not yet turned into a fence."""

    fence: int = 0
    stops: tuple[str, ...] = ()


def read(path: Path) -> Cell:
    """The cell's content. Raises CellError when it is missing, unreadable or garbled: that means stop."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            block = os.pread(descriptor, SIZE + 1, 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CellError(f"stop cell {path}: {error.strerror}") from None
    return _parse(path, block)


def refusal(path: Path, authorise_epoch: int) -> str | None:
    """Why an attempt authorised in `authorise_epoch` must not be sent now, or None when the cell lets it pass."""
    try:
        cell = read(path)
    except CellError as error:
        return str(error)
    if cell.stops:
        return "the stop cell says stop"
    if authorise_epoch < cell.fence:
        return f"authorised in epoch {authorise_epoch}, but the fence stands at {cell.fence}"
    return None


def lay_down(path: Path, fence: int) -> bool:
    """True when the cell was made (with its space); False when one was there already, which stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with failpoint.step("cell.write"):
            _write(descriptor, Cell(fence))
        with failpoint.step("cell.link"):
            os.link(fresh, path)
    except FileExistsError:
        return False
    finally:
        os.close(descriptor)
        fresh.unlink()
    return True


def stop(path: Path, request_id: str) -> None:
    """Write a stop into the cell; returns once it is on the disk. Raises CellError.

    A lock that cannot be had at once is not waited for: stopping twice is harmless, stopping late is not.
    """
    with _opened(path, 0.2, "crisis.cell") as (descriptor, _):
        before = _current(path, descriptor)
        if request_id not in before.stops:
            stops = (*before.stops, request_id)[:MOST_STOPS]
            with failpoint.step("crisis.cell", "write"):
                _write(descriptor, Cell(before.fence, stops))


def raise_fence(path: Path, epoch: int, recorded: Collection[str], step: str = "") -> Cell:
    """The cell after its fence rose to at least `epoch` and the stops that the ledger has (`recorded`) are taken out.

    A cell that was missing or garbled is laid down anew. Raises CellError when the lock or the file cannot be had: the
    cell then stays as it is, which is never more open. `step` names the failpoints.
    """
    with _opened(path, 2.0, step) as (descriptor, locked):
        if not locked:
            raise CellError(f"stop cell {path}: another process holds it; the next writer raises the fence")
        before = _current(path, descriptor)
        after = Cell(max(before.fence, epoch), tuple(item for item in before.stops if item not in recorded))
        if after != before or os.fstat(descriptor).st_size != SIZE:
            with failpoint.step(step, "write"):
                _write(descriptor, after)
        return after


def _current(path: Path, descriptor: int) -> Cell:
    try:
        return _parse(path, os.pread(descriptor, SIZE + 1, 0))
    except CellError:
        return Cell()


@contextmanager
def _opened(path: Path, wait_s: float, step: str) -> Iterator[tuple[int, bool]]:
    descriptor = -1
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with failpoint.step(step, "lock"):
            locked = file_lock.acquire(descriptor, wait_s)
        yield descriptor, locked
    except OSError as error:
        raise CellError(f"stop cell {path}: {error.strerror}") from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _write(descriptor: int, cell: Cell) -> None:
    body = f"{HEAD}\nfence {cell.fence}\nstops {','.join(cell.stops)}\n"
    text = f"{body}crc {zlib.crc32(body.encode()):08x}\n"
    block = text.encode("ascii").ljust(SIZE, b" ")
    if os.pwrite(descriptor, block, 0) != SIZE:
        raise OSError(0, "the cell was not written whole")
    os.fsync(descriptor)


def _parse(path: Path, block: bytes) -> Cell:
    try:
        lines = block.decode("ascii").split("\n")
        body = "\n".join(lines[:3]) + "\n"
        head, fence, stops, crc = lines[:4]
        if head != HEAD or crc != f"crc {zlib.crc32(body.encode()):08x}" or len(block) != SIZE:
            raise ValueError
        names = stops.removeprefix("stops ").strip()
        return Cell(int(fence.removeprefix("fence ")), tuple(names.split(",")) if names else ())
    except ValueError:
        raise CellError(f"stop cell {path}: its content is not a stop cell's") from None
