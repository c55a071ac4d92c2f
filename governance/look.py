"""The facts of `governance.facts`, read one by one for people to be told, or before something is decided."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from governance import facts, rules
from governance.facts import ApprovalFacts, ChannelFacts, Somebody
from store.engine import cursor, dialect


def somebody(session: Session, person: str, channel: str) -> Somebody:
    """The person as a claim would see them on `channel`."""
    scalar = facts.somebody(dialect(session), "w", "c.name")
    query = f"SELECT {scalar} FROM (SELECT CAST(? AS text) AS name) c, person w WHERE w.id = ?"  # noqa: S608 (constants only)
    found = _one(session, query, *_courses(scalar), channel, person)
    return facts.read_somebody(person, found) if found is not None else Somebody(person, None, None, None, ())


def channel(session: Session, name: str) -> ChannelFacts | None:
    """What stands of a channel's authorization; None when nobody has asked for it."""
    scalar = facts.channel(dialect(session), "c.name", "c.platform")
    query = f"SELECT {scalar} FROM channel c WHERE c.name = ?"  # noqa: S608 (constants only)
    return facts.read_channel(_one(session, query, *_courses(scalar), name))


def approvals(session: Session, post: int) -> tuple[ApprovalFacts, ...]:
    """The approvals of a post, good or not, oldest first."""
    scalar = facts.approvals(dialect(session), "p.id", "p.channel")
    query = f"SELECT {scalar} FROM post p WHERE p.id = ?"  # noqa: S608 (constants only)
    return facts.read_approvals(_one(session, query, *_courses(scalar), post))


def _courses(scalar: str) -> list[str]:
    return [rules.in_force().course] * scalar.count("?")


def _one(session: Session, text: str, *values: Any) -> Any:
    own = cursor(session)
    own.execute(text if dialect(session) == "sqlite" else text.replace("?", "%s"), values)
    row = own.fetchone()
    return None if row is None else row[0]
