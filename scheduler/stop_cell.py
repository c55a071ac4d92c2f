"""The STOP cell: a small file, laid down once and overwritten in place, that stops this host without the database.

It holds the fence, an epoch that never falls, and the ids of stops that the ledger may not know yet, each in a block of its
own: a process that was stopped before it writes the fence overwrites no stop that came meanwhile without its lock. At the last
look an attempt passes only when no stop stands here and its authorise epoch has reached the fence. Missing, unreadable or
garbled means stop. Overwriting a laid-down block needs no free space; one `pwrite` within a page either lands or fails the
checksum.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config import failpoint
from config.fault import Fault
from scheduler import file_lock

HEAD = "STANDFAST STOP CELL 2"
BLOCK = 128
MOST_STOPS = 12
"""More stops than fit are dropped: those that stand already stop everything."""
SIZE = BLOCK * (1 + MOST_STOPS)
FREE = b" " * BLOCK


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
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # what is no file must not be waited for
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
    if path.exists():  # a cell that cannot be written now is no reason not to start: it still stops, or lets pass
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with failpoint.step("cell.write"):
            _write(descriptor, [_head(fence), *[FREE] * MOST_STOPS])
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
    with _opened(path, 0.2, "crisis.cell") as (descriptor, locked):
        blocks = _blocks(descriptor)
        stops = [_stop_of(block) for block in blocks[1:]]
        if request_id in stops:
            return
        mended = [_head(0) if _fence_of(blocks[0]) is None else blocks[0]]
        mended += [FREE if stop is None else block for stop, block in zip(stops, blocks[1:], strict=True)]
        if (place := _free_place(mended, request_id, locked)) is not None:
            mended[place] = _stop(request_id)
        with failpoint.step("crisis.cell", "write"):
            _write(descriptor, mended, blocks)


def raise_fence(path: Path, epoch: int, recorded: Collection[str], step: str = "") -> Cell:
    """The cell after its fence rose to at least `epoch` and the stops that the ledger has (`recorded`) are taken out.

    A cell that was missing or garbled is laid down anew. Raises CellError when the lock or the file cannot be had: the
    cell then stays as it is, which is never more open. `step` names the failpoints.
    """
    with _opened(path, 2.0, step) as (descriptor, locked):
        if not locked:
            raise CellError(f"stop cell {path}: another process holds it; the next writer raises the fence")
        before = _blocks(descriptor)
        after = [_head(max(_fence_of(before[0]) or 0, epoch))]
        after += [FREE if _stop_of(block) in (None, *recorded) else block for block in before[1:]]
        if after != before or os.fstat(descriptor).st_size != SIZE:
            with failpoint.step(step, "write"):
                _write(descriptor, after, before)
        return _cell(after)


def _free_place(blocks: Sequence[bytes], request_id: str, locked: bool) -> int | None:
    """Where a stop can be written, None when no block is free.

    With the lock it is the first. Without it, another stop may be about to write there: any other.
    """
    free = [place for place, block in enumerate(blocks) if block == FREE]
    if locked or len(free) < 2:
        return free[0] if free else None
    return free[1 + zlib.crc32(request_id.encode()) % (len(free) - 1)]


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


def _write(descriptor: int, blocks: Sequence[bytes], before: Sequence[bytes] = ()) -> None:
    """Write the blocks that are not as `before`, the fence first: until a stop is out, nothing passes."""
    for place, block in enumerate(blocks):
        if block not in before[place : place + 1] and os.pwrite(descriptor, block, BLOCK * place) != BLOCK:
            raise OSError(0, "the cell was not written whole")
    if os.fstat(descriptor).st_size > SIZE:
        os.ftruncate(descriptor, SIZE)
    os.fsync(descriptor)


def _blocks(descriptor: int) -> list[bytes]:
    """The cell's blocks as they stand; of a file that is too short, what is there."""
    content = os.pread(descriptor, SIZE, 0)
    return [content[start : start + BLOCK] for start in range(0, SIZE, BLOCK)]


def _block(line: str) -> bytes:
    return f"{line}\ncrc {zlib.crc32(line.encode()):08x}\n".encode("ascii").ljust(BLOCK, b" ")


def _head(fence: int) -> bytes:
    return _block(f"{HEAD}\nfence {fence}")


def _stop(request_id: str) -> bytes:
    return _block(f"stop {request_id}")


def _fence_of(block: bytes) -> int | None:
    """The fence that a block holds, None when it is no cell's first."""
    number = block.decode("ascii", "replace").removeprefix(f"{HEAD}\nfence ").partition("\n")[0]
    return int(number) if number.isdecimal() and _head(int(number)) == block else None


def _stop_of(block: bytes) -> str | None:
    """The stop that a block holds, "" for a free one, None when it is neither."""
    request_id = block.decode("ascii", "replace").removeprefix("stop ").partition("\n")[0]
    if block == FREE:
        return ""
    return request_id if request_id.isascii() and _stop(request_id) == block else None


def _cell(blocks: Sequence[bytes]) -> Cell:
    return Cell(_fence_of(blocks[0]) or 0, tuple(filter(None, map(_stop_of, blocks[1:]))))


def _parse(path: Path, content: bytes) -> Cell:
    blocks = [content[start : start + BLOCK] for start in range(0, SIZE, BLOCK)]
    if len(content) != SIZE or _fence_of(blocks[0]) is None or None in map(_stop_of, blocks[1:]):
        raise CellError(f"stop cell {path}: its content is not a stop cell's")
    return _cell(blocks)
