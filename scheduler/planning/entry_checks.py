"""The content checks over a calendar's entries: what is said of each, day by day, and what its owner lets pass.

An entry that recurs goes out on many days, and in an election window other levels count: it is judged by each of its own days
that lie in one, however far ahead, and otherwise as on any day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session

from calendars import recurrence, zones
from calendars.entry import Calendar, Entry, Fault
from config import clock
from config.settings import Settings
from config.wording import did_you_mean
from governance import access
from policy.catalog import CATALOG
from policy.checks import Checks
from policy.finding import LEVELS, Finding
from policy.post import Media, Post
from policy.rules import BY_DAY, ChecksError, Election, Rules
from records.log import record
from scheduler.planning import content_checks, stager
from scheduler.planning.stager import Body

MOST_LET_PASS = 500
"""Of one file at once: each is an entry of the chain, written while all wait."""
DAYS_SHOWN = 3


@dataclass(frozen=True)
class Concern:
    """A finding in an entry; `channel` where its own words for one channel are meant; `days`: on which of its dates it is as
    strict as this (empty: on all)."""

    entry: Entry
    channel: str
    finding: Finding
    days: tuple[str, ...] = ()

    @property
    def why(self) -> str | None:
        """Why the entry lets it pass, where it would block; None where it does not."""
        return self.entry.overrides.get(self.finding.rule) if self.finding.level == "block" else None

    @property
    def blocks(self) -> bool:
        """True when it keeps the entry from being applied."""
        return self.finding.level == "block" and self.why is None

    @property
    def channels(self) -> tuple[str, ...]:
        """Where these words go out."""
        return (self.channel,) if self.channel else _with_common(self.entry)

    def fault(self, file: Path) -> Fault:
        """As a line of the file."""
        where = f"for {self.channel}: " if self.channel else ""
        passed = "let pass: " if self.why is not None else ""
        remedy = "; who may override can let it pass with 'override' in the entry" if self.blocks else ""
        line = f"{passed}{where}{self._when()}{self.finding}{remedy}"
        return Fault(str(file), self.entry.line, self.entry.id, line)

    def _when(self) -> str:
        if not self.days:
            return ""
        more = len(self.days) - DAYS_SHOWN
        named = ", ".join(self.days[:DAYS_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"on {named} (leave them out with 'except'): "

    def as_data(self) -> dict[str, Any]:
        """As JSON has it."""
        about = {"line": self.entry.line, "entry": self.entry.id, "channel": self.channel}
        return about | {"days": list(self.days), "let_pass": self.why} | self.finding.as_data()


def _with_common(entry: Entry) -> tuple[str, ...]:
    return tuple(channel for channel in entry.channels if channel not in entry.texts)


def concerns(entries: Iterable[Entry], checks: Checks, only: Collection[str], now: int) -> Iterator[Concern]:
    """What `checks` find in entries, of the rules in `only`: in the common words once, and in each channel's own. Dates before
    `now` (µs UTC) are not looked at."""
    for entry in entries:
        common = [""] if _with_common(entry) else []
        for channel in [*common, *(name for name in entry.channels if name in entry.texts)]:
            for finding in checks.run(_post(entry, channel), only):
                yield from _judged(entry, channel, finding, checks.rules, now)


def _post(entry: Entry, channel: str) -> Post:
    media = tuple(Media(item.path.name, item.alt, item.captions, item.rights) for item in entry.media)
    day = date.fromisoformat(entry.local[:10]) if entry.rrule is None else None
    return Post(entry.text_for(channel), "", media, entry.share_of, entry.source_checked, entry.tags, day)


def _judged(entry: Entry, channel: str, finding: Finding, rules: Rules, now: int) -> Iterator[Concern]:
    """The finding as strict as it is on any day, and once more for the days on which it is stricter."""
    if finding.level != "off":
        yield Concern(entry, channel, finding)
    if entry.rrule is None or finding.rule != BY_DAY:
        return
    level = min(finding.level, rules.election_level, key=LEVELS.index)
    days = _days_in(entry, rules.elections, now) if level != finding.level else ()
    if days:
        yield Concern(entry, channel, replace(finding, level=level), days)


def _days_in(entry: Entry, windows: Sequence[Election], now: int) -> tuple[str, ...]:
    """The dates of a recurring entry, from `now` on, that lie in one of the windows."""
    found = set[str]()
    for window in windows:
        after = max(zones.resolve(f"{window.first}T00:00", entry.zone).at_us, now)
        before = zones.resolve(f"{window.last + timedelta(days=1)}T00:00", entry.zone).at_us
        moments = recurrence.occurrences(entry, after, before, stager.MOST_OCCURRENCES) if after < before else []
        found.update(moment.local[:10] for moment in moments)
    return tuple(sorted(found))


@dataclass(frozen=True)
class Verdict:
    """What the checks say of a file: its mistakes, and what its owner lets pass."""

    faults: list[Fault]
    let_pass: list[Concern]


def verdict(file: Path, entries: Sequence[Entry], settings: Settings) -> Verdict:
    """A fault for each finding that keeps an entry from being applied; only rules that may block and cost little are asked."""
    try:
        checks = content_checks.of(settings)
    except ChecksError as error:
        return Verdict([Fault(str(file), 1, "", line) for line in error.faults], [])
    found = list(concerns(entries, checks, content_checks.blocking(checks), clock.wall_us()))
    passed = [concern for concern in found if concern.why is not None]
    faults = [concern.fault(file) for concern in found if concern.blocks]
    return Verdict(faults + unknown(file, entries) + _too_many(file, passed), passed)


def unknown(file: Path, entries: Iterable[Entry]) -> list[Fault]:
    """A fault for each override that names no check."""
    return [
        Fault(str(file), entry.line, rule, f"is no check that could be let pass: {did_you_mean(rule, CATALOG)}")
        for entry in entries
        for rule in entry.overrides
        if rule not in CATALOG
    ]


def _too_many(file: Path, passed: Sequence[Concern]) -> list[Fault]:
    count = sum(len(concern.channels) for concern in passed)
    if count <= MOST_LET_PASS:
        return []
    return [
        Fault(
            str(file), 1, "override", f"lets pass {count} findings at once, more than {MOST_LET_PASS}: split the file"
        )
    ]


def refused(session: Session, calendar: Calendar, passed: Iterable[Concern]) -> dict[tuple[str, str], str]:
    """By (channel, check): why the owner may not let pass there what the file lets pass; empty when they may everywhere."""
    asked = sorted({(channel, concern.finding.rule) for concern in passed for channel in concern.channels})
    whys = {name: access.lacks(session, calendar.owner, content_checks.PERMISSION, name) for name, _ in asked}
    return {(name, rule): why for name, rule in asked if (why := whys[name]) is not None}


def refusals(calendar: Calendar, found: Mapping[tuple[str, str], str]) -> list[Fault]:
    """What `refused` found, as faults of the file."""
    remedy = "take the override out and mend the words, or name an owner who may"
    return [
        Fault(
            str(calendar.path),
            1,
            calendar.owner,
            f"may not let pass the check {rule} on channel {name}: {why}; {remedy}",
        )
        for (name, rule), why in found.items()
    ]


def enter(session: Session, actor: str, calendar: Calendar, passed: Iterable[Concern], body_of: Any) -> None:
    """Enter in the chain what the file lets pass, and why, as `post add` does: by whom it was applied, in whose name, and for
    which words. `body_of`: an entry as the store keeps it."""
    for concern in passed:
        body: Body = body_of(concern.entry)
        for channel in concern.channels:
            digest = stager.said(body, channel)["content_hash"]
            detail = {"why": concern.why, "content_hash": digest, "finding": concern.finding.as_data()}
            detail |= {"owner": calendar.owner, "channel": channel}
            subject = f"calendar {calendar.path.name} entry {concern.entry.id}"
            record(session, actor, content_checks.OVERRIDE, subject, detail)
