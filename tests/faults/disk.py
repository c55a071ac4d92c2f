"""A store on a file system of a few megabytes that runs full, and that somebody remounts read-only: one process, run by a test.

``python -m tests.faults.disk FOLDER`` expects to be where it may mount (root in a mount namespace of its own, or a user in a
user namespace, who is root there): see `tests.faults.test_disk`, which finds such a place.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from config import clock
from tests.faults.places import SmallDisk
from tests.faults.test_store_away import adopted, not_recorded, one_line, silent_then_resumed
from tests.support import city as cities
from tests.support.databases import Databases
from tests.support.live_city import LiveCity, X, live_city, until

ADD = ("post", "add", "--channel", X, "--at", "2190-01-01 09:00", "--text")


def mount(place: Path, *options: str) -> None:
    """Mount a small file system at `place`, or change one (``remount,ro``). Raises CalledProcessError."""
    chosen = ",".join(options or ("size=40m",))
    subprocess.run(["mount", "-t", "tmpfs", "-o", chosen, "tmpfs", str(place)], check=True, capture_output=True)


@contextmanager
def on_small_disk(folder: Path) -> Iterator[tuple[LiveCity, Path]]:
    """(a live city, the small file system on which nothing but its store lies)."""
    place = folder / "small"
    place.mkdir(parents=True)
    mount(place)
    url = Databases(folder, folder).sqlite(place)
    city = cities.make(folder / "city", url)
    os.environ["STANDFAST_CONFIG"] = str(city.settings_file)
    try:
        with live_city(city, busy_timeout="1s") as live:
            yield live, place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


def full(folder: Path) -> None:
    """While it is full, commands and a start are refused in one line, and the stop is in the cell; then all goes on."""
    with on_small_disk(folder) as (live, place):
        disk = SmallDisk(place)
        daemon = live.start_daemon()
        live.await_state(live.queue(X, "before"), "published", within_s=60)
        waiting = live.queue(X, "due while it is full", 2)
        disk.fill()
        assert "has no room left on its disk" in one_line(live.run(*ADD, "no", who="ann"))
        until(lambda: clock.wall_us() > live.post(waiting).due_at + 2 * clock.SECOND, "its time has passed", 60)
        assert live.texts() == ["before"]
        assert daemon.process.poll() is None
        daemon.end(signal.SIGKILL)
        refused = live.start_daemon(ready=False)
        assert refused.process.wait(timeout=60) == 1
        assert "has no room left on its disk" in refused.lines[-1]
        not_recorded(live)
        disk.free()
        live.start_daemon()
        adopted(live)
        assert live.texts() == ["before"]
        silent_then_resumed(live, ["before"])
        assert live.post(waiting).state == "held"


def read_only(folder: Path) -> None:
    """A disk that comes back read-only after a crash: nothing is sent, the stop is in the cell; writable again, all goes on."""
    with on_small_disk(folder) as (live, place):
        live.sandbox.fault("delay", seconds=30, text="in flight")
        daemon = live.start_daemon()
        begun, waiting = live.queue(X, "in flight"), live.queue(X, "due meanwhile", 3)
        until(live.arrivals, "the call has arrived", 60)
        daemon.end(signal.SIGKILL)
        live.engine.dispose()
        mount(place, "remount", "ro")
        for command in ((*ADD, "no"), ("post", "cancel", str(waiting))):
            assert is_refused(one_line(live.run(*command, who="omar")))
        refused = live.start_daemon(ready=False)
        assert refused.process.wait(timeout=60) == 1
        assert is_refused(refused.lines[-1]), refused.lines
        not_recorded(live)
        Event().wait(2)  # nothing to wait for: nothing may happen
        live.engine.dispose()
        mount(place, "remount", "rw")
        live.start_daemon()
        live.await_state(begun, "published", within_s=60)
        adopted(live)
        assert live.texts() == ["in flight"]
        silent_then_resumed(live, ["in flight"])
        assert live.post(waiting).state == "held"


def is_refused(line: str) -> bool:
    """True when the line says what it is: the file's own error, or SQLite's, which cannot even open a log it may not write."""
    return any(words in line for words in ("Read-only file system", "is its disk read-only?", "cannot be written"))


def main() -> None:
    """Run both; an AssertionError ends it."""
    folder = Path(sys.argv[1]).absolute()
    for name in [name for name in os.environ if name.startswith("STANDFAST_")]:
        del os.environ[name]
    for case in (full, read_only):
        case(folder / case.__name__)
        print(f"disk: {case.__name__}: held")


if __name__ == "__main__":
    main()
