"""The content checks at approval: who approves sees each post with its findings; what blocks is refused or let pass by name.

The checks are asked of the posts as a look without consequence shows them, before the transaction in which they are approved: a
dictionary may have to be read. Inside it a post whose words are no longer those is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from commands import checking
from commands.context import Context

if TYPE_CHECKING:
    from sqlmodel import Session

    from governance.tiers import Tiers
    from policy.finding import Finding
    from scheduler.planning.content_checks import Verdict
    from scheduler.planning.post_changes import Done
    from scheduler.planning.post_run import Request

Verdicts = dict[tuple[int, str], "Verdict"]
"""By post and content hash: what the checks say of it."""


def verdicts(context: Context, shown: Sequence[dict[str, Any]], override: Sequence[str] | None) -> Verdicts:
    """What the checks say of each post. Raises UserError, ChecksError."""
    return {(post["id"], post["content_hash"]): _of(context, post, override) for post in shown}


def _of(context: Context, post: dict[str, Any], override: Sequence[str] | None) -> Verdict:
    from scheduler.planning import content_checks

    day = date.fromisoformat(post["local_time"][:10]) if post["local_time"][:4].isdigit() else None
    seen = content_checks.post_of(post["text"], post["media"], day, post["share_of"], post["source_checked"])
    return checking.verdict(context, seen, override)


def approve(session: Session, request: Request, tiers: Tiers, said: Verdicts) -> Done:
    """The posts approved, unless a check forbids it. Raises PostError, Refused; then all is as it was."""
    from scheduler.planning import post_review

    done = post_review.approve(session, request, tiers)
    for row in done.changed:
        _heed(session, request, row.id, said)
    return done


def _heed(session: Session, request: Request, number: int, said: Verdicts) -> None:
    from scheduler.planning import content_checks
    from scheduler.planning.post_selection import PostError
    from store.tables import Post

    post = session.get_one(Post, number)
    found = said.get((number, post.content_hash))
    if found is None:
        raise PostError([f"post {number} was changed while you looked at it: look at it again with --dry-run"])
    known = content_checks.overridden(session, post.content_hash)
    new = replace(found, findings=tuple(item for item in found.findings if item.rule not in known))
    asked = [(number, post.channel, post.local_time, post.content_hash)]
    content_checks.heed(session, request.actor, new, asked, dry=request.dry, action="post.approve")


def findings(said: Verdicts, post: dict[str, Any]) -> list[Finding]:
    """The findings of a shown post, as strict as they are on its day."""
    found = said.get((post["id"], post["content_hash"]))
    return [] if found is None else found.on(post["local_time"])
