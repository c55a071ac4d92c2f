"""A store that was restored from an older copy suspends itself, and what was due since then is called unknown.

The witness, kept outside the store, knows how far this host had come. Nothing is published until a person has looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import structlog
from sqlalchemy import ColumnElement, Engine, delete, func, text
from sqlmodel import Session, col, select

from config import clock
from config.essentials import Essentials
from config.fault import Fault
from records import log
from scheduler import killswitch, post_queue, stop_cell, stop_ledger, switch, witness
from scheduler.killswitch import Order
from scheduler.witness import Seen
from store.engine import cursor, dialect, reading, writing
from store.tables import LIVE_ATTEMPT_STATES, Attempt, Meta, Post

logger = structlog.get_logger()
RESTORE = stop_ledger.RESTORE
POSTS_SKIPPED = 100_000
"""More posts than a city queues between two backups: numbers of posts that only the lost store knew stay unused."""
BATCH = 200
"""Posts doubted in one transaction."""
DOUBTED = ("scheduled", "held", "failed", "draft", "in_review")
"""What waited in the copy for its time or for a person: either may have come since, and the post may have gone out."""
SKIPPED = "attempts_skipped_to"
"""The key under which the store keeps the number that a restore skipped to."""
UNDER_WAY = killswitch.RESTORING
"""The key under which the store keeps the request of a restore that is not finished: whoever starts next finishes it."""


def guard(engine: Engine, essential: Essentials, witness_file: Path) -> str | None:
    """Why the store suspended itself, or None when it is the one this host knows. The witness is up to date afterwards."""
    copy, reason = look(engine, essential, witness_file)
    if copy.is_unreadable:
        _put_aside(witness_file)
    if reason is not None:
        _suspend(engine, essential, copy, reason)
    with reading(engine) as session:
        epoch, attempt, _ = extent(session)
    most = max(attempt, copy.seen.attempt)
    witness.note(witness_file, epoch=epoch, attempt=most, durable=True, step="restore.witness")
    return reason


def look(engine: Engine, essential: Essentials, witness_file: Path) -> tuple[Copy, str | None]:
    """What this host knows of the store, and why it must be taken for an older copy, if it must. Changes nothing."""
    # The witness and the cell are read before the store: what is committed and noted in between (a resume, another process's
    # attempt) then shows in the store alone, and does not look like a store that is behind them.
    witnessed, noted, trouble = _witnessed(witness_file)
    fence = _fence(essential)
    with reading(engine) as session:
        epoch, attempt, used = extent(session)
        unfinished = session.get(Meta, UNDER_WAY)
        unknown = _unaccounted(session, noted)
    reason = trouble or witness.is_behind(witnessed, epoch=epoch, attempt=attempt, used=used)
    if reason is None and fence > epoch:
        reason = f"the store is at epoch {epoch}, behind the stop cell's fence"
    if reason is None and unknown:
        reason = f"attempt {max(unknown)} was sent from here, and the store does not know it"
    if reason is None and unfinished is not None:
        reason = "it was found restored, and nobody has looked through it to the end"
    return Copy(witness_file, witnessed or Seen(0, 0), epoch, attempt, noted, trouble is not None), reason


def begin_if_unused(engine: Engine, essential: Essentials, witness_file: Path) -> bool:
    """True when nothing was ever sent or stopped here: then the cell is laid down and the witness begins."""
    with reading(engine) as session:
        epoch, attempt, used = extent(session)
    if not used:
        stop_cell.lay_down(essential.cell_file, 0)
        witness.note(witness_file, epoch=epoch, attempt=attempt, durable=True, step="restore.begin")
    return not used


def file_of(engine: Engine, essential: Essentials) -> Path:
    """This host's witness of the store."""
    with reading(engine) as session:
        return witness.file_for(essential.state_dir, session.get_one(Meta, "store_id").value)


class NotLookedThrough(Fault):
    """The store is an older copy, and what may have gone out since it was made is not sorted out yet."""


def refuse_older_copy(session: Session, essential: Essentials) -> None:
    """Raise NotLookedThrough before a daemon has looked through a restored store: nothing is let go or numbered until then."""
    if (why := stop_ledger.why_older(cursor(session), dialect(session), essential)) is not None:
        raise NotLookedThrough(
            f"{why}: what waits in it may be out; start the daemon, which looks through it, and repeat"
        )


def leave_room(session: Session, essential: Essentials) -> None:
    """In such a copy let new posts have numbers that the lost store never gave: for who must not wait for a daemon."""
    if stop_ledger.why_older(cursor(session), dialect(session), essential) is not None:
        _skip_posts(session)


