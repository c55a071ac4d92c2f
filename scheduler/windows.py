"""Planned suspensions whose moment has come take their step from whoever looks first: daemon, status or emergency lane.

They hold from their moment in any case; the step aborts what is claimed, lists what is in flight and ends the leave of
emergency messages given before it.
"""

from __future__ import annotations

from config.essentials import Essentials
from scheduler import killswitch, liveness, stop_ledger, switch
from scheduler.switch import Switch, SwitchUnavailable

PATIENCE_S = 3.0
"""How long a command that does something else besides waits for the store's lock before it goes on, or says that it cannot."""


def begin_due(essential: Essentials) -> str | None:
    """Begin them on a connection of its own, within a few seconds. None, or why they could not be begun, in one line."""
    own = switch.open_switch(essential)
    try:
        with switch.reading(own) as cursor:
            due = killswitch.has_due(cursor, own.name)
        return begin(own, essential, PATIENCE_S) if due else None
    except SwitchUnavailable as error:
        return str(error)
    finally:
        own.close()


def begin(own: Switch, essential: Essentials, patience_s: float | None = None) -> str | None:
    """Begin them under the exclusive lock: until then a worker that looked at the gate before their moment may stand inside its
    transaction, unseen, and go on; the lock waits for it. None, or why they could not be begun, in one line.

    Never in an older copy: its epoch would come up to what this host has seen, and nobody would see that it was put back.
    """
    try:
        with (
            liveness.registered_or_not(essential.workers_dir, liveness.SWITCH),
            switch.exclusive(own, patience_s=patience_s) as cursor,
        ):
            if (why := stop_ledger.why_older(cursor, own.name, essential)) is not None:
                return f"a planned suspension has come, and is not begun in an older copy of the store: {why}"
            killswitch.begin_due(cursor, own.name)
    except SwitchUnavailable as error:
        return f"a planned suspension has come, and its beginning cannot be recorded: {error}"
    return None
