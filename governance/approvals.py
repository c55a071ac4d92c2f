"""Submissions and approvals as records: what was handed in with which words, who said what of it, and what made it void.

An approval is bound to the words, the images and the time it was given for (CT-1); a change voids it for good, also when it
is changed back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, func, update
from sqlmodel import Session, col, select

from config import clock
from governance import access, clearance, deeds, delegations, facts, look, rules
from governance.authority import Identity
from governance.tiers import Tier, Tiers
from store import bulk
from store.governance_tables import Approval, Attestation, Submission
from store.tables import Post

UNSYNCHRONIZED: Any = {"execution_options": {"synchronize_session": False}}


def keep_words(session: Session, categories: Sequence[str]) -> str:
    """The SHA-256 (hex) under which the words of an attestation are kept."""
    words = "\n".join(categories)
    digest = hashlib.sha256(words.encode()).hexdigest()
    if session.get(Attestation, digest) is None:
        session.add(Attestation(digest=digest, words=words))
        session.flush()
    return digest


def submit(session: Session, actor: Identity, posts: Sequence[Post], tiers: Tiers) -> None:
    """The posts handed in as they stand now; what was handed in before is closed."""
    words = keep_words(session, tiers.categories)
    close(session, [cast(int, post.id) for post in posts], "handed in anew")
    session.add_all(_submission(actor, post, tiers.of(post.channel, post.tags), words) for post in posts)
    session.flush()


def _submission(actor: Identity, post: Post, tier: Tier, attestation: str) -> Submission:
    return Submission(
        post_id=cast(int, post.id),
        content_hash=post.content_hash,
        due_at=post.due_at,
        tier=tier.name,
        attestation=attestation,
        submitted_by=actor.person,
        submitted_at=clock.wall_us(),
    )


def open_of(session: Session, ids: Sequence[int]) -> dict[int, Submission]:
    """By post: its submission that waits or was approved, if any."""
    found: dict[int, Submission] = {}
    for page in bulk.pieces(ids):
        query = select(Submission).where(bulk.among(session, col(Submission.post_id), page))
        found |= {row.post_id: row for row in session.exec(query.where(col(Submission.closed_at).is_(None)))}
    return found


def approve(
    session: Session, actor: Identity, principal: str | None, submission: Submission, post: Post, tier: Tier
) -> None:
    """One person's approval of the post as it stands now."""
    now = clock.wall_us()
    session.add(_row(actor, submission, post, "approved", "", principal, tier.window_us, now + tier.expires_us))


def send_back(
    session: Session, actor: Identity, principal: str | None, submission: Submission, post: Post, why: str
) -> None:
    """The submission closed, what was said of it void, with one person's comment."""
    session.add(_row(actor, submission, post, "returned", why, principal, 0, clock.wall_us()))
    close(session, [submission.post_id], "sent back")
    void(session, [submission.post_id], f"{actor.person} sent it back")


def _row(
    actor: Identity,
    submission: Submission,
    post: Post,
    verdict: str,
    comment: str,
    principal: str | None,
    window: int,
    expires: int,
) -> Approval:
    return Approval(
        post_id=submission.post_id,
        submission_id=cast(int, submission.id),
        content_hash=post.content_hash,
        due_at=post.due_at,
        approver=actor.person,
        principal=principal,
        decided_at=clock.wall_us(),
        window_us=window,
        expires_at=expires,
        verdict=verdict,
        comment=comment,
    )


def close(session: Session, ids: Sequence[int], outcome: str) -> None:
    """The posts' open submissions are no longer open."""
    values = {"closed_at": clock.wall_us(), "outcome": outcome}
    for page in bulk.pieces(ids):
        of_posts = update(Submission).where(bulk.among(session, col(Submission.post_id), page))
        session.execute(of_posts.where(col(Submission.closed_at).is_(None)).values(values), **UNSYNCHRONIZED)


def void(session: Session, ids: Sequence[int], why: str) -> int:
    """How many approvals of these posts are void now."""
    return sum(_void(session, why, bulk.among(session, col(Approval.post_id), page)) for page in bulk.pieces(ids))


CHANGED = "its content or its time changed after it was approved"


def void_changed(session: Session, *, ids: Sequence[int] = (), file: str | None = None) -> int:
    """How many approvals are void now as their posts, these or those of a calendar, no longer are what was approved."""
    too_far = func.abs(Post.due_at - Approval.due_at) > col(Approval.window_us)
    other = (col(Post.content_hash) != col(Approval.content_hash)) | too_far
    changed = select(Post.id).where(col(Post.id) == col(Approval.post_id), other)
    if file is not None:
        return _void(session, CHANGED, changed.where(Post.file == file).exists())
    return sum(
        _void(session, CHANGED, bulk.among(session, col(Approval.post_id), page), changed.exists())
        for page in bulk.pieces(ids)
    )


def void_retagged(session: Session, ids: Sequence[int]) -> None:
    """What was said of posts whose tags changed is void, and they are handed in anew: tags decide the tier, which whoever
    approves must not choose."""
    void(session, ids, "its tags changed after it was approved")
    close(session, ids, "its tags changed")


