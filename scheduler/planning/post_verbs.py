"""What people can ask for of many posts at once: edit, cancel, hold, release, reschedule.

Each works in the caller's transaction: choose the posts, check the actor's rights, lock, plan, then do all or nothing. With
``dry`` the plan is returned and nothing is written. A post whose time is still to come keeps it when released; one whose
time has passed goes out from now on, spaced per channel, around what is planned there already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from sqlmodel import Session, col, select

from calendars import zones
from calendars.entry import Occurrence
from config import clock
from governance import access, authority
from governance.access import Actor
from records.log import record
from scheduler import post_queue, states
from scheduler.planning import content, content_checks, post_selection, spacing
from scheduler.planning.content_checks import Verdict
from scheduler.planning.post_changes import Changed, Done
from scheduler.planning.post_selection import PostError, Wanted
from scheduler.planning.post_service import Edit, under_way, unfit
from scheduler.post_queue import Move
from store.bulk import PIECE, Batch
from store.crisis_tables import NativePost
from store.engine import cursor, dialect
from store.tables import Attempt, Channel, Post

WAITING = ("held", "failed")
"""Only a person lets these go out."""
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
class _Step:
    """What shall become of one post."""

    post: Post
    after: str
    values: dict[str, Any]
    words: str
    late: bool = False


@dataclass(frozen=True)
class _Verb:
    """`sources`: the states it takes; `needs`: the permission for a post, ``queue`` being included in ``release``."""

    name: str
    sources: tuple[str, ...]
    needs: Callable[[Post], str]
    plan: Callable[[Sequence[Post], dict[str, Channel]], Iterable[_Step]]


def cancel(session: Session, request: Request) -> Done:
    """Posts that will never go out. Raises PostError, Refused."""
    plan = _each("cancelled", lambda _: {"hold_reason": None}, "cancelled")
    return _run(session, request, _Verb("cancel", states.EDITABLE, _queue, plan))


def hold(session: Session, request: Request, reason: str = "") -> Done:
    """Scheduled posts that wait for a person from now on. Raises PostError, Refused."""
    why = reason or f"{request.actor.person} holds it"
    plan = _each("held", lambda _: {"hold_reason": why}, f"held: {why}")
    return _run(session, request, _Verb("hold", ("scheduled",), _queue, plan))


def edit(
    session: Session, request: Request, change: Edit, data_dir: Path, verdict: Verdict = content_checks.NOTHING
) -> Done:
    """Posts with other words, images or tags, unless the `verdict` on these forbids it; their state stays.

    Raises PostError, Refused.
    """

    def plan(posts: Sequence[Post], channels: dict[str, Channel]) -> Iterable[_Step]:
        steps = [_Step(post, post.state, change.columns(post), "edited") for post in posts]
        _check_content(steps, channels, data_dir)
        asked = [(s.post.id or 0, s.post.channel, s.post.local_time, s.values["content_hash"]) for s in steps]
        content_checks.heed(session, request.actor, verdict, asked, dry=request.dry)
        return steps

    return _run(session, request, _Verb("edit", states.EDITABLE, _queue, plan))


def release(session: Session, request: Request, gap_us: int) -> Done:
    """Held, failed and draft posts that are scheduled again. Raises PostError, Refused."""

    def plan(posts: Sequence[Post], channels: dict[str, Channel]) -> Iterable[_Step]:
        _check_series(posts, request.series)
        return [
            step
            for name, group in _by_channel(posts)
            for step in _released(session, group, max(gap_us, channels[name].spacing_us))
        ]

    return _run(session, request, _Verb("release", ("draft", *WAITING), lambda _: "release", plan))


@dataclass(frozen=True)
class NewTime:
    """The time for the first post of each channel; the others follow every `gap_us`, or evenly within `over_us`.

    `from_now`: whatever `start` says but for its zone, from the moment at which it is done: nobody can say when that is.
    """

    start: Occurrence
    gap_us: int
    over_us: int | None = None
    from_now: bool = False


def reschedule(session: Session, request: Request, to: NewTime) -> Done:
    """Posts at a new time; held and failed ones are scheduled again (that needs ``release``). Raises PostError, Refused."""
    if to.from_now:
        to = replace(to, start=_occurrence(spacing.next_second(clock.wall_us()), to.start.zone), from_now=False)
    if to.start.at_us < clock.wall_us() - clock.SECOND:
        raise PostError([f"{to.start.local.replace('T', ' ')} {to.start.zone} is past: give a time to come"])

    def plan(posts: Sequence[Post], channels: dict[str, Channel]) -> Iterable[_Step]:
        _check_series([post for post in posts if post.state in WAITING], request.series)
        return [step for name, group in _by_channel(posts) for step in _rescheduled(group, channels[name], to)]

    needs: Callable[[Post], str] = lambda post: "release" if post.state in WAITING else "queue"  # noqa: E731
    return _run(session, request, _Verb("reschedule", states.EDITABLE, needs, plan))


def _queue(_: Post) -> str:
    return "queue"


def _each(after: str, values: Callable[[Post], dict[str, Any]], words: str) -> Any:
    def plan(posts: Sequence[Post], _: dict[str, Channel]) -> Iterable[_Step]:
        return [_Step(post, after, values(post), words) for post in posts]

    return plan


def _run(session: Session, request: Request, verb: _Verb) -> Done:
    ids, left = _chosen(session, request.wanted, verb)
    channels = _locked_channels(session, ids)
    posts = post_queue.locked_posts(session, ids)
    _check_rights(session, request.actor, verb, posts)
    _check_states(session, verb, posts)
    changed = _apply(session, request, verb, verb.plan(posts, channels))
    closed = tuple(name for name in channels if post_selection.is_closed(session, name))
    return Done(tuple(changed), left, closed)


def _chosen(session: Session, wanted: Wanted, verb: _Verb) -> tuple[list[int], int]:
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
    for start in range(0, len(ids), post_queue.PAGE):
        page = ids[start : start + post_queue.PAGE]
        names.update(session.exec(select(Post.channel).where(col(Post.id).in_(page)).distinct()))
    found = (post_queue.locked_channel(session, name) for name in sorted(names))
    return {channel.name: channel for channel in found if channel is not None}


def _check_rights(session: Session, actor: Actor, verb: _Verb, posts: Sequence[Post]) -> None:
    """Raises Refused for the first channel on which the actor may not do this."""
    needed: dict[tuple[str, str], int] = {}
    for post in posts:
        needed.setdefault((post.channel, verb.needs(post)), cast(int, post.id))
    for (channel, permission), post_id in sorted(needed.items()):
        if permission == "queue" and _may_release(session, actor, channel):
            continue
        access.check(session, actor, permission, channel, action=f"post.{verb.name}", subject=f"post {post_id}")


def _may_release(session: Session, actor: Actor, channel: str) -> bool:
    return authority.may(cursor(session), dialect(session), actor.person, "release", channel)


def _check_states(session: Session, verb: _Verb, posts: Sequence[Post]) -> None:
    attempts = post_queue.open_attempts_of(session, [cast(int, post.id) for post in posts])
    lines = [_refusal(verb, post, attempts.get(cast(int, post.id))) for post in posts]
    if refused := [line for line in lines if line is not None]:
        raise PostError(refused)


def _refusal(verb: _Verb, post: Post, attempt: Attempt | None) -> str | None:
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


def _apply(session: Session, request: Request, verb: _Verb, steps: Iterable[_Step]) -> list[Changed]:
    planned = _adopted(session, request.actor, list(steps))
    changed = [_changed(step) for step in planned]
    if request.dry:
        return changed
    try:
        post_queue.make_moves(session, _ready(planned))
    except states.WrongState as error:
        raise PostError([str(error)]) from None
    for start in range(0, len(changed), LOGGED):
        _log(session, request.actor, verb, changed[start : start + LOGGED])
    return changed


def _adopted(session: Session, actor: Actor, steps: Sequence[_Step]) -> list[_Step]:
    """What a sweep has copied goes out in the name of who lets it go: who scheduled it on the platform is not known here.

    Raises PostError for a copy whose original was not seen to be gone: both would go out.
    """
    copies = {row.post_id: row for row in session.exec(select(NativePost))}
    own = [step for step in steps if step.after == "scheduled" and step.post.id in copies]
    if lying := [step.post.id for step in own if copies[step.post.id or 0].gone_at is None]:
        named = ", ".join(map(str, lying[:20]))
        remedy = "take it out there and run `standfast crisis sweep`"
        raise PostError([f"post {named}: it still lies in the platform's own scheduler: {remedy}"])
    ids = {step.post.id for step in own}
    return [
        replace(step, values={**step.values, "author": actor.person}) if step.post.id in ids else step for step in steps
    ]


def _ready(steps: Sequence[_Step]) -> Iterator[Batch]:
    """In pieces, each made ready when the one before is written: PostgreSQL ends a transaction that is idle for a second."""
    for start in range(0, len(steps), PIECE):
        piece = steps[start : start + PIECE]
        yield from post_queue.ready_moves(
            [Move(cast(int, step.post.id), step.post.state, step.after, step.values) for step in piece]
        )


def _changed(step: _Step) -> Changed:
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


def _log(session: Session, actor: Actor, verb: _Verb, changed: Sequence[Changed]) -> None:
    first, last = changed[0].id, changed[-1].id
    subject = f"post {first}" if len(changed) == 1 else f"{len(changed)} posts from {first} to {last}"
    rows = [
        {"id": row.id, "state": [row.before, row.after], "hash": [row.old_hash, row.new_hash]}
        | ({} if row.due_at == row.old_due_at else {"due_at": [row.old_due_at, row.due_at]})
        for row in changed
    ]
    record(session, actor.person, f"post.{verb.name}", subject, {"posts": rows, "words": changed[0].words})


def _check_content(steps: Sequence[_Step], channels: dict[str, Channel], data_dir: Path) -> None:
    known: dict[tuple[str, str], list[str]] = {}
    lines = []
    for step in steps:
        channel = channels[step.post.channel]
        key = (channel.name, step.values["content_hash"])
        if key not in known:
            known[key] = unfit(channel, step.values["text"], content.stored(data_dir, step.values["media"]))
        lines += [f"post {step.post.id}: {line}" for line in known[key]]
    if lines:
        raise PostError(lines)


def _check_series(posts: Sequence[Post], allowed: bool) -> None:
    """Refuse to let several missed occurrences of one series go out together unless that is asked for (KS-17)."""
    missed: dict[tuple[str, str, str], int] = {}
    lines = []
    for post in _in_order(post for post in posts if post.file and post.entry and post.due_at <= clock.wall_us()):
        series = (post.channel, cast(str, post.file), cast(str, post.entry))
        if series in missed and not allowed:
            lines.append(
                f"post {post.id} is another missed occurrence of {post.entry} ({post.file}) on {post.channel} beside post "
                f"{missed[series]}: cancel what is out of date, or add --series to let all of them out, spaced"
            )
        missed[series] = cast(int, post.id)
    if lines:
        raise PostError(lines)


def _by_channel(posts: Sequence[Post]) -> Iterator[tuple[str, list[Post]]]:
    groups: dict[str, list[Post]] = defaultdict(list)
    for post in _in_order(posts):
        groups[post.channel].append(post)
    yield from sorted(groups.items())


def _in_order(posts: Iterable[Post]) -> list[Post]:
    return sorted(posts, key=lambda post: (post.due_at, post.id))


def _released(session: Session, posts: Sequence[Post], gap_us: int) -> Iterator[_Step]:
    now = clock.wall_us()
    own = [post.due_at for post in posts if post.due_at > now]
    moments = spacing.slots(spacing.next_second(now), gap_us, spacing.planned(session, posts[0].channel, gap_us, own))
    for post in posts:
        if post.due_at > now:
            yield _Step(
                post, "scheduled", _fresh(post.due_at), f"scheduled at its own time, {clock.to_text(post.due_at)}"
            )
        else:
            step = _at(post, "scheduled", _occurrence(next(moments), post.zone))
            yield replace(step, late=step.values["due_at"] > now + post.lateness_us)


def _rescheduled(posts: Sequence[Post], channel: Channel, to: NewTime) -> Iterator[_Step]:
    gap = max(to.gap_us, channel.spacing_us)
    moments = [to.start.at_us + number * gap for number in range(len(posts))]
    if to.over_us is not None:
        moments = spacing.evenly(to.start.at_us, to.over_us, len(posts))
        _check_over(posts, channel, to.over_us)
    for post, moment in zip(posts, moments, strict=True):
        at = to.start if moment == to.start.at_us else _occurrence(moment, to.start.zone)
        yield _at(post, "scheduled" if post.state in WAITING else post.state, at)


def _check_over(posts: Sequence[Post], channel: Channel, over_us: int) -> None:
    least = max(channel.spacing_us, clock.SECOND) * len(posts)
    if len(posts) > 1 and over_us < least:
        raise PostError(
            [
                f"{len(posts)} posts on {channel.name} within {over_us / clock.SECOND:g}s come closer than its spacing of "
                f"{channel.spacing_us / clock.SECOND:g}s: give --over at least {-(-least // clock.SECOND)}s"
            ]
        )


def _at(post: Post, after: str, at: Occurrence) -> _Step:
    values = {**_fresh(at.at_us), "local_time": at.local, "zone": at.zone, "time_note": at.note}
    words = f"{after} for {at.local.replace('T', ' ')} {at.zone}"
    return _Step(post, after, values, words)


def _fresh(at_us: int) -> dict[str, Any]:
    """The columns of a post that a person set to go: a new promise, and its tries counted anew."""
    return {"due_at": at_us, "ready_at": at_us, "tries": 0, "hold_reason": None}


def _occurrence(at_us: int, zone: str) -> Occurrence:
    return Occurrence(zones.local_of(at_us, zone), zone, at_us)
