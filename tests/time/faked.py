"""A live city whose machine's clock a test sets while its processes run: libfaketime in their environment, not in ours.

Wall time alone is faked. CLOCK_MONOTONIC and CLOCK_BOOTTIME stay the kernel's (`test_jumps` looks), as on a machine whose
clock somebody sets. The sandbox, which judges what went out, lives by the true clock.
"""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from sqlmodel import col, select

from config import clock
from store.engine import reading
from store.tables import Alarm
from tests.support.city import City
from tests.support.live_city import LiveCity, live_city, until

LIBRARY = Path("vendor/libfaketime/src/libfaketime.so.1")


class NoFaketime(Exception):
    """The library that fakes wall time is not there: what is missing, and what brings it."""


def library() -> Path:
    """The shared library that the package ``libfaketime`` brings. Raises NoFaketime."""
    spec = find_spec("libfaketime")
    places = [] if spec is None else [Path(place) / LIBRARY for place in spec.submodule_search_locations or ()]
    found = [place for place in places if place.is_file()]
    if not found:
        raise NoFaketime(f"{LIBRARY.name} is missing (looked at: {places or 'no package'}): run `./dev setup-tests`")
    return found[0]


@cache
def preloadable() -> Path:
    """The library under a path that LD_PRELOAD can name: it takes blanks and colons for the gap between two libraries."""
    if not set(str(library())) & {" ", ":"}:
        return library()
    link = Path(mkdtemp(prefix="faketime-")) / library().name
    link.symlink_to(library())
    atexit.register(shutil.rmtree, link.parent, ignore_errors=True)
    return link


def environment(clock_file: Path) -> dict[str, str]:
    """What lets a process read its wall time through `clock_file`, anew each time, and nothing else."""
    return {
        "LD_PRELOAD": str(preloadable()),
        "FAKETIME_TIMESTAMP_FILE": str(clock_file),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@dataclass
class Faked:
    """The city, and how far its machine's clock is ahead of the true one."""

    live: LiveCity
    clock_file: Path
    ahead_s: int = 0

    def set_ahead(self, seconds: int) -> None:
        """Somebody sets the machine's clock."""
        self.ahead_s = seconds
        lay_down(self.clock_file, seconds)

    def now_us(self) -> int:
        """Wall time there."""
        return clock.wall_us() + self.ahead_s * clock.SECOND

    def queue(self, channel: str, text: str, in_s: float = 0.0) -> int:
        """The id of a post that is due in so many seconds of wall time there."""
        return self.live.queue(channel, text, self.ahead_s + in_s)

    def alarms(self) -> list[str]:
        """The clock alarms that wait for a person."""
        with reading(self.live.engine) as session:
            return list(session.exec(select(Alarm.detail).where(col(Alarm.confirmed_at).is_(None))))

    def await_alarm(self) -> None:
        """Return once an alarm stands."""
        until(self.alarms, "the jump is an alarm", 60)

    def confirm(self) -> None:
        """A person says that the clock is right now."""
        ran = self.live.run("doctor", "--confirm-clock", who="omar")
        assert "clock alarm(s) confirmed" in ran.stderr, ran
        assert self.alarms() == [], self.alarms()


def lay_down(clock_file: Path, ahead_s: int) -> None:
    """Set the clock at once: whoever reads the file sees the old time or the new one."""
    fresh = clock_file.with_suffix(".new")
    fresh.write_text(f"{ahead_s:+d}\n")
    fresh.replace(clock_file)


@contextmanager
def faked(city: City, **settings: object) -> Iterator[Faked]:
    """A live city with a clock that can be set."""
    clock_file = city.root / "clock"
    lay_down(clock_file, 0)
    with live_city(replace(city, environ={**city.environ, **environment(clock_file)}), **settings) as live:
        yield Faked(live, clock_file)
