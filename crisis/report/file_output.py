"""A report's file: whole or not at all, readable by its owner alone, never in place of another unless that is asked for."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from crisis.report.choice import ReportError


def check(path: Path, *, force: bool) -> None:
    """Raise ReportError when nothing may be written to `path`, before the report is made."""
    try:
        if not path.name or path.is_dir():
            raise ReportError(f"{_told(path)} is a folder: name a file")
        if not path.parent.is_dir():
            raise ReportError(f"{_told(path)}: there is no such folder: make it, or name another")
        if path.exists() and not path.is_file():
            raise ReportError(f"{_told(path)} is no ordinary file: name another")
        if path.exists() and not force:
            raise ReportError(f"{_told(path)} exists: name another file, or --force replaces it")
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from None


def write(path: Path, data: bytes, *, force: bool) -> None:
    """Put `data` at `path`, mode 0600, durable when this returns. Raises ReportError and leaves what was there then."""
    check(path, force=force)
    fresh = path.with_name(f".standfast-report.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        _write_durably(fresh, data)
        if force:
            fresh.replace(path)
        else:
            _place(fresh, path)
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


def _place(fresh: Path, path: Path) -> None:
    """Give it its name unless somebody took that meanwhile."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise ReportError(f"{_told(path)} exists: name another file, or --force replaces it") from None
    except OSError:  # a file system without links
        fresh.replace(path)


def _write_durably(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _told(path: Path) -> str:
    return ascii(str(path))[1:-1][:200]


def _cannot(path: Path, error: Exception) -> ReportError:
    why = getattr(error, "strerror", None) or "it is no path"
    return ReportError(f"{_told(path)} cannot be written ({why}): name another file with --output")
