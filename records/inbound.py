"""What the public writes becomes record: as it was first seen, each time it was seen to be another, and when it was gone.

Nothing here asks a platform; `crisis.inbound` does, and nothing anywhere answers by itself. The words stand in the contents of
the records alone, so that a retention rule can take them; the table of items knows each by its id and the hash of its words.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from records import keep
from records.keep import About
from store.chain import storable
from store.engine import reading
from store.inbound_tables import InboundCursor, InboundItem
from store.tables import Attempt

SERIES = "inbound"
NEW, EDITED, GONE, BACK = "new", "edited", "gone", "back"
"""What a record says has happened."""
OVERLAP_US = 3600 * clock.SECOND
"""Each look begins so long before where the last one ended: what came late is not lost."""
FIRST_US = 7 * 86400 * clock.SECOND
"""How far back the first look at a channel reaches."""
RECENT_US = 7 * 86400 * clock.SECOND
"""What is not older is looked at again for edits and deletions."""
AHEAD_US = 3600 * clock.SECOND
"""A platform's clock may be ahead of ours."""
STEP = 50
"""Items kept in one transaction."""
MOST_ID = 200
AT_ONCE = 500


class Heard(Protocol):
    """An item as a connector tells it (`connectors.protocol.Heard`)."""

    @property
    def remote_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def at_us(self) -> int | None: ...
    @property
    def in_reply_to(self) -> str: ...
    @property
    def link(self) -> str: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def own(self) -> bool: ...


@dataclass(frozen=True)
class Source:
    """Where something was heard, and who had it fetched."""

    channel: str
    platform: str
    by: str


@dataclass(frozen=True)
class Window:
    """What a look is to read (wall µs), and when the look began of which it is a part."""

    since_us: int
    until_us: int
    begun_us: int


# --- how far a channel was read -------------------------------------------------------------------------------------


def cursor_of(session: Session, channel: str) -> InboundCursor:
    """How far `channel` was read; a channel that was never looked at was read to nowhere."""
    return session.get(InboundCursor, storable(channel)) or InboundCursor(channel=storable(channel))


def window(known: InboundCursor) -> Window:
    """What the next look is to read: what the last one left, else all since, and a little before."""
    now = clock.wall_us()
    if known.left_since is not None and known.left_until is not None:
        return Window(known.left_since, known.left_until, known.left_begun or now)
    since = now - FIRST_US if known.read_to is None else known.read_to - OVERLAP_US
    return Window(since, now + AHEAD_US, now)


def looked(session: Session, channel: str, own: Window, *, left_until: int | None = None) -> None:
    """A look came to its end; with `left_until` what is not newer is still to be read."""
    row = _locked(session, channel)
    row.looked_at, row.not_before, row.trouble = clock.wall_us(), None, None
    if left_until is not None:
        row.left_since, row.left_until, row.left_begun = own.since_us, left_until, own.begun_us
    else:
        row.left_since = row.left_until = row.left_begun = None
        row.read_to = max(own.begun_us, row.read_to or 0)


def failed(session: Session, channel: str, trouble: str, wait_s: float | None = None) -> None:
    """A look failed: the next one reads the same again, not before the platform's own time where it gave one."""
    row = _locked(session, channel)
    row.looked_at, row.trouble = clock.wall_us(), storable(trouble)
    row.not_before = None if wait_s is None else clock.wall_us() + int(wait_s * clock.SECOND)


def _locked(session: Session, channel: str) -> InboundCursor:
    """The channel's row, which whoever keeps something of it holds: two who fetch at once keep each item once."""
    name = storable(channel)
    mark = "?" if session.get_bind().dialect.name == "sqlite" else "%s"
    insert = f"INSERT INTO inbound_cursor (channel) VALUES ({mark}) ON CONFLICT (channel) DO NOTHING"  # noqa: S608
    session.connection().exec_driver_sql(insert, (name,))
    return session.exec(select(InboundCursor).where(InboundCursor.channel == name).with_for_update()).one()


# --- what was heard -------------------------------------------------------------------------------------------------


def posts_of(engine: Engine, channel: str, remote_ids: Collection[str]) -> dict[str, int]:
    """Which of these ids are posts of ours on `channel`, and which post each is."""
    wanted, found = sorted({storable(number) for number in remote_ids if number}), dict[str, int]()
    with reading(engine) as session:
        for start in range(0, len(wanted), AT_ONCE):
            of = select(Attempt.remote_id, Attempt.post_id).where(Attempt.channel == channel)
            rows = session.exec(of.where(col(Attempt.remote_id).in_(wanted[start : start + AT_ONCE])))
            found |= {str(remote): post for remote, post in rows}
    return found


