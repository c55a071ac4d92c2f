"""A calendar file applied as a difference: all of it, or nothing.

New posts and entries are laid down in small transactions, as drafts under a mark of this sync that nobody can publish. One
last transaction makes them real together with every change and cancellation; what an ended sync left is cleared by the next.
Two syncs of one file need no other lock: the last transaction holds the file's row and finds whether its plan still fits.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from calendars.entry import Fault
from config import clock
from config.settings import Settings
from connectors.media import MediaError
from records import log
from scheduler import calendar_check, calendar_plan, content, killswitch, post_queue, stager, states
from scheduler.calendar_plan import Plan
from store import chain
from store.engine import StoreError, cursor, dialect, reading, writing
from store.tables import CalendarEntry, CalendarFile, Post

TRIES = 5
"""Plans made anew when the store moved on meanwhile."""


class _Outdated(Exception):
    """The store is no longer what the plan was made for; nothing was changed."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file: the difference that was (or would be) applied, or the faults that forbid it."""

    path: Path
    plan: Plan | None = None
    faults: list[Fault] = field(default_factory=list)
    applied: bool = False


def check(engine: Engine, path: Path, settings: Settings, *, skip_past: bool = False) -> Outcome:
    """What a sync of `path` would do now; changes nothing. Raises StoreError."""
    name = calendar_check.name_of(path, settings)
    if isinstance(name, Fault):
        return Outcome(path, faults=[name])
    with reading(engine) as session:
        city = calendar_check.city_of(session)
    calendar, faults = calendar_check.read(path, settings, city)
    if calendar is None:
        return Outcome(path, faults=faults)
    with reading(engine) as session:
        plan = calendar_plan.plan(session, calendar, clock.wall_us(), settings, skip_past=skip_past)
    return Outcome(path, plan, plan.faults)


def sync(
    engine: Engine,
    path: Path,
    settings: Settings,
    *,
    actor: str | None = None,
    skip_past: bool = False,
    first: Outcome | None = None,
) -> Outcome:
    """What became of the file at `path`, applied by `actor` (None: its owner) unless it has faults. Raises StoreError.

    `first` is an earlier `check` of the same file; it is applied as it stands when the store has not moved on.
    """
    for _ in range(TRIES):
        found = first or check(engine, path, settings, skip_past=skip_past)
        first = None
        if found.plan is None or found.faults or found.plan.empty:
            return found
        if lost := _keep_images(found.plan, calendar_check.data_dir(settings)):
            return Outcome(path, found.plan, lost)
        if apply(engine, found.plan, actor or found.plan.calendar.owner):
            return Outcome(path, found.plan, applied=True)
    raise StoreError(f"{path}: other processes keep changing its posts: sync it again in a moment")


def _keep_images(plan: Plan, data_dir: Path) -> list[Fault]:
    """Copy the images where posts find them; a fault for each that changed or went since it was read."""
    faults = []
    for path, name in plan.images.items():
        try:
            kept = content.keep(data_dir, path, "image")["file"]
            why = None if kept == name else "changed while the calendar was read: sync it again"
        except MediaError as error:
            why = str(error)
        if why is not None:
            faults.append(Fault(str(plan.calendar.path), 1, path.name, why))
    return faults


def apply(engine: Engine, plan: Plan, actor: str) -> bool:
    """True when all of `plan` stands; False, and nothing changed, when the store moved on since it was made.

    Raises StoreError. The caller has looked at `plan.faults` and registered this process (`scheduler.liveness`).
    """
    mark = uuid.uuid4().hex
    try:
        _stage(engine, plan, mark)
        with writing(engine) as session:
            _flip(session, plan, mark, actor)
    except (_Outdated, states.WrongState, IntegrityError):
        with writing(engine) as session:
            _clear(session, plan.source.file, only=mark)
        return False
    return True


def _stage(engine: Engine, plan: Plan, mark: str) -> None:
    """Lay down the new posts and entries, a batch to a transaction."""
    with writing(engine) as session:
        stager.locked_file(session, plan.source.file)
    for batch in stager.batches(plan.add):
        with writing(engine) as session:
            post_queue.stage(session, batch, mark)
    place = _waiting(plan.source.file, mark)
    for batch in stager.batches([{**row, "file": place} for row in plan.entries]):
        with writing(engine) as session:
            stager.add_entries(session, batch)


def _waiting(file: str, mark: str) -> str:
    """Under which file's name the entries of a sync wait until they are real."""
    return f"{post_queue.STAGED}{mark}:{file}"


def _flip(session: Session, plan: Plan, mark: str, actor: str) -> None:
    """Make the whole difference real in the caller's transaction. Raises _Outdated, WrongState or IntegrityError."""
    row = stager.locked_file(session, plan.source.file)
    if stager.revision_of(row) != plan.known or _came_due_behind_a_stop(session, plan):
        raise _Outdated
    _clear(session, plan.source.file, but=mark)
    _move(session, plan)
    if post_queue.flip_staged(session, plan.source.file, mark) != len(plan.add):
        raise _Outdated
    _replace_entries(session, plan, mark)
    _sign(session, plan)
    row.digest, row.owner = plan.calendar.digest, plan.calendar.owner
    row.staged_until = plan.known.staged_until or plan.until
    row.synced_at = max(clock.wall_us(), (plan.known.synced_at or 0) + 1)
    row.fault, row.fault_digest = None, ""
    detail = plan.counts() | {"digest": plan.calendar.digest, "owner": plan.calendar.owner}
    log.record(session, actor, "calendar_sync", f"calendar {plan.source.file}", detail)


