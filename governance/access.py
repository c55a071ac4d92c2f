"""Who may do what, for everything above: a refusal is one line for the person and one entry in the chain."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from governance import authority, deeds, roles, standing
from governance.authority import EVERY_CHANNEL, SERVICE_ACCOUNT, Identity, Refusal
from store import chain
from store.engine import StoreError, cursor, dialect, reading, writing
from store.tables import Person, RoleGrant

Actor = Identity
"""Who acts: a signed-in person, or `authority.SERVICE` for the owner of the service account."""


class Refused(Refusal):
    """`actor` may not do `action` to `subject`; `why` is the short reason."""

    def __init__(self, message: str, *, actor: str, permission: str, channel: str, action: str, subject: str) -> None:
        super().__init__(message)
        self.actor, self.permission, self.channel = actor, permission, channel
        self.action, self.subject = action, subject


def sign_in(engine: Engine, token: str | None) -> Identity:
    """Whose token this is. Raises Refusal with the remedy when there is none or it is not accepted (logged)."""
    if not token:
        raise Refusal("you are not signed in: run `standfast login`, or set STANDFAST_TOKEN")
    try:
        with reading(engine) as session:
            found = authority.person_of(cursor(session), dialect(session), token)
    except Refusal as refusal:
        with contextlib.suppress(StoreError):  # a store that cannot be written must not hide the reason
            _log_refusal(engine, "unknown", "sign_in", "", {"why": str(refusal)})
        raise
    assert found is not None
    return found


def require(engine: Engine, actor: Actor, permission: str, channel: str, action: str, subject: str) -> None:
    """Return when `actor` holds `permission` on `channel` (``*``: all). Raises Refused otherwise, after logging it."""
    try:
        with reading(engine) as session:
            check(session, actor, permission, channel, action=action, subject=subject)
    except Refused as refused:
        log(engine, refused)
        raise


def require_any(
    engine: Engine, actor: Actor, permissions: Sequence[str], channel: str, action: str, subject: str
) -> None:
    """`require` for any of `permissions`."""
    try:
        with reading(engine) as session:
            check_any(session, actor, permissions, channel, action=action, subject=subject)
    except Refused as refused:
        log(engine, refused)
        raise


@contextmanager
def acting(engine: Engine) -> Iterator[Session]:
    """`store.engine.writing` that logs a Refused raised inside, in a transaction of its own: the act itself is undone."""
    try:
        with writing(engine) as session:
            yield session
    except Refused as refused:
        log(engine, refused)
        raise


def check(session: Session, actor: Actor, permission: str, channel: str, *, action: str, subject: str) -> None:
    """`require` inside the caller's transaction, without the log entry (`acting` writes it). Raises Refused."""
    check_any(session, actor, (permission,), channel, action=action, subject=subject)


def check_any(
    session: Session, actor: Actor, permissions: Sequence[str], channel: str, *, action: str, subject: str
) -> None:
    """`check` for any of `permissions`. Raises Refused, which says of each why not, and is logged with the last."""
    reasons = [_why_not(session, actor, permission, channel) for permission in permissions]
    if None in reasons:
        return
    why = "; ".join(dict.fromkeys(filter(None, reasons)))
    deed, remedy = deeds.words(action, subject), _remedy(session, actor, permissions, channel)
    message, last = f"{actor.person} may not {deed}: {why}; {remedy}", permissions[-1]
    raise Refused(message, actor=actor.person, permission=last, channel=channel, action=action, subject=subject)


def _why_not(session: Session, actor: Actor, permission: str, channel: str) -> str | None:
    if actor.person == SERVICE_ACCOUNT:
        return None if permission == "suspend" else "the service account may suspend, and only that"
    return _ineligible(session, actor.person, permission, channel)


def _ineligible(session: Session, person: str, permission: str, channel: str) -> str | None:
    return standing.ineligible(cursor(session), dialect(session), person, permission, channel, clock.wall_us())


def lacks(session: Session, person: str, permission: str, channel: str) -> str | None:
    """Why `person` may not use `permission` on `channel` now, in one line; None when they may."""
    return _ineligible(session, person, permission, channel)


def may(session: Session, person: str, permission: str, channel: str) -> bool:
    """True when `person` may use `permission` on `channel` now."""
    return _ineligible(session, person, permission, channel) is None


def _remedy(session: Session, actor: Actor, permissions: Sequence[str], channel: str) -> str:
    if actor.person == SERVICE_ACCOUNT:
        return "sign in with `standfast login`"
    names = holders(session, "people")
    who = " or ".join(names[:3]) or "the owner of the service account"
    own = cursor(session)
    if any(authority.may(own, dialect(session), actor.person, permission, channel) for permission in permissions):
        return f"{who} can record what has changed (`standfast people train`, `standfast people employ`)"
    holding = sorted({role for permission in permissions for role in roles.holding(permission)})
    return f"ask {who} for a role that holds it ({', '.join(holding)})"


def holders(session: Session, permission: str) -> list[str]:
    """The active people who hold `permission` on all channels, by id."""
    statement = (
        select(Person.id)
        .join(RoleGrant, col(RoleGrant.person) == col(Person.id))
        .where(Person.state == "active", col(RoleGrant.revoked_at).is_(None), RoleGrant.channel == EVERY_CHANNEL)
        .where(col(RoleGrant.role).in_(roles.holding(permission)))
    )
    return sorted(set(session.exec(statement).all()))


def log(engine: Engine, refused: Refused) -> None:
    """Enter a refusal in the chain, in its own transaction. Raises StoreError."""
    detail = {"permission": refused.permission, "channel": refused.channel, "why": str(refused)}
    _log_refusal(engine, refused.actor, refused.action, refused.subject, detail)


def _log_refusal(engine: Engine, actor: str, action: str, subject: str, detail: dict[str, str]) -> None:
    with writing(engine) as session:
        chain.append(
            cursor(session),
            dialect(session),
            actor=actor,
            action="refused",
            subject=f"{action} {subject}".rstrip(),
            detail=detail,
        )


def eligible(session: Session, author: str, channel: str) -> str | None:
    """None when `author` is active and may queue on `channel`, else why not, in one line. One query, in the
    caller's transaction: asked when a post is queued."""
    return lacks(session, author, "queue", channel)


def still_eligible(held: Sequence[Any], author: str, channel: str, *, emergency: bool = False) -> str | None:
    """`eligible`, asked again at the moment a post is published, of what was read of its author with the post.

    `emergency`: whether the author may use the emergency lane there.
    """
    return authority.why_not(held, author, "emergency" if emergency else "queue", channel)