def _void(session: Session, why: str, *conditions: Any) -> int:
    live = update(Approval).where(col(Approval.voided_at).is_(None), col(Approval.verdict) == "approved", *conditions)
    values = {"voided_at": clock.wall_us(), "void_reason": why}
    return cast("CursorResult[Any]", session.execute(live.values(values), **UNSYNCHRONIZED)).rowcount


def voice(session: Session, actor: Identity, post: Post, submitter: str, tier: Tier, action: str) -> str | None:
    """In whose place `actor` may speak about the post; None: in their own. Raises Refused, also for one's own post."""
    who, act, subject = actor.person, f"post.{action}", f"post {post.id}"
    own, deed = (post.author, submitter), deeds.words(act, subject)
    if who in own:
        own_post = deeds.words(act, "a post of their own")
        raise _refused(actor, post, act, f"{who} cannot {own_post}: another person does")
    speakers = [who, *delegations.principals(session, who, post.channel)]
    may = [person for person in speakers if person not in own and _may(session, actor, person, post.channel)]
    if not may:
        if unfit := _unfit(session, actor, [person for person in speakers[1:] if person not in own], post, deed):
            raise _refused(actor, post, act, unfit)
        access.check(session, actor, clearance.APPROVES, post.channel, action=act, subject=subject)
        raise _refused(actor, post, act, f"{who} stands in for nobody who may {deed}")
    fitting = [person for person in may if not tier.roles or _holds(session, person, post.channel, tier)]
    if not fitting:
        wanted = " or ".join(tier.roles)
        raise _refused(actor, post, act, f"{who} may not {deed}: {tier.name} asks for {wanted}")
    return None if fitting[0] == who else fitting[0]


def _may(session: Session, actor: Identity, person: str, channel: str) -> bool:
    """True when `person` may approve there, and `actor`, where it is another, is fit to stand in."""
    if not access.may(session, person, clearance.APPROVES, channel):
        return False
    found = look.somebody(session, actor.person, channel)
    return person == actor.person or clearance.of_delegate(found, rules.in_force().training, clock.wall_us()) is None


def _unfit(session: Session, actor: Identity, principals: Sequence[str], post: Post, deed: str) -> str | None:
    """Why `actor` may not stand in for one of `principals` who may approve, in one line; None where none of them may."""
    able = [person for person in principals if access.may(session, person, clearance.APPROVES, post.channel)]
    found = look.somebody(session, actor.person, post.channel)
    why = clearance.of_delegate(found, rules.in_force().training, clock.wall_us())
    if not able or why is None:
        return None
    remedy = "another person records what has changed (`standfast people train`, `standfast people employ`)"
    return f"{actor.person} may not {deed} in the place of {able[0]}: {why}; {remedy}"


def _holds(session: Session, person: str, channel: str, tier: Tier) -> bool:
    return bool(set(look.somebody(session, person, channel).roles) & set(tier.roles))


def _refused(actor: Identity, post: Post, action: str, message: str) -> access.Refused:
    return access.Refused(
        message, actor=actor.person, permission=clearance.APPROVES, channel=post.channel, action=action,
        subject=f"post {post.id}",
    )  # fmt: skip


def lacking(session: Session, post: Post, tier: Tier, course: str, also: tuple[str, str | None] | None = None) -> int:
    """How many more approvals the post needs. `also`: as if this person, in the place of another where named, had approved."""
    now = clock.wall_us()
    case = clearance.Case(post.author, post.channel, post.content_hash, post.due_at, now)
    found = look.approvals(session, cast(int, post.id))
    if also is not None:
        approver, principal = (
            None if person is None else look.somebody(session, person, post.channel) for person in also
        )
        assert approver is not None
        mine = (0, post.content_hash, post.due_at, tier.window_us, now + tier.expires_us, None, approver, principal)
        found = (*found, facts.ApprovalFacts(*mine))
    return max(0, tier.approvals - clearance.count(found, case, tier, course))


def history(session: Session, post: int) -> list[dict[str, Any]]:
    """What was said of a post, oldest first."""
    rows: Iterable[Approval] = session.exec(select(Approval).where(Approval.post_id == post).order_by(col(Approval.id)))
    return [
        {name: getattr(row, name) for name in ("verdict", "approver", "principal", "comment", "void_reason")}
        | {"content_hash": row.content_hash, "decided_at": clock.to_text(row.decided_at)}
        | {"due_at": clock.to_text(row.due_at), "expires_at": clock.to_text(row.expires_at)}
        for row in rows
    ]


def submissions(session: Session, post: int) -> list[dict[str, Any]]:
    """How a post was handed in, oldest first, each with the words its submitter attested to."""
    query = select(Submission, Attestation).join(Attestation, col(Attestation.digest) == col(Submission.attestation))
    rows = session.exec(query.where(Submission.post_id == post).order_by(col(Submission.id)))
    return [
        {"by": row.submitted_by, "at": clock.to_text(row.submitted_at), "tier": row.tier, "outcome": row.outcome}
        | {"content_hash": row.content_hash, "attested": words.words.splitlines()}
        for row, words in rows
    ]
