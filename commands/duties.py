"""What the daemon does beside publishing: the duties of the crisis rooms, each built here from the city's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config import clock, essentials, failpoint

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from commands.context import Context
    from crisis.inbound.watch import Watch
    from scheduler.engines.local import Duty

ALERTS_S, HOLD_S = 1.0, 0.5


PLAN_S = 5.0
"""How soon after a stop the plan in force is noted, at most."""
NOTICES_S = 2.0
INBOUND_S = 30.0
"""How often the daemon asks whether a channel's time to be read has come; the first time so long after its start."""
ANCHOR_S = 30.0
"""How soon a due anchor is noticed."""


def of_crisis(context: Context, engine: Engine) -> list[Duty]:
    """Each duty bounds its own time: they share the daemon's clock, never its publishing threads."""
    return [
        *_notices(context, engine),
        *_plan(context, engine),
        *_alerts(context, engine),
        *_inbound(context, engine),
        *_anchor(context, engine),
    ]


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


def _anchor(context: Context, engine: Engine) -> list[Duty]:
    """The log's head laid down outside, when it is due; in a rehearsal nothing outside is reached."""
    from commands import records_anchor
    from scheduler.engines.local import Duty

    turn = None if tells_nobody() else records_anchor.keeper(context, engine)
    return [] if turn is None else [Duty("anchor", ANCHOR_S, turn)]


def _plan(context: Context, engine: Engine) -> list[Duty]:
    """The plan that was in force is noted with a stop."""
    from crisis import plan
    from crisis.plan_record import PlanKeeper
    from scheduler.engines.local import Duty

    keeper = PlanKeeper(engine, plan.file_of(context.settings.root, context.settings.plan))
    return [Duty("plan", PLAN_S, keeper.run)]


def _inbound(context: Context, engine: Engine) -> list[Duty]:
    """Reading what the public writes, with connectors of its own: no post waits for a platform that is slow to tell."""
    if not context.settings.inbound_every:
        return []
    from scheduler.engines.local import Duty

    return [Duty("inbound", INBOUND_S, _watch(context, engine).turn)]


def _watch(context: Context, engine: Engine) -> Watch:
    from crisis.inbound.watch import Watch
    from scheduler.account import ConnectorPool

    return Watch(engine, ConnectorPool(engine), context.settings.inbound_every)


def _notices(context: Context, engine: Engine) -> list[Duty]:
    """Telling people. A turn never waits for an address: threads of its own do."""
    if tells_nobody():
        return []
    from crisis import plan
    from crisis.notices.notifier import Notifier
    from crisis.plan_watch import PlanWatch
    from scheduler.engines.local import Duty

    watch = PlanWatch(plan.file_of(context.settings.root, context.settings.plan))
    own = Notifier(engine, watch, lambda: essentials.merged().environ, context.settings.timezone)
    return [Duty("notices", NOTICES_S, own.run)]


def tells_nobody() -> bool:
    """True in a rehearsal and with a failpoint on: then nothing but this machine is reached, people neither."""
    return clock.is_rehearsal() or failpoint.is_on()
