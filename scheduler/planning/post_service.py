"""What people can ask for of single posts: add, edit, close. Many at once: `scheduler.planning.post_verbs`.

Every function works in the caller's transaction (`governance.access.acting`), checks the actor's rights on each channel,
does all or nothing and enters what it did in the chain.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Engine
from sqlmodel import Session, select

from calendars.entry import Occurrence
from config import clock
from connectors import registry
from connectors.errors import AccountError
from connectors.protocol import Media
from governance import access, rules
from governance.access import Actor
from records.log import record
from scheduler import post_queue
from scheduler.planning import content, content_checks, post_selection
from scheduler.planning.content import MediaRow
from scheduler.planning.content_checks import Verdict
from scheduler.planning.post_selection import PostError, unknown_channel
from scheduler.post_queue import Move
from store.engine import reading
from store.tables import Attempt, Channel, Post

MOST_LINK = 2000


@dataclass(frozen=True)
class NewPost:
    """One content at one time for one or more channels. `media` as the store keeps it, `files` where it lies."""

    channels: tuple[str, ...]
    at: Occurrence
    text: str
    lateness_us: int
    media: tuple[MediaRow, ...] = ()
    files: tuple[Media, ...] = ()
    tags: tuple[str, ...] = ()
    draft: bool = False
    past_is_now: bool = False
    share_of: str = ""
    source_checked: bool = False


@dataclass(frozen=True)
class Added:
    """The new posts by channel, their state, when they are due (µs), and the channels whose gate is closed now."""

    ids: dict[str, int]
    state: str
    due_at: int
    closed: tuple[str, ...]


def add(session: Session, actor: Actor, new: NewPost, verdict: Verdict = content_checks.NOTHING) -> Added:
    """The posts queued, one per channel, unless `verdict` forbids it. Raises PostError with every fault, Refused."""
    now = clock.wall_us()
    channels = check(session, actor, new, verdict)
    state = "draft" if new.draft or rules.in_force().approval else "scheduled"
    posts = [made(name, actor, new, now, state) for name in channels]
    ids = dict(zip(channels, post_queue.add_posts(session, posts), strict=True))
    detail = {"posts": ids, "state": posts[0].state, "due_at": posts[0].due_at, "content_hash": posts[0].content_hash}
    record(session, actor.person, "post.add", _subject(list(ids.values())), detail)
    verdict.record(session, actor, _subject(list(ids.values())), new.at.local, posts[0].content_hash)
    closed = tuple(name for name in channels if post_selection.is_closed(session, name))
    return Added(ids, posts[0].state, posts[0].due_at, closed)


def check(
    session: Session, actor: Actor, new: NewPost, verdict: Verdict = content_checks.NOTHING
) -> dict[str, Channel]:
    """The channels of a post that `add` would take now. Raises as `add` does."""
    channels = channels_named(session, new.channels)
    for name in channels:
        subject = f"posts on channel {name}"
        access.check(session, actor, "queue", name, action="post.add", subject=subject)
        verdict.check(session, actor, name, new.at.local, "post.add", subject)
    faults = _time_faults(new, clock.wall_us()) + verdict.refusals(new.at.local)
    faults += [line for channel in channels.values() for line in unfit(channel, new.text, new.files)]
    if faults:
        raise PostError(dict.fromkeys(faults))
    return channels


def channels_named(session: Session, names: Iterable[str]) -> dict[str, Channel]:
    """The channels in the order named, each once. Raises PostError naming the nearest for those that do not exist."""
    wanted = dict.fromkeys(names)
    if not wanted:
        raise PostError(["a post needs a channel: give --channel"])
    known = {channel.name: channel for channel in session.exec(select(Channel))}
    if missing := [name for name in wanted if name not in known]:
        raise PostError(unknown_channel(name, known) for name in missing)
    return {name: known[name] for name in wanted}


def _time_faults(new: NewPost, now: int) -> list[str]:
    if new.at.at_us >= now or new.past_is_now:
        return []
    return [
        f"{new.at.local.replace('T', ' ')} {new.at.zone} is past ({clock.to_text(new.at.at_us)}): "
        "give a time to come, or --now to send it at once"
    ]


def unfit(channel: Channel, text: str, files: Sequence[Media]) -> list[str]:
    """One line per reason why the channel's platform would not take this."""
    return [f"channel {channel.name}: {line}" for line in content.problems(channel.platform, text, files)]


def made(channel: str, actor: Actor, new: NewPost, now: int, state: str) -> Post:
    """The row of a post made at `now` (wall µs): ``scheduled``, or a ``draft``."""
    at = max(new.at.at_us, now) if new.past_is_now else new.at.at_us
    return Post(
        channel=channel,
        state=state,
        text=new.text,
        media=list(new.media),
        tags=list(new.tags),
        share_of=new.share_of,
        source_checked=new.source_checked,
        content_hash=content.content_hash(new.text, new.media, new.share_of, new.source_checked),
        local_time=new.at.local,
        zone=new.at.zone,
        time_note=new.at.note,
        due_at=at,
        ready_at=at,
        lateness_us=new.lateness_us,
        author=actor.person,
        created_at=now,
        updated_at=now,
    )


