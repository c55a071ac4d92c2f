"""Takes up what dead workers left: ``claimed`` becomes ``aborted``, ``sending`` becomes ``unknown``, never anything kinder."""

from __future__ import annotations

from typing import cast

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from records import log
from scheduler import liveness, post_queue
from store.engine import reading, writing
from store.tables import Attempt, Post, Worker

logger = structlog.get_logger()


def rescue(engine: Engine) -> list[int]:
    """The attempts whose worker was proven dead, after they were taken up."""
    with reading(engine) as session:
        left = post_queue.open_attempts(session, "claimed", "sending")
        dead = dead_workers(session, {attempt.worker for attempt in left})
        numbers = [cast(int, attempt.id) for attempt in left if attempt.worker in dead]
    return [number for number in numbers if _take_up(engine, number)]


def dead_workers(session: Session, names: set[str]) -> set[str]:
    """Those of the workers `names` that are proven dead."""
    found = session.exec(select(Worker).where(col(Worker.id).in_(names))).all()
    return {worker.id for worker in found if worker.ended_at is not None or liveness.is_dead(as_process(worker))}


def as_process(worker: Worker) -> liveness.Process:
    """The worker as its host knows it."""
    return liveness.Process(
        worker.id, worker.kind, worker.host, worker.boot_id, worker.pid, worker.pid_start, worker.lock_file
    )


def _take_up(engine: Engine, number: int) -> bool:
    with writing(engine, step="rescue") as session:
        attempt = session.get(Attempt, number)
        if attempt is None or not (_abort(session, attempt) or _doubt(session, attempt)):
            return False
        detail = {"attempt": number, "worker": attempt.worker}
        log.record(session, "standfast", "rescue", f"post {attempt.post_id}", detail)
    logger.warning("attempt of a dead worker taken up", action="rescue", attempt=number)
    return True


def _abort(session: Session, attempt: Attempt) -> bool:
    now, number = clock.wall_us(), cast(int, attempt.id)
    values = {"finished_at": now, "outcome": "aborted", "detail": "the worker died before it had leave to send"}
    if not post_queue.move_attempt(session, number, "aborted", only_from=("claimed",), **values):
        return False
    post = session.get_one(Post, attempt.post_id)
    post_queue.put_back(session, attempt, ready_at=now, tries=post.tries, reason="its worker died before the send")
    return True


def _doubt(session: Session, attempt: Attempt) -> bool:
    now, number = clock.wall_us(), cast(int, attempt.id)
    values = {"finished_at": now, "outcome": "unknown", "look_at": now, "detail": "the worker died during the call"}
    if not post_queue.move_attempt(session, number, "unknown", only_from=("sending",), **values):
        return False
    post_queue.move_post(session, attempt.post_id, "unknown", only_from=("publishing",))
    return True
