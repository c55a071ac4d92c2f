"""A calendar's difference made real: all of it at one moment, or nothing of it.

On SQLite, where one writer keeps out all others, what is new is laid down in small transactions: posts as drafts that nobody
can publish, entries under another name, both with a mark of this sync. One last transaction makes it real together with every
change and cancellation. On PostgreSQL the database hides what is not committed: one transaction writes all without the store's
lock, but for what may come due meanwhile, and takes the lock for its last few statements. Both then hold the file's row and see
whether the plan still fits. What a sync that ended early left is removed by the next.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any, cast

from sqlalchemy import CursorResult, Engine, delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from config import clock, collector
from governance import approvals
from records import log
from scheduler import killswitch, post_queue, states
from scheduler.planning import entry_checks, stager
from scheduler.planning.calendar_plan import Change, Existing, Plan
from scheduler.post_queue import Move
from store import bulk
from store.engine import StoreError, cursor, dialect, preparing, reading, take_lock, writing
from store.tables import STAGED, CalendarEntry, CalendarFile, Post

NEAR_US = 600 * clock.SECOND
"""A post that is ready within this may be claimed, or held by a lift, while a transaction without the lock goes on."""


class Outdated(Exception):
    """The store is no longer what the plan was made for; nothing was changed."""


@collector.paused()
def apply(engine: Engine, plan: Plan, actor: str) -> bool:
    """True when all of `plan` stands; False, and nothing changed, when the store moved on since it was made.

    Raises StoreError. The caller has looked at `plan.faults` and registered this process (`scheduler.liveness`).
    """
    mark = uuid.uuid4().hex
    try:
        if engine.dialect.name == "postgresql":
            _at_once(engine, plan, actor)
        else:
            _in_batches(engine, plan, actor, mark)
    except (Outdated, states.WrongState, IntegrityError):
        clear(engine, plan.source.file, only=mark)
        return False
    with suppress(StoreError):  # the plan stands; what is left lies where nobody looks, until the next sync
        clear(engine, plan.source.file)
    return True


def _in_batches(engine: Engine, plan: Plan, actor: str, mark: str) -> None:
    """Lay down what is new, then make everything real. Raises Outdated, WrongState or IntegrityError."""
    file, place = plan.source.file, _place(plan.source.file, mark)
    posts = bulk.batches(Post, post_queue.staged(plan.new_posts(), mark))
    entries = bulk.batches(CalendarEntry, _entries(plan, place))
    for both in zip_longest(posts, entries):  # each commit is a wait for the disk
        with writing(engine) as session:
            for batch in filter(None, both):
                bulk.insert(session, batch)
    moves = _ready(plan.cancel, plan.change, plan.calendar.owner)
    with writing(engine) as session:
        row = _confirmed(session, plan)
        post_queue.make_moves(session, moves)
        if post_queue.flip_staged(session, file, mark) != plan.added:
            raise Outdated
        _forget_entries(session, plan)
        if _rename_entries(session, place, file) != len(plan.entries):
            raise Outdated
        _sign(session, plan, 0)
        _finish(session, plan, row, actor)


def _at_once(engine: Engine, plan: Plan, actor: str) -> None:
    """Write everything in one transaction that has the lock only at its end. Raises Outdated, WrongState or IntegrityError."""
    near = clock.wall_us() + NEAR_US
    with preparing(engine, plan.source.file) as session:
        post_queue.make_moves(session, _ready(*_due(plan, near, later=True), plan.calendar.owner))
        post_queue.add_new(session, plan.new_posts())
        _forget_entries(session, plan)
        for entries in bulk.batches(CalendarEntry, _entries(plan, plan.source.file)):
            bulk.insert(session, entries)
        _sign(session, plan, near)
        moves = _ready(*_due(plan, near, later=False), plan.calendar.owner)
        take_lock(session)
        row = _confirmed(session, plan)
        if clock.wall_us() >= near:
            raise Outdated
        post_queue.make_moves(session, moves)
        _sign(session, plan, 0)
        _finish(session, plan, row, actor)


def _due(plan: Plan, near: int, *, later: bool) -> tuple[list[Existing], list[Change]]:
    """What of the plan is cancelled and changed of posts that are ready before `near` (µs UTC), or later."""
    cancel = [post for post in plan.cancel if (_ready_at(post) > near) == later]
    return cancel, [change for change in plan.change if (_ready_at(change.post) > near) == later]


def _ready_at(post: Existing) -> int:
    return min(post.due_at, int(post.columns["ready_at"]))


def _ready(cancel: Sequence[Existing], change: Sequence[Change], by: str) -> list[bulk.Batch]:
    """The moves of these posts, by number as all lock them, made ready before the lock is asked for."""
    moves = [Move(post.id, post.state, "cancelled", {"source_key": None}) for post in cancel]
    signed = {"changed_by": by, "changed_at": clock.wall_us()}
    moves += [Move(post.id, post.state, post.state, {**values, **signed}) for post, values in change]
    return post_queue.ready_moves(sorted(moves, key=lambda move: move.post_id))


def _confirmed(session: Session, plan: Plan) -> CalendarFile:
    """The file's row, locked; the plan still fits the store. Raises Outdated."""
    row = stager.locked_file(session, plan.source.file)
    if stager.revision_of(row) != plan.known or _came_due_behind_a_stop(session, plan):
        raise Outdated
    return row


