"""A full disk and a read-only remount on a real, small file system, as root and as a plain user."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.city import CHECKOUT

WAYS: dict[str, tuple[str, ...]] = {
    "root, in a mount namespace of its own": ("unshare", "-m", "--propagation", "private"),
    "a user, who is root in a user namespace": ("unshare", "-r", "-m", "--propagation", "private"),
}
"""What a bare Debian lets root, and anybody, do without a trace outside."""


class NoPlace(AssertionError):
    """This machine lets nobody mount anything."""


def may_mount(way: Sequence[str], place: Path) -> bool:
    """True when a file system can be mounted this way."""
    command = [*way, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def way_to_mount(place: Path) -> tuple[str, ...]:
    """The first way that works here. Raises NoPlace naming what was tried."""
    for way in WAYS.values():
        if may_mount(way, place):
            return way
    tried = "; ".join(f"{name} (`{' '.join(way)} mount -t tmpfs …`)" for name, way in WAYS.items())
    raise NoPlace(
        f"no small file system can be mounted here, neither as {tried}. A bare Debian allows both; in a container give it "
        "--privileged or CAP_SYS_ADMIN, or kernel.unprivileged_userns_clone=1"
    )


def test_a_full_disk_and_a_read_only_remount_lose_nothing(tmp_path: Path) -> None:
    """I4, I5, KS-1, KS-4: one line to people, the stop in the cell, nothing sent; and everything goes on by itself."""
    command = [*way_to_mount(tmp_path), sys.executable, "-m", "tests.faults.disk", str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    ran = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines() == ["disk: full: held", "disk: read_only: held"]
