"""Ticking: a named, signed-in person says that an item of a suspension's checklist is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from calendars.draft import did_you_mean
from config import clock
from config.fault import Fault
from crisis.notices import ledger
from crisis.plan import Plan
from governance import access
from governance.authority import Identity
from records import log
from scheduler import receipt
from scheduler.receipt import PLANNER
from store.crisis_tables import Tick
from store.engine import cursor, dialect, reading
from store.tables import Suspension


class TickError(Fault):
    """This cannot be ticked: one line that says what can."""


@dataclass(frozen=True)
class Done:
    """Who has ticked `item`, and when (wall µs); `new` is False when somebody had done so before."""

    suspension: int
    item: str
    by: str
    at: int
    note: str
    new: bool


def tick(engine: Engine, actor: Identity, plan: Plan, suspension: int, item: str, note: str = "") -> Done:
    """Tick `item`: one of the plan's, or ``planner:CHANNEL`` for a platform's own scheduler that `actor` has looked at.

    Any signed-in person ticks an item; a planner takes leave to queue on its channel, or to suspend. Raises TickError, Refused.
    """
    try:
        with access.acting(engine) as session:
            _check(session, actor, plan, suspension, item)
            found = _found(session, suspension, item)
            return found if found is not None else _add(session, actor, suspension, item, note)
    except IntegrityError as error:
        if not ledger.is_race(error):
            raise
    with reading(engine) as session:
        found = _found(session, suspension, item)
    assert found is not None
    return found


def _found(session: Session, suspension: int, item: str) -> Done | None:
    row = session.exec(select(Tick).where(Tick.suspension_id == suspension, Tick.item == item)).first()
    return None if row is None else Done(suspension, item, row.by, row.at, row.note, new=False)


def _add(session: Session, actor: Identity, suspension: int, item: str, note: str) -> Done:
    now = clock.wall_us()
    session.add(Tick(suspension_id=suspension, item=item, by=actor.person, at=now, note=note))
    session.flush()
    detail = {"item": item, "note": note}
    log.record(session, actor.person, "checklist.tick", f"suspension {suspension}", detail)
    return Done(suspension, item, actor.person, now, note, new=True)


def _check(session: Session, actor: Identity, plan: Plan, suspension: int, item: str) -> None:
    row = session.get(Suspension, suspension)
    if row is None or row.begun_at is None:
        raise TickError(f"there is no suspension {suspension}: see `standfast crisis status`")
    planners = _planners(session, suspension)
    if item in planners:
        _may(session, actor, planners[item], item)
        if waiting := receipt.open_calls(cursor(session), dialect(session), suspension, planners[item]):
            raise TickError(
                f"{waiting} call(s) to {planners[item]} are not confirmed: look there once it is quiet "
                "(`standfast crisis status --wait`)"
            )
    elif item not in {found.id for items in plan.checklist.values() for found in items}:
        raise TickError(_unknown(plan, planners, suspension, item))


def _planners(session: Session, suspension: int) -> Mapping[str, str]:
    """Item → channel, of the covered channels whose platform has a scheduler of its own."""
    own = receipt.own_planners()
    covered = receipt.covered_channels(cursor(session), dialect(session), suspension)
    return {PLANNER + name: name for name, platform in covered if own.get(platform, "") is not None}


def _may(session: Session, actor: Identity, channel: str, item: str) -> None:
    try:
        access.check(session, actor, "suspend", "*", action="tick", subject=item)
    except access.Refused:
        access.check(session, actor, "queue", channel, action="tick", subject=item)


def _unknown(plan: Plan, planners: Collection[str], suspension: int, item: str) -> str:
    if item.startswith(PLANNER):
        what = f"suspension {suspension} waits for nobody's look at {item.removeprefix(PLANNER)[:60]!a}"
        return f"{what}: {did_you_mean(item, planners)}"
    known = [found.id for items in plan.checklist.values() for found in items]
    return f"the checklist has no item {item[:60]!a}: {did_you_mean(item, [*known, *planners])}"
