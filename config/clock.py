"""The only reader of clocks in the project (a test refuses any other).

Two clocks, never mixed:

* *wall time*, an ``int`` of microseconds since 1970-01-01 UTC. It decides only whether a post is due.
* *boot time*, an ``int`` of nanoseconds of CLOCK_BOOTTIME. It measures deadlines and settling times, counts a
  suspended machine and never jumps; it means nothing on another host or after a reboot (see `boot_id`).

A rehearsal (the demo, training) runs wall time faster: ``STANDFAST_CLOCK="<start µs>@<boot ns>x<factor>"``. Every process
that inherits the variable reads the same wall time. Boot time is never scaled: a deadline is a deadline.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Protocol

REHEARSAL_VARIABLE = "STANDFAST_CLOCK"
SECOND = 1_000_000
"""Microseconds in a second of wall time."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What tests replace: a pair of readings."""

    def wall_us(self) -> int:
        """Wall time in microseconds since 1970-01-01 UTC."""

    def boot_ns(self) -> int:
        """Boot time in nanoseconds."""


class SystemClock:
    """The machine's own clocks."""

    def wall_us(self) -> int:
        return time.time_ns() // 1000

    def boot_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class RehearsalClock:
    """Wall time that starts at `start_us` when boot time was `anchor_ns`, and runs `factor` times as fast."""

    start_us: int
    anchor_ns: int
    factor: float

    def wall_us(self) -> int:
        return self.start_us + int((self.boot_ns() - self.anchor_ns) * self.factor / 1000)

    def boot_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def variable(self) -> str:
        """The value of STANDFAST_CLOCK that gives another process this clock."""
        return f"{self.start_us}@{self.anchor_ns}x{self.factor}"


def from_environment(text: str | None) -> Clock:
    """The clock that `text` (the value of STANDFAST_CLOCK) asks for; the system's when it is empty.

    Raises ValueError naming the value when it is not of the form ``START_US@BOOT_NSxFACTOR``.
    """
    if not text:
        return SystemClock()
    try:
        start, _, rest = text.partition("@")
        anchor, _, factor = rest.partition("x")
        clock = RehearsalClock(int(start), int(anchor), float(factor))
        if not 0 < clock.factor < float("inf"):
            raise ValueError
    except ValueError:
        raise ValueError(f"{REHEARSAL_VARIABLE}={text!r} is not START_US@BOOT_NSxFACTOR: unset it") from None
    return clock


class _Current:
    clock: Clock | None = None


def _clock() -> Clock:
    if _Current.clock is None:
        _Current.clock = from_environment(os.environ.get(REHEARSAL_VARIABLE))
    return _Current.clock


@contextmanager
def use(clock: Clock) -> Iterator[None]:
    """Read `clock` in this process until the block ends (tests)."""
    before, _Current.clock = _Current.clock, clock
    try:
        yield
    finally:
        _Current.clock = before


def is_rehearsal() -> bool:
    """True when wall time is not the machine's: nothing that reaches a real platform may run then."""
    return not isinstance(_clock(), SystemClock)


def wall_us() -> int:
    """Wall time, microseconds since 1970-01-01 UTC."""
    return _clock().wall_us()


def machine_wall_us() -> int:
    """The machine's own wall time also during a rehearsal: for libraries that read that clock themselves."""
    return SystemClock().wall_us()


def boot_ns() -> int:
    """Boot time, nanoseconds (CLOCK_BOOTTIME)."""
    return _clock().boot_ns()


def boot_s() -> float:
    """Boot time, seconds."""
    return boot_ns() / 1e9


def factor() -> float:
    """How many seconds of wall time pass in one second of boot time (1.0 outside a rehearsal)."""
    clock = _clock()
    return clock.factor if isinstance(clock, RehearsalClock) else 1.0


@lru_cache(maxsize=1)
def boot_id() -> str:
    """The kernel's id of this boot: a lock held under another boot id is free."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def to_datetime(us: int) -> datetime:
    """`us` as an aware UTC datetime; exact to the microsecond, also before 1970."""
    return EPOCH + timedelta(microseconds=us)


def from_datetime(moment: datetime) -> int:
    """An aware datetime as microseconds since 1970-01-01 UTC. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no zone: give one")
    return (moment - EPOCH) // timedelta(microseconds=1)


def to_text(us: int) -> str:
    """`us` as RFC 3339 in UTC with milliseconds, for JSON and logs."""
    return to_datetime(us).isoformat(timespec="milliseconds").replace("+00:00", "Z")
