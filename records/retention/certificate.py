"""The certificate of a disposition: what went by which rule, what was kept and why, and who proposed, approved and did it.

It is a record itself, of the series ``disposition``: once as data, once as text for people.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from config import clock
from records import keep, log, seal
from records.archive import ranges
from records.keep import About
from records.retention.holds import RetentionError
from store.record_tables import Record, RecordContent
from store.retention_tables import DISPOSED, DONE, KEPT, RECORD, Disposition, DispositionItem

SERIES = "disposition"


def states(session: Session, number: int) -> Counter[str]:
    """By state: how much of a disposition is in it."""
    query = select(DispositionItem.state, func.count()).where(DispositionItem.disposition_id == number)
    return Counter(dict(session.exec(query.group_by(DispositionItem.state)).all()))


def kept(session: Session, number: int) -> dict[str, int]:
    """By reason: how much was kept."""
    query = select(DispositionItem.why, func.count()).where(DispositionItem.disposition_id == number)
    rows = session.exec(query.where(DispositionItem.state == KEPT).group_by(DispositionItem.why)).all()
    return dict(sorted(rows))


def issue(session: Session, by: str, row: Disposition, void: str | None) -> None:
    """End the disposition and keep its certificate."""
    row.state, row.ended_at, row.void_reason = DONE, clock.wall_us(), void
    said = _said(session, row)
    about = About(SERIES, f"disposition {row.id}", row.ended_at, by, facts={"disposition": row.id})
    keep.blob(session, about, text(said).encode(), "text/plain; charset=utf-8")
    row.certificate = keep.document(session, about, said)
    detail = {"disposed": said["disposed"], "kept": said["kept"], "certificate": row.certificate}
    log.record(session, by, "records.dispose.done", f"disposition {row.id}", detail)


def _said(session: Session, row: Disposition) -> dict[str, Any]:
    query = select(DispositionItem).where(DispositionItem.disposition_id == row.id, DispositionItem.state == DISPOSED)
    gone = session.exec(query.order_by(DispositionItem.kind, col(DispositionItem.number))).all()
    return {
        "disposition": row.id,
        "rules": [_of_rule(name, rule["says"], gone) for name, rule in sorted(row.rules.items())],
        "disposed": len(gone),
        "records": ranges([item.number for item in gone if item.kind == RECORD]),
        "moderation": ranges([item.number for item in gone if item.kind != RECORD]),
        "sha256": seal.of_batch(item.hash for item in sorted(gone, key=lambda item: (item.kind, item.number))),
        "kept": kept(session, row.id or 0),
        "ended_early": row.void_reason,
        "proposed": _act(row.proposed_by, row.proposed_at),
        "approved": _act(str(row.approved_by), row.approved_at or 0) | {"list_sha256": row.approved_digest},
        "carried_out": {"by": row.carried_by, "from": _moment(row.begun_at), "to": _moment(row.ended_at)},
    }


def _of_rule(name: str, says: Mapping[str, Any], gone: Any) -> dict[str, Any]:
    own = [item for item in gone if item.rule == name]
    return {"rule": name, **says, "disposed": len(own), "bytes": sum(item.size for item in own)}


def _act(by: str, at: int) -> dict[str, Any]:
    return {"by": by, "at": clock.to_text(at)}


def _moment(at: int | None) -> str | None:
    return None if at is None else clock.to_text(at)


def text(said: Mapping[str, Any]) -> str:
    """A certificate for people; moments in UTC."""
    return "\n".join(_lines(said)) + "\n"


def _lines(said: Mapping[str, Any]) -> Iterator[str]:
    yield f"CERTIFICATE OF DISPOSITION {said['disposition']}"
    yield ""
    for rule in said["rules"]:
        yield f"{rule['disposed']} disposed of by {rule['rule']}: {rule['title']} ({rule['bytes']} bytes)"
        yield f"  {rule['period']}, counted from: {rule['trigger']}"
        yield f"  source: {rule['source']}"
    yield ""
    yield f"In all {said['disposed']}: records {_runs(said['records'])}; moderation entries {_runs(said['moderation'])}"
    yield f"SHA-256 over their hashes: {said['sha256']}"
    yield from (f"Kept back, {count}: {why}" for why, count in said["kept"].items())
    if said["ended_early"]:
        yield f"Ended before its end: {said['ended_early']}"
    yield ""
    yield f"Proposed by {said['proposed']['by']} at {said['proposed']['at']}"
    yield f"Approved by {said['approved']['by']} at {said['approved']['at']} (list {said['approved']['list_sha256']})"
    done = said["carried_out"]
    yield f"Carried out by {', '.join(done['by'])} from {done['from']} to {done['to']}"


def _runs(runs: Any) -> str:
    return ", ".join(f"{first}–{last}" if first != last else str(first) for first, last in runs) or "none"


def read(session: Session, row: Disposition) -> dict[str, Any]:
    """The certificate as data. Raises RetentionError where there is none."""
    query = select(RecordContent.body).join(Record, col(Record.sha256) == col(RecordContent.sha256))
    body = session.exec(query.where(Record.id == row.certificate)).first()
    if row.certificate is None or body is None:
        raise RetentionError(f"disposition {row.id} is {row.state}: it has a certificate once it is done")
    found: dict[str, Any] = json.loads(body)
    return found
