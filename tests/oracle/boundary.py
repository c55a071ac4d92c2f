"""Where the real code can be stopped, and the faults it can meet there: wrappers around its own steps, put in for a run.

Each step that others can see stands behind a boundary: a transaction, a read of the store, the stop cell, its fence, the
witness, a poll of the drain. What a stretch shall meet is the order that `Puppet.step` was given. Outside of a puppet all is
as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine
from sqlmodel import Session

from scheduler import (
    cell_keeper,
    drain,
    emergency_stop,
    file_lock,
    publisher,
    reconciler,
    rescuer,
    restore,
    stop_cell,
    stop_ledger,
    switch,
    witness,
    worker,
)
from scheduler.emergency_stop import EmergencyStop
from scheduler.killswitch import Order
from scheduler.switch import Switch, SwitchUnavailable
from scheduler.switch_postgres import PostgresSwitch
from store import engine as store_engine
from store.engine import StoreError
from tests.oracle.puppet import current, order, pause

WRITE, READ, CELL, FENCE, WITNESS, POLL = "write", "read", "cell", "fence", "witness", "poll"
"""Before: a write transaction, a read of the switch's, the stop in the cell, the fence, the witness; between two polls."""
UNRECORDED = "not recorded"
"""Before crisis says so."""
PEN = "pen"
"""Between reading the cell under its lock and writing it, where the order is `FREEZES`."""
PREPARE, SEND, ANSWER, FIND = "prepare", "send", "answer", "find"
"""Before: the uploads, the first byte (all looks have been taken), the platform's answer, a question to it."""
UNDONE, LOST = "undone", "acknowledgement lost"
"""Orders for a transaction: the database goes away before its COMMIT, or after it and before the acknowledgement."""
IN_NO_TIME = "SET idle_in_transaction_session_timeout = 0"
"""For PostgreSQL, which would end whoever stands still in a transaction for over a second of its own clock."""
FAILS = "fails"
"""An order for the stop cell: it cannot be written."""
FREEZES = "freezes"
"""An order for the fence: its process stands still with the cell's lock in hand."""
WRITERS = (publisher, rescuer, reconciler, restore, worker)


class Outage:
    """Whether the store can be used, for everybody who asks through a boundary."""

    def __init__(self) -> None:
        self.unreadable = self.unwritable = False

    def clear(self) -> None:
        """The store answers again."""
        self.unreadable = self.unwritable = False


@contextmanager
def installed(outage: Outage) -> Iterator[None]:
    """The boundaries, in this process until the block ends."""
    with ExitStack() as stack:
        for module in WRITERS:
            stack.enter_context(patch.object(module, "writing", _writing(outage)))
        for module in (cell_keeper, rescuer, reconciler, restore, worker):
            stack.enter_context(patch.object(module, "reading", _reading(outage)))
        stack.enter_context(patch.object(switch, "exclusive", _exclusive(switch.exclusive, outage)))
        stack.enter_context(patch.object(switch, "reading", _looking(switch.reading, outage)))
        for module, name, place in (
            (stop_cell, "stop", CELL), (stop_cell, "raise_fence", FENCE), (witness, "note", WITNESS),
            (EmergencyStop, "_not_recorded", UNRECORDED),
        ):  # fmt: skip
            stack.enter_context(patch.object(module, name, _after(place, getattr(module, name))))
        stack.enter_context(patch.object(stop_cell, "_write", _frozen(stop_cell._write)))
        stack.enter_context(patch.object(file_lock, "acquire", _at_once(file_lock.acquire)))
        stack.enter_context(patch.object(drain, "Event", _Poll))
        stack.enter_context(patch.object(drain, "_settle", _settled_by_others))
        stack.enter_context(patch.object(stop_ledger, "unrecorded", _in_order(stop_ledger.unrecorded)))
        stack.enter_context(patch.object(emergency_stop, "uuid", _Names))
        stack.enter_context(_quick_connections())
        yield


