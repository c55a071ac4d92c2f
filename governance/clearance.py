"""Whether a post may go out, of what was read with it: its author, its channel and its approval, judged anew (GV-5).

Pure functions: the same ones say why a channel's queue waits (`standfast channel list`, `doctor`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config import clock
from governance import access, authority, catalog, standing
from governance.facts import ApprovalFacts, ChannelFacts, Facts, Somebody
from governance.rules import Rules
from governance.tiers import Tier

APPROVES = "release"
"""Who may let held posts go out may approve."""


@dataclass(frozen=True)
class Case:
    """A post as it is judged; `now` in wall µs. `emergency`: by the lane, for which its author's right is enough."""

    author: str
    channel: str
    content_hash: str
    due_at: int
    now: int
    emergency: bool = False


def refusal(case: Case, held: Sequence[Any], facts: Facts, rules: Rules, tier: Tier | None) -> str | None:
    """Why the post may not go out now, in one line; None when it may. `held`: its author's state and roles; `tier` None:
    no approval is asked for."""
    needed = "emergency" if case.emergency else "queue"
    why = access.still_eligible(held, case.author, case.channel, emergency=case.emergency)
    why = why or standing.shortcoming(
        case.author, facts.employment, facts.trained_until, needed, rules.training, case.now
    )
    if why is not None or case.emergency:
        return why
    if rules.channels:
        why = of_channel(facts.channel, case.channel, rules.course, case.now)
    if why is None and tier is not None and tier.approvals:
        why = of_approvals(facts.approvals, case, tier, rules.training)
    return why


def of_somebody(found: Somebody, permission: str, channel: str, course: str, now: int) -> str | None:
    """Why a person may not use `permission` on `channel` now; None when they may."""
    held = [(found.state, role) for role in found.roles or (None,)]
    why = authority.why_not(held, found.id, permission, channel)
    return why or standing.shortcoming(found.id, found.employment, found.trained_until, permission, course, now)


def of_channel(facts: ChannelFacts | None, channel: str, course: str, now: int) -> str | None:
    """Why a channel is not authorized now, in one line; None when it is (GV-3)."""
    if facts is None:
        return f"the channel {channel} is not authorized: `standfast channel authorize {channel}` says what is missing"
    if facts.state != "authorized":
        because = f" ({facts.reason})" if facts.reason else ""
        return f"the channel {channel} is {facts.state}, not authorized{because}"
    why = lapsed(facts, channel, course, now)
    return None if why is None else f"the authorization of {channel} has lapsed: {why}"


def lapsed(facts: ChannelFacts, channel: str, course: str, now: int) -> str | None:
    """Which of the ongoing conditions no longer holds."""
    for kind, name, decided in (
        ("platform", facts.platform, facts.platform_status),
        ("tool", facts.tool, facts.tool_status),
    ):
        if (status := catalog.status_of(kind, name, decided)) != "approved":
            return f"its {kind} {name} is {status}"
    why = of_somebody(facts.administrator, "queue", channel, course, now)
    return None if why is None else f"its administrator no longer counts: {why}"


def of_approvals(found: Sequence[ApprovalFacts], case: Case, tier: Tier, course: str) -> str | None:
    """Why the post lacks the approvals of its tier, in one line; None when it has them (CT-1)."""
    if (given := count(found, case, tier, course)) >= tier.approvals:
        return None
    if given:
        return f"only {given} of the {tier.approvals} approvals that {tier.name} asks for are there"
    return of_approval(found[-1], case, tier, course) if found else "nobody has approved it"


def count(found: Sequence[ApprovalFacts], case: Case, tier: Tier, course: str) -> int:
    """How many different people have approved the post as it is now."""
    return _different([approval for approval in found if of_approval(approval, case, tier, course) is None])


def _different(good: Sequence[ApprovalFacts]) -> int:
    """How many different people approved: a delegate counts neither beside themselves nor beside whom they stand in for."""
    seen: set[str] = set()
    number = 0
    for approval in good:
        people = {approval.approver.id, (approval.principal or approval.approver).id}
        number += not people & seen
        seen |= people
    return number


def of_approval(approval: ApprovalFacts, case: Case, tier: Tier, course: str) -> str | None:
    """Why one approval does not count for the post as it is now; None when it does."""
    if approval.void_reason is not None:
        return f"its approval is void: {approval.void_reason}"
    if approval.content_hash != case.content_hash:
        return "its content changed after it was approved"
    if abs(approval.due_at - case.due_at) > approval.window_us:
        hours = approval.window_us / clock.SECOND / 3600
        return f"it was approved for {clock.to_text(approval.due_at)}, and moved by more than {hours:g} h"
    if approval.expires_at <= case.now:
        return f"its approval expired at {clock.to_text(approval.expires_at)}"
    return _of_approver(approval, case, tier, course)


def _of_approver(approval: ApprovalFacts, case: Case, tier: Tier, course: str) -> str | None:
    voice = approval.principal or approval.approver
    if case.author in (approval.approver.id, voice.id):
        return f"{case.author} approved a post of their own"
    why = of_somebody(voice, APPROVES, case.channel, course, case.now)
    if why is None and approval.principal is not None:
        why = of_delegate(approval.approver, course, case.now)
    if why is None and tier.roles and not set(voice.roles) & set(tier.roles):
        why = f"{voice.id} does not hold {' or '.join(tier.roles)}, which {tier.name} asks for"
    return None if why is None else f"its approval no longer counts: {why}"


def of_delegate(found: Somebody, course: str, now: int) -> str | None:
    """Why somebody may not stand in for another: they need no role of their own, but must be here, an employee and trained."""
    if found.state != "active":
        return f"{found.id} has left"
    return standing.shortcoming(found.id, found.employment, found.trained_until, APPROVES, course, now)
