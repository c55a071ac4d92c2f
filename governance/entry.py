"""How a change of people begins: its entry in the chain, whose head is the lock, and then the look at who asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from governance import access
from governance.authority import EVERY_CHANNEL, Identity
from store import chain
from store.engine import cursor, dialect


def record(session: Session, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """Enter an act in the chain, in its own transaction."""
    chain.append(cursor(session), dialect(session), actor=actor, action=action, subject=subject, detail=detail)


def begin(
    session: Session,
    actor: Identity,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    permission: str = "people",
    channel: str = EVERY_CHANNEL,
) -> None:
    """Enter an act that needs `permission` on `channel`. Raises Refused."""
    record(session, actor.person, action, subject, detail)
    access.check(session, actor, permission, channel, action=action, subject=subject)
