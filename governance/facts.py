"""What is read of people, a channel and a post's approvals to judge whether a post may go out: SQL, and the rows it gives.

Each piece is one scalar (a JSON array), so that a claim reads all of them with the post in the one statement it makes anyway.
A ``?`` in a piece is the course that people must have completed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from governance import authority, standing

ARRAY = {"sqlite": "json_array", "postgresql": "json_build_array"}
GATHER = {"sqlite": "json_group_array", "postgresql": "json_agg"}


@dataclass(frozen=True)
class Somebody:
    """A person as a claim sees them on one channel; `state` None: there is no such person."""

    id: str
    state: str | None
    employment: str | None
    trained_until: int | None
    roles: tuple[str, ...]


@dataclass(frozen=True)
class ChannelFacts:
    """What stands of a channel's authorization; the statuses are what the city decided itself, None when nothing."""

    state: str
    reason: str
    tool: str
    platform: str
    platform_status: str | None
    tool_status: str | None
    administrator: Somebody


@dataclass(frozen=True)
class ApprovalFacts:
    """One approval of a post, good or not; `principal`: in whose place it was given."""

    id: int
    content_hash: str
    due_at: int
    window_us: int
    expires_at: int
    void_reason: str | None
    approver: Somebody
    principal: Somebody | None


@dataclass(frozen=True)
class Facts:
    """What a claim reads beside a post where the city asks for more than a role."""

    employment: str | None = standing.EMPLOYEE
    trained_until: int | None = None
    tags: tuple[str, ...] = ()
    channel: ChannelFacts | None = None
    approvals: tuple[ApprovalFacts, ...] = ()


def somebody(dialect: str, row: str, channel: str) -> str:
    """A person, the table alias `row`, as `Somebody` on the channel that the expression names."""
    where = f"g.person = {row}.id AND g.revoked_at IS NULL AND {authority.ON_CHANNEL.format(channel=channel)}"
    held = f"(SELECT {GATHER[dialect]}(g.role) FROM role_grant g WHERE {where})"  # noqa: S608 (constants only)
    trained = standing.TRAINED.format(person=f"{row}.id")
    return f"{ARRAY[dialect]}({row}.id, {row}.state, {row}.employment, {trained}, {held})"


def channel(dialect: str, name: str, platform: str) -> str:
    """A channel's authorization as `ChannelFacts`; null without any. `name`, `platform`: expressions."""
    decided = "(SELECT i.status FROM approved_item i WHERE i.kind = '{kind}' AND i.name = {name})"
    own, tool = decided.format(kind="platform", name=platform), decided.format(kind="tool", name="z.tool")
    administrator = somebody(dialect, "q", name)
    columns = f"z.state, z.reason, z.tool, {platform}, {own}, {tool}, z.administrator, {administrator}"
    return (
        f"(SELECT {ARRAY[dialect]}({columns}) FROM channel_authorization z"  # noqa: S608 (constants only)
        f" LEFT JOIN person q ON q.id = z.administrator WHERE z.channel = {name})"
    )


def approvals(dialect: str, post: str, name: str) -> str:
    """The approvals of the post with the id `post`, as a list of `ApprovalFacts`."""
    columns = "v.id, v.content_hash, v.due_at, v.window_us, v.expires_at, v.voided_at, v.void_reason, v.approver"
    people = f"{somebody(dialect, 'y', name)}, v.principal, {somebody(dialect, 'u', name)}"
    return (
        f"(SELECT {GATHER[dialect]}({ARRAY[dialect]}({columns}, {people})) FROM approval v"  # noqa: S608 (constants only)
        " LEFT JOIN person y ON y.id = v.approver LEFT JOIN person u ON u.id = v.principal"
        f" WHERE v.post_id = {post} AND v.verdict = 'approved')"
    )


def decoded(value: Any) -> Any:
    """What a JSON scalar holds: SQLite gives its text, also inside another."""
    return json.loads(value) if isinstance(value, str) else value


def read_somebody(person: str, value: Any) -> Somebody:
    """The row that `somebody` gave of `person`."""
    _id, state, employment, trained_until, held = decoded(value)
    return Somebody(person, state, employment, trained_until, tuple(decoded(held) or ()))


def read_channel(value: Any) -> ChannelFacts | None:
    """The row that `channel` gave."""
    if value is None:
        return None
    state, reason, tool, platform, decided, tool_decided, administrator, row = decoded(value)
    who = read_somebody(administrator, row)
    return ChannelFacts(state, reason, tool, platform, decided, tool_decided, who)


def read_approvals(value: Any) -> tuple[ApprovalFacts, ...]:
    """The rows that `approvals` gave, oldest first."""
    rows: Sequence[Any] = decoded(value) or ()
    return tuple(sorted((_read_approval(decoded(row)) for row in rows), key=lambda found: found.id))


def _read_approval(row: Sequence[Any]) -> ApprovalFacts:
    number, digest, due_at, window_us, expires_at, voided_at, void_reason, approver, first, principal, second = row
    void = None if voided_at is None else void_reason or "it was voided"
    other = None if principal is None else read_somebody(principal, second)
    who = read_somebody(approver, first)
    return ApprovalFacts(number, digest, due_at, window_us, expires_at, void, who, other)
