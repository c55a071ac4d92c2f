"""What a lift would do to the posts behind a suspension: which would be held, which would go out soon, which are unknown.

Counts are whole; lists end at `LISTED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config import clock
from scheduler import killswitch, lifting
from scheduler.killswitch import rows
from store.chain import Cursor

NEXT_HOUR_US = 3600 * clock.SECOND
LISTED = 10_000
"""Most posts in one list: what is more is counted."""
EXCERPT = 60

Listed = list[dict[str, Any]]


@dataclass(frozen=True)
class Outlook:
    """What lifting would do now. `unconfirmed`: the calls from before the stop whose end is not known; `unknown`: every covered
    call that is under way or whose outcome nobody knows, with what a person can do about it."""

    unconfirmed: int
    unknown: Listed
    unknown_count: int
    will_be_held: Listed
    will_be_held_count: int
    will_be_held_by_channel: dict[str, int]
    next_hour: Listed
    next_hour_count: int
    next_hour_by_channel: dict[str, int]


@dataclass(frozen=True)
class Part:
    """Of which suspension a lift is asked for, and for which channels of it; None: for all that it still covers."""

    suspension: int
    channels: Sequence[str] | None = None

    @property
    def covers(self) -> str:
        """The condition (SQL) on a post ``p`` that it is one of them; its parameters are `values`."""
        covered = killswitch.COVERS.format(channel="p.channel")
        own = f"EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {covered}) "  # noqa: S608 (constants only)
        return own + lifting.only(self.channels, "p.channel")

    @property
    def values(self) -> tuple[Any, ...]:
        """The parameters of `covers`."""
        return (self.suspension, *(self.channels or ()))


def outlook(cursor: Cursor, dialect: str, part: Part, reconfirm_us: int) -> Outlook:
    """What lifting `part` would do now, by this process's clock and, of what was missed, by the latest time known."""
    now = clock.wall_us()
    soon = (now + reconfirm_us, now + NEXT_HOUR_US)
    missed = lifting.missed_by_channel(cursor, dialect, part.suspension, reconfirm_us, part.channels)
    coming = _count_coming(cursor, dialect, part, soon)
    latest = lifting.latest_us(cursor, dialect)
    unknown = _unknown(cursor, dialect, part)
    return Outlook(
        unconfirmed=len(killswitch.unconfirmed(cursor, dialect, part.suspension)),
        unknown=unknown[:LISTED],
        unknown_count=len(unknown),
        will_be_held=_posts(cursor, dialect, part, (0, latest + reconfirm_us)),
        will_be_held_count=sum(missed.values()),
        will_be_held_by_channel=missed,
        next_hour=_posts(cursor, dialect, part, soon, _OPEN_OTHERWISE),
        next_hour_count=sum(coming.values()),
        next_hour_by_channel=coming,
    )


_OPEN_OTHERWISE = f"""AND NOT EXISTS (SELECT 1 FROM suspension s WHERE s.id <> ?
  AND {killswitch.ACTIVE.replace("?", "p.due_at")} AND {killswitch.COVERS.format(channel="p.channel")}) """  # noqa: S608 (constants only)
"""No other suspension covers the post when its time comes; a planned one does so from its start on."""
_DUE = "p.state = 'scheduled' AND p.due_at > ? AND p.due_at <= ?"


def _posts(cursor: Cursor, dialect: str, part: Part, due: tuple[int, int], but: str = "") -> Listed:
    """The scheduled posts of `part` due after the first moment, up to the second; `but` (SQL) asks for its number again."""
    query = (
        f"SELECT p.id, p.channel, p.due_at, p.text FROM post p WHERE {_DUE} AND {part.covers}{but}"  # noqa: S608 (constants only)
        f"ORDER BY p.due_at, p.id LIMIT {LISTED}"
    )
    found = rows(cursor, dialect, query, (*due, *part.values, *((part.suspension,) if but else ())))
    return [{"post": i, "channel": c, "due_at": clock.to_text(d), "text": t[:EXCERPT]} for i, c, d, t in found]


def _count_coming(cursor: Cursor, dialect: str, part: Part, due: tuple[int, int]) -> dict[str, int]:
    query = (
        f"SELECT p.channel, count(*) FROM post p WHERE {_DUE} AND {part.covers}{_OPEN_OTHERWISE}"  # noqa: S608 (constants only)
        "GROUP BY p.channel ORDER BY p.channel"
    )
    found = rows(cursor, dialect, query, (*due, *part.values, part.suspension))
    return {str(channel): int(count) for channel, count in found}


def _unknown(cursor: Cursor, dialect: str, part: Part) -> Listed:
    """The covered calls that are under way or unknown; `REACHES`, as for what was in flight at the stop (I2)."""
    covered = killswitch.REACHES.format(channel="a.channel")
    query = (
        "SELECT a.id, a.post_id, a.channel, a.state, COALESCE(a.sending_at, a.claimed_at), p.text FROM attempt a "  # noqa: S608 (constants only)
        f"JOIN post p ON p.id = a.post_id WHERE a.state IN {killswitch.OPEN_STATES} "
        f"AND EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {covered}) "
        f"{lifting.only(part.channels, 'a.channel')}ORDER BY a.id"
    )
    found = rows(cursor, dialect, query, part.values)
    return [
        {
            "attempt": attempt,
            "post": post,
            "channel": channel,
            "state": state,
            "since": clock.to_text(since),
            "text": text[:EXCERPT],
            "remedy": _remedy(post, state),
        }
        for attempt, post, channel, state, since, text in found
    ]


def _remedy(post: int, state: str) -> str:
    if state == "unknown":
        return f"look on the platform, then `standfast post close {post} --published URL` or `--not-published`"
    return "it is under way: `standfast crisis status --wait`"
