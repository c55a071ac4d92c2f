"""The story of one post, or of one suspension: what was done to it, by whom and when, from the records and the log alone.

Each line says where its proof lies: an entry of the chain, or a record that the chain names. Nothing is told that is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, or_, select

from store.record_tables import Record, RecordContent
from store.tables import Attempt, LogEntry, Post, Suspension, SuspensionChannel

WORDS: Mapping[str, str] = {
    "post.add": "queued it",
    "post.edit": "changed it",
    "post.hold": "held it",
    "post.release": "released it",
    "post.reschedule": "gave it another time",
    "post.cancel": "cancelled it",
    "post.close": "said what became of it",
    "post.submit": "handed it in for approval, with the attestation",
    "post.approve": "approved it",
    "post.return": "sent it back",
    "content.override": "let it pass a content check",
    "crisis.post": "sent it in the emergency lane",
    "crisis.renew": "gave it leave again in the emergency lane",
    "published": "it is published",
    "rejected": "the platform refused it",
    "unknown": "the call ended without an answer: whether it is out is not known",
    "hold": "held it",
    "rescue": "took it up after its worker had died",
    "sweep.copy": "copied it from the platform's own scheduler",
    "suspend": "suspended publishing",
    "begin": "the planned suspension began",
    "plan": "planned the suspension",
    "ask_resume": "asked for the resume (step one)",
    "lift": "lifted the suspension (step two)",
    "lift_part": "lifted a part of the suspension",
    "sweep": "swept a platform's own scheduler",
    "notice": "told people",
    "acknowledge": "acknowledged the notice",
    "checklist.tick": "ticked an item of the checklist",
    "break_glass": "used a break-glass code",
}
"""What an act is called here; one that is not listed goes by the log's own name."""
SAID = (
    "reason",
    "detail",
    "how",
    "link",
    "remote_id",
    "scope",
    "kind",
    "channel",
    "item",
    "rule",
    "from",
    "to",
    "words",
)
"""What of an entry's detail a reader needs."""
SERIES = {
    "post": "this version was kept",
    "request": "had leave to send this request",
    "answer": "the platform answered",
    "media": "its original was kept",
}
EXCERPT = 200


@dataclass(frozen=True)
class Event:
    """One thing that happened at `at` (wall µs): who did it, what it was, and where that is proven."""

    at: int
    who: str
    words: str
    said: str
    proof: str
    order: int


@dataclass(frozen=True)
class Story:
    """Events in their order. `about`: what it is the story of, field by field; `head`: the log's newest number and hash."""

    about: Mapping[str, Any]
    events: tuple[Event, ...]


def of_post(session: Session, number: int) -> Story | None:
    """The story of a post; None when there is none."""
    post = session.get(Post, number)
    if post is None:
        return None
    events = [
        *_acts_on(session, number),
        *_records(session, col(Record.post_id) == number),
        *_stops_over(session, post),
    ]
    about = {
        "post": number,
        "channel": post.channel,
        "state": post.state,
        "hold_reason": post.hold_reason,
        "text": post.text,
        "link": post.link,
        "author": post.author,
        "due_at": post.due_at,
        "published_at": post.published_at,
        "attempts": len(session.exec(select(Attempt.id).where(Attempt.post_id == number)).all()),
    }
    return Story(about, _in_order(events))


def of_suspension(session: Session, number: int) -> Story | None:
    """The story of a suspension; None when there is none."""
    row = session.get(Suspension, number)
    if row is None:
        return None
    own = or_(LogEntry.subject == f"suspension {number}", col(LogEntry.detail).contains(f'"suspension":{number}'))
    entries = session.exec(select(LogEntry).where(own).order_by(col(LogEntry.seq)))
    events = [event for entry in entries if _is_about(entry, number) for event in _told(entry)]
    about = {
        "suspension": number,
        "kind": row.kind,
        "scope": row.scope_kind if row.scope_kind == "all" else f"{row.scope_kind}:{row.scope_value}",
        "by": row.by,
        "reason": row.reason,
        "at": row.at,
        "quiet_at": row.quiet_at,
        "lifted_at": row.lifted_at,
        "lifted_by": row.lifted_by,
        "lift_reason": row.lift_reason,
    }
    return Story(about, _in_order(events))


