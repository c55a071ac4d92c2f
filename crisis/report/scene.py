"""What every part of a report reads from: one snapshot of the store, and the suspensions it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from config import clock
from crisis.report.choice import Stop
from scheduler.killswitch import rows
from store.chain import Cursor

MOST_SHOWN = 100
"""Rows of a list in a report; the counts beside it are whole."""
T = TypeVar("T")

COVERED = """(s.scope_kind NOT IN ('channel', 'group') OR (s.scope_kind = 'channel' AND s.scope_value = {channel})
  OR (s.scope_kind = 'group' AND EXISTS (SELECT 1 FROM suspension_channel sc WHERE sc.suspension_id = s.id
    AND sc.channel = {channel})))"""
"""Whether suspension ``s`` covered a channel while it stood: who joined its group later does not count
(`killswitch.freeze_groups` keeps those that joined in time). A scope that is not understood covers everything."""


@dataclass(frozen=True)
class Cut(Generic[T]):
    """The first of a list, and how many there are in all."""

    items: tuple[T, ...]
    total: int

    @property
    def more(self) -> int:
        """How many are left out."""
        return self.total - len(self.items)


def cut(items: Sequence[T], most: int = MOST_SHOWN) -> Cut[T]:
    """The first `most` of `items`."""
    return Cut(tuple(items[:most]), len(items))


@dataclass(frozen=True)
class Scene:
    """One reading transaction; `now` in wall µs."""

    cursor: Cursor
    dialect: str
    stops: tuple[Stop, ...]
    now: int

    @property
    def numbers(self) -> tuple[int, ...]:
        """The suspensions, by number."""
        return tuple(stop.id for stop in self.stops)

    @property
    def marks(self) -> str:
        """As many parameters as there are suspensions."""
        return ", ".join("?" * len(self.stops))

    @property
    def start(self) -> int:
        """When the first of them began."""
        return min(stop.begun_at for stop in self.stops)

    @property
    def standing(self) -> tuple[Stop, ...]:
        """Those that nobody has lifted."""
        return tuple(stop for stop in self.stops if stop.lifted_at is None)

    @property
    def end(self) -> int:
        """When the last of them was lifted; now, while one stands."""
        lifted = [stop.lifted_at or self.now for stop in self.stops]
        return max(*lifted, self.start + clock.SECOND)

    def ask(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of a query."""
        return rows(self.cursor, self.dialect, query, parameters)

    def ask_of_stops(self, query: str, *before: Any) -> list[Any]:
        """The rows of a query whose last parameters are `marks`."""
        return self.ask(query, (*before, *self.numbers))
