"""How many trials run at once on this machine's cores, whoever runs them: the pools of one session share the slots."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

PER_CORE = 6
"""A trial mostly waits, and so do its workers."""
ASK_S = 0.1


@contextmanager
def slot(folder: Path) -> Iterator[None]:
    """Wait for a slot of `folder`; it is free again at the end, or when this process dies."""
    count = PER_CORE * len(os.sched_getaffinity(0))
    while True:
        for number in range(count):
            with (folder / f"chaos-slot-{number}").open("w") as file:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not inherited by what the trial forks
                except OSError:
                    continue
                yield
                return
        Event().wait(ASK_S)
