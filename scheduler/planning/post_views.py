"""Posts as people and programs read them; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlmodel import Session, col, select

from governance import approvals
from scheduler.planning import post_adoption, post_selection
from scheduler.planning.post_selection import PostError, Wanted, closed_channels, moment, shown_state
from store.tables import Attempt, Post


def listed(session: Session, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """The first `limit` posts that match, by due time. Raises PostError for a channel or state that does not exist."""
    post_selection.check(session, wanted)
    query = select(Post).where(*post_selection.conditions(session, wanted))
    closed, gone = closed_channels(session), post_adoption.departed(session)
    found = session.exec(query.order_by(col(Post.due_at), col(Post.id)).limit(limit)).all()
    return [described(post, closed, gone) for post in found]


def shown(session: Session, post_id: int) -> dict[str, Any]:
    """One post with its attempts, oldest first. Raises PostError."""
    post = session.get(Post, post_id) if 0 < post_id <= post_selection.MOST_ID else None
    if post is None:
        raise PostError([f"there is no post {post_id}: `standfast post list` shows them"])
    query = select(Attempt).where(Attempt.post_id == post_id).order_by(col(Attempt.id))
    review = {"submissions": approvals.submissions(session, post_id), "approvals": approvals.history(session, post_id)}
    attempts = [_attempt(row) for row in session.exec(query)]
    about = described(post, closed_channels(session), post_adoption.departed(session))
    return {**about, **review, "attempts": attempts}


def described(post: Post, closed: Sequence[str], departed: Collection[str]) -> dict[str, Any]:
    """The post as a JSON object; `published_at` and `link` are null unless it is published. `departed`: who has left."""
    covered = post.state == "scheduled" and post.channel in closed
    is_out = post.state == "published"
    return {
        "id": cast(int, post.id),
        "channel": post.channel,
        "state": post.state,
        "covered": covered,
        "shown": shown_state(post, covered, departed),
        "hold_reason": post.hold_reason,
        "due_at": moment(post.due_at),
        "ready_at": moment(post.ready_at),
        "local_time": post.local_time,
        "zone": post.zone,
        "time_note": post.time_note,
        "lateness_s": post.lateness_us / 1_000_000,
        "text": post.text,
        "media": post.media,
        "tags": post.tags,
        "share_of": post.share_of,
        "source_checked": post.source_checked,
        "content_hash": post.content_hash,
        "author": post.author,
        "author_left": post.author in departed,
        "file": post.file,
        "entry": post.entry,
        "tries": post.tries,
        "disposed_at": moment(post.disposed_at),
        "published_at": moment(post.published_at) if is_out else None,
        "remote_id": post.remote_id if is_out else None,
        "link": post.link if is_out else None,
    }


def _attempt(row: Attempt) -> dict[str, Any]:
    return {
        "id": row.id,
        "part": row.part,
        "state": row.state,
        "worker": row.worker,
        "content_hash": row.content_hash,
        "claim_epoch": row.claim_epoch,
        "claimed_at": moment(row.claimed_at),
        "sending_at": moment(row.sending_at),
        "finished_at": moment(row.finished_at),
        "outcome": row.outcome,
        "detail": row.detail,
        "remote_id": row.remote_id,
        "link": row.link,
        "closed_by": row.closed_by,
    }
