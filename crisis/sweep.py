"""The sweep: what people scheduled on the platforms themselves is copied, taken out there, and held here (KS-16).

After the drain, from the platform's own list. A copy is durable before anything is taken out; that it is gone is seen in the
list, not believed; and whose time came meanwhile is not said to have been taken out. What has no such interface waits for a
named person's tick (`crisis.checklist`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from connectors.errors import ConnectorError
from connectors.protocol import Connector, Deadline, OwnScheduler, Planned
from records import log
from scheduler import hold_reason, killswitch, post_queue, receipt
from scheduler.planning import content
from store.chain import storable
from store.crisis_tables import NativePost, Sweep
from store.engine import StoreError, cursor, dialect, reading, writing
from store.tables import Post

logger = structlog.get_logger()
NEAR_US = 60 * clock.SECOND
"""What is taken out less than this long before its time may have gone out: the platform has a clock of its own."""
TOO_EARLY = (
    "{waiting} call(s) to it were not confirmed as it was swept: `standfast crisis sweep` again once it is quiet"
)
"""What a call leaves in a platform's own scheduler may come after the look: the drain comes first."""
REPLACED = (
    "the store was replaced as the platforms' own schedulers were swept, and has no copies: nothing more was taken out; "
    "`standfast crisis sweep` again"
)
NO_INTERFACE = "look by hand"
"""What is said of a platform whose own scheduler no program can empty."""


@dataclass(frozen=True)
class Swept:
    """What became of one channel's own scheduler; `trouble` is None when nothing lies there any more."""

    channel: str
    found: int
    gone: int
    trouble: str | None


class Sweeper:
    """Sweeps the channels of one suspension, in the name of `by`."""

    def __init__(
        self,
        engine: Engine,
        connector_of: Callable[[str], Connector],
        by: str,
        lateness_us: int,
        *,
        older_copy: bool = False,
    ) -> None:
        """`older_copy`: the store does not know every call that this host has sent."""
        self.engine, self.connector_of, self.by, self.lateness_us = engine, connector_of, by, lateness_us
        self.older_copy = older_copy

    def run(self, suspension: int, seconds: float) -> Iterator[Swept]:
        """Each covered channel that has a scheduler of its own, as soon as it was looked at, within `seconds` for each."""
        for channel in _channels(self.engine, suspension):
            if channel not in _channels(self.engine, suspension):
                continue  # a person resumed it while the ones before it were swept
            waiting = _unconfirmed(self.engine, suspension, channel) + self.older_copy
            swept = self._channel(suspension, channel, Deadline.after(seconds))
            if waiting and swept.trouble is None:
                swept = replace(swept, trouble=TOO_EARLY.format(waiting=waiting))
            self._keep(suspension, swept)
            yield swept

    def _channel(self, suspension: int, channel: str, deadline: Deadline) -> Swept:
        found: list[Planned] = []
        try:
            connector = self.connector_of(channel)
            if not isinstance(connector, OwnScheduler):
                return Swept(channel, 0, 0, NO_INTERFACE)
            found = connector.planned(deadline)
            self._take_over(suspension, channel, found)
            taken = {item.remote_id for item in found if self._take_out(connector, channel, item, deadline)}
            left = {item.remote_id for item in connector.planned(deadline)}
        except ConnectorError as error:
            return Swept(channel, len(found), 0, f"not known to be empty: {storable(error.detail)}")
        except StoreError:
            raise  # it would fail for every channel
        except Exception as error:  # one platform's surprise may not keep the sweep from the others
            logger.exception("the sweep of a channel failed", action="sweep", channel=channel)
            return Swept(
                channel, len(found), 0, f"not known to be empty: {storable(f'{type(error).__name__}: {error}')}"
            )
        gone = [item.remote_id for item in found if item.remote_id not in left]
        self._note_gone(suspension, channel, taken, left)
        return Swept(channel, len(found), len(gone), _still_there(left, found))

    def _take_out(self, connector: OwnScheduler, channel: str, item: Planned, deadline: Deadline) -> bool:
        """True when it was certainly taken out before its time. One that will not go keeps none of the others there.

        What has pictures or a link preview stays: the copy has its words alone, and they would be lost.
        """
        if item.media:
            return False
        self._check_copied(channel, item.remote_id)
        try:
            connector.cancel_planned(item.remote_id, deadline)
        except Exception:  # of any kind: whether it is gone the list says, and the others are still to be taken out
            logger.warning("a planned post could not be taken out", action="sweep", post=item.remote_id, exc_info=True)
            return False
        return item.at_us is None or clock.wall_us() + NEAR_US < item.at_us

    def _check_copied(self, channel: str, remote_id: str) -> None:
        """Raise StoreError unless the store that stands there now has the copy: an older one may have been put in its place."""
        if self.engine.dialect.name == "sqlite":
            self.engine.dispose()  # a connection that is open already goes on with the file that was replaced
        with reading(self.engine) as session:
            copied = select(NativePost.id).where(NativePost.channel == channel, NativePost.remote_id == remote_id)
            if session.exec(copied).first() is None:
                raise StoreError(REPLACED)

    def _take_over(self, suspension: int, channel: str, found: list[Planned]) -> None:
        """Copy all into the store, each once, as posts that wait for a person; in one transaction: their time is running."""
        with writing(self.engine) as session:
            known = set(session.exec(select(NativePost.remote_id).where(NativePost.channel == channel)))
            for item in found:
                if item.remote_id not in known:
                    known.add(item.remote_id)
                    self._take_one(session, suspension, channel, item)

    def _take_one(self, session: Session, suspension: int, channel: str, item: Planned) -> None:
        post = self._copy(channel, item, suspension)
        session.add(post)
        session.flush()
        assert post.id is not None
        session.add(_native(suspension, channel, item, post.id))
        detail = {"channel": channel, "remote_id": item.remote_id, "suspension": suspension}
        log.record(session, self.by, "sweep.copy", f"post {post.id}", detail)

    def _copy(self, channel: str, item: Planned, suspension: int) -> Post:
        now, text = clock.wall_us(), storable(item.text)
        at = item.at_us or now
        return Post(
            channel=channel,
            state="held",
            hold_reason=hold_reason.lies_there(_moment(item.at_us), suspension),
            text=text,
            content_hash=content.content_hash(text, ()),
            local_time=clock.to_text(at)[:19],
            zone="UTC",
            due_at=at,
            ready_at=at,
            lateness_us=self.lateness_us,
            author=self.by,
            created_at=now,
            updated_at=now,
        )

    def _note_gone(self, suspension: int, channel: str, taken: Collection[str], left: Collection[str]) -> None:
        """Whatever lay there and does not any more, also what an earlier sweep had copied; each copy says what is known."""
        with writing(self.engine) as session:
            lying = select(NativePost).where(NativePost.channel == channel, col(NativePost.gone_at).is_(None))
            for row in session.exec(lying.order_by(col(NativePost.post_id))).all():
                if row.remote_id not in left:
                    row.gone_at = clock.wall_us()
                    post = post_queue.locked_post(session, row.post_id)
                    if post is not None and hold_reason.is_lying(post.hold_reason):
                        post.hold_reason = _of_gone(row, suspension, known=row.remote_id in taken)

    def _keep(self, suspension: int, swept: Swept) -> None:
        with writing(self.engine) as session:
            session.add(Sweep(suspension_id=suspension, by=self.by, at=clock.wall_us(), **vars(swept)))
            log.record(session, self.by, "sweep", f"suspension {suspension}", vars(swept))