def _came_due_behind_a_stop(session: Session, plan: Plan) -> bool:
    """True when something was stopped or lifted since the plan was made, and a post of it came due: the lift did not see it."""
    if killswitch.epoch_or_zero(cursor(session), dialect(session)) == plan.epoch:
        return False
    now = clock.wall_us()
    moved = (change.values["due_at"] for change in plan.change if "due_at" in change.values)
    return any(due <= now for due in (*(row["due_at"] for row in plan.add), *moved))


def _move(session: Session, plan: Plan) -> None:
    """Cancel and change, piece by piece: the database must not wait long for the next statement."""
    for start in range(0, len(plan.cancel), stager.BATCH):
        posts = plan.cancel[start : start + stager.BATCH]
        moves = [post_queue.Move(post.id, post.state, "cancelled", {"source_key": None}) for post in posts]
        post_queue.move_posts(session, moves)
    for start in range(0, len(plan.change), stager.BATCH):
        changes = plan.change[start : start + stager.BATCH]
        moves = [post_queue.Move(c.post.id, c.post.state, c.post.state, c.values) for c in changes]
        post_queue.move_posts(session, moves)


def _replace_entries(session: Session, plan: Plan, mark: str) -> None:
    file = plan.source.file
    for start in range(0, len(plan.replaced), post_queue.PAGE):
        names = plan.replaced[start : start + post_queue.PAGE]
        gone = delete(CalendarEntry).where(col(CalendarEntry.file) == file, col(CalendarEntry.entry).in_(names))
        session.execute(gone, **post_queue.UNSYNCHRONIZED)
    waiting = update(CalendarEntry).where(col(CalendarEntry.file) == _waiting(file, mark))
    session.execute(waiting.values(file=file), **post_queue.UNSYNCHRONIZED)


def _sign(session: Session, plan: Plan) -> None:
    """A new owner answers for what still waits."""
    before, now = plan.known.owner, plan.calendar.owner
    if plan.known.synced_at is None or before == now:
        return
    open_posts = update(Post).where(col(Post.file) == plan.source.file, col(Post.author) == before)
    open_posts = open_posts.where(col(Post.state).in_(states.EDITABLE))
    session.execute(open_posts.values(author=now), **post_queue.UNSYNCHRONIZED)


def _clear(session: Session, file: str, *, but: str = "", only: str = "") -> None:
    """Remove what syncs of `file` laid down and never made real: all but the mark `but`, or `only` one mark's."""
    post_queue.drop_staged(session, file, but=but, only=only)
    place, length = col(CalendarEntry.file), len(post_queue.STAGED)
    name = func.substr(place, length + len(uuid.uuid4().hex) + 2)
    gone = delete(CalendarEntry).where(func.substr(place, 1, length) == post_queue.STAGED, name == file)
    gone = gone.where(place == _waiting(file, only)) if only else gone.where(place != _waiting(file, but))
    session.execute(gone, **post_queue.UNSYNCHRONIZED)


def remember_fault(engine: Engine, name: str, fault: str, digest: str, actor: str) -> bool:
    """True when this fault of this content is new: it now stands with the file and in the log. Raises StoreError."""
    name, fault = chain.storable(name), chain.storable(fault)
    with reading(engine) as session:
        known = session.get(CalendarFile, name)
        if known is not None and (known.fault, known.fault_digest) == (fault, digest):
            return False
    with writing(engine) as session:
        row = stager.locked_file(session, name)
        row.fault, row.fault_digest = fault, digest
        log.record(session, actor, "calendar_fault", f"calendar {name}", {"digest": digest, "fault": fault})
    return True


def waiting(session: Session, name: str) -> dict[str, int]:
    """How many posts of the file still wait, by channel."""
    query = select(Post.channel, func.count()).where(Post.file == name, col(Post.state).in_(states.EDITABLE))
    return dict(session.exec(query.group_by(Post.channel).order_by(Post.channel)).all())


def remove(engine: Engine, name: str, actor: str) -> int:
    """How many posts that still waited were cancelled; the store forgets the file. Raises StoreError.

    What is being published, or may have been, is left alone. A removal that ended early is repeated by asking again.
    """
    cancelled = 0
    while True:
        with writing(engine) as session:
            row = stager.locked_file(session, name)
            query = select(Post.id, Post.state).where(Post.file == name, col(Post.state).in_(states.EDITABLE))
            query = query.where(~post_queue.may_be_out())
            waiting = session.exec(query.limit(stager.BATCH).with_for_update()).all()
            moves = [post_queue.Move(i, state, "cancelled", {"source_key": None}) for i, state in waiting if i]
            post_queue.move_posts(session, moves)
            cancelled += len(moves)
            if len(waiting) < stager.BATCH:
                _clear(session, name)
                gone = delete(CalendarEntry).where(col(CalendarEntry.file) == name)
                session.execute(gone, **post_queue.UNSYNCHRONIZED)
                session.delete(session.get_one(CalendarFile, row.name))
                log.record(session, actor, "calendar_remove", f"calendar {name}", {"cancelled": cancelled})
                return cancelled
