"""Drills (KS-20): what a simulated stop would do, what a live one measured, and whether it was passed.

A simulation records the suspension for real in a transaction that is undone: what it tells is what a stop would tell, and
nothing is changed. A live one is a suspension of its own kind, which ends like every other; its verdict is read from the
ledger when it is over.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from config import clock
from config.essentials import Essentials
from config.fault import Fault
from crisis.plan import Plan
from governance.access import Actor
from records.log import record
from scheduler import killswitch, receipt, switch
from scheduler.emergency_stop import DRAIN_MARGIN_S
from scheduler.exercise import DRILL, Answers
from scheduler.killswitch import Order, Scope
from scheduler.receipt import Receipt
from store.crisis_tables import Acknowledgement, Delivery, Notice
from store.drill_tables import Drill
from store.engine import cursor, dialect, writing
from store.tables import Suspension

SIMULATE, LIVE = "simulate", "live"
RUNNING, PASSED, FAILED, OVERTAKEN = "running", "passed", "failed", "overtaken"

UNDONE = "the stop was recorded and undone; nothing was held"
IN_ORDER = "quiet in time, nothing went out, every notice delivered, nobody silent"
NO_VERDICT = "it is over and nobody has judged it yet: see `standfast doctor` for the plan"
STANDS = "suspension {number} stands until a person resumes"


class DrillFault(Fault):
    """No drill can be held now: one line; nothing was changed."""


@dataclass(frozen=True)
class Measured:
    """What a stop took, in µs from the command's start, and what it told."""

    receipt: Receipt
    suspended_us: int
    quiet_us: int | None = None


@dataclass(frozen=True)
class Found:
    """A live drill's verdict and why; `acknowledged_us` is None while somebody is silent, or nobody was to answer."""

    verdict: str
    reasons: list[str]
    acknowledged_us: int | None = None
    ended_at: int | None = None
    counts: dict[str, int] = field(default_factory=dict)


class _Undone(Exception):
    """Ends the transaction of a simulation, so that nothing of it stays."""


def refuse_beside_real(session: Session) -> None:
    """Raise DrillFault while a real suspension stands, or another exercise does."""
    query = f"SELECT s.id, s.kind FROM suspension s WHERE {killswitch.ACTIVE} ORDER BY s.id LIMIT 1"  # noqa: S608 (constants only)
    found = killswitch.rows(cursor(session), dialect(session), query, (clock.wall_us(),))
    if found and found[0][1] == DRILL:
        raise DrillFault(f"suspension {found[0][0]} is an exercise already: end it first with `standfast resume`")
    if found:
        raise DrillFault(f"suspension {found[0][0]} is a real one: no exercise beside it; NOTHING IS SUSPENDED by this")


def simulate(essential: Essentials, scope: Scope, by: str, reason: str, since_us: int) -> Measured:
    """What a stop of `scope` would tell now; `since_us`: boot-time µs at which the command began.

    Raises SwitchError, SwitchUnavailable.
    """
    own, order = switch.open_switch(essential), Order(uuid.uuid4().hex, by, reason, scope, DRILL)
    try:
        with switch.exclusive(own) as held:
            recorded = killswitch.suspend(held, own.name, order)
            took = clock.boot_ns() // 1000 - since_us
            found = receipt.build(held, own.name, recorded.suspension, essential.recall_s)
            raise _Undone
    except _Undone:
        return Measured(found, took)
    finally:
        own.close()


