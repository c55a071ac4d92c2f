"""What the daemon does beside publishing: the duties of the crisis rooms, each built here from the city's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from commands.context import Context
    from scheduler.engines.local import Duty


def of_crisis(context: Context, engine: Engine) -> list[Duty]:
    """Each duty bounds its own time: they share the daemon's clock, never its publishing threads."""
    del context, engine
    return []
