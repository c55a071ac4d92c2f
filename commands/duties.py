"""What the daemon does beside publishing: the duties of the crisis rooms, each built here from the city's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from commands.context import Context
    from scheduler.engines.local import Duty


PLAN_S = 5.0
"""How soon after a stop the plan in force is noted, at most."""


def of_crisis(context: Context, engine: Engine) -> list[Duty]:
    """Each duty bounds its own time: they share the daemon's clock, never its publishing threads."""
    from crisis import plan
    from crisis.plan_record import PlanKeeper
    from scheduler.engines.local import Duty

    keeper = PlanKeeper(engine, plan.file_of(context.settings.root, context.settings.plan))
    return [Duty("plan", PLAN_S, keeper.run)]
