"""What a sync of a calendar file would do: the difference between the file and what was last applied of it.

Nothing is written here. Entries are compared by digest with the ones last applied, so that what people changed by hand
stays until its entry changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from calendars.entry import Calendar, Entry, Fault, Occurrence
from config import clock
from config.settings import Settings
from scheduler import calendar_check, killswitch, post_queue, stager, states
from scheduler.stager import Body, PostRow, Revision, Source
from store.engine import cursor, dialect
from store.tables import CalendarEntry, CalendarFile, Post

FEW = 400
"""Up to so many entries are looked up by name, more by reading the whole file's posts."""
LEFT_ALONE: Mapping[str, str] = {
    "publishing": "is being published",
    "published": "was published already",
    "unknown": "may have been published (its outcome is unknown)",
    "cancelled": "was cancelled by a person",
}
"""Posts that no calendar changes any more."""


@dataclass(frozen=True)
class Existing:
    """A post of the file as it stands."""

    id: int
    entry: str
    channel: str
    state: str
    source_key: str
    local_time: str
    due_at: int
    columns: Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A post that stays what it is but says or means something else."""

    post: Existing
    values: Mapping[str, Any]


@dataclass
class Plan:
    """A difference, and the mistakes that forbid it. `keep` counts the entries that did not change."""

    calendar: Calendar
    source: Source
    known: Revision
    until: int
    epoch: int = 0
    """The gate's, as the plan was made: a stop or lift since then decides about posts whose time has come meanwhile."""
    add: list[PostRow] = field(default_factory=list)
    change: list[Change] = field(default_factory=list)
    cancel: list[Existing] = field(default_factory=list)
    keep: int = 0
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    images: dict[Path, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    leftovers: bool = False

    @property
    def empty(self) -> bool:
        """True when the store holds this file already."""
        nothing = not (self.entries or self.replaced or self.leftovers)
        return nothing and (self.known.digest, self.known.owner) == (self.calendar.digest, self.calendar.owner)

    def counts(self) -> dict[str, int]:
        """How many posts are added, changed and cancelled, and how many entries are kept."""
        sizes = {"add": len(self.add), "change": len(self.change), "cancel": len(self.cancel)}
        return sizes | {"keep": self.keep}


def plan(session: Session, calendar: Calendar, now: int, settings: Settings, *, skip_past: bool = False) -> Plan:
    """What applying `calendar` at `now` (µs UTC) would do to the store, and every mistake that forbids it."""
    file = calendar.path.name
    row = session.get(CalendarFile, file)
    known = stager.revision_of(row)
    source = Source(file, calendar.owner, int(settings.lateness * clock.SECOND))
    epoch = killswitch.epoch_or_zero(cursor(session), dialect(session))
    made = Plan(calendar, source, known, now + stager.horizon_us(settings), epoch)
    made.refused = calendar_check.rights(session, calendar)
    made.faults += calendar_check.refusals(calendar, made.refused)
    made.faults += calendar_check.twins(session, calendar, settings)
    bodies = calendar_check.Bodies(calendar).read()
    made.faults += bodies.faults
    made.images = bodies.images
    _Difference(session, made, bodies.by_entry, now, skip_past).find()
    own = {channel for entry in calendar.entries for channel in entry.channels}
    made.faults += calendar_check.cancel_faults(session, calendar, {post.channel for post in made.cancel} - own)
    written = {row["entry"] for row in made.entries}
    changed = [entry for entry in calendar.entries if entry.id in written]
    made.faults += bodies.refused(changed, calendar_check.city_of(session))
    made.faults.sort(key=lambda fault: fault.line)
    made.leftovers = _leftovers(session, file) or (row is not None and row.fault is not None)
    return made


def _leftovers(session: Session, file: str) -> bool:
    """True when a sync that ended early left posts that were never made real."""
    query = select(Post.id).where(post_queue.is_staged(), Post.file == file).limit(1)
    return session.exec(query).first() is not None


class _Difference:
    """Fills a plan with what to add, change and cancel."""

    def __init__(self, session: Session, made: Plan, bodies: Mapping[str, Body], now: int, skip_past: bool) -> None:
        self._session, self._plan, self._bodies, self._now = session, made, bodies, now
        self._skip_past = skip_past
        self._file = made.source.file

    def find(self) -> None:
        query = select(CalendarEntry.entry, CalendarEntry.digest).where(CalendarEntry.file == self._file)
        applied = {entry: digest for entry, digest in self._session.execute(query)}
        changed: list[Entry] = []
        for entry in self._plan.calendar.entries:
            body = self._bodies[entry.id]
            digest = stager.digest_of(body)
            if applied.get(entry.id) == digest:
                self._plan.keep += 1
                continue
            changed.append(entry)
            self._plan.entries.append({"file": self._file, "entry": entry.id, "digest": digest, "body": body})
        gone = sorted(applied.keys() - self._bodies.keys())
        self._plan.replaced = [entry.id for entry in changed if entry.id in applied] + gone
        existing = self._existing([*(entry.id for entry in changed), *gone])
        for entry in changed:
            self._entry(entry, existing.get(entry.id, []))
        for entry_id in gone:
            self._drop(existing.get(entry_id, []), f"entry {entry_id!r} is gone")

    def _existing(self, names: Sequence[str]) -> dict[str, list[Existing]]:
        """The posts of these entries, those left out that an earlier sync cancelled."""
        if not names:
            return {}
        query = select(*_COLUMNS).where(col(Post.file) == self._file, col(Post.source_key).is_not(None))
        query = query.where(~post_queue.is_staged()).order_by(col(Post.due_at), col(Post.id))
        if len(names) <= FEW:
            query = query.where(col(Post.entry).in_(names))
        found: dict[str, list[Existing]] = {}
        rows = self._session.execute(query).mappings().all()
        # Held after looks that found nothing, but nobody has closed it: it may be out, under the words it has.
        doubted = post_queue.open_attempts_of(self._session, [row["id"] for row in rows if row["state"] == "held"])
        for row in rows:
            fixed = {name: row[name] for name in _FIXED} | ({"state": "unknown"} if row["id"] in doubted else {})
            post = Existing(**fixed, columns=dict(row))
            found.setdefault(post.entry, []).append(post)
        return found

    def _entry(self, entry: Entry, existing: list[Existing]) -> None:
        body = self._bodies[entry.id]
        before = len(self._plan.add)
        if body["rrule"] is not None:
            existing = [
                post for post in existing if post.state not in LEFT_ALONE or post.due_at > self._now - stager.DAY_US
            ]
        moments = self._moments(body, existing)
        for channel in entry.channels:
            here = [post for post in existing if post.channel == channel]
            self._channel(entry, body, channel, here, moments)
        elsewhere = [post for post in existing if post.channel not in entry.channels]
        self._drop(elsewhere, f"entry {entry.id!r} no longer goes to its channel")
        if body["rrule"] is not None and not existing and before == len(self._plan.add):
            self._note(entry, "has no date left before the horizon: nothing is planned yet")

    def _moments(self, body: Body, existing: list[Existing]) -> list[Occurrence]:
        """The occurrences that matter: those to come, and older ones whose posts still wait."""
        first = min((post.due_at for post in existing), default=self._now + 1)
        return stager.occurrences(body, min(first, self._now + 1), self._plan.until)

    def _channel(
        self, entry: Entry, body: Body, channel: str, existing: list[Existing], moments: list[Occurrence]
    ) -> None:
        pairs, new, old = self._paired(entry, body, channel, existing, moments)
        for post, moment in pairs:
            self._update(entry, body, channel, post, moment)
        for moment in new:
            self._create(entry, body, channel, moment)
        self._drop(old, f"entry {entry.id!r} no longer has this date")

    def _paired(
        self, entry: Entry, body: Body, channel: str, existing: list[Existing], moments: list[Occurrence]
    ) -> tuple[list[tuple[Existing, Occurrence]], list[Occurrence], list[Existing]]:
        """Posts with their occurrence (by key; else a recurring one by its date), new occurrences, posts without one."""
        left = {post.source_key: post for post in existing}
        pairs, unmatched = [], []
        for moment in moments:
            post = left.pop(stager.source_key(self._file, entry.id, moment.local, channel), None)
            if post is None:
                unmatched.append(moment)
            else:
                pairs.append((post, moment))
        day = len("2026-12-01") if body["rrule"] is not None else 0
        by_date = {_planned(post)[:day]: post for post in left.values()}
        new = []
        for moment in unmatched:
            post = by_date.pop(moment.local[:day], None)
            if post is None:
                new.append(moment)
            else:
                pairs.append((post, moment))
                left.pop(post.source_key)
        return pairs, new, list(left.values())

    def _update(self, entry: Entry, body: Body, channel: str, post: Existing, moment: Occurrence) -> None:
        """A post takes its entry's new text, and its time only where the entry moved it; its state stays."""
        if post.state in LEFT_ALONE:
            self._note(entry, f"on {channel}, {_shown(post.local_time)}: {LEFT_ALONE[post.state]}: left alone")
            return
        key = stager.source_key(self._file, entry.id, moment.local, channel)
        wanted = stager.said(body, channel) | {"lateness_us": stager.lateness_us(body, self._plan.source)}
        if key != post.source_key or moment.zone != post.columns["zone"]:
            if moment.at_us <= self._now:
                self._past(entry, moment)
                self._drop([post], f"entry {entry.id!r} moved into the past")
                return
            wanted |= stager.timed(moment) | {"source_key": key, "tries": 0}
            self._note_dst(entry, moment)
        if any(post.columns[name] != value for name, value in wanted.items()):
            self._plan.change.append(Change(post, wanted))

    def _create(self, entry: Entry, body: Body, channel: str, moment: Occurrence) -> None:
        if moment.at_us > self._now:
            row = stager.post_row(self._plan.source, entry.id, body, channel, moment, self._now)
            self._plan.add.append(row)
            self._note_dst(entry, moment)
        elif body["rrule"] is None:
            self._past(entry, moment)

    def _past(self, entry: Entry, moment: Occurrence) -> None:
        """A fault, once per entry; a note when the past is to be skipped or the entry recurs."""
        if entry.rrule is not None or self._skip_past:
            self._note(entry, f"at {_shown(moment.local)} {moment.zone} is in the past: skipped")
            return
        message = f"of entry {entry.id!r} is in the past: give a new time, remove the entry, or sync with --skip-past"
        fault = Fault(str(self._plan.calendar.path), entry.line, f"{_shown(moment.local)} {moment.zone}", message)
        if not self._plan.faults or self._plan.faults[-1] != fault:
            self._plan.faults.append(fault)

    def _drop(self, posts: Iterable[Existing], why: str) -> None:
        """Cancel what still waits; what went out, or may have, is left alone and said."""
        for post in posts:
            if post.state in states.EDITABLE:
                self._plan.cancel.append(post)
            elif post.state != "cancelled" and (post.state != "published" or post.due_at > self._now):
                done = LEFT_ALONE[post.state]
                self._plan.notes.append(f"{self._file}: {why}; post {post.id} on {post.channel} {done}: left alone")

    def _note(self, entry: Entry, words: str) -> None:
        note = f"{self._file}:{entry.line}: entry {entry.id!r} {words}"
        if not self._plan.notes or self._plan.notes[-1] != note:
            self._plan.notes.append(note)

    def _note_dst(self, entry: Entry, moment: Occurrence) -> None:
        if moment.note is not None:
            self._note(entry, moment.note)


_FIXED = ("id", "entry", "channel", "state", "source_key", "local_time", "due_at")
_COLUMNS: Any = [
    col(getattr(Post, name))
    for name in (
        *_FIXED,
        "zone",
        "time_note",
        "ready_at",
        "text",
        "media",
        "tags",
        "content_hash",
        "lateness_us",
        "tries",
    )
]


def _planned(post: Existing) -> str:
    """The wall time its entry gave it, whatever a person changed since."""
    return post.source_key.rpartition("|")[0].rpartition("@")[2]


def _shown(local: str) -> str:
    return local.replace("T", " ")
