"""Notices a jump of wall time against boot time: until a person has confirmed it, nothing is claimed."""

from __future__ import annotations

from sqlalchemy import Engine, func, update
from sqlmodel import Session, col, select

from config import clock
from records import log
from scheduler import liveness
from scheduler.lifting import CONFIRM_CLOCK
from store.engine import reading, writing
from store.tables import Alarm, Attempt, Channel, LogEntry
from store.tables import Worker as WorkerRow

CLOCK = "clock"
TOGETHER_NS = 1_000_000_000


class ClockGuard:
    """Holds wall time and boot time side by side from the moment it is made. `limit_s`: the largest jump let pass."""

    def __init__(self, limit_s: float = 30.0) -> None:
        self.limit_s = limit_s
        self.anchor()

    def anchor(self) -> None:
        """Take the present pair of readings as right."""
        self._wall_us, self._boot_ns = _both()

    def jumped_s(self) -> float | None:
        """By how many seconds wall time has jumped since the anchor, None while that is within the limit."""
        wall_us, boot_ns = _both()
        expected = self._wall_us + (boot_ns - self._boot_ns) / 1000 * clock.factor()
        jump = (wall_us - expected) / clock.SECOND
        return jump if abs(jump) > self.limit_s * clock.factor() else None

    def watch(self, engine: Engine) -> bool:
        """True when a jump was found; it is then an alarm in the store, and the new time is taken as the one to confirm.

        The alarm is written before the anchor moves, so that at no moment neither holds the claims back.
        """
        jump = self.jumped_s()
        if jump is None:
            return False
        raise_alarm(engine, f"wall time jumped by {jump:+.0f} s to {clock.to_text(clock.wall_us())}")
        self.anchor()
        return True


def _both() -> tuple[int, int]:
    """Wall (µs) and boot time (ns) of one moment, read anew where the process was stopped between the two: that is no jump."""
    while True:
        boot_ns, wall_us = clock.boot_ns(), clock.wall_us()
        if clock.boot_ns() - boot_ns < TOGETHER_NS:
            return wall_us, boot_ns


def check_start(engine: Engine, limit_s: float) -> str | None:
    """The alarm raised because the store remembers a later time than the clock shows now, or None."""
    # What was written before a person last said that the clock is right may bear the time of one that was ahead.
    since = select(func.coalesce(func.max(LogEntry.seq), 0)).where(LogEntry.action == CONFIRM_CLOCK).scalar_subquery()
    with reading(engine) as session:
        newest = session.exec(select(func.max(LogEntry.at)).where(col(LogEntry.seq) >= since)).one() or 0
    behind = (newest - clock.wall_us()) / clock.SECOND
    if behind <= limit_s * clock.factor():
        return None
    detail = f"wall time is {clock.to_text(clock.wall_us())}, {behind:.0f} s before the newest record"
    raise_alarm(engine, detail)
    return detail


def raise_alarm(engine: Engine, detail: str) -> None:
    """Write a clock alarm for this host."""
    with writing(engine) as session:
        session.add(Alarm(kind=CLOCK, host=liveness.host(), detail=detail, raised_at=clock.wall_us()))
        log.record(session, "standfast", "alarm", CLOCK, {"detail": detail})


def confirm(session: Session, person: str) -> int:
    """How many clock alarms `person` has confirmed: the time shown now is right, claims go on."""
    waiting = session.exec(select(Alarm).where(col(Alarm.confirmed_at).is_(None), Alarm.kind == CLOCK)).all()
    for alarm in waiting:
        alarm.confirmed_by, alarm.confirmed_at = person, clock.wall_us()
        session.add(alarm)
    if waiting:
        _forget_times_to_come(session)
        log.record(session, person, CONFIRM_CLOCK, CLOCK, {"alarms": [alarm.id for alarm in waiting]})
    return len(waiting)


def _forget_times_to_come(session: Session) -> None:
    """What a clock that was ahead wrote down is in the future now: no channel, look or lift waits for that."""
    now = clock.wall_us()
    free, look, beat = now + col(Channel.spacing_us), col(Attempt.look_at), col(WorkerRow.heartbeat_at)
    for statement in (
        update(Channel).where(col(Channel.next_free_at) > free).values(next_free_at=free),
        update(Channel).where(col(Channel.not_before_at) > now).values(not_before_at=now),  # the platform says it again
        update(Attempt).where(look > now, col(Attempt.state) == "unknown").values(look_at=now),
        update(WorkerRow).where(beat > now).values(heartbeat_at=now),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})