def _came_due_behind_a_stop(session: Session, plan: Plan) -> bool:
    """True when something was stopped or lifted since the plan was made, and a post of it came due: the lift did not see it."""
    if killswitch.epoch_or_zero(cursor(session), dialect(session)) == plan.epoch:
        return False
    now = clock.wall_us()
    return any(due <= now for due in _due_times(plan))


def _due_times(plan: Plan) -> Iterator[int]:
    for addition in plan.add:
        yield from (moment.at_us for moment in addition.moments)
    yield from (change.values["due_at"] for change in plan.change if "due_at" in change.values)


def _sign(session: Session, plan: Plan, after: int) -> None:
    """A new owner answers for what still waits and is ready later than `after` (µs UTC)."""
    before, now = plan.known.owner, plan.calendar.owner
    if plan.known.synced_at is None or before == now:
        return
    later = (col(Post.due_at) > after, col(Post.ready_at) > after)
    which = (
        col(Post.file) == plan.source.file,
        col(Post.author) == before,
        col(Post.state).in_(states.EDITABLE),
        *later,
    )
    # By number, as all lock them: an update alone locks in an order of its own.
    session.execute(select(Post.id).where(*which).order_by(col(Post.id)).with_for_update())
    session.execute(update(Post).where(*which).values(author=now), **post_queue.UNSYNCHRONIZED)


def _finish(session: Session, plan: Plan, row: CalendarFile, actor: str) -> None:
    """The file's row and the log say that the plan stands; what was approved otherwise must be approved anew."""
    approvals.void_changed(session, file=plan.source.file)
    approvals.void_retagged(session, plan.retagged)
    row.digest, row.owner, row.basis = plan.calendar.digest, plan.calendar.owner, plan.basis
    row.staged_until = plan.known.staged_until or plan.until
    row.synced_at = max(clock.wall_us(), (plan.known.synced_at or 0) + 1)
    row.fault, row.fault_digest = None, ""
    entry_checks.enter(session, actor, plan.calendar, plan.let_pass, plan.bodies.of)
    detail = plan.counts() | {"digest": plan.calendar.digest, "owner": plan.calendar.owner}
    log.record(session, actor, "calendar_sync", f"calendar {plan.source.file}", detail)


def _place(file: str, mark: str) -> str:
    """The name under which the entries of a sync wait until they are real."""
    return f"{STAGED}{mark}:{file}"


def _entries(plan: Plan, place: str) -> Iterator[dict[str, Any]]:
    for entry, text in plan.entries:
        yield {"file": place, "entry": entry.id, "digest": stager.digest_of_text(text), "body": text}


def _forget_entries(session: Session, plan: Plan) -> None:
    """Remove the entries that changed or are gone, as they were last applied."""
    for names in bulk.pieces(plan.replaced):
        gone = delete(CalendarEntry).where(col(CalendarEntry.file) == plan.source.file)
        session.execute(gone.where(col(CalendarEntry.entry).in_(names)), **post_queue.UNSYNCHRONIZED)


def _rename_entries(session: Session, place: str, file: str) -> int:
    """How many entries that waited are the file's now."""
    renamed = update(CalendarEntry).where(col(CalendarEntry.file) == place).values(file=file)
    return cast("CursorResult[Any]", session.execute(renamed, **post_queue.UNSYNCHRONIZED)).rowcount


def clear(engine: Engine, file: str, *, only: str = "") -> None:
    """Remove what syncs of the file laid down and never made real, or `only` what one mark did. Raises StoreError.

    A batch to a transaction. A sync that is still at it finds that it has to begin anew.
    """
    with reading(engine) as session:
        places, staged = _places(session, file), post_queue.has_staged(session, file)
    while staged:
        with writing(engine) as session:
            staged = post_queue.drop_staged(session, file, only=only) == post_queue.MANY
    for place in places:
        if only in place:
            _remove_entries(engine, place)


def _places(session: Session, file: str) -> list[str]:
    """The names under which entries of `file` wait, by whatever sync; a calendar that people called so is none."""
    place, length = col(CalendarEntry.file), len(_place("", "0" * 32))
    waiting = func.substr(place, 1, len(STAGED)) == STAGED
    query = select(CalendarEntry.file).where(waiting, func.substr(place, length + 1) == file)
    return list(session.exec(query.where(place.not_in(select(CalendarFile.name))).distinct()))


def _remove_entries(engine: Engine, place: str) -> None:
    removed = post_queue.MANY
    while removed == post_queue.MANY:
        with writing(engine) as session:
            removed = remove_entries(session, place)


def remove_entries(session: Session, place: str) -> int:
    """How many entries under the name `place` were removed, at most `post_queue.MANY`."""
    some = select(CalendarEntry.entry).where(CalendarEntry.file == place).limit(post_queue.MANY)
    gone = delete(CalendarEntry).where(col(CalendarEntry.file) == place, col(CalendarEntry.entry).in_(some))
    return cast("CursorResult[Any]", session.execute(gone, **post_queue.UNSYNCHRONIZED)).rowcount
