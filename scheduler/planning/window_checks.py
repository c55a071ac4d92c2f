"""What a recurring entry gets as time goes on is judged by its own day, too: a window may have been set since it was applied.

Nobody is there to be told: an occurrence that the checks block on its day is planned as held, with the reason, for a person.
Whoever gives a post another day, or lets it go, is told: who may not override does not bring it into a window so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import date
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from config.settings import Settings
from policy.checks import Checks
from policy.finding import Finding
from policy.rules import BY_DAY
from scheduler.planning import content_checks
from scheduler.planning.post_adoption import Step
from scheduler.planning.post_selection import PostError
from store.engine import reading

REMEDY = f"give it another day, or let who may override queue it anew with --override {BY_DAY}=WHY"
Row = dict[str, Any]
"""The columns of a new post."""


class WindowChecks:
    """The city's checks over new occurrences; what its file lets pass by name passes. Raises policy.rules.ChecksError."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        # The shipped rules have no election window, and reading them takes as long as it takes to release hundreds of posts.
        self._checks: Checks | None = None if settings.checks is None else content_checks.of(settings)
        self._found: dict[str, list[Finding]] = {}

    def judged(self, rows: Iterable[Row]) -> Iterator[Row]:
        """`rows`, with those held that lie in a window which their words may not. Raises StoreError."""
        for row in rows:
            why = self._why_hold(row)
            yield row | {"hold_reason": why, "state": row["state"] if why is None else "held"}

    def heed(self, session: Session, steps: Iterable[Step]) -> None:
        """Return when no step gives a post a time in a window which its words may not. Raises PostError with all that do."""
        lines = []
        for step in steps:
            if "local_time" not in step.values:  # what was planned there already stays as it is
                continue
            said = {name: getattr(step.post, name) for name in ("text", "media", "content_hash")}
            if (why := self._why_hold(said | {"local_time": step.values["local_time"]}, session)) is not None:
                lines.append(f"post {step.post.id}: {why}; {REMEDY}")
        if lines:
            raise PostError(lines)

    def _why_hold(self, row: Row, session: Session | None = None) -> str | None:
        if self._checks is None:
            return None
        rules, day = self._checks.rules, date.fromisoformat(row["local_time"][:10])
        level = rules.level(BY_DAY, day)
        if level != "block" or level == rules.level(BY_DAY):  # not in a window, or as strict on any day
            return None
        found = self._findings(self._checks, row, session)
        return f"it is due in an election window: {found[0].rule} ({level}): {found[0].what_to_do}" if found else None

    def _findings(self, checks: Checks, row: Row, session: Session | None) -> list[Finding]:
        """What of its words a window forbids; asked once for all posts that say the same."""
        digest = row["content_hash"]
        if digest not in self._found:
            seen = content_checks.post_of(row["text"], row["media"])
            found = checks.run(seen, {BY_DAY})
            self._found[digest] = [] if found and self._is_let_pass(digest, session) else found
        return self._found[digest]

    def _is_let_pass(self, digest: str, session: Session | None) -> bool:
        """Asked in the caller's transaction where there is one: a second one might wait for it."""
        with reading(self._engine) if session is None else nullcontext(session) as own:
            return BY_DAY in content_checks.overridden(own, digest)
