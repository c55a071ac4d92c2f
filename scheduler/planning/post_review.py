"""Handing posts in for approval, approving them and sending them back (CT-1, CT-6).

Each works in the caller's transaction as the verbs of `scheduler.planning.post_verbs` do. A draft that is handed in is in
review; approved by as many as its tier asks for, it is scheduled. Posts that are scheduled or held already (a calendar's) stay
so: without their approval they are held when due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from sqlmodel import Session

from config import clock
from governance import approvals, rules
from governance.tiers import Tier, Tiers
from scheduler import states
from scheduler.planning import post_adoption
from scheduler.planning.post_adoption import Step
from scheduler.planning.post_changes import Done
from scheduler.planning.post_run import Request, Verb, run
from scheduler.planning.post_selection import PostError
from store.governance_tables import Submission
from store.tables import Channel, Post

MOST = 500
"""Posts that one command approves or sends back."""
REVIEWED = tuple(state for state in states.EDITABLE if state != "draft")


def submit(session: Session, request: Request, tiers: Tiers) -> Done:
    """Posts handed in by somebody who attests to the categories of `tiers`, and who becomes the author of those whose author
    has left. Raises PostError, Refused."""
    posts: list[Post] = []

    def plan(found: Sequence[Post], _: dict[str, Channel]) -> Iterable[Step]:
        posts.extend(found)
        steps = [Step(post, "in_review" if post.state == "draft" else post.state, {}, "handed in") for post in found]
        return post_adoption.taken_up(session, request.actor, steps)

    verb = Verb("submit", states.EDITABLE, lambda _: "queue", plan)
    return run(session, request, replace(verb, after=lambda: approvals.submit(session, request.actor, posts, tiers)))


def approve(session: Session, request: Request, tiers: Tiers) -> Done:
    """Posts approved as they stand now: scheduled once enough have, or held where their time has passed meanwhile.

    Raises PostError, Refused (also for one's own post).
    """
    votes: list[tuple[Post, Submission, str | None, Tier]] = []

    def plan(found: Sequence[Post], _: dict[str, Channel]) -> Iterable[Step]:
        _not_too_many(found)
        _answered_for(session, found)
        handed_in = _handed_in(session, found)
        for post in found:
            submission, tier = handed_in[cast(int, post.id)], tiers.of(post.channel, post.tags)
            voice = approvals.voice(session, request.actor, post, submission.submitted_by, tier, "approve")
            votes.append((post, submission, voice, tier))
        _check_once(session, request, votes)
        return [_approved(session, request, post, voice, tier) for post, _, voice, tier in votes]

    def after() -> None:
        for post, submission, voice, tier in votes:
            approvals.approve(session, request.actor, voice, submission, post, tier)
        session.flush()
        done = [
            post for post, _, _, tier in votes if not approvals.lacking(session, post, tier, rules.in_force().training)
        ]
        approvals.close(session, [cast(int, post.id) for post in done], "approved")

    return run(session, request, Verb("approve", REVIEWED, lambda _: "", plan, after))


def _not_too_many(posts: Sequence[Post]) -> None:
    """Raise PostError for more than somebody reads: each is looked at by itself, and nobody may need the store for long."""
    if len(posts) > MOST:
        raise PostError(
            [f"{len(posts):,} posts match, more than {MOST}: name fewer, by --channel, --tag, --file or id"]
        )


def _answered_for(session: Session, posts: Sequence[Post]) -> None:
    """Raise PostError for posts by somebody who has left: who approves one cannot be who answers for it."""
    gone = post_adoption.departed(session)
    lines = [
        f"post {post.id} is by {post.author}, who has left: somebody else hands it in first, `standfast post submit {post.id}`"
        for post in posts
        if post.author in gone
    ]
    if lines:
        raise PostError(lines)


def _handed_in(session: Session, posts: Sequence[Post]) -> dict[int, Submission]:
    """The submission of each post. Raises PostError for those without, or changed since."""
    found = approvals.open_of(session, [cast(int, post.id) for post in posts])
    lines = []
    for post in posts:
        submission = found.get(cast(int, post.id))
        if submission is None:
            lines.append(f"post {post.id} is not handed in: first `standfast post submit {post.id}`")
        elif submission.content_hash != post.content_hash:
            lines.append(f"post {post.id} was changed since it was handed in: `standfast post submit {post.id}` again")
    if lines:
        raise PostError(lines)
    return found


def _check_once(session: Session, request: Request, votes: Sequence[tuple[Post, Submission, str | None, Tier]]) -> None:
    """Raise PostError for posts that have the actor's approval already."""
    lines = []
    for post, _, voice, tier in votes:
        before = approvals.lacking(session, post, tier, rules.in_force().training)
        if (
            approvals.lacking(session, post, tier, rules.in_force().training, also=(request.actor.person, voice))
            == before
        ):
            lines.append(
                f"post {post.id} has the approval of {request.actor.person} already: another person's is missing"
            )
    if lines:
        raise PostError(lines)


def _approved(session: Session, request: Request, post: Post, voice: str | None, tier: Tier) -> Step:
    """What becomes of a post with the actor's approval."""
    more = approvals.lacking(session, post, tier, rules.in_force().training, also=(request.actor.person, voice))
    place = f" in the place of {voice}" if voice else ""
    if more:
        return Step(post, post.state, {}, f"approved{place}; {more} more needed")
    if post.state in ("in_review", "scheduled") and post.due_at <= clock.wall_us():
        why = f"its time had passed when {request.actor.person} approved it"
        return Step(post, "held", {"hold_reason": why}, f"approved{place}, but held: {why}")
    return Step(post, "scheduled" if post.state == "in_review" else post.state, {}, f"approved{place}")


def send_back(session: Session, request: Request, tiers: Tiers, comment: str) -> Done:
    """Posts sent back with a comment: a draft again; what was scheduled is held. Raises PostError, Refused."""
    if not comment.strip():
        raise PostError(["a post is sent back with a comment: give --comment"])
    votes: list[tuple[Post, Submission, str | None]] = []
    why = f"{request.actor.person} sent it back: {comment.strip()}"

    def plan(found: Sequence[Post], _: dict[str, Channel]) -> Iterable[Step]:
        _not_too_many(found)
        open_ones = approvals.open_of(session, [cast(int, post.id) for post in found])
        if without := [post.id for post in found if post.id not in open_ones]:
            raise PostError(f"post {number} is not handed in: nothing is to be sent back" for number in without)
        for post in found:
            submission, tier = open_ones[cast(int, post.id)], tiers.of(post.channel, post.tags)
            voice = approvals.voice(session, request.actor, post, submission.submitted_by, tier, "return")
            votes.append((post, submission, voice))
        return [_returned(post, why) for post in found]

    def after() -> None:
        for post, submission, voice in votes:
            approvals.send_back(session, request.actor, voice, submission, post, comment.strip())

    return run(session, request, Verb("return", REVIEWED, lambda _: "", plan, after))


def _returned(post: Post, why: str) -> Step:
    if post.state == "in_review":
        return Step(post, "draft", {}, why)
    if post.state in ("scheduled", "held"):
        return Step(post, "held", {"hold_reason": why}, why)
    return Step(post, post.state, {}, why)