@dataclass(frozen=True)
class Copy:
    """A store that may have been put back: what this host had seen and sent, and how far the store comes."""

    witness_file: Path
    seen: Seen
    epoch: int
    attempt: int
    noted: Mapping[int, int]
    is_unreadable: bool
    """True when the witness could not be read: then nothing is known of what was seen and sent."""

    @property
    def request(self) -> str:
        """The id of the suspension that it asks for."""
        return f"restore-{self.epoch}-{self.attempt}-{self.seen.epoch}-{self.seen.attempt}"


def _witnessed(file: Path) -> tuple[Seen | None, dict[int, int], str | None]:
    """(what was seen, what was sent, why it cannot be told); a witness that cannot be read is no reason to trust the store."""
    try:
        return witness.read(file), witness.sent(file), None
    except witness.WitnessError as error:
        return Seen(0, 0), {}, str(error)


def _put_aside(file: Path) -> None:
    for part in (file, file.with_suffix(".sent")):
        if part.exists():
            part.rename(part.with_suffix(f"{part.suffix}.unreadable"))


def _unaccounted(session: Session, noted: Mapping[int, int]) -> dict[int, int]:
    """Attempt → post: sent from this host, and unknown to the store as such."""
    query = select(Attempt.id, Attempt.state).where(col(Attempt.id) >= min(noted, default=0))
    rows = session.exec(query).all() if noted else []
    return witness.unaccounted(noted, {cast(int, number): state for number, state in rows})


def extent(session: Session) -> tuple[int, int, bool]:
    """(epoch, highest attempt number ever given, whether anything was ever sent or stopped)."""
    epoch = killswitch.epoch_or_zero(cursor(session), dialect(session))
    highest = session.exec(select(func.max(Attempt.id))).one() or 0
    return epoch, max(highest, _numbered(session)), highest > 0 or epoch > 1


def _numbered(session: Session) -> int:
    """The number up to which no attempt will be numbered: a restore raises it, so that it is called one only once."""
    # PostgreSQL's own sequence runs up to 32 numbers ahead in what a standby or a recovered server has of it: by it, a
    # store that lost its last attempts would look complete.
    row = session.get(Meta, SKIPPED)
    return int(row.value) if row is not None else 0


def _suspend(engine: Engine, essential: Essentials, copy: Copy, reason: str) -> None:
    """Suspend above all that was seen, then doubt what was sent, and what was due, since the copy was made."""
    request = _begin(engine, copy.request)
    order = Order(request, "standfast", f"store restored: {reason}", kind=RESTORE)
    own = switch.open_switch(essential)
    try:
        with switch.exclusive(own, step="restore.suspend") as locked:
            at_least = max(copy.seen.epoch, _fence(essential)) + 1
            killswitch.suspend(locked, own.name, order, at_least_epoch=at_least)
        with switch.reading(own) as view:
            stop_ledger.raise_fence(view, own.name, essential, step="restore")
    finally:
        own.close()
    doubted = _doubt(engine, copy)
    logger.error("store restored from an older copy", action="restore", reason=reason, doubted=doubted)


def _fence(essential: Essentials) -> int:
    try:
        return stop_cell.read(essential.cell_file).fence
    except stop_cell.CellError:
        return 0


def _doubt(engine: Engine, copy: Copy) -> int:
    """How many posts became unknown: sent from here or due by now and, for all that the copy knows, sent since it was made.

    In bounded batches: the suspension stands already, and nothing is claimed before this has ended.
    """
    with writing(engine, step="restore.numbers") as session:
        _skip_numbers(session, copy.seen.attempt)
    now, doubted = clock.wall_us(), _doubt_sent(engine, copy.noted)
    while batch := _doubt_batch(engine, now):
        doubted += batch
    witness.forget_sent(copy.witness_file)  # they stand in the store now
    with writing(engine, step="restore.log") as session:
        session.execute(delete(Meta).where(col(Meta.key) == UNDER_WAY))  # another host's daemon may have done it
        log.record(session, "standfast", RESTORE, "store", {"highest_seen": copy.seen.attempt, "doubted": doubted})
    return doubted


def _doubt_sent(engine: Engine, noted: Mapping[int, int]) -> int:
    """How many posts became unknown because this host sent them and the copy does not know: whatever it says of their time."""
    with reading(engine) as session:
        posts = sorted(set(_unaccounted(session, noted).values()))
    return sum(_doubt_some(engine, posts[start : start + BATCH]) for start in range(0, len(posts), BATCH))


def _doubt_some(engine: Engine, numbers: list[int]) -> int:
    now = clock.wall_us()
    with writing(engine, step="restore.sent") as session:
        _alone(session)
        waiting = select(Post).where(col(Post.id).in_(numbers), col(Post.state).in_(DOUBTED), ~_has_live_attempt())
        posts = session.exec(waiting.order_by(col(Post.id))).all()
        for post in posts:
            _doubt_post(session, post, now, min(post.due_at, post.updated_at))
        return len(posts)


