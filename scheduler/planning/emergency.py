"""The emergency lane: a message that may pass a closed gate, bound to its content, its suspension and the epoch.

Every function works in the caller's transaction (`governance.access.acting`), checks the actor's rights on each channel,
does all or nothing and enters what it did in the chain. A new suspension or a lift voids what is pending; `renew` gives it
leave anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, col, select

from calendars.entry import Occurrence
from config import clock
from connectors.protocol import Media
from governance import access
from governance.access import Actor
from policy.finding import Finding
from records.log import record
from scheduler import killswitch, post_queue
from scheduler.planning import post_service
from scheduler.planning.content import MediaRow
from scheduler.planning.post_selection import PostError
from scheduler.planning.post_service import NewPost
from store.crisis_tables import Override
from store.engine import cursor, dialect
from store.tables import Post

PERMISSION = "emergency"


@dataclass(frozen=True)
class Message:
    """One emergency message, in words for each channel. `statement`: the holding statement it was made from, if any."""

    texts: Mapping[str, str]
    at: Occurrence
    lateness_us: int
    statement: str = ""
    media: tuple[MediaRow, ...] = ()
    files: tuple[Media, ...] = ()
    concerns: Mapping[str, Sequence[Finding]] = field(default_factory=dict)
    """By channel: what the content checks would refuse in any other post. In an emergency it is kept, and nothing more."""


@dataclass(frozen=True)
class Sent:
    """The new posts by channel, and the suspension and epoch that they belong to."""

    ids: dict[str, int]
    suspension: int
    epoch: int


def send(session: Session, actor: Actor, message: Message) -> Sent:
    """The message queued past the gate, one post per channel. Raises PostError with every fault, Refused."""
    channels = post_service.channels_named(session, message.texts)
    for name in channels:
        access.check(
            session, actor, PERMISSION, name, action="crisis.post", subject=f"an emergency message on channel {name}"
        )
    incident = _incident(session)
    faults = [
        line
        for channel in channels.values()
        for line in post_service.unfit(channel, message.texts[channel.name], message.files)
    ]
    if faults:
        raise PostError(dict.fromkeys(faults))
    posts = [_post(name, actor, message) for name in channels]
    ids = dict(zip(channels, post_queue.add_posts(session, posts), strict=True))
    epoch = killswitch.epoch(cursor(session), dialect(session))
    session.add_all(_override(post, actor, incident, epoch, message.statement) for post in posts)
    detail: dict[str, Any] = {"posts": ids, "suspension": incident, "epoch": epoch, "statement": message.statement}
    if any(message.concerns.values()):
        detail["not_blocked"] = {name: [one.as_data() for one in found] for name, found in message.concerns.items()}
    record(session, actor.person, "crisis.post", f"suspension {incident}", detail)
    return Sent(ids, incident, epoch)


def _incident(session: Session) -> int:
    """The newest suspension in force. Raises PostError when nothing is suspended."""
    query = f"SELECT max(s.id) FROM suspension s WHERE {killswitch.ACTIVE} AND s.kind <> 'drill'"  # noqa: S608 (constants only)
    found = killswitch.rows(cursor(session), dialect(session), query, (clock.wall_us(),))[0][0]
    if found is None:
        raise PostError(["nothing real is suspended, so there is no emergency lane: use `standfast post add --now`"])
    return int(found)


def _post(channel: str, actor: Actor, message: Message) -> Post:
    """Due at once, and scheduled whatever the city asks of other posts: nobody waits for an approval in an emergency."""
    words, media = message.texts[channel], message.media
    new = NewPost((channel,), message.at, words, message.lateness_us, media, past_is_now=True)
    return post_service.made(channel, actor, new, clock.wall_us(), "scheduled")


def _override(post: Post, actor: Actor, incident: int, epoch: int, statement: str) -> Override:
    assert post.id is not None
    return Override(
        post_id=post.id,
        content_hash=post.content_hash,
        epoch=epoch,
        suspension_id=incident,
        by=actor.person,
        at=clock.wall_us(),
        statement=statement,
    )


def edited(session: Session) -> list[int]:
    """The pending emergency messages whose words nobody of the lane has given leave to: somebody edited them since."""
    epoch = killswitch.epoch(cursor(session), dialect(session))
    return [number for number, leave in _pending(session, epoch).items() if not leave.knows]


def without_leave(session: Session) -> list[int]:
    """The pending emergency messages, while a planned suspension has come that nobody has begun: until its step is taken none
    of them has leave, and none can be given any. Nothing otherwise."""
    if not killswitch.has_due(cursor(session), dialect(session)):
        return []
    of_post = col(Override.post_id) == col(Post.id)
    query = select(Post.id).join(Override, of_post).where(Post.state == "scheduled").distinct()
    return sorted(number for number in session.exec(query) if number is not None)


def renew(session: Session, actor: Actor, *, also_edited: bool = True) -> list[int]:
    """The pending emergency messages that have leave again, after a new suspension, a lift or an edit had voided it.

    `also_edited`: those in words that the lane has not seen, too; who says so must have read them. Raises PostError when
    nothing is suspended, Refused when the actor may not on one of their channels.
    """
    incident = _incident(session)
    epoch = killswitch.epoch(cursor(session), dialect(session))
    pending = {number: item for number, item in _pending(session, epoch).items() if item.knows or also_edited}
    posts = post_queue.locked_posts(session, list(pending))
    for post in posts:
        access.check(
            session, actor, PERMISSION, post.channel, action="crisis.post", subject=f"the emergency message {post.id}"
        )
    voided = [post for post in posts if post.state == "scheduled"]
    session.add_all(_override(post, actor, incident, epoch, pending[post.id or 0].statement) for post in voided)
    numbers = [post.id or 0 for post in voided]
    if numbers:
        detail = {"posts": numbers, "epoch": epoch}
        record(session, actor.person, "crisis.renew", f"suspension {incident}", detail)
    return numbers


@dataclass(frozen=True)
class _Leave:
    """What a post once had leave by: the statement it was made from; `knows`: it was given for the words as they are."""

    statement: str
    knows: bool


def _pending(session: Session, epoch: int) -> dict[int, _Leave]:
    """By scheduled post that once had leave and has none now (voided, edited, or used by an attempt that sent nothing)."""
    of_post = col(Override.post_id) == col(Post.id)
    query = select(Post, Override).join(Override, of_post).where(Post.state == "scheduled").order_by(col(Override.id))
    found = list(session.exec(query))
    good = {post.id for post, leave in found if _is_good(post, leave, epoch)}
    known = {post.id for post, leave in found if leave.content_hash == post.content_hash}
    return {
        post.id: _Leave(leave.statement, post.id in known)
        for post, leave in found
        if post.id is not None and post.id not in good
    }


def _is_good(post: Post, leave: Override, epoch: int) -> bool:
    """What the gate asks (`claim_rows.OVERRIDE`), but for a window that has come: see `without_leave`."""
    return leave.used_at is None and (leave.epoch, leave.content_hash) == (epoch, post.content_hash)
