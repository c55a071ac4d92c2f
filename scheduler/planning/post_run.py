"""How a verb over posts is done: choose the posts, check the actor's rights, lock, plan, then do all or nothing, and log it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlmodel import Session, col, select

from config import clock
from governance import access, approvals
from governance.access import Actor
from records.log import record
from scheduler import post_queue, states
from scheduler.planning import post_adoption, post_selection
from scheduler.planning.post_adoption import Step
from scheduler.planning.post_changes import Changed, Done
from scheduler.planning.post_selection import PostError, Wanted
from scheduler.planning.post_service import under_way
from scheduler.post_queue import Move
from store import bulk
from store.bulk import Batch
from store.record_tables import VERSIONED
from store.tables import Attempt, Channel, Post

LOGGED = 500
"""Posts in one entry of the chain."""


@dataclass(frozen=True)
class Request:
    """Which posts, by whom; `series`: several missed occurrences of one series may be released together."""

    wanted: Wanted
    actor: Actor
    dry: bool = False
    series: bool = False


@dataclass(frozen=True)
class Verb:
    """`sources`: the states it takes; `needs`: the permission for a post, ``queue`` being included in ``release``, empty where
    the plan looks at the rights; `after`: what else is done once the moves stand."""

    name: str
    sources: tuple[str, ...]
    needs: Callable[[Post], str]
    plan: Callable[[Sequence[Post], dict[str, Channel]], Iterable[Step]]
    after: Callable[[], None] = lambda: None


def run(session: Session, request: Request, verb: Verb) -> Done:
    ids, left = _chosen(session, request.wanted, verb)
    channels = _locked_channels(session, ids)
    posts = post_queue.locked_posts(session, ids)
    _check_rights(session, request.actor, verb, posts)
    _check_states(session, verb, posts)
    changed = _apply(session, request, verb, verb.plan(posts, channels))
    closed = tuple(name for name in channels if post_selection.is_closed(session, name))
    return Done(tuple(changed), left, closed)


def _chosen(session: Session, wanted: Wanted, verb: Verb) -> tuple[list[int], int]:
    """The ids meant, and how many of a query's posts are left alone as they are in a worker's hands. Raises PostError.

    A query without states means the posts that the verb can take; each id must be one that it can.
    """
    if wanted.is_empty:
        raise PostError(
            [f"name the posts to {verb.name} by id, or by --channel, --tag, --file, --state or --suspension"]
        )
    post_selection.check(session, wanted)
    if wanted.ids:
        return post_selection.ids_of(session, wanted), 0
    taken = wanted if wanted.states else _with_states(wanted, verb.sources)
    ids = post_selection.ids_of(session, taken)
    if not ids:
        raise PostError([f"no post to {verb.name} matches: `standfast post list` shows what there is"])
    left = [] if wanted.states else post_selection.ids_of(session, _with_states(wanted, ("publishing", "unknown")))
    return ids, len(left)


def _with_states(wanted: Wanted, names: tuple[str, ...]) -> Wanted:
    return replace(wanted, ids=(), states=names)


def _locked_channels(session: Session, ids: Sequence[int]) -> dict[str, Channel]:
    """The posts' channels, locked in the order of their names: two releases at once cannot choose the same moments."""
    names: set[str] = set()
    for page in bulk.pieces(ids):
        names.update(session.exec(select(Post.channel).where(bulk.among(session, col(Post.id), page)).distinct()))
    found = (post_queue.locked_channel(session, name) for name in sorted(names))
    return {channel.name: channel for channel in found if channel is not None}


def _check_rights(session: Session, actor: Actor, verb: Verb, posts: Sequence[Post]) -> None:
    """Raises Refused for the first channel on which the actor may not do this."""
    needed: dict[tuple[str, str], int] = {}
    for post in posts:
        needed.setdefault((post.channel, verb.needs(post)), cast(int, post.id))
    for (channel, permission), post_id in sorted(needed.items()):
        if not permission or (permission == "queue" and _may_release(session, actor, channel)):
            continue
        access.check(session, actor, permission, channel, action=f"post.{verb.name}", subject=f"post {post_id}")