def _doubt_batch(engine: Engine, now: int) -> int:
    with writing(engine, step="restore.batch") as session:
        _alone(session)
        # What was due before the copy was made, and still waited then, may have been sent after it, too.
        due = select(Post).where(col(Post.state).in_(DOUBTED), col(Post.due_at) <= now, ~_has_live_attempt())
        due = due.where(~post_queue.is_staged()).order_by(col(Post.due_at), col(Post.id))
        posts = session.exec(due.limit(BATCH)).all()
        for post in posts:
            _doubt_post(session, post, now, post.due_at)
        return len(posts)


def _alone(session: Session) -> None:
    """Wait for another host's daemon that doubts the same posts: two of them would give one post two attempts."""
    # The gate's row may be lost; the store's name is never.
    session.exec(select(Meta).where(Meta.key == "store_id").with_for_update()).one()


def _has_live_attempt() -> ColumnElement[bool]:
    of_post = select(Attempt.id).where(
        col(Attempt.post_id) == col(Post.id), col(Attempt.state).in_(LIVE_ATTEMPT_STATES)
    )
    return of_post.exists()


def _doubt_post(session: Session, post: Post, now: int, sent_at: int) -> None:
    """An attempt of unknown outcome. A held post stays held and keeps its reason; no verb takes it before it is known."""
    assert post.id is not None
    if post.state != "held":
        if post.state != "scheduled":
            post_queue.move_post(session, post.id, "scheduled")
        post_queue.move_post(session, post.id, "unknown", only_from=("scheduled",))
    epoch = killswitch.epoch_or_zero(cursor(session), dialect(session))
    store_id = session.get_one(Meta, "store_id").value
    key = post_queue.key_of(post_queue.key_prefix(store_id), post.id)  # a lost attempt's was the same
    attempt = post_queue.add_attempt(session, post, RESTORE, epoch, key, state="unknown")
    attempt.sending_at, attempt.look_at, attempt.finished_at, attempt.outcome = sent_at, now, now, "unknown"
    attempt.detail = "the store was restored from an older copy: it may have gone out before that"
    session.add(attempt)


def _begin(engine: Engine, request: str) -> str:
    """The request of this restore: `request`, or that of an earlier start which was interrupted."""
    with writing(engine, step="restore.claimed") as session:
        _alone(session)
        if (earlier := session.get(Meta, UNDER_WAY)) is not None:
            request = earlier.value
        session.merge(Meta(key=UNDER_WAY, value=request))
        _doubt_claimed(session)
    return request


def _doubt_claimed(session: Session) -> None:
    """What the copy remembers as claimed may have been sent in the time that it does not remember."""
    now = clock.wall_us()
    for attempt in post_queue.open_attempts(session, "claimed"):
        assert attempt.id is not None
        post_queue.move_attempt(session, attempt.id, "sending", sending_at=attempt.claimed_at)
        post_queue.move_attempt(session, attempt.id, "unknown", outcome="unknown", look_at=now, finished_at=now)
        post_queue.move_post(session, attempt.post_id, "unknown", only_from=("publishing",))


def _skip_numbers(session: Session, highest_seen: int) -> None:
    """Numbers are never used twice, also not those that only the lost store knew: of attempts, and of posts (their keys)."""
    _alone(session)
    session.merge(Meta(key=SKIPPED, value=str(max(highest_seen + 1, _numbered(session)))))
    _raise_sequence(session, "attempt", highest_seen + 1)
    _skip_posts(session)


def _skip_posts(session: Session) -> None:
    highest = session.exec(select(func.max(Post.id))).one() or 0
    _raise_sequence(session, "post", highest + POSTS_SKIPPED)


def _raise_sequence(session: Session, table: str, least: int) -> None:
    """Let the next number of `table` lie above `least`."""
    if dialect(session) == "sqlite":
        row = "SELECT 1 FROM sqlite_sequence WHERE name = :t"
        session.execute(
            text(f"INSERT INTO sqlite_sequence (name, seq) SELECT :t, 0 WHERE NOT EXISTS ({row})"),
            {"t": table},
        )
        raise_to = "UPDATE sqlite_sequence SET seq = MAX(seq, :n) WHERE name = :t"
    else:
        sequence = "pg_get_serial_sequence(:t, 'id')"
        raise_to = f"SELECT setval({sequence}, GREATEST(:n, COALESCE(pg_sequence_last_value({sequence}::regclass), 1)))"
    session.execute(text(raise_to), {"n": least, "t": table})
