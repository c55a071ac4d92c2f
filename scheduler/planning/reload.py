"""The daemon's duty beside publishing: an edited calendar file is applied by itself within seconds.

The folder is looked at often, and at once when the system tells of a change; a file is read only when it has kept still for a
moment, so that a half-written one is not taken for the whole. A bad file changes nothing and is told once. A file that is gone
cancels nothing: a folder that was not mounted must not empty the city's plan.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import structlog
import watchfiles
from sqlalchemy import Engine
from sqlmodel import col, select

from calendars import reader
from config import clock
from config.settings import Settings
from scheduler.planning import calendar_sync
from scheduler.planning.calendar_sync import Outcome
from store.engine import StoreError, reading
from store.tables import CalendarFile

SETTLE_S = 0.5
"""A file that changed within this is still being written."""
GONE_S = 2.0
"""Editors take a file away for a moment when they save it."""
RETRY_S = 30.0
"""A bad file is looked at again after this: its owner may have got the rights meanwhile."""
STEP_S = 0.2
GONE = "the file is gone: put it back, or cancel its posts with `standfast calendar sync --remove {name}`"
DAEMON = "daemon"
"""The actor's name in the log where a file does not say whose rights it is applied with."""

Signature = tuple[int, int, int]
"""Of a file: time of change, size and number; another one means another content."""

log = structlog.get_logger(__name__)


class Reloader:
    """Applies the calendars of a folder as they change. `look` does one round; `run` goes on until told to stop."""

    def __init__(self, engine: Engine, settings: Settings, stop: threading.Event) -> None:
        self._engine, self._settings, self._stop = engine, settings, stop
        self._folder = settings.calendars_dir
        self._seen: dict[str, tuple[Signature | None, float]] = {}
        self._done: dict[str, Signature | None] = {}
        self._again: dict[str, float] = {}

    def run(self) -> None:
        """Return when the stop event is set; every failure is logged and the next round goes on."""
        for _ in self._wakes():
            while self._round() and not self._stop.wait(STEP_S):
                pass

    def _round(self) -> bool:
        try:
            return self.look()
        except (StoreError, OSError) as error:
            log.error("calendars_not_read", error=str(error), action="calendar_reload")
        except Exception:  # the thread must outlive a bug: without it no calendar would be applied any more
            log.exception("calendars_not_read", action="calendar_reload")
        return False

    def _wakes(self) -> Iterator[None]:
        """Once at the start, at every change in the folder, and every `reload_every` at the latest."""
        yield
        while not self._stop.is_set():
            yield from self._changes()
            # No notice to be had: the folder is not there, or the system has no watch left.
            if not self._stop.wait(self._settings.reload_every):
                yield

    def _changes(self) -> Iterator[None]:
        pause = max(int(self._settings.reload_every * 1000), 50)
        try:
            for _ in watchfiles.watch(
                self._folder,
                watch_filter=None,
                debounce=200,
                stop_event=self._stop,
                rust_timeout=pause,
                yield_on_timeout=True,
                raise_interrupt=False,
                recursive=False,
            ):
                if self._stop.is_set():
                    return
                yield
        except (OSError, RuntimeError) as error:  # watchfiles raises both
            log.warning("calendars_not_watched", folder=str(self._folder), error=str(error), action="calendar_reload")

    def look(self) -> bool:
        """True when a file changed too lately to be read and should be looked at again soon. Raises StoreError, OSError."""
        now, pending = clock.boot_s(), False
        files = _signatures(self._folder)
        for name in sorted(files.keys() | self._known_names()):
            signature = files.get(name)
            if self._seen.get(name, (None, 0.0))[0] != signature or name not in self._seen:
                self._seen[name] = (signature, now)
            if not self._is_due(name, signature, now):
                continue
            if now - self._seen[name][1] < (SETTLE_S if signature else GONE_S):
                pending = True
                continue
            self._read(name, signature, now)
        return pending

    def _is_due(self, name: str, signature: Signature | None, now: float) -> bool:
        changed = name not in self._done or self._done[name] != signature
        return changed or self._again.get(name, now + 1) <= now

    def _read(self, name: str, signature: Signature | None, now: float) -> None:
        """Sync one file; it counts as done only when the store took the result."""
        try:
            fault = self._vanished(name) if signature is None else self._apply(name)
        except (StoreError, OSError):
            raise
        except Exception:  # what one file does must not keep the files after it from being applied
            log.exception("calendar_not_read", file=name, action="calendar_reload")
            return
        self._done[name] = signature
        if fault and signature is not None:
            self._again[name] = now + RETRY_S
        else:
            self._again.pop(name, None)

    def _apply(self, name: str) -> bool:
        """True when the file has faults; they are told when they are new."""
        path = self._folder / name
        outcome = calendar_sync.sync(self._engine, path, self._settings)
        if outcome.applied and outcome.plan is not None:
            counts = outcome.plan.counts()
            log.info("calendar_applied", file=name, owner=outcome.plan.calendar.owner, action="calendar_sync", **counts)
        if outcome.faults:
            self._tell(name, "\n".join(map(str, outcome.faults)), _digest(path), _owner(outcome))
        return bool(outcome.faults)

    def _vanished(self, name: str) -> bool:
        return self._tell(name, GONE.format(name=name), "gone", DAEMON)

    def _tell(self, name: str, fault: str, digest: str, actor: str) -> bool:
        new = calendar_sync.remember_fault(self._engine, name, fault, digest, actor)
        if new:
            log.error("calendar_fault", file=name, fault=fault, action="calendar_reload")
        return new

    def _known_names(self) -> set[str]:
        """The files that were applied before: one of them may be gone."""
        with reading(self._engine) as session:
            return set(session.exec(select(CalendarFile.name).where(col(CalendarFile.synced_at).is_not(None))))


def watch(engine: Engine, settings: Settings, stop: threading.Event) -> None:
    """Apply the calendars of the settings' folder as they change, until `stop` is set. For a thread of its own."""
    Reloader(engine, settings, stop).run()


def _signatures(folder: Path) -> dict[str, Signature]:
    """By name: the calendar files of the folder; none when it is not there."""
    found: dict[str, Signature] = {}
    try:
        paths = reader.files(folder)
    except FileNotFoundError:
        return found
    for path in paths:
        try:
            stat = path.stat()
        except OSError:  # gone since the folder was listed
            continue
        found[path.name] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return found


def _digest(path: Path) -> str:
    """The SHA-256 (hex) of the file's bytes; empty when they cannot be read."""
    try:
        if path.is_file() and path.stat().st_size <= reader.MAX_BYTES:
            return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        pass
    return ""


def _owner(outcome: Outcome) -> str:
    return DAEMON if outcome.plan is None else outcome.plan.calendar.owner
