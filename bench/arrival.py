"""The sandbox's arrival log read as it grows: the only judge of what went out, and of when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.waiting import until


@dataclass(frozen=True)
class Arrived:
    """A publish call whose whole request had been read: its text, the moment (wall µs, boot s), and what met it."""

    text: str
    wall_us: int
    boot_s: float
    accepted: bool
    fault: str | None


class Tail:
    """Gives each line of the log once."""

    def __init__(self, log: Path) -> None:
        self._log, self._at = log, log.stat().st_size if log.exists() else 0

    def new(self) -> list[Arrived]:
        """The publish calls that arrived since the last look."""
        with self._log.open("rb") as file:
            file.seek(self._at)
            block = file.read()
        whole = block[: block.rfind(b"\n") + 1]
        self._at += len(whole)
        return list(_arrived(whole))

    def collect(self, count: int, within_s: float, prefix: str = "") -> list[Arrived]:
        """The next `count` calls whose text begins with `prefix`. Raises TimeoutError."""
        found: list[Arrived] = []

        def enough() -> bool:
            found.extend(item for item in self.new() if item.text.startswith(prefix))
            return len(found) >= count

        until(enough, f"{count} calls ({len(found)} came)", within_s, look_s=0.02)
        return found

    def drain(self, prefix: str = "") -> list[Arrived]:
        """What has arrived by now."""
        return [item for item in self.new() if item.text.startswith(prefix)]


def _arrived(block: bytes) -> Iterator[Arrived]:
    for line in block.splitlines():
        told = json.loads(line)
        if told["kind"] == "publish":
            moment = told["boot_ns"] / 1e9
            yield Arrived(told["text"], told["wall_us"], moment, told["accepted"], told["fault"])
