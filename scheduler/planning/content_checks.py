"""The content checks as planning uses them: what is said of words that are to go out, and why a person lets some of it pass.

The checks are asked before a transaction begins, for a dictionary may have to be read; inside it, the verdict is only heeded.
How long a text may be is not asked here: what its platform does not take is refused without them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session, col, select

from config import essentials
from config.settings import Settings
from connectors import registry
from connectors.errors import AccountError
from governance import access
from governance.access import Actor
from policy import rules
from policy.catalog import CATALOG
from policy.checks import LANGUAGE, Checks
from policy.finding import Finding, Level
from policy.post import Media, Post
from records.log import record
from scheduler.planning.post_selection import PostError
from store.tables import LogEntry

PERMISSION = "override"
OVERRIDE = "content.override"
"""The action of a chain entry that says who let pass what a check blocks, and why."""
ASKED = frozenset(CATALOG) - {"platform_length"}
"""The rules of a post that is queued."""


def of(settings: Settings) -> Checks:
    """The city's checks, built once for each state of its file. Raises ChecksError."""
    if settings.checks is None:
        return _built(None, None)
    file = essentials.path_below(settings.root, str(settings.checks))
    try:
        stat = file.stat()
    except OSError:
        return _built(file, None)
    return _built(file, (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=2)
def _built(file: Path | None, _state: tuple[int, int] | None) -> Checks:
    return Checks(rules.read(file), length_of)


def length_of(platform: str, text: str) -> tuple[int, int] | None:
    """(length, limit) as the platform counts; None when it has no limit, or is not known."""
    try:
        found = registry.load(platform).length(text.encode("utf-8", "replace").decode("utf-8"))
    except AccountError:
        return None
    return None if found is None else (found.count, found.limit)


def post_of(
    text: str,
    media: Iterable[Mapping[str, str]] = (),
    day: date | None = None,
    share_of: str = "",
    source_checked: bool = False,
) -> Post:
    """What the store keeps of a post, as the checks see it."""
    shown = tuple(_media_of(f"image {number}", row) for number, row in enumerate(media, 1))
    return Post(text, media=shown, share_of=share_of, source_checked=source_checked, day=day)


def _media_of(name: str, row: Mapping[str, str]) -> Media:
    return Media(name, row["alt"], row.get("captions", ""), row.get("rights", ""), row["mime"])


def blocking(checks: Checks) -> frozenset[str]:
    """The rules that may refuse a post and ask no dictionary: microseconds each, for a hundred thousand entries."""
    windows = {"political"} if checks.rules.elections and checks.rules.election_level == "block" else set()
    strict = {rule for rule, level in checks.rules.levels.items() if level == "block"}
    return frozenset((strict | windows) & ASKED - LANGUAGE)


def _day(local: str) -> date:
    return date.fromisoformat(local[:10])


def _always(rule: str, _day: date | None) -> Level:
    raise KeyError(rule)


@dataclass(frozen=True)
class Verdict:
    """What the checks found in words that may go out on any day. `overrides`: by rule, why a person lets it pass."""

    findings: tuple[Finding, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    level: Callable[[str, date | None], Level] = _always
    missing: str = ""
    """Why a part of the checks did not run."""

    def on(self, local: str) -> list[Finding]:
        """The findings as strict as they are on the day of a local time."""
        found = [replace(finding, level=self.level(finding.rule, _day(local))) for finding in self.findings]
        return [finding for finding in found if finding.level != "off"]

    def refusals(self, local: str) -> list[str]:
        """One line for each finding that keeps a post of that day from being queued."""
        strict = [finding for finding in self.on(local) if finding.level == "block"]
        return [f"{finding}; {_remedy(finding)}" for finding in strict if finding.rule not in self.overrides]

    def let_pass(self, local: str) -> list[Finding]:
        """The findings that would, but for a person's word."""
        return [found for found in self.on(local) if found.level == "block" and found.rule in self.overrides]

    def check(self, session: Session, actor: Actor, channel: str, local: str, action: str, subject: str) -> None:
        """Return when `actor` may let pass on `channel` what is let pass of `subject`. Raises Refused."""
        for rule in dict.fromkeys(finding.rule for finding in self.let_pass(local)):
            access.check(session, actor, PERMISSION, channel, action=action, subject=f"{subject} past the check {rule}")

    def record(self, session: Session, actor: Actor, subject: str, local: str, content_hash: str) -> None:
        """Enter in the chain who let what pass, and why."""
        for finding in self.let_pass(local):
            detail = {"why": self.overrides[finding.rule], "content_hash": content_hash, "finding": finding.as_data()}
            record(session, actor.person, OVERRIDE, subject, detail)


NOTHING = Verdict()


def _remedy(finding: Finding) -> str:
    return f"who may override can let it pass with --override {finding.rule}=WHY"


def verdict(checks: Checks, post: Post, overrides: Mapping[str, str], only: Collection[str] = ASKED) -> Verdict:
    """What `checks` find in `post`, of the rules in `only`."""
    found = checks.run(post, only)
    return Verdict(tuple(found), overrides, checks.rules.level, checks.missing)


def heed(
    session: Session,
    actor: Actor,
    said: Verdict,
    posts: Iterable[tuple[int, str, str, str]],
    *,
    dry: bool = False,
    action: str = "post.edit",
) -> None:
    """Let through what `said` does not forbid of `posts` (number, channel, local time, hash of the words), and record it.

    Raises PostError with every refusal, Refused.
    """
    if not said.findings:
        return
    asked = list(posts)
    if lines := [f"post {number}: {line}" for number, _, local, _ in asked for line in said.refusals(local)]:
        raise PostError(lines)
    for number, channel, local, digest in asked:
        said.check(session, actor, channel, local, action, f"post {number}")
        if not dry:
            said.record(session, actor, f"post {number}", local, digest)


def overridden(session: Session, digest: str) -> dict[str, str]:
    """By rule: why a person let it pass for these very words (by their hash), as the chain has it."""
    query = select(LogEntry.detail).where(LogEntry.action == OVERRIDE, col(LogEntry.detail).contains(digest))
    found = [json.loads(detail) for detail in session.exec(query.order_by(col(LogEntry.seq)))]
    return {item["finding"]["rule"]: item["why"] for item in found if item["content_hash"] == digest}
