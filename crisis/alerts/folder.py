"""The folder in which a receiver puts alerts: each file is taken once it is whole, once for its content, and never touched.

What is well-formed is whole, for an alert that is still being written lacks its end. Anything else is left alone until it has
not changed for half a minute; then it is no alert, and a person hears of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from config import clock
from crisis.alerts import feed
from crisis.alerts.alert import AlertError
from crisis.alerts.intake import Intake, Taken

STILL_S = 30.0
MOST_FILES = 10_000
MOST_AT_ONCE = 500
"""New files read in one turn, the oldest first."""
UNFINISHED = (".tmp", ".part", ".partial", ".swp", "~")
"""Ends of the names under which programs write what they then rename; as are names that begin with a dot."""


class Stamp(NamedTuple):
    """Which file it is, and since when it has been as it is (ns): while this stays the same, so does the content."""

    inode: int
    size: int
    changed_ns: int


@dataclass
class _Watched:
    stamp: Stamp
    since_s: float
    taken: bool = False


class Folder:
    """The files of `path`, looked at again and again."""

    def __init__(self, path: Path, intake: Intake) -> None:
        self.path, self.intake = path, intake
        self._known: dict[str, _Watched] = {}
        self.closed: str | None = None
        """Why a file that lies here could not be read in the last turn; None when each could."""

    def turn(self) -> list[Taken]:
        """What became of the files that are new or changed. Raises OSError when the folder cannot be read."""
        listed = sorted(_files(self.path), key=lambda pair: (pair[1].changed_ns, pair[0]))
        self._known = {name: self._known[name] for name, _ in listed if name in self._known}
        self.closed = None
        fresh = [(name, stamp) for name, stamp in listed if not self._is_taken(name, stamp)]
        return [taken for name, stamp in fresh[:MOST_AT_ONCE] for taken in self._look(name, stamp)]

    def _is_taken(self, name: str, stamp: Stamp) -> bool:
        known = self._known.get(name)
        if known is None or known.stamp != stamp:
            self._known[name] = known = _Watched(stamp, clock.boot_s())
        return known.taken

    def _look(self, name: str, stamp: Stamp) -> list[Taken]:
        """What became of one file; nothing while it may still be written to."""
        try:
            data = _content(self.path / name, stamp)
        except OSError as error:
            self.closed = f"{self.path / name} cannot be read ({error.strerror}): mend its permissions"
            return []
        if data is None:
            return []
        known, source = self._known[name], str(self.path / name)
        try:
            found = self.intake.take(data, source)
        except AlertError as error:
            if clock.boot_s() - known.since_s < STILL_S:
                return []
            found = [self.intake.unreadable(data, source, error)]
        known.taken = True
        return found


def _files(folder: Path) -> Iterator[tuple[str, Stamp]]:
    """The ordinary files that may be alerts. Raises OSError, also when there are more than anybody looks through."""
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number >= MOST_FILES:
                raise OSError(0, f"holds more than {MOST_FILES:,} files: clear it", str(folder))
            if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED) or not entry.name.isprintable():
                continue
            try:
                if entry.is_file(follow_symlinks=False):
                    yield entry.name, _stamp(entry.stat(follow_symlinks=False))
            except FileNotFoundError:  # it was taken away meanwhile
                continue


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns)


def _content(file: Path, stamp: Stamp) -> bytes | None:
    """The file's bytes, one more than anything may have at most; None when it is not as `stamp` says (any more).

    Raises OSError when it may not be read.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = stream.read(feed.MAX_FEED_BYTES + 1)
        return data if _stamp(os.fstat(descriptor)) == stamp else None