def _is_about(entry: LogEntry, suspension: int) -> bool:
    return entry.subject == f"suspension {suspension}" or _detail(entry).get("suspension") == suspension


def _in_order(events: list[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda event: (event.at, event.order)))


def _acts_on(session: Session, post: int) -> Iterator[Event]:
    """The entries that name the post: in their subject, or among many in their detail."""
    subject = or_(LogEntry.subject == f"post {post}", col(LogEntry.subject).like("%posts%"))
    for entry in session.exec(select(LogEntry).where(subject).order_by(col(LogEntry.seq))):
        if entry.subject == f"post {post}" or _names(_detail(entry), post):
            yield from _told(entry)


def _names(detail: Mapping[str, Any], post: int) -> bool:
    """True when the post is one of those of an entry: a list of rows, of numbers, or by channel."""
    posts = detail.get("posts", detail.get("numbers", ()))
    found = posts.values() if isinstance(posts, dict) else posts if isinstance(posts, list) else ()
    return any((item.get("id") if isinstance(item, dict) else item) == post for item in found)


def _told(entry: LogEntry) -> Iterator[Event]:
    detail = _detail(entry)
    said = "; ".join(
        f"{name.replace('_', ' ')}: {detail[name]}" for name in SAID if detail.get(name) not in (None, "", [], {})
    )
    words = WORDS.get(entry.action, entry.action)
    yield Event(entry.at, entry.actor, words, said[:EXCERPT], f"entry {entry.seq}", entry.seq)


def _detail(entry: LogEntry) -> dict[str, Any]:
    try:
        found = json.loads(entry.detail)
    except ValueError:  # a tampered entry is told as it stands; `records verify` names it
        return {}
    return found if isinstance(found, dict) else {}


def _records(session: Session, condition: Any) -> Iterator[Event]:
    content = select(Record, RecordContent.body).join(
        RecordContent, col(RecordContent.sha256) == col(Record.sha256), isouter=True
    )
    for record, body in session.exec(content.where(condition).order_by(col(Record.id))):
        words = SERIES.get(record.series, record.series)
        said = "its content was disposed of" if record.disposed_by is not None else _content(record, body)
        proof = f"record {record.id}" + (f", entry {record.entry_seq}" if record.entry_seq else "")
        who = f"{record.actor}, attempt {record.attempt_id}" if record.attempt_id else record.actor
        yield Event(record.at, who, words, said[:EXCERPT], proof, record.entry_seq or 1 << 62)


def _content(record: Record, body: bytes | None) -> str:
    if record.series == "post" and body is not None:
        found: dict[str, Any] = json.loads(body)
        return f"“{found.get('text', '')}”, for {found.get('local_time', '')} {found.get('zone', '')}"
    facts: dict[str, Any] = json.loads(record.facts)
    return "; ".join(f"{name}: {value}" for name, value in sorted(facts.items()) if value is not None)


def _stops_over(session: Session, post: Post) -> Iterator[Event]:
    """The suspensions that covered the post's channel between its making and its end."""
    end = post.published_at or (post.updated_at if post.state == "cancelled" else 1 << 62)
    frozen = select(SuspensionChannel.suspension_id).where(SuspensionChannel.channel == post.channel)
    covers = or_(
        Suspension.scope_kind == "all",
        (col(Suspension.scope_kind) == "channel") & (col(Suspension.scope_value) == post.channel),
        col(Suspension.id).in_(frozen),
    )
    rows = session.exec(select(Suspension).where(covers, Suspension.starts_at <= end).order_by(col(Suspension.id)))
    for row in rows:
        if row.lifted_at is not None and row.lifted_at < post.created_at:
            continue
        proof = f"suspension {row.id}"
        yield Event(row.starts_at, row.by, f"its channel was suspended ({row.kind})", row.reason[:EXCERPT], proof, 0)
        if row.lifted_at is not None:
            said = (row.lift_reason or "")[:EXCERPT]
            yield Event(row.lifted_at, row.lifted_by or "", "that suspension was lifted", said, proof, 1 << 62)