def _may_release(session: Session, actor: Actor, channel: str) -> bool:
    return access.may(session, actor.person, "release", channel)


def _check_states(session: Session, verb: Verb, posts: Sequence[Post]) -> None:
    attempts = post_queue.open_attempts_of(session, [cast(int, post.id) for post in posts])
    lines = [_refusal(verb, post, attempts.get(cast(int, post.id))) for post in posts]
    if refused := [line for line in lines if line is not None]:
        raise PostError(refused)


def _refusal(verb: Verb, post: Post, attempt: Attempt | None) -> str | None:
    """Why the verb cannot take the post, in one line; None when it can."""
    if post.state == "publishing" or (attempt is not None and attempt.state != "unknown"):
        return under_way(post, attempt)
    if post.state == "unknown" or attempt is not None:
        what = f"of attempt {attempt.id} " if attempt else ""
        return f"post {post.id}: the outcome {what}is unknown, it may be out: first `standfast post close {post.id}`"
    if post.state in verb.sources:
        return None
    reason = f" ({post.hold_reason})" if post.hold_reason else ""
    return f"post {post.id} is {post.state}{reason}: {verb.name} takes only {', '.join(verb.sources)}"


def _apply(session: Session, request: Request, verb: Verb, steps: Iterable[Step]) -> list[Changed]:
    planned = post_adoption.adopted(session, request.actor, list(steps))
    changed = [_changed(step) for step in planned]
    if request.dry:
        return changed
    retagged = [
        cast(int, step.post.id) for step in planned if step.values.get("tags", step.post.tags) != step.post.tags
    ]
    try:
        post_queue.make_moves(session, _ready(planned, request.actor.person))
    except states.WrongState as error:
        raise PostError([str(error)]) from None
    approvals.void_retagged(session, retagged)
    approvals.void_changed(session, ids=[row.id for row in changed])
    verb.after()
    for start in range(0, len(changed), LOGGED):
        _log(session, request.actor, verb, changed[start : start + LOGGED])
    return changed


def _ready(steps: Sequence[Step], by: str) -> Iterator[Batch]:
    """In pieces, each made ready when the one before is written: PostgreSQL ends a transaction that is idle for a second."""
    for piece in bulk.pieces(steps):
        yield from post_queue.ready_moves(
            [Move(cast(int, step.post.id), step.post.state, step.after, _signed(step.values, by)) for step in piece]
        )


def _signed(values: dict[str, Any], by: str) -> dict[str, Any]:
    """The columns with who made this version, and when, where they make one."""
    return values | {"changed_by": by, "changed_at": clock.wall_us()} if VERSIONED & values.keys() else values


def _changed(step: Step) -> Changed:
    post = step.post
    due, new_hash = step.values.get("due_at", post.due_at), step.values.get("content_hash", post.content_hash)
    number = cast(int, post.id)
    return Changed(
        number,
        post.channel,
        post.state,
        step.after,
        due,
        post.due_at,
        post.content_hash,
        new_hash,
        step.words,
        step.late,
    )


def _log(session: Session, actor: Actor, verb: Verb, changed: Sequence[Changed]) -> None:
    first, last = changed[0].id, changed[-1].id
    subject = f"post {first}" if len(changed) == 1 else f"{len(changed)} posts from {first} to {last}"
    rows = [
        {"id": row.id, "state": [row.before, row.after], "hash": [row.old_hash, row.new_hash]}
        | ({} if row.due_at == row.old_due_at else {"due_at": [row.old_due_at, row.due_at]})
        for row in changed
    ]
    record(session, actor.person, f"post.{verb.name}", subject, {"posts": rows, "words": changed[0].words})
