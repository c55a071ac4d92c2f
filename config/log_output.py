"""How the daemon's log looks: lines for people on a terminal, JSON elsewhere, with the project's own clock."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from config import clock


def _stamp(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {"at": clock.to_text(clock.wall_us()), **event}


def _visible(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The event with control characters spelled out: a file's name must not move the cursor of who watches."""
    return {name: _plain(value) if isinstance(value, str) else value for name, value in event.items()}


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def configure() -> None:
    """Send structlog's events to stderr; of the scheduling library only its errors (a duty that is late is no news)."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    last: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[structlog.processors.add_log_level, _stamp, structlog.processors.format_exc_info, _visible, last],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
