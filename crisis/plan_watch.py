"""The plan as a process that runs for months has it: read again when its file changes, the last good one while it is broken."""

from __future__ import annotations

from pathlib import Path

import structlog

from crisis import plan
from crisis.plan import Plan
from crisis.plan_table import PlanError

logger = structlog.get_logger()
_Mark = tuple[int, int, int, int] | None


class PlanWatch:
    """Call it for the plan in `file`. A broken one is said once; until it is mended the last good one holds, else the
    shipped."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._mark: _Mark = (0, 0, 0, 0)
        self._plan: Plan | None = None

    def __call__(self) -> Plan:
        mark = _mark(self.file)
        if self._plan is None or mark != self._mark:
            self._mark, self._plan = mark, self._read()
        return self._plan

    def _read(self) -> Plan:
        try:
            return plan.read(self.file)
        except PlanError as error:
            kept = self._plan or plan.read()
            held = "the shipped one, which tells nobody" if kept.is_shipped else "the last good one"
            more = f" and {len(error.faults) - 1} more" if len(error.faults) > 1 else ""
            logger.error("plan cannot be used", action="plan", fault=error.faults[0] + more, until_mended=held)
            return kept


def _mark(file: Path) -> _Mark:
    """What changes when the file does, or its permissions; None while it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
