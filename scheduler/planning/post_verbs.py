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

from sqlmodel import Session

from calendars import zones
from calendars.entry import Occurrence
from config import clock
from governance import rules
from scheduler import states
from scheduler.planning import content, content_checks, spacing
from scheduler.planning.content_checks import Verdict
from scheduler.planning.post_adoption import Step
from scheduler.planning.post_changes import Done
from scheduler.planning.post_run import Request, Verb, run
from scheduler.planning.post_selection import PostError
from scheduler.planning.post_service import Edit, unfit
from scheduler.planning.window_checks import WindowChecks
from store.tables import Channel, Post

WAITING = ("held", "failed")
"""Only a person lets these go out."""


def cancel(session: Session, request: Request) -> Done:
    """Posts that will never go out. Raises PostError, Refused."""
    plan = _each("cancelled", lambda _: {"hold_reason": None}, "cancelled")
    return run(session, request, Verb("cancel", states.EDITABLE, _queue, plan))


def hold(session: Session, request: Request, reason: str = "") -> Done:
    """Scheduled posts that wait for a person from now on. Raises PostError, Refused."""
    why = reason or f"{request.actor.person} holds it"
    plan = _each("held", lambda _: {"hold_reason": why}, f"held: {why}")
    return run(session, request, Verb("hold", ("scheduled",), _queue, plan))


def edit(
    session: Session, request: Request, change: Edit, data_dir: Path, verdict: Verdict = content_checks.NOTHING
) -> Done:
    """Posts with other words, images or tags, unless the `verdict` on these forbids it; their state stays.

    Raises PostError, Refused.
    """

    def plan(posts: Sequence[Post], channels: dict[str, Channel]) -> Iterable[Step]:
        steps = [Step(post, post.state, change.columns(post), "edited") for post in posts]
        _check_content(steps, channels, data_dir)
        asked = [(s.post.id or 0, s.post.channel, s.post.local_time, s.values["content_hash"]) for s in steps]
        content_checks.heed(session, request.actor, verdict, asked, dry=request.dry)
        return steps

    return run(session, request, Verb("edit", states.EDITABLE, _queue, plan))


def release(session: Session, request: Request, gap_us: int, windows: WindowChecks | None = None) -> Done:
    """Held, failed and draft posts that are scheduled again; where posts are approved, a draft goes that way instead.

    Raises PostError, Refused.
    """

    def plan(posts: Sequence[Post], channels: dict[str, Channel]) -> Iterable[Step]:
        _check_series(posts, request.series)
        steps = [
            step
            for name, group in _by_channel(posts)
            for step in _released(session, group, max(gap_us, channels[name].spacing_us))
        ]
        return _heeded(session, steps, windows)

    sources = WAITING if rules.in_force().approval else ("draft", *WAITING)
    return run(session, request, Verb("release", sources, lambda _: "release", plan))


@dataclass(frozen=True)
class NewTime:
    """The time for the first post of each channel; the others follow every `gap_us`, or evenly within `over_us`.

    `from_now`: whatever `start` says but for its zone, from the moment at which it is done: nobody can say when that is.
    """

    start: Occurrence
    gap_us: int
    over_us: int | None = None
    from_now: bool = False


def reschedule(session: Session, request: Request, to: NewTime, windows: WindowChecks | None = None) -> Done:
    """Posts at a new time; held and failed ones are scheduled again (that needs ``release``). Raises PostError, Refused."""
    if to.from_now:
        to = replace(to, start=_occurrence(spacing.next_second(clock.wall_us()), to.start.zone), from_now=False)
    if to.start.at_us < clock.wall_us() - clock.SECOND:
        raise PostError([f"{to.start.local.replace('T', ' ')} {to.start.zone} is past: give a time to come"])

    def plan(posts: Sequence[Post], channels: dict[str, Channel]) -> Iterable[Step]:
        _check_series([post for post in posts if post.state in WAITING], request.series)
        steps = [step for name, group in _by_channel(posts) for step in _rescheduled(group, channels[name], to)]
        return _heeded(session, steps, windows)

    needs: Callable[[Post], str] = lambda post: "release" if post.state in WAITING else "queue"  # noqa: E731
    return run(session, request, Verb("reschedule", states.EDITABLE, needs, plan))


def _heeded(session: Session, steps: list[Step], windows: WindowChecks | None) -> list[Step]:
    if windows is not None:
        windows.heed(session, steps)
    return steps


def _queue(_: Post) -> str:
    return "queue"


def _each(after: str, values: Callable[[Post], dict[str, Any]], words: str) -> Any:
    def plan(posts: Sequence[Post], _: dict[str, Channel]) -> Iterable[Step]:
        return [Step(post, after, values(post), words) for post in posts]

    return plan


def _check_content(steps: Sequence[Step], channels: dict[str, Channel], data_dir: Path) -> None:
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


def _released(session: Session, posts: Sequence[Post], gap_us: int) -> Iterator[Step]:
    now = clock.wall_us()
    own = [post.due_at for post in posts if post.due_at > now]
    moments = spacing.slots(spacing.next_second(now), gap_us, spacing.planned(session, posts[0].channel, gap_us, own))
    for post in posts:
        if post.due_at > now:
            yield Step(
                post, "scheduled", _fresh(post.due_at), f"scheduled at its own time, {clock.to_text(post.due_at)}"
            )
        else:
            step = _at(post, "scheduled", _occurrence(next(moments), post.zone))
            yield replace(step, late=step.values["due_at"] > now + post.lateness_us)


def _rescheduled(posts: Sequence[Post], channel: Channel, to: NewTime) -> Iterator[Step]:
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


def _at(post: Post, after: str, at: Occurrence) -> Step:
    values = {**_fresh(at.at_us), "local_time": at.local, "zone": at.zone, "time_note": at.note}
    words = f"{after} for {at.local.replace('T', ' ')} {at.zone}"
    return Step(post, after, values, words)


def _fresh(at_us: int) -> dict[str, Any]:
    """The columns of a post that a person set to go: a new promise, and its tries counted anew."""
    return {"due_at": at_us, "ready_at": at_us, "tries": 0, "hold_reason": None}


def _occurrence(at_us: int, zone: str) -> Occurrence:
    return Occurrence(zones.local_of(at_us, zone), zone, at_us)
