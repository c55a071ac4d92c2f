"""A calendar file looked over and applied as a difference: all of it, or nothing (`calendar_apply` has the how)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from calendars.entry import Fault
from config import clock, collector
from config.settings import Settings
from connectors.media import MediaError
from records import log
from scheduler import post_queue, states
from scheduler.planning import (
    calendar_apply,
    calendar_basis,
    calendar_check,
    calendar_plan,
    content,
    entry_checks,
    stager,
)
from scheduler.planning.calendar_apply import apply as apply
from scheduler.planning.calendar_plan import Plan
from store import chain
from store.engine import StoreError, reading, was_cut_off, writing
from store.tables import CalendarFile, Post

TRIES = 5
"""Plans made anew when the store moved on meanwhile."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file: the difference that was (or would be) applied, or the faults that forbid it."""

    path: Path
    plan: Plan | None = None
    faults: list[Fault] = field(default_factory=list)
    applied: bool = False


@collector.paused()
def check(engine: Engine, path: Path, settings: Settings, *, skip_past: bool = False) -> Outcome:
    """What a sync of `path` would do now; changes nothing. Raises StoreError."""
    name = calendar_check.name_of(path, settings)
    if isinstance(name, Fault):
        return Outcome(path, faults=[name])
    with reading(engine) as session:
        city = calendar_check.city_of(session)
        if same := calendar_basis.unchanged(session, path, settings, city):
            return Outcome(path, calendar_plan.nothing(session, same, clock.wall_us(), settings))
    calendar, faults = calendar_check.read(path, settings, city)
    if calendar is None:
        return Outcome(path, faults=faults)
    with reading(engine) as session:
        plan = calendar_plan.plan(session, calendar, clock.wall_us(), settings, city, skip_past=skip_past)
    _heed_checks(engine, plan, settings)
    plan.faults.sort(key=lambda fault: fault.line)
    return Outcome(path, plan, plan.faults)


def _heed_checks(engine: Engine, plan: Plan, settings: Settings) -> None:
    """What the content checks say of new and changed entries, asked in no transaction, and whether its owner may."""
    said = entry_checks.verdict(plan.calendar.path, [entry for entry, _ in plan.entries], settings)
    plan.faults += said.faults
    plan.let_pass = said.let_pass
    if said.let_pass:
        with reading(engine) as session:
            plan.not_let_pass = entry_checks.refused(session, plan.calendar, said.let_pass)
        plan.faults += entry_checks.refusals(plan.calendar, plan.not_let_pass)


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
    for again in reversed(range(TRIES)):
        found = first or check(engine, path, settings, skip_past=skip_past)
        first = None
        if found.plan is None or found.faults:
            return found
        if found.plan.empty:
            calendar_apply.clear(engine, found.plan.source.file)
            _remember_basis(engine, found.plan)
            return found
        if lost := _keep_images(found.plan, calendar_check.data_dir(settings)):
            return Outcome(path, found.plan, lost)
        if _applied(engine, found.plan, actor or found.plan.calendar.owner, bool(again)):
            return Outcome(path, found.plan, applied=True)
    raise StoreError(f"{path}: other processes keep changing its posts: sync it again in a moment")


def _applied(engine: Engine, plan: Plan, actor: str, again: bool) -> bool:
    """True when the plan stands; False when it has to be made anew, also where a stop ended this session (if `again`)."""
    try:
        return apply(engine, plan, actor)
    except StoreError as error:
        if not (again and was_cut_off(error)):
            raise
        return False


def _remember_basis(engine: Engine, plan: Plan) -> None:
    """The next sync of the same file needs no reading, also when this program or the city changed since it was applied."""
    if not plan.stale_basis:
        return
    with writing(engine, alone_on=plan.source.file) as session:
        row = stager.locked_file(session, plan.source.file)
        if stager.revision_of(row) == plan.known:
            row.basis = plan.basis


def _keep_images(plan: Plan, data_dir: Path) -> list[Fault]:
    """Copy the images where posts find them; a fault for each that changed or went since it was read."""
    faults = []
    for path, name in plan.bodies.images.items():
        try:
            kept = content.keep(data_dir, path, "image")["file"]
            why = None if kept == name else "changed while the calendar was read: sync it again"
        except MediaError as error:
            why = str(error)
        if why is not None:
            faults.append(Fault(str(plan.calendar.path), 1, path.name, why))
    return faults


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
    query = query.where(~post_queue.is_staged())
    return dict(session.exec(query.group_by(Post.channel).order_by(Post.channel)).all())


def remove(engine: Engine, name: str, actor: str) -> int:
    """How many posts that still waited were cancelled; the store forgets the file. Raises StoreError.

    What is being published, or may have been, is left alone. The entries go first, so that a removal that ended early leaves
    nothing that a later sync would take for planned; it is repeated by asking again.
    """
    _forget_entries(engine, name)
    cancelled, batch = 0, stager.BATCH
    while batch == stager.BATCH:
        with writing(engine, alone_on=name) as session:
            row = stager.locked_file(session, name)
            batch = _cancel_some(session, name)
            cancelled += batch
            if batch < stager.BATCH:
                session.delete(row)
                log.record(session, actor, "calendar_remove", f"calendar {name}", {"cancelled": cancelled})
    calendar_apply.clear(engine, name)
    return cancelled


def _forget_entries(engine: Engine, name: str) -> None:
    removed = post_queue.MANY
    while removed == post_queue.MANY:
        with writing(engine, alone_on=name) as session:
            stager.locked_file(session, name).basis = None
            removed = calendar_apply.remove_entries(session, name)


def _cancel_some(session: Session, name: str) -> int:
    """How many waiting posts of the file were cancelled, at most a batch."""
    query = select(Post.id, Post.state).where(Post.file == name, col(Post.state).in_(states.EDITABLE))
    query = query.where(~post_queue.may_be_out(), ~post_queue.is_staged())
    found = session.exec(query.limit(stager.BATCH).with_for_update()).all()
    moves = [post_queue.Move(number, state, "cancelled", {"source_key": None}) for number, state in found if number]
    post_queue.move_posts(session, moves)
    return len(moves)
