"""A folder for calendars, and one way to read what is written into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from calendars import reader
from calendars.entry import Calendar, Fault

CHANNELS = ("parks-x", "library-facebook", "city")
Read = Callable[..., tuple[Calendar | None, list[Fault]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write `text` (or bytes) to `name` beside an image and read it."""
    (tmp_path / "market.png").write_bytes(b"image")

    def run(text: str | bytes, name: str = "c.yaml", **terms: object) -> tuple[Calendar | None, list[Fault]]:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        given: dict[str, object] = {"default_zone": "America/Chicago", "known_channels": CHANNELS, **terms}
        return reader.read(path, **given)

    return run


def said(faults: list[Fault]) -> list[tuple[int, str, str]]:
    """The faults as (line, value, message)."""
    return [(fault.line, fault.value, fault.message) for fault in faults]
