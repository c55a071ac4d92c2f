"""The tiers of approval as a process has them that runs for months: a changed file counts at the next claim.

A claim asks the file system once (a microsecond or two). While what is there cannot be read, the tiers from before go on to
count and the log says so once: a file that is half written, or mistyped at night, must neither hold the city's posts nor let
any out that the last good file did not. A daemon does not start with such a file.
"""

from __future__ import annotations

from pathlib import Path

import structlog

from governance import tiers
from governance.tiers import State, TierError, Tiers

logger = structlog.get_logger(__name__)


class TierWatch:
    """The tiers in `file`, whatever becomes of it; for any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: tuple[State | None, Tiers] | None = None

    def in_force(self) -> Tiers:
        """The tiers that count. Raises TierError when none were ever read."""
        known, state = self._known, tiers.state_of(self._file)
        if known is None or known[0] != state:
            known = self._known = (state, self._read(known))
        return known[1]

    def _read(self, known: tuple[State | None, Tiers] | None) -> Tiers:
        try:
            found = tiers.read(self._file)
        except TierError as error:
            if known is None:
                raise
            logger.error("the tiers of approval from before go on to count", action="tiers", error=str(error))
            return known[1]
        if known is not None:
            logger.warning("the tiers of approval were read anew", action="tiers", file=str(self._file))
        return found