def load_platforms(engine: Engine) -> None:
    """Import the connectors of all channels before a transaction needs them: nobody shall wait for an import."""
    with reading(engine) as session:
        platforms = session.exec(select(Channel.platform).distinct()).all()
    for platform in platforms:
        with contextlib.suppress(AccountError):  # `unfit` says it of the channels concerned
            registry.load(platform)


@dataclass(frozen=True)
class Edit:
    """What is to change; None leaves it as it is. `facts`: what is said of images that stay, by its name: one for all, or one
    for each. `share_of` empty: it shares nothing any more; another source counts as not checked until that is said."""

    text: str | None = None
    media: tuple[MediaRow, ...] | None = None
    tags: tuple[str, ...] | None = None
    lateness_us: int | None = None
    share_of: str | None = None
    source_checked: bool | None = None
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def columns(self, post: Post) -> dict[str, Any]:
        """The post's columns after the edit, its hash among them. Raises PostError where it does not fit the post."""
        text = post.text if self.text is None else self.text
        media, (share_of, checked) = self._media(post), self._share(post)
        return {
            "text": text,
            "media": media,
            "tags": post.tags if self.tags is None else list(self.tags),
            "lateness_us": post.lateness_us if self.lateness_us is None else self.lateness_us,
            "share_of": share_of,
            "source_checked": checked,
            "content_hash": content.content_hash(text, media, share_of, checked),
        }

    def _media(self, post: Post) -> list[MediaRow]:
        rows = list(post.media if self.media is None else self.media)
        for name, said in self.facts:
            if len(said) not in (1, len(rows)) or not rows:
                raise PostError(
                    [
                        f"post {post.id} has {len(rows)} image(s), and --{name} is given {len(said)} times: give one for each"
                    ]
                )
            each = said * len(rows) if len(said) == 1 else said
            rows = [content.with_facts(row, {name: own}) for row, own in zip(rows, each, strict=True)]
        return rows

    def _share(self, post: Post) -> tuple[str, bool]:
        """Whose post it shares, and whether that source was checked."""
        of = post.share_of if self.share_of is None else self.share_of
        if self.source_checked and not of:
            raise PostError([f"post {post.id} shares nothing: give --share-of with --source-checked"])
        if self.source_checked is not None:
            return of, self.source_checked
        return of, post.source_checked and of == post.share_of


def close(session: Session, actor: Actor, post_id: int, link: str | None) -> str:
    """The post's state after a person said what became of an unknown outcome: published at `link`, or (None) held.

    Raises PostError, Refused.
    """
    if link is not None:
        _check_link(link)
    if 0 < post_id <= post_selection.MOST_ID:
        post_queue.locked_unknown(session, post_id)
    post = _one(session, post_id)
    access.check(session, actor, "release", post.channel, action="post.close", subject=f"post {post_id}")
    attempt = post_queue.open_attempts_of(session, [post_id]).get(post_id)
    _closable(post, attempt)
    after = "held" if link is None else "published"
    detail = {"from": post.state, "to": after, "link": link, "attempt": attempt and attempt.id}
    detail |= {"content_hash": post.content_hash}
    values = _closed_values(actor, attempt, link)
    if attempt is not None:
        now = clock.wall_us()
        closed = {"closed_by": actor.person, "finished_at": attempt.finished_at or now, "link": link}
        post_queue.move_attempt(session, cast(int, attempt.id), "closed_by_person", only_from=("unknown",), **closed)
    post_queue.move_posts(session, [Move(post_id, post.state, after, values)])
    record(session, actor.person, "post.close", f"post {post_id}", detail)
    return after


def _one(session: Session, post_id: int) -> Post:
    found = post_queue.locked_posts(session, [post_id]) if 0 < post_id <= post_selection.MOST_ID else []
    if not found:
        raise PostError([f"there is no post {post_id}: `standfast post list` shows them"])
    return found[0]


def _closable(post: Post, attempt: Attempt | None) -> None:
    """Raise PostError unless the post's outcome is unknown: by its state, or by an attempt that was never found."""
    if attempt is not None and attempt.state != "unknown":
        raise PostError([under_way(post, attempt)])
    if post.state != "unknown" and (post.state != "held" or attempt is None):
        raise PostError([f"post {post.id} is {post.state}: only a post whose outcome is unknown can be closed"])


def under_way(post: Post, attempt: Attempt | None) -> str:
    """The line for a post that a worker has in hand."""
    number = f" (attempt {attempt.id})" if attempt else ""
    return f"post {post.id} is being published now: a call is under way{number}; wait for its outcome"


def _closed_values(actor: Actor, attempt: Attempt | None, link: str | None) -> dict[str, Any]:
    if link is None:
        return {"hold_reason": f"{actor.person} says it was not published"}
    sent_at = attempt.sending_at if attempt else None
    return {"hold_reason": None, "link": link, "published_at": sent_at or clock.wall_us()}


def _check_link(link: str) -> None:
    if not link.startswith(("https://", "http://")) or len(link) > MOST_LINK or any(char.isspace() for char in link):
        raise PostError([f"{link[:80]!a} is not a link: give the post's address, beginning with https://"])
    content.fit(link, "the link")


def _subject(ids: Iterable[int]) -> str:
    numbers = list(ids)
    return f"post {numbers[0]}" if len(numbers) == 1 else f"posts {numbers[0]}–{numbers[-1]} ({len(numbers)})"
