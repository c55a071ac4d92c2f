"""What the daemon does beside publishing: the duties of the crisis rooms, each built here from the city's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from commands.context import Context
    from scheduler.engines.local import Duty

ALERTS_S, HOLD_S = 1.0, 0.5


def of_crisis(context: Context, engine: Engine) -> list[Duty]:
    """Each duty bounds its own time: they share the daemon's clock, never its publishing threads."""
    return [*_alerts(context, engine)]


def _alerts(context: Context, engine: Engine) -> list[Duty]:
    """None unless the city names a folder or a feed."""
    from crisis.alerts import setup

    if not setup.is_on(context.settings):
        return []
    from commands import alert
    from crisis.alerts.watch import Watch
    from scheduler.engines.local import Duty

    watch = Watch(engine, context.settings, context.essential, context.loaded.environ, alert.after_hold)
    return [
        Duty("alerts", ALERTS_S, watch.look),
        Duty("alert_feed", ALERTS_S, watch.ask),
        Duty("alert_hold", HOLD_S, watch.hold),
    ]