def hear(session: Session, source: Source, heard: Sequence[Heard], posts: Mapping[str, int]) -> Counter[str]:
    """How many of these are new, edited or back, and so a record more; the others are as they were."""
    _locked(session, source.channel)
    changes = (_heard(session, source, item, posts) for item in sorted(heard, key=lambda item: item.at_us or 0))
    return Counter(change for change in changes if change)


def lose(session: Session, source: Source, remote_ids: Collection[str]) -> int:
    """How many of these are now known to be gone, and so a record more."""
    _locked(session, source.channel)
    rows = [_known(session, source.channel, number) for number in sorted(remote_ids)]
    lost = [row for row in rows if row is not None and row.gone_at is None]
    for row in rows:
        if row is not None:
            row.looked_at = clock.wall_us()
    for row in lost:
        row.gone_at = row.looked_at
        content = {"change": GONE, "remote_id": row.remote_id, "channel": row.channel, "platform": source.platform}
        row.record = keep.document(session, _about(source, row, GONE, row.gone_at), content | {"at": row.gone_at})
    return len(lost)


def _heard(session: Session, source: Source, item: Heard, posts: Mapping[str, int]) -> str | None:
    """What has happened to it, None when nothing has."""
    now, digest, row = clock.wall_us(), _digest(item.text), _known(session, source.channel, item.remote_id)
    change = NEW if row is None else BACK if row.gone_at is not None else EDITED if row.digest != digest else None
    row = row or _first(session, source, item, posts)
    row.looked_at, row.gone_at, row.digest = now, None, digest
    if change is not None:
        at = row.written_at if change == NEW else now
        row.record = keep.document(
            session, _about(source, row, change, at, item.own), _content(source, row, item, change)
        )
        row.first_record = row.first_record or row.record
        session.add(row)
        session.flush()
    return change


def _known(session: Session, channel: str, remote_id: str) -> InboundItem | None:
    own = select(InboundItem).where(InboundItem.channel == storable(channel))
    return session.exec(own.where(InboundItem.remote_id == _number(remote_id))).first()


def _first(session: Session, source: Source, item: Heard, posts: Mapping[str, int]) -> InboundItem:
    above = None if not item.in_reply_to else _known(session, source.channel, item.in_reply_to)
    return InboundItem(
        channel=storable(source.channel),
        remote_id=_number(item.remote_id),
        kind=item.kind,
        under=_number(item.in_reply_to),
        post_id=posts.get(storable(item.in_reply_to)) or (above.post_id if above else None),
        written_at=item.at_us or clock.wall_us(),
        first_record=0,
        record=0,
        digest="",
    )


def _number(remote_id: str) -> str:
    return storable(remote_id)[:MOST_ID]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _about(source: Source, row: InboundItem, change: str, at: int, own: bool = False) -> About:
    facts: dict[str, Any] = {
        "change": change,
        "kind": row.kind,
        "platform": source.platform,
        "remote_id": row.remote_id,
    }
    facts |= ({"before": row.record} if row.record else {}) | ({"own": True} if own else {})
    return About(SERIES, f"inbound {row.remote_id}", at, source.by, row.channel, row.post_id, facts=facts)


def _content(source: Source, row: InboundItem, item: Heard, change: str) -> dict[str, Any]:
    return {
        "change": change,
        "channel": row.channel,
        "platform": source.platform,
        "remote_id": row.remote_id,
        "kind": row.kind,
        "author": item.author,
        "text": item.text,
        "at": item.at_us,
        "in_reply_to": item.in_reply_to or row.under,
        "link": item.link,
        "own": item.own,
        "raw": item.raw.decode("utf-8", "backslashreplace"),
    }


# --- what is looked at again ----------------------------------------------------------------------------------------


def due(
    session: Session, channel: str, most: int, but_for: Collection[str] = (), *, all_recent: bool = False
) -> list[str]:
    """The ids to look at again, at most `most`: recent ones, each after as long again as it was known when last looked at
    (so a dozen times in a week), or all recent ones."""
    now = clock.wall_us()
    recent = select(InboundItem.remote_id).where(InboundItem.channel == storable(channel))
    recent = recent.where(InboundItem.written_at > now - RECENT_US).order_by(col(InboundItem.looked_at)).limit(most)
    if not all_recent:
        pause = 2 * (now - col(InboundItem.looked_at)) >= now - col(InboundItem.written_at)
        recent = recent.where(pause)
    return [number for number in session.exec(recent) if number not in but_for]
