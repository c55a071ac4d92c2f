"""The arrival log: one JSON line per request that reached a platform; the only judge of what went out.

A line is written by one `os.write` on an O_APPEND descriptor before any byte of the answer, so that a request is in it
exactly once whether or not its answer could be delivered, and whatever happens to either process afterwards.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from config import clock

ArrivalKind = Literal["publish", "other", "fired", "reset"]


@dataclass(frozen=True)
class Arrival:
    """One line of the log.

    `kind`: ``publish`` (would make something public), ``other``, ``fired`` (no request: a post that lay in the platform's own
    scheduler went public), or ``reset`` (the mark a reset of the sandbox leaves).
    `boot_ns`, `wall_us`: when the whole request had been read. `account`: the token that was shown. `accepted`: the
    platform did what was asked, whatever it answered. `fault`: the fault that met the request (``incomplete`` when its
    body never arrived whole). `key`: its Idempotency-Key.
    """

    seq: int
    boot_ns: int
    wall_us: int
    kind: ArrivalKind
    platform: str
    account: str
    method: str
    path: str
    text: str
    remote_id: str | None
    accepted: bool
    fault: str | None
    key: str | None


class ArrivalLog:
    """The writer; the caller serialises `write` and gives each line its `next_seq`."""

    def __init__(self, path: Path) -> None:
        """Open `path` to append; numbering goes on after the last line. Raises OSError, ValueError."""
        lines = _before(path) if path.exists() else []
        self.path = path
        self.next_seq = lines[-1].seq + 1 if lines else 1
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, arrival: Arrival) -> None:
        """Append one line. A judge that cannot write must not go on: the process ends when the disk does not take it."""
        line = json.dumps(asdict(arrival), ensure_ascii=True).encode() + b"\n"
        try:
            written = os.write(self._descriptor, line)
            reason = f"{written} of {len(line)} bytes written"
        except OSError as error:
            written, reason = 0, str(error.strerror)
        if written != len(line):
            print(f"sandbox: cannot write the arrival log {self.path}: {reason}: it ends here", file=sys.stderr)
            os._exit(3)
        self.next_seq = arrival.seq + 1

    def mark_reset(self) -> None:
        """Append the mark after which `since_reset` begins."""
        moment = clock.boot_ns(), clock.wall_us()
        self.write(Arrival(self.next_seq, *moment, "reset", "", "", "", "", "", None, False, None, None))


def _before(path: Path) -> list[Arrival]:
    if not path.is_file():
        raise ValueError(f"{path} is not a regular file: name another file")
    lines = read(path)
    if not path.read_bytes().endswith(b"\n") and path.stat().st_size:
        raise ValueError(f"{path} ends in the middle of a line: name another file")
    return lines


def read(path: Path) -> list[Arrival]:
    """All whole lines of the log at `path`, oldest first. Raises ValueError naming the first line that is not one."""
    names = [field.name for field in fields(Arrival)]
    found = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            content = json.loads(line)
            found.append(Arrival(**{name: content[name] for name in names}))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path}:{number} is not a line of an arrival log: name another file") from None
    return found


def since_reset(lines: list[Arrival]) -> list[Arrival]:
    """The lines after the last reset mark."""
    last = max((index for index, line in enumerate(lines) if line.kind == "reset"), default=-1)
    return lines[last + 1 :]
