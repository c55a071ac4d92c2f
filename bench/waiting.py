"""Waiting for a signal, with a deadline."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from config import clock

T = TypeVar("T")
LOOK_S = 0.005


def until(condition: Callable[[], T], what: str, within_s: float = 60.0, look_s: float = LOOK_S) -> T:
    """The first true value of `condition`. Raises TimeoutError naming `what`."""
    end = clock.boot_s() + within_s
    while not (found := condition()):
        if clock.boot_s() > end:
            raise TimeoutError(f"not within {within_s:.0f} s: {what}")
        pause(look_s)
    return found


def pause(seconds: float) -> None:
    """Let `seconds` pass: what is measured goes on elsewhere."""
    Event().wait(seconds)
