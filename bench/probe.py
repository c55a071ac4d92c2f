"""Another process, timed from the moment it is asked for to a line that it says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config import clock


@dataclass(frozen=True)
class Said:
    """When each line came, in seconds since the start; `ended_s`: when the process had ended.

    `cpu_s`: its time on a core, `peak_mb`: the most memory it had at once (MB of 10^6 bytes).
    """

    start_s: float
    lines: tuple[tuple[float, str], ...]
    ended_s: float
    code: int
    cpu_s: float
    peak_mb: float

    def at(self, word: str) -> float:
        """When the first line with `word` came. Raises LookupError with all that was said."""
        for moment, line in self.lines:
            if word in line:
                return moment
        raise LookupError(f"no {word!r} in what was said: {[line for _, line in self.lines]}")


def run(command: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> Said:
    """What a process said on both its outputs, and when, until its end."""
    read, write = os.pipe()
    start = clock.boot_s()
    process = subprocess.Popen(
        command, cwd=cwd, env=dict(environ), stdout=write, stderr=write, stdin=subprocess.DEVNULL
    )
    os.close(write)
    lines = []
    with os.fdopen(read, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            lines.append((clock.boot_s() - start, line.rstrip("\n")))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_s, peak_mb = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6
    return Said(start, tuple(lines), clock.boot_s() - start, process.returncode, cpu_s, peak_mb)
