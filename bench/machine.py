"""What the figures were measured on, without names or paths."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from bench.figure import percentile
from config import clock
from tests.support.city import CHECKOUT

SYNCS = 200
BLOCK = b"x" * 4096


def described(scratch: Path, postgres: str) -> dict[str, Any]:
    """Cores, memory and versions, and how long the disk takes to keep a block."""
    p50, p99 = durable_ms(scratch)
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": postgres,
        "fdatasync_ms_p50": round(p50, 2),
        "fdatasync_ms_p99": round(p99, 2),
    }


def durable_ms(folder: Path) -> tuple[float, float]:
    """(median, 99th percentile) of writing one block and waiting for the disk, in ms."""
    path = folder / "durable.probe"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        took = [_durable(descriptor, index) for index in range(SYNCS)]
    finally:
        os.close(descriptor)
        path.unlink()
    return percentile(took, 0.5), percentile(took, 0.99)


def _durable(descriptor: int, index: int) -> float:
    start = clock.boot_s()
    os.pwrite(descriptor, BLOCK, index * len(BLOCK))
    os.fdatasync(descriptor)
    return (clock.boot_s() - start) * 1000


def load() -> float:
    """How many processes wanted a core, on average over the last minute."""
    return round(os.getloadavg()[0], 1)


def commit() -> str:
    """The commit that is measured, with a + when files differ from it; ``unknown`` outside a repository."""
    try:
        found = _git("rev-parse", "--short=7", "HEAD")
        return found + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    ran = subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return ran.stdout.strip()