def keep(session: Session, actor: Actor, mode: str, measured: Measured, evidence: dict[str, Any]) -> int:
    """The number of the drill that is on record from here on; a simulated one is over with it."""
    over, now = mode == SIMULATE, clock.wall_us()
    row = Drill(
        mode=mode,
        scope=measured.receipt.scope,
        by=actor.person,
        at=now,
        suspension_id=None if over else measured.receipt.suspension,
        suspended_us=measured.suspended_us,
        quiet_us=measured.quiet_us,
        verdict=PASSED if over else RUNNING,
        ended_at=now if over else None,
        evidence=json.dumps(evidence, default=str),
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    detail = {"mode": mode, "scope": row.scope, "suspension": row.suspension_id, "suspended_us": row.suspended_us}
    record(session, actor.person, "drill", f"drill {row.id}", detail)
    return row.id


def settle(engine: Engine, plan: Plan, send_deadline_s: float) -> list[int]:
    """The live drills that are over since the last look: each gets its verdict, once, with its reasons among the evidence."""
    with writing(engine) as session:
        rows = session.exec(
            select(Drill).where(Drill.verdict == RUNNING).order_by(col(Drill.id)).with_for_update()
        ).all()
        return [row.id or 0 for row in rows if _settle(session, row, plan, send_deadline_s)]


def _settle(session: Session, row: Drill, plan: Plan, send_deadline_s: float) -> bool:
    found = judge(session, row, plan, send_deadline_s)
    if found.verdict == RUNNING:
        return False
    row.verdict, row.ended_at, row.acknowledged_us = found.verdict, found.ended_at, found.acknowledged_us
    row.evidence = json.dumps({**json.loads(row.evidence), "reasons": found.reasons, "counts": found.counts})
    detail = {"verdict": found.verdict, "reasons": found.reasons, **found.counts}
    record(session, "standfast", "drill.end", f"drill {row.id}", detail)
    return True


def judge(session: Session, row: Drill, plan: Plan, send_deadline_s: float) -> Found:
    """What the ledger says of a live drill now."""
    own = session.get(Suspension, row.suspension_id)
    if own is None:
        return Found(FAILED, ["its suspension is not in the store any more"], ended_at=clock.wall_us())
    real = _real_during(session, own)
    if own.lifted_at is None and real is None:
        return Found(RUNNING, [])
    answered, silent = _answers(session, own, plan)
    counts = {"went_out": _went_out(session, own), "failed_notices": _failed_notices(session, own)}
    if real is not None:
        why = f"suspension {real.id}, a real one, stood during it"
        return Found(OVERTAKEN, [why], answered, own.lifted_at or max(own.at, real.at), counts)
    reasons = [*_late(own, send_deadline_s), *silent, *_faults(counts)]
    return Found(FAILED if reasons else PASSED, reasons, answered, own.lifted_at, counts)


def why(session: Session, row: Drill, plan: Plan) -> list[str]:
    """Why a drill has the verdict that it has; of one that stands, what it still waits for."""
    if row.verdict != RUNNING:
        said = json.loads(row.evidence).get("reasons") or ()
        return list(said) or [UNDONE if row.mode == SIMULATE else IN_ORDER]
    own = session.get(Suspension, row.suspension_id)
    if own is None or own.lifted_epoch is not None:
        return [NO_VERDICT]
    _answered, silent = _answers(session, own, plan)
    return [STANDS.format(number=own.id), *silent]


def _late(own: Suspension, send_deadline_s: float) -> Iterator[str]:
    if own.quiet_at is None:
        yield "quiet was never confirmed"
    elif own.quiet_at - own.at > int((send_deadline_s + DRAIN_MARGIN_S) * clock.SECOND):
        yield f"quiet was confirmed only after {(own.quiet_at - own.at) / clock.SECOND:.0f} s"


def _faults(counts: dict[str, int]) -> Iterator[str]:
    if counts["went_out"]:
        yield f"{counts['went_out']} post(s) went out though they were covered"
    if counts["failed_notices"]:
        yield f"{counts['failed_notices']} notice(s) could not be delivered: `standfast crisis notices`"


def _real_during(session: Session, own: Suspension) -> Suspension | None:
    """The first real suspension that stood during the drill: it came in its midst, or a moment before it."""
    query = select(Suspension).where(col(Suspension.kind) != DRILL, col(Suspension.begun_at).is_not(None))
    query = query.where(func.coalesce(Suspension.lifted_epoch, 2**62) > own.epoch).order_by(col(Suspension.epoch))
    found = session.exec(query).first()
    return None if found is None or (own.lifted_epoch is not None and found.epoch > own.lifted_epoch) else found


def _answers(session: Session, own: Suspension, plan: Plan) -> tuple[int | None, list[str]]:
    """(µs until the last of those who must answer had, one line for each who has not)."""
    rows = session.exec(select(Acknowledgement).where(Acknowledgement.suspension_id == own.id))
    known = {row.person: row.at for row in rows}
    found = Answers.of(own.id or 0, plan.must_answer, known)
    silent = [f"{person} has not said that they know of it" for person in found.silent]
    last = max((known[person] for person in found.answered), default=None) if not silent else None
    return None if last is None else last - own.at, silent


def _went_out(session: Session, own: Suspension) -> int:
    """Attempts on covered channels that got leave after the stop and before the lift, emergency messages aside: none may."""
    covers = killswitch.COVERS.format(channel="a.channel")
    query = (
        "SELECT count(*) FROM attempt a WHERE a.override_id IS NULL AND a.authorise_epoch >= ? AND a.authorise_epoch < ? "  # noqa: S608 (constants only)
        f"AND EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {covers})"
    )
    until = own.lifted_epoch if own.lifted_epoch is not None else 2**62
    return int(killswitch.rows(cursor(session), dialect(session), query, (own.epoch, until, own.id))[0][0])


def _failed_notices(session: Session, own: Suspension) -> int:
    of_notice = col(Delivery.notice_id) == col(Notice.id)
    query = (
        select(Delivery.id).join(Notice, of_notice).where(Notice.suspension_id == own.id, Delivery.state == "failed")
    )
    return len(session.exec(query).all())
