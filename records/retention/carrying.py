"""An approved disposition carried out: in small steps, each of which looks at everything again under the store's lock alone.

So a hold is either in force before a step, which then leaves what it covers, or it waits until that step is over. Whoever is
killed in between has lost nothing: what a step did stands in the log, the rest waits, and carrying out again goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from records import log, seal
from records.archive import ranges
from records.retention import certificate, contents, dispositions, facts, holds, media, texts
from records.retention.candidates import hashes_of_moderation
from records.retention.dispositions import Check
from records.retention.facts import Item, Key
from records.retention.holds import RetentionError
from records.retention.judge import judge
from records.retention.schedule import Schedule
from records.retention.texts import Said
from store import bulk
from store.engine import StoreError, reading, was_cut_off, writing
from store.moderation_tables import Moderation
from store.record_tables import Record
from store.retention_tables import (
    APPROVED,
    CARRYING,
    DISPOSED,
    KEPT,
    MODERATION,
    RECORD,
    WAITING,
    Disposition,
    DispositionItem,
)

T = TypeVar("T")
STEP = 50
"""Items of one transaction: nobody waits long for the store's lock."""
STEP_BYTES = 8 * 2**20
"""Bytes of their contents, about: so many are read and kept in memory at a time."""
TRIES = 40
"""How often a step asks for the lock, a quarter of a second each time."""


@dataclass(frozen=True)
class Run:
    """Who carries out which disposition, by which schedule. `check` raises when they may not: asked in every step."""

    engine: Engine
    by: str
    number: int
    schedule: Schedule
    zone: ZoneInfo
    media_dir: Path
    check: Check


@dataclass(frozen=True)
class Outcome:
    """What is so now. `kept`: by reason (a hold names itself), how much stays. `files`: in use lately, so not yet removed."""

    disposed: int
    kept: dict[str, int]
    files: int
    certificate: int | None
    void: str | None = None


def carry_out(run: Run) -> Outcome:
    """Carry out the rest of an approved disposition. Raises RetentionError, StoreError, and what `check` raises."""
    with writing(run.engine) as session:
        run.check(session)
        void = _begin(session, run)
    while void is None and _patiently(lambda: _step(run)):
        pass
    while _patiently(lambda: _alone(run, lambda session: media.remove_some(session, run.number, run.media_dir))):
        pass
    with writing(run.engine) as session:
        return _end(session, run, void)


def _alone(run: Run, act: Callable[[Session], T]) -> T:
    """What `act` gives, done while nobody else writes."""
    with writing(run.engine, alone=True) as session:
        run.check(session)
        return act(session)


def _patiently(act: Callable[[], T]) -> T:
    """What `act` gives. Where a stop that needs the lock cuts it off, it looks at all again."""
    for left in reversed(range(TRIES)):
        try:
            return act()
        except StoreError as error:
            if not left or not (was_cut_off(error) or "lock timeout" in str(error)):
                raise
    raise AssertionError("unreachable")


def _begin(session: Session, run: Run) -> str | None:
    """Why the approval is void; None when it stands and is being carried out."""
    row = dispositions.found(session, run.number)
    if row.state not in (APPROVED, CARRYING):
        raise RetentionError(
            f"disposition {run.number} is {row.state}: only what another person approved is carried out"
        )
    dispositions.trust_clock(session)
    if (why := dispositions.changed(session, row, row.approved_digest, run.schedule)) is not None:
        if row.state == APPROVED:
            return dispositions.void(session, run.by, row, why)
        _keep_the_rest(session, run.number, why)
        return why
    row.state, row.begun_at = CARRYING, row.begun_at or clock.wall_us()
    row.carried_by = list(dict.fromkeys([*row.carried_by, run.by]))
    return None


def _keep_the_rest(session: Session, number: int, why: str) -> None:
    for item in session.exec(_waiting(number)):
        item.state, item.why, item.done_at = KEPT, why, clock.wall_us()


def _waiting(number: int) -> Any:
    query = select(DispositionItem).where(DispositionItem.disposition_id == number, DispositionItem.state == WAITING)
    return query.order_by(DispositionItem.kind, col(DispositionItem.number))


def _step(run: Run) -> int:
    """How many items were decided. Long contents, which never change under their hash, are read before anybody waits."""
    with reading(run.engine) as session:
        is_asked = any(hold.query.get("words") for hold in holds.active(session))
        items = _found(session, [*_next(session, run.number)]).values() if is_asked else ()
        said = texts.ahead(session, [*items])
    return _alone(run, lambda session: _some(session, run, said))


