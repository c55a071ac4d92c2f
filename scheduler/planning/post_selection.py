"""Which posts somebody means: by id, or by a query over channel, tag, file, state and time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, literal, or_, text
from sqlmodel import Session, col, select

from calendars.draft import did_you_mean
from config import clock
from config.fault import Fault
from scheduler import hold_reason, killswitch, post_queue
from store import bulk
from store.engine import dialect
from store.tables import POST_STATES, Channel, Post, Suspension

COVERED = "covered"
"""Asked for like a state: scheduled, but behind a closed gate."""
MOST_ID = 2**63 - 1
MOST_LINES = 50
_TAGGED = {
    "sqlite": "EXISTS (SELECT 1 FROM json_each(post.tags) WHERE json_each.value = :tag)",
    "postgresql": "CAST(post.tags AS jsonb) @> jsonb_build_array(CAST(:tag AS text))",
}


class PostError(Fault):
    """Something about posts that cannot be done: one line per fault; nothing was changed."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = list(lines)
        more = len(self.lines) - MOST_LINES
        shown = [*self.lines[:MOST_LINES], *([f"… and {more} more like these"] if more > 0 else [])]
        super().__init__("\n".join(shown))


@dataclass(frozen=True)
class Wanted:
    """A query; what is empty or None does not narrow it. Times in µs: `due_before` is exclusive, `due_after` inclusive."""

    ids: tuple[int, ...] = ()
    channels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    tag: str | None = None
    file: str | None = None
    due_before: int | None = None
    due_after: int | None = None
    suspension: int | None = None
    """Only the held ones that wait because of this suspension (`scheduler.hold_reason`)."""

    @property
    def is_empty(self) -> bool:
        """True when it would mean every post there is."""
        return self == Wanted()


def check(session: Session, wanted: Wanted) -> None:
    """Raise PostError, naming the nearest known one, for a channel, state or suspension that does not exist."""
    names = session.exec(select(Channel.name)).all()
    lines = [unknown_channel(name, names) for name in wanted.channels if name not in names]
    known = (*POST_STATES, COVERED)
    lines += [f"there is no state {s!r}: {did_you_mean(s, known)}" for s in wanted.states if s not in known]
    if wanted.suspension is not None and session.get(Suspension, wanted.suspension) is None:
        lines.append(f"there is no suspension {wanted.suspension}: `standfast crisis status` shows those that stand")
    if lines:
        raise PostError(lines)


def unknown_channel(name: str, names: Iterable[str]) -> str:
    """The line for a channel that does not exist."""
    return f"there is no channel {name[:80]!r}: {did_you_mean(name, names)}"


def conditions(session: Session, wanted: Wanted) -> list[ColumnElement[bool]]:
    """`wanted`, its ids aside, as conditions on a post; what a calendar sync has only laid down is never meant."""
    found: list[Any] = [~post_queue.is_staged()]
    if wanted.channels:
        found.append(col(Post.channel).in_(wanted.channels))
    if wanted.states:
        found.append(_in_states(session, wanted.states))
    if wanted.tag is not None:
        found.append(text(_TAGGED[dialect(session)]).bindparams(tag=wanted.tag))
    if wanted.file is not None:
        found.append(col(Post.file) == wanted.file)
    if wanted.due_before is not None:
        found.append(col(Post.due_at) < wanted.due_before)
    if wanted.due_after is not None:
        found.append(col(Post.due_at) >= wanted.due_after)
    if wanted.suspension is not None:
        found += [col(Post.state) == "held", _held_by(wanted.suspension)]
    return found


def _held_by(suspension: int) -> ColumnElement[bool]:
    return or_(*(col(Post.hold_reason).like(pattern) for pattern in hold_reason.patterns(suspension)))


def _in_states(session: Session, states: tuple[str, ...]) -> Any:
    listed = col(Post.state).in_([state for state in states if state != COVERED])
    if COVERED not in states:
        return listed
    return listed | ((col(Post.state) == "scheduled") & col(Post.channel).in_(closed_channels(session)))


def ids_of(session: Session, wanted: Wanted) -> list[int]:
    """The ids of the posts meant, each once: those named, else those found. Raises PostError when one or all are missing."""
    if not wanted.ids:
        query = select(Post.id).where(*conditions(session, wanted)).order_by(col(Post.id))
        return [post_id for post_id in session.exec(query) if post_id is not None]
    asked = list(dict.fromkeys(wanted.ids))
    known: set[int] = set()
    for piece in bulk.pieces(asked):
        page = [number for number in piece if 0 < number <= MOST_ID]
        query = select(Post.id).where(bulk.among(session, col(Post.id), page), ~post_queue.is_staged())
        known.update(i for i in session.exec(query) if i is not None)
    if missing := [number for number in asked if number not in known]:
        raise PostError(f"there is no post {number}: `standfast post list` shows them" for number in missing)
    return sorted(asked)


def counts(session: Session, wanted: Wanted) -> dict[str, int]:
    """How many posts match, by state; scheduled ones behind a closed gate count as ``covered``."""
    closed = literal(False) if not (names := closed_channels(session)) else col(Post.channel).in_(names)
    covered = (col(Post.state) == "scheduled") & closed
    query = select(Post.state, covered, func.count()).where(*conditions(session, wanted)).group_by(Post.state, covered)
    found = {COVERED if is_covered else state: int(number) for state, is_covered, number in session.execute(query)}
    return {state: found[state] for state in (*POST_STATES, COVERED) if state in found}


def closed_channels(session: Session) -> list[str]:
    """The channels whose gate is closed now; all of them when it cannot be read."""
    names = list(session.exec(select(Channel.name).order_by(Channel.name)))
    return [name for name in names if is_closed(session, name)]


def is_closed(session: Session, channel: str) -> bool:
    """True when a suspension covers `channel`, or when that cannot be told."""
    try:
        return bool(post_queue.closed_by(session, channel))
    except killswitch.GateClosed:
        return True


def shown_state(post: Post, covered: bool, departed: Collection[str] = ()) -> str:
    """The state in words for people: a held post says why, a covered one that it waits behind the gate, and one that nobody has
    approved yet that its author is among the `departed`."""
    if post.state in ("draft", "in_review") and post.author in departed:
        return f"{post.state}: {post.author} has left, and who hands it in answers for it"
    if post.state == "held":
        return f"held: {post.hold_reason or 'no reason was recorded'}"
    return "scheduled (behind the gate)" if covered else post.state


def moment(us: int | None) -> str | None:
    """`us` as RFC 3339 text, None for None."""
    return None if us is None else clock.to_text(us)
