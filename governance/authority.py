"""Who somebody is and what they may do, for the crisis path: plain SQL on a DB-API cursor, standard library only.

A token reads ``sf_<id>_<secret>``; the store keeps the SHA-256 of the secret. For the hour when the database does not
answer, a local file names the tokens of the people who may suspend everything.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from config import clock
from config.fault import Fault
from governance import private_file, roles

TOKEN = re.compile(r"sf_(?P<id>[0-9a-f]{8,32})_(?P<secret>[A-Za-z0-9_-]{20,200})", re.ASCII)
EVERY_CHANNEL = "*"
SERVICE_ACCOUNT = "service account"
"""The actor's name for the owner of the service account; no person's id can hold a space."""
_REMEDY = "sign in again with a new one from `standfast people token`"


class Cursor(Protocol):
    """The part of a DB-API cursor that is used here."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> Any: ...


class Refusal(Fault):
    """Somebody may not do this: one line that says why and what to do."""


class NotKnown(Refusal):
    """What somebody gave is no token and no code of this city's; whose it might be, nobody is told."""


@dataclass(frozen=True)
class Identity:
    """Somebody known: `person` is the id that logs carry, `how` is ``token``, ``authority file`` or ``service account``."""

    person: str
    name: str
    how: str


SERVICE = Identity(SERVICE_ACCOUNT, SERVICE_ACCOUNT, SERVICE_ACCOUNT)


@dataclass(frozen=True)
class AuthorityRow:
    """One token in the local file: whose it is, and until when (µs UTC, None: for ever)."""

    token: str
    secret_hash: str
    person: str
    name: str
    expires_at: int | None


def hash_of(secret: str) -> str:
    """The SHA-256 (hex) of a token's secret: 32 random bytes need no slow hash."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def person_of(cursor: Cursor, dialect: str, token: str | None) -> Identity | None:
    """Whose token this is; None when `token` is empty. Raises Refusal saying why a given one is not accepted."""
    if not token:
        return None
    found = TOKEN.fullmatch(token.strip())
    if found is None:
        raise NotKnown(f"that is not a token (they read sf_…_…): {_REMEDY}")
    cursor.execute(
        "SELECT t.secret_hash, t.expires_at, t.revoked_at, p.id, p.name, p.state "  # noqa: S608 (only marks vary)
        f"FROM token t JOIN person p ON p.id = t.person WHERE t.id = {_mark(dialect)}",
        (found["id"],),
    )
    return _accepted(found["id"], found["secret"], cursor.fetchone())


def _accepted(token_id: str, secret: str, row: Any) -> Identity:
    known = row is not None and hmac.compare_digest(str(row[0]), hash_of(secret))
    if not known:
        raise NotKnown(f"token sf_{token_id}… is not known here: {_REMEDY}")
    _hash, expires_at, revoked_at, person, name, state = row
    if state != "active":
        raise Refusal(f"token sf_{token_id}… belongs to {person}, who has left: sign in as somebody else")
    if revoked_at is not None:
        raise Refusal(f"token sf_{token_id}… was revoked on {_day(revoked_at)}: {_REMEDY}")
    if expires_at is not None and expires_at <= clock.wall_us():
        raise Refusal(f"token sf_{token_id}… expired on {_day(expires_at)}: {_REMEDY}")
    return Identity(str(person), str(name), "token")


def _day(us: int) -> str:
    return clock.to_text(us)[:10]


def may(cursor: Cursor, dialect: str, person: str, permission: str, channel: str = EVERY_CHANNEL) -> bool:
    """True when `person` is active and holds `permission` on `channel`; a grant on one channel is none on all (``*``)."""
    return ineligible(cursor, dialect, person, permission, channel) is None


GROUP = "group:"
"""How the channel of a grant begins that holds on all channels of a group."""
ON_CHANNEL = (
    "(g.channel IN ('*', {channel}) OR g.channel IN (SELECT 'group:' || m.name FROM channel_group m"
    " WHERE m.channel = {channel}))"
)
"""The condition on a grant ``g`` that it holds on one channel (SQL)."""
GRANTS = f"role_grant g ON g.person = w.id AND g.revoked_at IS NULL AND {ON_CHANNEL}"
"""What to join to a person ``w`` for `why_not`: their grants on one channel (SQL)."""


def ineligible(cursor: Cursor, dialect: str, person: str, permission: str, channel: str) -> str | None:
    """Why `person` may not use `permission` on `channel`, in one line; None when they may. One query."""
    mark = _mark(dialect)
    cursor.execute(
        f"SELECT w.state, g.role FROM person w LEFT JOIN {GRANTS.format(channel=mark)} WHERE w.id = {mark}",  # noqa: S608 (only marks vary)
        (channel, channel, person),
    )
    return why_not(cursor.fetchall(), person, permission, channel)


def why_not(held: Sequence[Any], person: str, permission: str, channel: str) -> str | None:
    """`ineligible`, of the person's state and role in each of their `GRANTS`: no row or no state means no such person."""
    if not held or held[0][0] is None:
        return f"there is no person {person!r}"
    if held[0][0] != "active":
        return f"{person} has left"
    if any(permission in granted(role, permission) for _state, role in held):
        return None
    where = "all channels" if channel == EVERY_CHANNEL else f"channel {channel}"
    return f"{person} does not hold {permission!r} on {where}"


def granted(role: str | None, permission: str) -> frozenset[str]:
    """The permissions of `role`; none for a role that is no longer among the roles.

    A roles file broken at 2 a.m. must not keep anybody from stopping: for ``suspend`` the shipped roles stand in.
    """
    try:
        known = roles.in_force()
    except roles.RolesError:
        if permission != "suspend":
            raise
        known = roles.read(roles.SHIPPED)
    return known.get(role or "", frozenset())


def _mark(dialect: str) -> str:
    return "?" if dialect == "sqlite" else "%s"


def owns_service_account(data_dir: Path) -> bool:
    """True when this process runs as root or as the owner of the data directory: they may suspend, and only that."""
    user = os.geteuid()
    try:
        return user == 0 or data_dir.stat().st_uid == user
    except OSError:
        return False


def write_file(path: Path, rows: Iterable[AuthorityRow], break_glass: Iterable[Mapping[str, Any]] = ()) -> None:
    """Replace the local authority file, atomically and for its owner only. Raises OSError."""
    content = {"may_suspend_all": [vars(row) for row in rows], "break_glass": [*break_glass]}
    private_file.write(path, json.dumps(content, indent=1) + "\n")


def from_file(path: Path, token: str | None) -> Identity | None:
    """Whose token this is by the local file; None when it is not there, expired, or the file cannot be read."""
    found = TOKEN.fullmatch((token or "").strip())
    if found is None:
        return None
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["may_suspend_all"]
        return next((_identity(row) for row in rows if _matches(row, found["id"], found["secret"])), None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _matches(row: Mapping[str, Any], token_id: str, secret: str) -> bool:
    expires_at = row["expires_at"]
    return (
        row["token"] == token_id
        and hmac.compare_digest(str(row["secret_hash"]), hash_of(secret))
        and (expires_at is None or int(expires_at) > clock.wall_us())
    )


def _identity(row: Mapping[str, Any]) -> Identity:
    return Identity(str(row["person"]), str(row["name"]), "authority file")
