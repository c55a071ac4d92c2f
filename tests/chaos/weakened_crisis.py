"""Designs weakened on purpose in what a crisis has beside the stop: the emergency lane, windows, drills, sweeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from connectors.errors import ConnectorError
from connectors.protocol import Deadline, OwnScheduler
from crisis.sweep import Sweeper, Swept
from scheduler import claim_rows, exercise, killswitch, lifting, post_queue, windows
from tests.chaos.plan import Variant
from tests.chaos.worker import QUICK

IN_EPOCH = "= (SELECT epoch FROM gate WHERE id = 1)"
ANY_EPOCH = "<= (SELECT epoch FROM gate WHERE id = 1)"


def _look_with(part: str, weaker: str) -> None:
    """The statement of a look with another condition."""
    assert part in claim_rows.LOOK
    claim_rows.LOOK = claim_rows.LOOK.replace(part, weaker)


def _override_outlives_its_epoch() -> None:
    """A message that once had leave passes whatever is suspended later."""
    assert IN_EPOCH in post_queue.URGENT
    _look_with(f"o.epoch {IN_EPOCH}", f"o.epoch {ANY_EPOCH}")
    post_queue.URGENT = post_queue.URGENT.replace(f"o.epoch {IN_EPOCH}", f"o.epoch {ANY_EPOCH}")


def _message_blocks_quiet() -> None:
    """Quiet waits for the emergency messages, too."""

    def unconfirmed(cursor: Any, dialect: str, number: int) -> list[int]:
        query = f"SELECT a.id FROM attempt a WHERE {killswitch._covered_attempts(killswitch.OPEN_STATES)} ORDER BY a.id"
        return [int(row[0]) for row in killswitch.rows(cursor, dialect, query, (number,))]

    killswitch.unconfirmed = unconfirmed


def _window_holds_once_begun() -> None:
    """A planned stop holds when somebody has begun it, not from its moment; and nobody is in a hurry to."""
    QUICK["CELL_S"] = 30.0
    windows.begin = lambda *_: None
    begun = "(s.begun_at IS NOT NULL OR s.starts_at < 0 * ?)"
    _look_with(killswitch.HAS_COME, begun)
    killswitch.ACTIVE = killswitch.ACTIVE.replace(killswitch.HAS_COME, begun)


def _drill_s_lift_lifts_all() -> None:
    """When the exercise is over, everything is open."""
    genuine = lifting.lift

    def lift(cursor: Any, dialect: str, number: int, **given: Any) -> tuple[int, int]:
        lifted = genuine(cursor, dialect, number, **given)
        query = "SELECT 1 FROM suspension WHERE id = ? AND kind = ?"
        if killswitch.rows(cursor, dialect, query, (number, exercise.DRILL)):
            rest = "UPDATE suspension SET lifted_epoch = ?, lifted_by = ? WHERE lifted_epoch IS NULL"
            killswitch.run(cursor, dialect, rest, (lifted[0], given["by"]))
        return lifted

    lifting.lift = lift


def _sweep_believes() -> None:
    """What was asked for is taken for done: nobody looks whether it is gone."""
    genuine = Sweeper._channel

    def channel(self: Sweeper, suspension: int, name: str, deadline: Deadline) -> Swept:
        connector = self.connector_of(name)
        if not isinstance(connector, OwnScheduler):
            return genuine(self, suspension, name, deadline)
        try:
            found = connector.planned(deadline)
        except ConnectorError as error:
            return Swept(name, 0, 0, error.detail)
        self._take_over(suspension, name, found)
        for item in found:
            with suppress(ConnectorError):
                connector.cancel_planned(item.remote_id, deadline)
        return Swept(name, len(found), len(found), None)

    Sweeper._channel = channel  # type: ignore[method-assign]  # a weakened method


def _sweep_copies_last() -> None:
    """What it takes out is copied once it is gone, and nobody asks whether there is a copy."""
    take_over, note_gone = Sweeper._take_over, Sweeper._note_gone
    seen: list[Any] = []
    Sweeper._take_over = lambda _self, *given: seen.append(given)  # type: ignore[method-assign,assign,return-value]  # a weakened method

    def then(self: Sweeper, *given: Any) -> None:
        for item in seen:
            take_over(self, *item)
        seen.clear()
        note_gone(self, *given)

    Sweeper._note_gone = then  # type: ignore[method-assign]  # a weakened method
    Sweeper._check_copied = lambda *_: None  # type: ignore[method-assign,assign,return-value]  # a weakened method


WEAKENED: Mapping[str, tuple[Callable[[], None], Variant]] = {
    "override outlives its epoch": (_override_outlives_its_epoch, "lane"),
    "message blocks quiet": (_message_blocks_quiet, "lane"),
    "window holds once begun": (_window_holds_once_begun, "window"),
    "drill's lift lifts all": (_drill_s_lift_lifts_all, "drill"),
    "sweep believes": (_sweep_believes, "planner"),
    "sweep copies last": (_sweep_copies_last, "planner"),
}
"""Name: the patch, and the kind of trial that it runs in."""
