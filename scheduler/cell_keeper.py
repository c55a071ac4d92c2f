"""The daemon's care for this host's STOP cell: what only the cell knows is recorded, planned suspensions begin, and the fence
follows the ledger."""

from __future__ import annotations

import structlog
from sqlalchemy import Engine

from config import clock
from config.essentials import Essentials
from scheduler import killswitch, stop_cell, stop_ledger, switch
from store.engine import cursor, dialect, reading

logger = structlog.get_logger()
PATIENCE_S = 5.0
"""How long a stop may stand in the cell before it is recorded from there: its own process is about to do it by name."""


class CellKeeper:
    """Looks at the cell again and again (`look`), or sets it right at once (`keep`)."""

    def __init__(self, essential: Essentials, engine: Engine) -> None:
        self.essential, self.engine = essential, engine
        self._waiting_since: float | None = None

    def look(self) -> None:
        """Record a stop that has stood for a while; raise the fence when the ledger's epoch has moved on without it."""
        try:
            cell = stop_cell.read(self.essential.cell_file)
        except stop_cell.CellError:
            cell = None
        if cell is not None and not cell.stops:
            self._waiting_since = None
            if self._is_behind(cell.fence):
                self.keep()
            return
        now = clock.boot_s()
        self._waiting_since = self._waiting_since or now
        if now - self._waiting_since >= PATIENCE_S:
            self._waiting_since = None
            self.keep()

    def keep(self) -> None:
        """Record what only the cell knows, and turn what the ledger has into the fence. Raises SwitchUnavailable."""
        own = switch.open_switch(self.essential)
        try:
            with switch.reading(own) as view:
                missing = stop_ledger.unrecorded(view, own.name, self.essential)
                due = killswitch.has_due(view, own.name)
                older = stop_ledger.why_older(view, own.name, self.essential) if due else None
            if older is not None:
                logger.error("planned suspension not begun: the store is an older copy", action="begin", reason=older)
            elif due:
                self._begin(own)
            if missing:
                with switch.exclusive(own, step="keeper.adopt") as locked:
                    adopted = stop_ledger.adopt(locked, own.name, self.essential)
                logger.error(
                    "stop taken from the cell", action="adopt", suspensions=[item.suspension for item in adopted]
                )
            with switch.reading(own) as view:
                trouble = stop_ledger.raise_fence(view, own.name, self.essential, step="keeper")
            if trouble is not None:
                logger.error("fence not raised", action="fence", reason=trouble)
        finally:
            own.close()

    def _begin(self, own: switch.Switch) -> None:
        """Begin what has come; not in an older copy, whose epoch must not come up to what was seen."""
        with switch.exclusive(own, step="keeper.begin") as locked:
            if stop_ledger.why_older(locked, own.name, self.essential) is not None:  # put back since it was asked
                return
            begun = killswitch.begin_due(locked, own.name)
        logger.warning("planned suspension has begun", action="begin", suspensions=begun)

    def _is_behind(self, fence: int) -> bool:
        """True when the ledger's epoch is past the `fence`, or a planned suspension has come and nobody has begun it."""
        with reading(self.engine) as session:  # the daemon's own connections: a new one for each look would cost more
            own, name = cursor(session), dialect(session)
            return killswitch.epoch_or_zero(own, name) > fence or killswitch.has_due(own, name)
