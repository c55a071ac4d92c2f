"""What the city asks of people, channels and posts, as a process has it that runs for months: changes count at the next claim.

Whoever turns approvals on means the posts of this hour. So training, authorized channels and approval are the settings that
a daemon reads again; all others are those of its start. A claim asks the file system twice (a few microseconds). While
the settings cannot be read, what was asked before goes on to be asked, and the log says so once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import structlog

from config import essentials, settings
from config.settings import Settings, SettingsError
from governance import rules
from governance.rules import Rules
from governance.tiers import State, state_of

logger = structlog.get_logger(__name__)


class RulesWatch:
    """The rules of the settings file and its ``.env``, whatever becomes of them; for any thread. `began`: as they were read."""

    def __init__(self, began: Settings, read: Callable[[], Settings] = settings.load) -> None:
        file = essentials.find_file(os.environ, Path.cwd())
        self._files = () if file is None else (file, began.root / ".env")
        self._read = read
        self._known = (self._state(), rules.of(began))
        self._had = {file for file, now in zip(self._files, self._known[0], strict=True) if now is not None and now[1]}
        """Files that hold settings: one that is gone or empty is being written, and asks for no less meanwhile."""

    def in_force(self) -> Rules:
        """The rules that count; those of the process as well (`rules.use`) once they have changed."""
        known, state = self._known, self._state()
        if known[0] != state:
            self._known = known = (state, self._read_anew(known[1], state))
        return known[1]

    def _state(self) -> tuple[State | None, ...]:
        return tuple(state_of(file) for file in self._files)

    def _read_anew(self, before: Rules, state: tuple[State | None, ...]) -> Rules:
        held = {file for file, now in zip(self._files, state, strict=True) if now is not None and now[1]}
        if lost := self._had - held:
            gone = f"{min(lost)} is gone or empty: put it back, or restart the daemon without it"
            logger.error("what was asked before goes on to be asked", action="rules", error=gone)
            return before
        self._had = held
        try:
            found = rules.of(self._read())
        except SettingsError as error:
            logger.error("what was asked before goes on to be asked", action="rules", error=str(error))
            return before
        if found != before:
            rules.use(found)
            logger.warning("what is asked has changed", action="rules", **vars(found))
        return found
