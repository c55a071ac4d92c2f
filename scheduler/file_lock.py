"""A file's lock, asked for with patience that ends: whoever holds it may be a stopped process."""

from __future__ import annotations

import fcntl
from threading import Event

from config import clock

STEP_S = 0.005


def acquire(descriptor: int, wait_s: float) -> bool:
    """True when the exclusive lock of the open file was had within `wait_s` seconds of boot time."""
    until = clock.boot_s() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if clock.boot_s() >= until:
                return False
            Event().wait(STEP_S)
