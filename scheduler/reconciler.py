"""Settles unknown outcomes with the platform: found means published; "not found" is evidence for a person, never proof.

An attempt becomes ``unknown`` only when its call has ended or its worker is proven dead, so "not found" is believed once the
settling time has passed; then the post is held for a person. The attempt itself stays ``unknown`` until it is found after all
or a person closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock, failpoint
from config.settings import Settings
from connectors import exchange
from connectors.errors import ConnectorError
from connectors.exchange import Exchange
from connectors.protocol import Connector, Deadline, Media, Message, Published, Search
from records import log
from scheduler import capture, post_queue
from scheduler.outcome import mark_published
from store.engine import reading, writing
from store.tables import Attempt, Post

logger = structlog.get_logger()
LOOK_DEADLINE_S = 20.0
SKEW_US = 300 * clock.SECOND
"""How far the platform's clock may differ from ours."""
PATIENT_LOOKS = 8
"""Once held for a person, a post is looked for this many times less often."""


@dataclass(frozen=True)
class Question:
    """An attempt whose outcome is to be settled, with what the connector needs to look for it."""

    attempt: int
    post: int
    channel: str
    message: Message
    search: Search
    since_us: int


def reconcile(
    engine: Engine,
    settings: Settings,
    connector_of: Callable[[str], Connector],
    media_dir: Path,
    *,
    only: frozenset[int] | None = None,
    until: float | None = None,
) -> dict[int, str]:
    """Attempt → ``published``, ``not_seen`` or ``cannot_tell``, for each unknown attempt whose time to look has come.

    `only`: look for these attempts now, whatever their time (the drain of a crisis), and for none after `until` (boot time, s).
    """
    with reading(engine) as session:
        questions = [_question(session, attempt, media_dir) for attempt in _due(session, only)]
    answers = {}
    for question in questions:
        look_s = LOOK_DEADLINE_S if until is None else min(LOOK_DEADLINE_S, until - clock.boot_s())
        if look_s <= 0:
            break
        answers[question.attempt] = _settle(engine, settings, connector_of, question, look_s)
    return answers


def _due(session: Session, only: frozenset[int] | None) -> list[Attempt]:
    unknown = post_queue.open_attempts(session, "unknown")
    if only is not None:
        return [attempt for attempt in unknown if attempt.id in only]
    now = clock.wall_us()
    return [attempt for attempt in unknown if (attempt.look_at or 0) <= now]


def _question(session: Session, attempt: Attempt, media_dir: Path) -> Question:
    post = session.get_one(Post, attempt.post_id)
    media = tuple(Media(media_dir / m["file"], m["alt"], m["mime"], m["sha256"]) for m in post.media)
    since = attempt.sending_at or attempt.claimed_at
    others = select(Attempt.remote_id).where(
        Attempt.channel == attempt.channel,
        Attempt.state == "published",
        col(Attempt.finished_at) >= since - 2 * SKEW_US,
    )
    window = Search(
        since - SKEW_US,
        max(clock.wall_us(), since) + SKEW_US,
        frozenset(item for item in session.exec(others.where(col(Attempt.remote_id).is_not(None))) if item),
    )
    message = Message(attempt.post_id, attempt.idempotency_key, post.text, media)
    number = cast(int, attempt.id)
    return Question(number, attempt.post_id, attempt.channel, message, window, attempt.finished_at or since)


def _settle(
    engine: Engine, settings: Settings, connector_of: Callable[[str], Connector], question: Question, look_s: float
) -> str:
    with exchange.collected() as seen:
        found = _found(connector_of, question, look_s)
    return _looked(engine, settings, question, found, seen)


def _found(connector_of: Callable[[str], Connector], question: Question, look_s: float) -> Published | str | None:
    try:
        connector = connector_of(question.channel)
        with failpoint.step("reconcile.find"):
            return connector.find(question.message, question.search, Deadline.after(look_s))
    except ConnectorError as error:
        logger.warning("could not look", action="reconcile", attempt=question.attempt, error=error.detail)
    except Exception as error:  # a fault of ours or the library's tells nothing about the post
        logger.warning("could not look", action="reconcile", attempt=question.attempt, error=str(error))
    return "cannot_tell"


def _looked(
    engine: Engine, settings: Settings, question: Question, found: Published | str | None, seen: Sequence[Exchange]
) -> str:
    with writing(engine, step="reconcile") as session:
        attempt = session.get_one(Attempt, question.attempt)
        if attempt.state != "unknown":
            return "settled"
        if isinstance(found, Published):
            capture.answered(session, question.attempt, question.post, question.channel, seen)
            return mark_published(session, question.attempt, question.post, found, "reconcile")
        attempt.looks += 1
        settled = clock.wall_us() - question.since_us >= settings.settle * clock.SECOND
        if found is None and settled and _give_to_person(session, attempt):
            capture.answered(session, question.attempt, question.post, question.channel, seen)
        wait = settings.look_every * (PATIENT_LOOKS if settled else 1)
        attempt.look_at = clock.wall_us() + int(wait * clock.SECOND)
        session.add(attempt)
        return "cannot_tell" if found else "not_seen"


def _give_to_person(session: Session, attempt: Attempt) -> bool:
    """True when its post waits for a person from now on."""
    reason = (
        f"its call ended without an answer and {attempt.channel} does not show it ({attempt.looks} looks): "
        "look yourself, then `standfast post close`"
    )
    held = post_queue.hold(session, attempt.post_id, reason, only_from=("unknown",))
    if held:
        log.record(session, "standfast", "hold", f"post {attempt.post_id}", {"reason": reason, "attempt": attempt.id})
    return held
