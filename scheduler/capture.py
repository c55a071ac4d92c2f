"""What an attempt exchanges with its platform, as records: the request before it is sent, the answers with the outcome (RC-1).

Both stand in the transactions of the protocol itself: no leave to send without the request's record, no outcome without the
answers'. A store that takes no record takes no leave either, so nothing goes out that is not kept.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from config import clock
from connectors.errors import NotSent
from connectors.exchange import ANSWER_TYPE, Draft, Exchange
from records import keep
from records.keep import About

KEEPER = "standfast"
ROOM = 16 * 1024 * 1024
"""Bytes that must be free where records are kept before anything is sent: what comes of it must find room."""


def refuse_when_full(engine: Engine) -> None:
    """Raise NotSent when there is hardly any room left for the record of what comes of a call.

    A server's own room is its own to tell: there a record that finds none fails with the leave.
    """
    if engine.dialect.name != "sqlite":
        return
    folder = Path(engine.url.database or "").absolute().parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise NotSent(f"the room for records cannot be told ({folder}: {error.strerror}): nothing is sent") from None
    if free < ROOM:
        raise NotSent(
            f"{free >> 20} MB are free at {folder}, {ROOM >> 20} MB are needed for the records of what is sent: make room"
        )


def requested(session: Session, attempt: int, post: int, channel: str, draft: Draft) -> None:
    """The record of the request that an attempt has leave to send."""
    about = _about("request", attempt, post, channel, clock.wall_us(), {"url": draft.url})
    keep.blob(session, about, draft.body, draft.mime)


def answered(
    session: Session, attempt: int, post: int, channel: str, seen: Sequence[Exchange], draft: Draft | None = None
) -> None:
    """The records of what was exchanged: each answer, or that none came, and each request that `draft` has not told already."""
    for item in seen:
        if draft is None or item.sent.body != draft.body:
            about = _about("request", attempt, post, channel, item.at_us, {"url": item.sent.url, "sent": True})
            keep.blob(session, about, item.sent.body, item.sent.mime)
        facts: dict[str, Any] = {"url": item.sent.url, "status": item.status}
        if item.answer is None:
            facts |= {"failure": item.failure}
        answer = item.answer or Draft(item.sent.url, b"", ANSWER_TYPE)
        about = _about("answer", attempt, post, channel, item.at_us, facts)
        keep.blob(session, about, answer.body, answer.mime)


def _about(series: str, attempt: int, post: int, channel: str, at: int, facts: dict[str, Any]) -> About:
    return About(series, f"attempt {attempt}", at, KEEPER, channel, post, attempt, facts=facts)