def _still_there(left: Collection[str], found: Collection[Planned]) -> str | None:
    if not left:
        return None
    media = sum(item.media for item in found if item.remote_id in left)
    told = f"{len(left)} post(s) are still there"
    return f"{told}, {media} with media that a copy would lose: save it and take them out by hand" if media else told


def _of_gone(row: NativePost, suspension: int, *, known: bool) -> str:
    """The reason of a copy whose original is gone; `known`: it was certainly taken out before its time."""
    moment = _moment(row.planned_at)
    if known or row.planned_at is None or clock.wall_us() + NEAR_US < row.planned_at:
        return hold_reason.taken_out(moment, suspension)
    return hold_reason.gone_there(moment, suspension)


def _moment(at_us: int | None) -> str:
    return clock.to_text(at_us) if at_us else "a time that it does not tell"


def _native(suspension: int, channel: str, item: Planned, post: int) -> NativePost:
    return NativePost(
        channel=channel,
        remote_id=item.remote_id,
        suspension_id=suspension,
        post_id=post,
        planned_at=item.at_us,
        found_at=clock.wall_us(),
    )


def _unconfirmed(engine: Engine, suspension: int, channel: str) -> int:
    with reading(engine) as session:
        return receipt.open_calls(cursor(session), dialect(session), suspension, channel)


def _channels(engine: Engine, suspension: int) -> list[str]:
    """The covered channels whose platform has a scheduler of its own; none of a suspension that was lifted meanwhile."""
    planners = receipt.own_planners()
    with reading(engine) as session:
        if killswitch.is_lifted(cursor(session), dialect(session), suspension):
            return []
        covered = receipt.covered_channels(cursor(session), dialect(session), suspension)
    return [name for name, platform in covered if planners.get(platform, "") is not None]
