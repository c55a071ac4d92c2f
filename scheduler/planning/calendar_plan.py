"""What a sync of a calendar file would do: the difference between the file and what was last applied of it.

Nothing is written here. Entries are compared by digest with the ones last applied, so that what people changed by hand
stays until its entry changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from sqlmodel import Session, col, select

from calendars.entry import Calendar, Entry, Fault, Occurrence
from config import clock
from config.settings import Settings
from scheduler import killswitch, post_queue, states
from scheduler.planning import calendar_basis, calendar_check, stager
from scheduler.planning.calendar_basis import Unchanged
from scheduler.planning.calendar_check import Bodies, City
from scheduler.planning.entry_checks import Concern
from scheduler.planning.stager import Body, PostRow, Revision, Source
from store.engine import cursor, dialect
from store.tables import CalendarEntry, CalendarFile, Post

T = TypeVar("T")
PAGE = 500
"""Entries whose posts are looked up at once."""
LEFT_ALONE: Mapping[str, str] = {
    "publishing": "is being published",
    "published": "was published already",
    "unknown": "may have been published (its outcome is unknown)",
    "cancelled": "was cancelled by a person",
}
"""Posts that no calendar changes any more."""


class Existing(NamedTuple):
    """A post of the file as it stands."""

    id: int
    entry: str
    channel: str
    state: str
    source_key: str
    local_time: str
    due_at: int
    columns: Mapping[Any, Any]

    def without_words(self) -> Existing:
        """The same with no more columns than are asked for once it is known what becomes of it."""
        return self._replace(columns={name: self.columns[name] for name in ("zone", "ready_at")})


class Addition(NamedTuple):
    """The new posts of an entry on one channel."""

    entry: Entry
    channel: str
    moments: Sequence[Occurrence]


class Change(NamedTuple):
    """A post that stays what it is but says or means something else."""

    post: Existing
    values: Mapping[str, Any]


@dataclass
class Plan:
    """A difference, and the mistakes that forbid it. `keep` counts the entries that did not change."""

    calendar: Calendar
    source: Source
    known: Revision
    now: int
    until: int
    channels: frozenset[str]
    bodies: Bodies
    epoch: int = 0
    """The gate's, as the plan was made: a stop or lift since then decides about posts whose time has come meanwhile."""
    basis: str | None = None
    """What the file was read against, where that decides whether it must be read again (`calendar_basis`)."""
    stale_basis: bool = False
    """True when the store remembers another basis."""
    add: list[Addition] = field(default_factory=list)
    change: list[Change] = field(default_factory=list)
    cancel: list[Existing] = field(default_factory=list)
    retagged: list[int] = field(default_factory=list)
    """Posts with other tags, by their numbers."""
    keep: int = 0
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    entries: list[tuple[Entry, str]] = field(default_factory=list)
    """New and changed entries, each as the store will keep it (`stager.text_of`)."""
    replaced: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    let_pass: list[Concern] = field(default_factory=list)
    """What the file lets pass of the content checks."""
    not_let_pass: dict[tuple[str, str], str] = field(default_factory=dict)
    """By (channel, check): why its owner may not."""
    forgives: bool = False
    """True when the store remembers a fault of the file that is none any more."""

    @property
    def empty(self) -> bool:
        """True when the store holds this file already."""
        nothing = not (self.entries or self.replaced or self.forgives)
        return nothing and (self.known.digest, self.known.owner) == (self.calendar.digest, self.calendar.owner)

    @property
    def added(self) -> int:
        """How many posts are new."""
        return sum(len(addition.moments) for addition in self.add)

    def counts(self) -> dict[str, int]:
        """How many posts are added, changed and cancelled, and how many entries are kept."""
        sizes = {"add": self.added, "change": len(self.change), "cancel": len(self.cancel)}
        return sizes | {"keep": self.keep}

    def new_posts(self) -> Iterator[PostRow]:
        """The rows of the new posts."""
        for entry, channel, moments in self.add:
            yield from stager.post_rows(self.source, entry.id, self.bodies.of(entry), channel, moments, self.now)


def plan(
    session: Session, calendar: Calendar, now: int, settings: Settings, city: City, *, skip_past: bool = False
) -> Plan:
    """What applying `calendar`, read against `city`, at `now` (µs UTC) would do, and every mistake that forbids it."""
    row = session.get(CalendarFile, calendar.path.name)
    made = _begun(session, calendar, now, settings, row)
    made.refused = calendar_check.rights(session, calendar.owner, made.channels)
    made.faults += calendar_check.refusals(calendar, made.refused)
    made.faults += calendar_check.twins(session, calendar, settings)
    made.faults += made.bodies.faults
    _Difference(session, made, now, skip_past).find()
    elsewhere = {post.channel for post in made.cancel} - made.channels
    made.faults += calendar_check.cancel_faults(session, calendar, elsewhere)
    made.faults += made.bodies.refused((entry for entry, _ in made.entries), calendar_check.city_of(session))
    made.faults.sort(key=lambda fault: fault.line)
    made.forgives = row is not None and row.fault is not None
    made.basis = calendar_basis.of(calendar, made.channels, settings, city)
    made.stale_basis = row is None or row.basis != made.basis
    return made


