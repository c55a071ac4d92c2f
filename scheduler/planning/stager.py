"""Entries to posts: one per channel and occurrence, and the daily extension of what recurring entries have planned.

A post's `source_key` (``file#entry@local|channel``) is unique in the store: whoever stages an occurrence again adds nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from calendars import recurrence, zones
from calendars.entry import Entry, Occurrence
from config import clock
from config.settings import Settings
from records import log
from scheduler import post_queue
from scheduler.planning import content
from scheduler.planning.window_checks import WindowChecks
from store.engine import reading, writing
from store.tables import CalendarEntry, CalendarFile

BATCH = 1000
"""Rows in one transaction: nobody needs the store's lock for long."""
MOST_OCCURRENCES = 100_000
"""Of one entry in one go: no rule can yield more within the years a calendar knows."""
DAY_US = 86_400 * clock.SECOND

Body = Mapping[str, Any]
"""An entry as the store keeps it (`CalendarEntry.body`): all that decides what its posts say and when."""
PostRow = dict[str, Any]
"""The columns of a new post."""
_CANONICAL = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Source:
    """Where posts come from: the file, the person in whose name they go out, and the lateness limit where an entry has none."""

    file: str
    author: str
    lateness_us: int


@dataclass(frozen=True)
class Revision:
    """A calendar as it was last applied; it changes with every sync and every extension of the horizon."""

    digest: str
    owner: str
    synced_at: int | None
    staged_until: int


def body_of(entry: Entry, media: Sequence[content.MediaRow]) -> Body:
    """`entry` as the store keeps it; `media` are its images as posts name them. What few entries say stands in theirs alone."""
    share: dict[str, Any] = {}
    share |= {"share_of": entry.share_of, "source_checked": entry.source_checked} if entry.share_of else {}
    share |= {"override": dict(sorted(entry.overrides.items()))} if entry.overrides else {}
    return share | {
        "channels": list(entry.channels),
        "local": entry.local,
        "zone": entry.zone,
        "text": entry.text,
        "texts": dict(sorted(entry.texts.items())),
        "media": list(media),
        "tags": list(entry.tags),
        "rrule": entry.rrule,
        "except": list(entry.except_locals),
        "lateness_s": entry.lateness_s,
    }


def text_of(body: Body) -> str:
    """`body` as canonical JSON (sorted keys, no spaces, ASCII): the same text says that nothing changed."""
    return _CANONICAL.encode(body)


def digest_of_text(text: str) -> str:
    """The SHA-256 (hex) of a text of `text_of`: it says whether the entry changed."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def source_key(file: str, entry: str, local: str, channel: str) -> str:
    """The key of the one post that this occurrence has on this channel."""
    return f"{file}#{entry}@{local}|{channel}"


def occurrences(body: Body, after_us: int, before_us: int) -> list[Occurrence]:
    """The moments of a recurring entry with ``after_us <= at_us < before_us``; the one of another whenever it is."""
    if body["rrule"] is None:
        return [zones.resolve(body["local"], body["zone"])]
    entry = Entry(
        id="",
        line=0,
        channels=(),
        local=body["local"],
        zone=body["zone"],
        text="",
        rrule=body["rrule"],
        except_locals=tuple(body["except"]),
    )
    return recurrence.occurrences(entry, after_us, before_us, MOST_OCCURRENCES)


def said(body: Body, channel: str) -> dict[str, Any]:
    """The columns of a post that hold what is said on `channel`."""
    text = body["texts"].get(channel, body["text"])
    media = body["media"]
    share_of, checked = body.get("share_of", ""), body.get("source_checked", False)
    return {
        "text": text,
        "media": media,
        "tags": body["tags"],
        "share_of": share_of,
        "source_checked": checked,
        "content_hash": content.content_hash(text, media, share_of, checked),
    }


def timed(moment: Occurrence) -> dict[str, Any]:
    """The columns of a post that hold when it goes out."""
    return {
        "local_time": moment.local,
        "zone": moment.zone,
        "time_note": moment.note,
        "due_at": moment.at_us,
        "ready_at": moment.at_us,
    }


def lateness_us(body: Body, source: Source) -> int:
    """How late a post of this entry may go out, in µs."""
    own = body["lateness_s"]
    return source.lateness_us if own is None else int(own) * clock.SECOND


def post_rows(
    source: Source, entry: str, body: Body, channel: str, moments: Iterable[Occurrence], now: int
) -> Iterator[PostRow]:
    """New scheduled posts for one channel, one for each occurrence."""
    alike = said(body, channel) | {
        "channel": channel,
        "state": "scheduled",
        "lateness_us": lateness_us(body, source),
        "tries": 0,
        "author": source.author,
        "file": source.file,
        "entry": entry,
        "created_at": now,
        "updated_at": now,
    }
    for moment in moments:
        yield {**alike, **timed(moment), "source_key": source_key(source.file, entry, moment.local, channel)}


def batches(rows: Iterable[PostRow]) -> Iterator[list[PostRow]]:
    """`rows` in pieces that one transaction may hold."""
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        yield batch


def revision_of(row: CalendarFile | None) -> Revision:
    """The state of a file's row; an unknown file has the empty one."""
    if row is None:
        return Revision("", "", None, 0)
    return Revision(row.digest, row.owner, row.synced_at, row.staged_until)


