"""The witness: outside the store, the highest epoch and attempt number this host has seen, and which posts it sent last.

A store that is behind its witness, or a used store with no witness, was restored from an older copy (or never ran here):
nothing is published until a person has looked. The attempt number is written before the send, with its post, into a ring of
the last `SLOTS`: a copy may give a post another time, or call its attempt ``claimed``, and only the ring knows better.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config import failpoint
from config.fault import Fault
from scheduler import file_lock

WIDTH = 64
SLOTS, SLOT = 4096, 32
"""How many sends are remembered one by one, and the bytes of each."""
NOT_SENT_YET = ("claimed", "aborted")
"""What the store this host knows never calls an attempt that was noted: it was ``sending`` by then."""
PATIENCE_S = 1.0
"""A holder that is stopped must hold up neither the stop nor a worker for longer."""


class WitnessError(Fault):
    """The witness cannot be read or written: one line naming the file and the reason."""


@dataclass(frozen=True)
class Seen:
    """The highest epoch and the highest attempt number seen."""

    epoch: int
    attempt: int


def file_for(state_dir: Path, store_id: str) -> Path:
    """The witness of the store `store_id` on this host."""
    return state_dir / f"{store_id}.witness"


def read(path: Path) -> Seen | None:
    """What was seen, or None when there is no witness. Raises WitnessError when it cannot be read."""
    try:
        return _parse(path, path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WitnessError(f"witness {path}: {error.strerror}: mend its permissions") from None


def note(path: Path, *, epoch: int = 0, attempt: int = 0, post: int = 0, durable: bool = False, step: str = "") -> Seen:
    """The witness after it rose to at least these. `post`: whose `attempt` is about to be sent, kept as such.

    `durable` waits for the disk; `step` names the failpoints. Raises WitnessError.
    """
    with _opened(path, step) as descriptor:
        before = _parse(path, os.pread(descriptor, WIDTH, 0)) or Seen(0, 0)
        after = Seen(max(before.epoch, epoch), max(before.attempt, attempt))
        with failpoint.step(step, "write"):
            if post:
                _keep(path, attempt, post)
            if after != before:
                os.pwrite(descriptor, f"{after.epoch:020d} {after.attempt:020d}\n".encode(), 0)
            if durable:
                os.fsync(descriptor)
        return after


def sent(path: Path) -> dict[int, int]:
    """Attempt → post of the last sends from this host. Raises WitnessError when they cannot be read."""
    ring = _ring(path)
    try:
        pairs = [slot.split() for slot in ring.read_bytes().replace(b"\0", b"").splitlines()]
        return {int(attempt): int(post) for attempt, post in pairs}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WitnessError(f"witness {ring}: {error.strerror}: mend its permissions") from None
    except ValueError:
        raise WitnessError(f"witness {ring}: its content is not a witness's: restore it or move it away") from None


def forget_sent(path: Path) -> None:
    """Begin anew: what was sent is in the store by now, as sent or as doubted."""
    _ring(path).unlink(missing_ok=True)


def unaccounted(noted: Mapping[int, int], states: Mapping[int, str]) -> dict[int, int]:
    """Attempt → post of those `noted` that the store, with its attempts' `states`, does not know to have been sent."""
    return {attempt: post for attempt, post in noted.items() if states.get(attempt, "claimed") in NOT_SENT_YET}


def _ring(path: Path) -> Path:
    return path.with_suffix(".sent")


def _keep(path: Path, attempt: int, post: int) -> None:
    descriptor = os.open(_ring(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_size < SLOTS * SLOT:  # the space is taken once: later a full disk does not matter
            os.posix_fallocate(descriptor, 0, SLOTS * SLOT)
        os.pwrite(descriptor, f"{attempt:015d} {post:015d}\n".encode(), SLOT * (attempt % SLOTS))
    finally:
        os.close(descriptor)


def is_behind(seen: Seen | None, *, epoch: int, attempt: int, used: bool) -> str | None:
    """Why a store with this epoch and highest attempt number must be called restored, or None."""
    if seen is None:
        return "the store has been used, but this host has no witness of it" if used else None
    if epoch < seen.epoch:
        return f"the store is at epoch {epoch}, this host has seen {seen.epoch}"
    if attempt < seen.attempt:
        return f"the store's newest attempt is {attempt}, this host has seen {seen.attempt}"
    return None


@contextmanager
def _opened(path: Path, step: str) -> Iterator[int]:
    descriptor = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with failpoint.step(step, "lock"):
            locked = file_lock.acquire(descriptor, PATIENCE_S)
        if not locked:
            raise WitnessError(f"witness {path}: another process holds its lock: see `standfast doctor`")
        yield descriptor
    except OSError as error:
        raise WitnessError(f"witness {path}: {error.strerror}: mend its folder or permissions") from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _parse(path: Path, content: bytes) -> Seen | None:
    if not content:
        return None
    try:
        epoch, attempt = content.decode("ascii").split()
        return Seen(int(epoch), int(attempt))
    except ValueError:
        raise WitnessError(f"witness {path}: its content is not a witness's: restore it or move it away") from None