def nothing(session: Session, same: Unchanged, now: int, settings: Settings) -> Plan:
    """The plan of a file that the store holds already."""
    row = session.get_one(CalendarFile, same.calendar.path.name)
    made = _begun(session, same.calendar, now, settings, row)
    made.channels, made.keep, made.basis = same.channels, same.entries, row.basis
    return made


def _begun(session: Session, calendar: Calendar, now: int, settings: Settings, row: CalendarFile | None) -> Plan:
    source = Source(calendar.path.name, calendar.owner, int(settings.lateness * clock.SECOND))
    until = now + stager.horizon_us(settings)
    channels, bodies = calendar_check.channels_of(calendar), Bodies(calendar).read()
    made = Plan(calendar, source, stager.revision_of(row), now, until, channels, bodies)
    made.epoch = killswitch.epoch_or_zero(cursor(session), dialect(session))
    return made


class _Difference:
    """Fills a plan with what to add, change and cancel."""

    def __init__(self, session: Session, made: Plan, now: int, skip_past: bool) -> None:
        self._session, self._plan, self._now, self._skip_past = session, made, now, skip_past
        self._file = made.source.file

    def find(self) -> None:
        query = select(CalendarEntry.entry, CalendarEntry.digest).where(CalendarEntry.file == self._file)
        applied = {entry: digest for entry, digest in self._session.execute(query)}
        for entry in self._plan.calendar.entries:
            text = stager.text_of(self._plan.bodies.of(entry))
            before = applied.pop(entry.id, None)
            if before is not None and before == stager.digest_of_text(text):
                self._plan.keep += 1
                continue
            self._plan.entries.append((entry, text))
            if before is not None:
                self._plan.replaced.append(entry.id)
        gone = sorted(applied)
        self._plan.replaced += gone
        for page in _pages(self._plan.entries):
            existing = self._existing([entry.id for entry, _ in page])
            for entry, _ in page:
                self._entry(entry, existing.get(entry.id, []))
        for names in _pages(gone):
            existing = self._existing(names)
            for name in names:
                self._drop(existing.get(name, []), f"entry {name!r} is gone")

    @cached_property
    def _has_posts(self) -> bool:
        query = select(Post.id).where(col(Post.file) == self._file, col(Post.source_key).is_not(None)).limit(1)
        return self._session.exec(query).first() is not None

    def _existing(self, names: Sequence[str]) -> dict[str, list[Existing]]:
        """The posts of these entries by due time, those left out that an earlier sync cancelled."""
        if not self._has_posts:
            return {}
        query = select(*_COLUMNS).where(col(Post.file) == self._file, col(Post.source_key).is_not(None))
        rows = self._session.execute(query.where(~post_queue.is_staged(), col(Post.entry).in_(names))).all()
        # Held after looks that found nothing, but nobody has closed it: it may be out, under the words it has.
        doubted = post_queue.open_attempts_of(self._session, [row.id for row in rows if row.state == "held"])
        found: dict[str, list[Existing]] = {}
        for row in rows:
            state = "unknown" if row.id in doubted else row.state
            fixed = (row.source_key, row.local_time, row.due_at)
            found.setdefault(row.entry, []).append(
                Existing(row.id, row.entry, row.channel, state, *fixed, row._mapping)
            )
        for posts in found.values():
            posts.sort(key=lambda post: (post.due_at, post.id))
        return found

    def _entry(self, entry: Entry, existing: list[Existing]) -> None:
        body = self._plan.bodies.of(entry)
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
        if not existing:
            self._create(entry, channel, moments)
            return
        pairs, new, old = self._paired(entry, body, channel, existing, moments)
        for post, moment in pairs:
            self._update(entry, body, channel, post, moment)
        self._create(entry, channel, new)
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
        if post.columns["tags"] != wanted["tags"]:
            self._plan.retagged.append(post.id)
        if any(post.columns[name] != value for name, value in wanted.items()):
            self._plan.change.append(Change(post.without_words(), wanted))

    def _create(self, entry: Entry, channel: str, moments: Sequence[Occurrence]) -> None:
        to_come = [moment for moment in moments if moment.at_us > self._now]
        for moment in moments:
            if moment.at_us > self._now:
                self._note_dst(entry, moment)
            elif entry.rrule is None:
                self._past(entry, moment)
        if to_come:
            self._plan.add.append(Addition(entry, channel, to_come))

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
                self._plan.cancel.append(post.without_words())
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
        "share_of",
        "source_checked",
        "content_hash",
        "lateness_us",
        "tries",
    )
]


def _pages(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), PAGE):
        yield items[start : start + PAGE]


def _planned(post: Existing) -> str:
    """The wall time its entry gave it, whatever a person changed since."""
    return post.source_key.rpartition("|")[0].rpartition("@")[2]


def _shown(local: str) -> str:
    return local.replace("T", " ")