def _next(session: Session, number: int) -> dict[Key, DispositionItem]:
    """What one step decides: at most `STEP` items and about `STEP_BYTES` of them, and one at least."""
    found: dict[Key, DispositionItem] = {}
    size = 0
    for item in session.exec(_waiting(number).limit(STEP)):
        size += item.size
        if found and size > STEP_BYTES:
            break
        found[item.kind, item.number] = item
    return found


def _some(session: Session, run: Run, said: Said) -> int:
    """How many items were decided: disposed of, or kept with the reason."""
    waiting = _next(session, run.number)
    found = _found(session, list(waiting))
    reasons = _reasons(session, run, waiting, found, said)
    going = [found[key] for key in waiting if key not in reasons]
    files = contents.remove(session, run.number, going)
    now = clock.wall_us()
    for key, item in waiting.items():
        item.state, item.why, item.done_at = KEPT if key in reasons else DISPOSED, reasons.get(key, ""), now
        item.file = files.get(key)
    if waiting:
        _enter(session, run, going, reasons)
    return len(waiting)


def _found(session: Session, keys: Sequence[Key]) -> dict[Key, Item]:
    """What is listed, as it is now; without what somebody else has disposed of."""
    numbers = {kind: [number for own, number in keys if own == kind] for kind in (RECORD, MODERATION)}
    query = select(Record).where(bulk.among(session, Record.id, numbers[RECORD]), col(Record.disposed_by).is_(None))
    items = facts.of_records(session, session.exec(query).all())
    if numbers[MODERATION]:
        entries = select(Moderation).where(bulk.among(session, Moderation.id, numbers[MODERATION]))
        rows = session.exec(entries.where(col(Moderation.disposed_by).is_(None))).all()
        items += facts.of_moderation(session, rows, hashes_of_moderation(session, numbers[MODERATION]))
    return {item.key: item for item in items}


def _reasons(
    session: Session, run: Run, listed: Mapping[Key, DispositionItem], found: Mapping[Key, Item], said: Said
) -> dict[Key, str]:
    """By item: why it is kept, where it is."""
    now = clock.wall_us()
    held = holds.keeping(session, list(found.values()), holds.active(session), said)
    reasons: dict[Key, str] = {}
    for key, item in listed.items():
        if (why := _reason(run, item, found.get(key), held.get(key, []), now)) is not None:
            reasons[key] = why
    return reasons


def _reason(run: Run, listed: DispositionItem, item: Item | None, held: Sequence[str], now: int) -> str | None:
    if item is None:
        return "it was disposed of before"
    if held:
        return f"hold {', '.join(held)}"
    if item.hash != listed.hash:
        return "it is not what was listed"
    verdict = judge(item, run.schedule, run.zone)
    if verdict.due_at is None:
        return verdict.why
    return None if verdict.due_at <= now else f"not due before {clock.to_text(verdict.due_at)} by {verdict.rule}"


def _enter(session: Session, run: Run, going: Sequence[Item], reasons: Mapping[Key, str]) -> None:
    """What this step did, in the log: which records by their numbers, and the hash over their hashes."""
    numbers = {kind: sorted(item.number for item in going if item.kind == kind) for kind in (RECORD, MODERATION)}
    ordered = sorted(going, key=lambda item: item.key)
    detail = {
        "disposition": run.number,
        "records": ranges(numbers[RECORD]),
        "moderation": ranges(numbers[MODERATION]),
        "count": len(going),
        "sha256": seal.of_batch(item.hash for item in ordered),
        "kept": dict(sorted(Counter(reasons.values()).items())),
    }
    log.record(session, run.by, "records.disposed", f"disposition {run.number}", detail)


def _end(session: Session, run: Run, void: str | None) -> Outcome:
    """The outcome; with its certificate once nothing of the list and no file waits any more."""
    row = dispositions.found(session, run.number)
    states = certificate.states(session, run.number)
    files = media.left(session, run.number)
    if row.state == CARRYING and not states[WAITING] and not files:
        certificate.issue(session, run.by, row, void)
    return Outcome(states[DISPOSED], certificate.kept(session, run.number), files, row.certificate, void)


def left(session: Session, row: Disposition) -> int:
    """How much of a disposition still waits."""
    return certificate.states(session, row.id or 0)[WAITING]