def locked_file(session: Session, name: str) -> CalendarFile:
    """The file's row, made when there is none, and locked until the session ends: whoever changes its posts has to hold it."""
    post_queue.insert_new(session, CalendarFile, [_new_file(name)])
    return session.exec(select(CalendarFile).where(CalendarFile.name == name).with_for_update()).one()


def _new_file(name: str) -> dict[str, Any]:
    return {"name": name, "digest": "", "owner": "", "staged_until": 0, "fault_digest": ""}


def horizon_us(settings: Settings) -> int:
    """How far ahead recurring entries become posts, in µs."""
    return int(settings.horizon * clock.SECOND)


def stage_due_horizon(engine: Engine, settings: Settings, now: int) -> int:
    """How many posts the recurring entries got, in calendars staged a day (or half the horizon) less far than they should be,
    or farther: by a clock that was ahead, which left out what lay between.

    Only occurrences after `now` (µs UTC) are staged: nothing is backfilled. Each is judged by its own day, where an election
    window forbids some words. Raises StoreError, policy.rules.ChecksError.
    """
    until = now + horizon_us(settings)
    short = until - min(DAY_US, horizon_us(settings) // 2)
    with reading(engine) as session:
        far = (col(CalendarFile.staged_until) <= short) | (col(CalendarFile.staged_until) > until)
        due = select(CalendarFile).where(col(CalendarFile.synced_at).is_not(None), far)
        found = [(row.name, revision_of(row)) for row in session.exec(due)]
    if not found:
        return 0
    default, windows = int(settings.lateness * clock.SECOND), WindowChecks(engine, settings)
    sources = [(Source(name, known.owner, default), known) for name, known in found]
    return sum(_extend(engine, source, known, now, until, windows) for source, known in sources)


def _extend(
    engine: Engine, source: Source, known: Revision, now: int, until: int, windows: WindowChecks | None = None
) -> int:
    """How many posts one file got; a sync of the file in between ends it early, and the next call goes on."""
    with reading(engine) as session:
        after = now + 1 if known.staged_until > until else max(known.staged_until, now + 1)
        query = select(CalendarEntry.entry, CalendarEntry.body).where(
            CalendarEntry.file == source.file,
            col(CalendarEntry.body)["rrule"].as_string().is_not(None),
        )
        rows = list(_further(source, session.execute(query), after, until, now))
    if windows is not None:
        rows = list(windows.judged(rows))
    added = 0
    for batch in batches(rows):
        with writing(engine, alone_on=source.file) as session:
            if revision_of(locked_file(session, source.file)) != known:
                return added
            added += post_queue.add_scheduled(session, batch)
            _record_holds(session, source.file, batch)
    with writing(engine, alone_on=source.file) as session:
        row = locked_file(session, source.file)
        if revision_of(row) == known:
            row.staged_until = until
    return added


def _record_holds(session: Session, file: str, batch: Iterable[PostRow]) -> None:
    """Enter in the chain what nobody has looked at yet and waits for a person from its first day."""
    held = {row["source_key"]: row["hold_reason"] for row in batch if row["state"] == "held"}
    if held:
        reason = next(iter(held.values()))
        log.record(session, "standfast", "hold", f"calendar {file}", {"posts": sorted(held), "reason": reason})


def _further(source: Source, entries: Iterable[Any], after: int, until: int, now: int) -> Iterator[PostRow]:
    for entry, body in entries:
        moments = occurrences(body, after, until)
        for channel in body["channels"]:
            yield from post_rows(source, entry, body, channel, moments, now)