@contextmanager
def _quick_connections() -> Iterator[None]:
    """The switch's connections to PostgreSQL are kept for the next process: to open one takes longer than what it does.

    No answer is late here, so no timer is set for one; and who stands still in a transaction does so in no time at all.
    """
    free: list[Any] = []
    genuine = PostgresSwitch.connect

    def connect(own: PostgresSwitch) -> None:
        if free:
            own._connection = free.pop()
        else:
            genuine(own)
            assert own._connection is not None
            own._connection.execute(IN_NO_TIME)

    def close(own: PostgresSwitch) -> None:
        kept, own._connection = own._connection, None
        if kept is not None and not kept.closed:
            kept.rollback()
            free.append(kept)

    with (
        patch.object(PostgresSwitch, "connect", connect),
        patch.object(PostgresSwitch, "close", close),
    ):
        yield
    for connection in free:
        connection.close()


def _after(place: str, genuine: Callable[..., Any]) -> Callable[..., Any]:
    def stepped(*arguments: Any, **named: Any) -> Any:
        if place == WITNESS and (own := current()) is not None:
            own.attempt = named.get("attempt", 0)
        pause(place)
        if order() == FAILS:
            raise stop_cell.CellError("the disk cannot be written")
        return genuine(*arguments, **named)

    return stepped


def _frozen(genuine: Callable[..., None]) -> Callable[..., None]:
    def written(*arguments: Any) -> None:
        if order() == FREEZES:
            pause(PEN)
        genuine(*arguments)

    return written


def _at_once(genuine: Callable[[int, float], bool]) -> Callable[[int, float], bool]:
    """Whoever holds a lock here stands still; the clock does, too, so that waiting for it would never end."""
    return lambda descriptor, _wait_s: genuine(descriptor, 0.0)


class _Names:
    """Stands for the module that gives a stop its id: the name of its process, so that an example repeats exactly."""

    class _Name:
        def __init__(self) -> None:
            own = current()
            self.hex = own.name if own is not None else "nobody"

    uuid4 = _Name


def _in_order(genuine: Callable[..., list[Order]]) -> Callable[..., list[Order]]:
    """Which of two stops that only the cell knows is recorded first means nothing; the model takes them by their numbers."""

    def unrecorded(*arguments: Any) -> list[Order]:
        return sorted(genuine(*arguments), key=lambda item: item.request_id)

    return unrecorded


def _settled_by_others(*_: Any) -> None:
    """The drain's own rescue and reconcile are the rig's rescuer and reconciler, at moments of their own."""


class _Poll:
    """Stands for the event that the drain waits on between two polls."""

    def wait(self, _seconds: float) -> None:
        """Wait until the rig goes on."""
        pause(POLL)


def _writing(outage: Outage) -> Callable[[Engine], Any]:
    @contextmanager
    def writing(engine: Engine, step: str = "") -> Iterator[Session]:
        pause(WRITE)
        if current() is not None and (outage.unreadable or outage.unwritable):
            raise StoreError("the store is away")
        meets, own = order(), current()
        with store_engine.writing(own.replaced if own is not None and own.replaced is not None else engine) as session:
            yield session
            if meets == UNDONE:
                raise StoreError("the store went away before the COMMIT")
        if meets == LOST:
            raise StoreError("the acknowledgement of the COMMIT was lost")

    return writing


def _reading(outage: Outage) -> Callable[[Engine], Any]:
    @contextmanager
    def reading(engine: Engine) -> Iterator[Session]:
        if current() is not None and outage.unreadable:
            raise StoreError("the store is away")
        with store_engine.reading(engine) as session:
            yield session

    return reading


def _exclusive(genuine: Callable[..., Any], outage: Outage) -> Callable[..., Any]:
    @contextmanager
    def exclusive(own: Switch, step: str = "", **more: Any) -> Iterator[Any]:
        pause(WRITE)
        if current() is not None and (outage.unreadable or outage.unwritable):
            raise SwitchUnavailable("the store is away")
        meets = order()
        with genuine(own, step, **more) as cursor:
            yield cursor
            if meets == UNDONE:
                raise SwitchUnavailable("the store went away before the COMMIT")
        if meets == LOST:
            raise SwitchUnavailable("the acknowledgement of the COMMIT was lost")

    return exclusive


def _looking(genuine: Callable[..., Any], outage: Outage) -> Callable[..., Any]:
    @contextmanager
    def reading(own: Switch, step: str = "") -> Iterator[Any]:
        pause(READ)
        if current() is not None and outage.unreadable:
            raise SwitchUnavailable("the store is away")
        with genuine(own, step) as cursor:
            yield cursor

    return reading
