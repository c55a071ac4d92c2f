"""Pauses of Python's garbage collector while a large file is read: it would walk all that was read again and again."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pauses:
    lock = threading.Lock()
    count = 0
    was_on = True


@contextmanager
def paused() -> Iterator[None]:
    """No cycle of objects is looked for until the last such block of the process ends. For seconds, not for minutes.

    What is in no cycle is freed all the same.
    """
    with _Pauses.lock:
        if _Pauses.count == 0:
            _Pauses.was_on = gc.isenabled()
            gc.disable()
        _Pauses.count += 1
    try:
        yield
    finally:
        with _Pauses.lock:
            _Pauses.count -= 1
            if _Pauses.count == 0 and _Pauses.was_on:
                gc.enable()
