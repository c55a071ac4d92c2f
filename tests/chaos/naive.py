"""The publisher that everybody writes first: look whether publishing is suspended, send, write down that it was sent.

It runs in the same trials, on the same store and sandbox, with the same faults, stops and kills, to show that they bite.
"""

from __future__ import annotations

import mmap
import signal
from contextlib import suppress
from functools import partial
from threading import Event

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock, essentials
from connectors.errors import ConnectorError, Refused
from connectors.protocol import Deadline, Message, Permit, Prepared
from scheduler.account import ConnectorPool
from store.engine import StoreError, open_engine, reading, writing
from store.tables import Post, Suspension
from tests.chaos.points import Points
from tests.chaos.stage import tag_of
from tests.chaos.worker import LEAVE, OFTEN, READY, Config, Diary, say

POLL_S = 0.05


def run(config: Config, memory: mmap.mmap) -> None:
    """Publish what is due until SIGTERM."""
    diary = Diary(config.log)
    points = Points(config.seed, config.likelihood, partial(say, diary, config.name), memory)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine = open_engine(essentials.load().database_url)
    points.watch(engine)
    connectors = ConnectorPool(engine)
    diary.write(READY)
    with points.watching_wire():
        while not stop.wait(POLL_S):
            with suppress(StoreError):
                for post in _due(engine):
                    _publish(engine, connectors, points, diary, post)


def _due(engine: Engine) -> list[Post]:
    with reading(engine) as session:
        query = select(Post).where(Post.state == "scheduled", col(Post.due_at) <= clock.wall_us())
        found = list(session.exec(query.order_by(col(Post.due_at))))
        session.expunge_all()
    return found


def _is_suspended(session: Session) -> bool:
    return (
        session.exec(select(Suspension.id).where(col(Suspension.lifted_epoch).is_(None)).limit(1)).first() is not None
    )


def _publish(engine: Engine, connectors: ConnectorPool, points: Points, diary: Diary, post: Post) -> None:
    with reading(engine) as session:
        fresh = session.get_one(Post, post.id)
        if fresh.state != "scheduled" or _is_suspended(session):
            return None
    diary.write(LEAVE, post=tag_of(post.text), attempt=post.id)
    points.reach("after the look at the flag", OFTEN)
    message = Message(post.id or 0, f"naive-{post.id}", post.text)
    permit = Permit(Deadline.after(essentials.load().send_deadline_s), lambda: None)
    try:
        made = connectors(post.channel).publish(message, Prepared(), permit)
    except Refused as error:
        return _write_down(engine, post, "failed", error.detail)
    except ConnectorError:
        return None  # it will be tried again
    points.reach("after the call")
    return _write_down(engine, post, "published", made.remote_id)


def _write_down(engine: Engine, post: Post, state: str, what: str) -> None:
    with writing(engine) as session:
        row = session.get_one(Post, post.id)
        row.state, row.published_at, row.remote_id = state, clock.wall_us(), what
        session.add(row)
