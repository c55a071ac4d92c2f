"""Platforms and tools as the city sees them (GV-6): approved, prohibited or retired, each with a reason and a source.

The shipped list (`config/data/platforms.toml`) is where a city begins; what it decides itself is in the store and comes first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlmodel import Session, select

from config import clock
from governance import entry, roles
from governance.authority import Identity
from governance.channel_fault import ChannelFault
from governance.training import COURSE
from store.governance_tables import STATUSES, ApprovedItem

KINDS = ("platform", "tool")
NOT_LISTED = "not listed"


@cache
def shipped() -> Mapping[tuple[str, str], Mapping[str, str]]:
    """(kind, name) → status, reason and source, from the shipped list."""
    tables = tomllib.loads(roles.SHIPPED.with_name("platforms.toml").read_text(encoding="utf-8"))
    return {
        (kind, name): {key: str(body[key]) for key in ("status", "reason", "source")}
        for kind in KINDS
        for name, body in tables.get(kind, {}).items()
        if "status" in body
    }


def status_of(kind: str, name: str, decided: str | None) -> str:
    """What counts of a platform or tool: what the city `decided`, else the shipped list's word."""
    return decided or shipped().get((kind, name), {"status": NOT_LISTED})["status"]


def status(session: Session, kind: str, name: str) -> str:
    """`status_of` as the store has it now."""
    row = session.get(ApprovedItem, (kind, name))
    return status_of(kind, name, None if row is None else row.status)


def decide(session: Session, actor: Identity, kind: str, name: str, status: str, reason: str, source: str) -> None:
    """Say what the city thinks of a platform or tool from now on. Raises Refused, ChannelFault."""
    detail = {"status": status, "reason": reason, "source": source}
    entry.begin(session, actor, f"channel.{kind}", name, detail, "channels")
    if not COURSE.fullmatch(name):
        raise ChannelFault(f"{kind} {name[:70]!a} cannot be a name: use a-z, 0-9 and '-'")
    if status not in STATUSES:
        raise ChannelFault(f"status {status[:40]!a} is not known: {roles.did_you_mean(status, STATUSES)}")
    for option, value in (("--reason", reason), ("--source", source)):
        if not value.strip():
            raise ChannelFault(f"{kind} {name}: a status has a reason and a source: give {option}")
    row = session.get(ApprovedItem, (kind, name)) or ApprovedItem(
        kind=kind, name=name, status=status, source=source, decided_by=actor.person
    )
    row.status, row.reason, row.source = status, reason.strip(), source.strip()
    row.decided_by, row.decided_at = actor.person, clock.wall_us()
    session.add(row)
    session.flush()


def listing(session: Session) -> list[dict[str, Any]]:
    """Every platform and tool with its status, reason, source and who decided it."""
    own = {(row.kind, row.name): row for row in session.exec(select(ApprovedItem)).all()}
    return [_described(key, own.get(key)) for key in sorted({*shipped(), *own})]


def _described(key: tuple[str, str], row: ApprovedItem | None) -> dict[str, Any]:
    about = {"kind": key[0], "name": key[1]}
    if row is None:
        return about | dict(shipped()[key]) | {"decided_by": None, "decided_at": None}
    told = {name: getattr(row, name) for name in ("status", "reason", "source", "decided_by")}
    return about | told | {"decided_at": clock.to_text(row.decided_at)}
