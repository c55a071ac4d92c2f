"""What can go wrong at a database operation, and the account of what a run asked of its database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol


@dataclass(frozen=True)
class Fault:
    """A `kind` of trouble at the `nth` operation of a run (1 is the first).

    One that `lasts` meets all later ones, too; a `late` one shows only when the statement's rows are fetched.
    """

    kind: str
    nth: int
    lasts: bool = False
    late: bool = False

    def __str__(self) -> str:
        where = f"{'from' if self.lasts else 'at'}{' the rows of' if self.late else ''} operation {self.nth}"
        return f"{self.kind} {where}{' on' if self.lasts else ''}"


@dataclass
class Tally:
    """The operations of one run in order, and the first one that was struck."""

    fault: Fault | None = None
    operations: list[str] = field(default_factory=list)
    struck: str | None = None
    fetched: set[int] = field(default_factory=set)
    """Which operations had their rows fetched, where that can fail by itself."""
    _lock: Lock = field(default_factory=Lock)

    def step(self, operation: str) -> str | None:
        """The kind of trouble that `operation`, the next one, meets; None for none."""
        with self._lock:
            self.operations.append(operation)
            if self.fault is None or (self.fault.late and len(self.operations) == self.fault.nth):
                return None
            return self._meets(len(self.operations))

    def fetch(self, number: int) -> str | None:
        """The kind of trouble that fetching the rows of operation `number` meets; None for none."""
        with self._lock:
            self.fetched.add(number)
            is_late = self.fault is not None and (self.fault.late or self.fault.lasts)
            return self._meets(number) if is_late else None

    def _meets(self, number: int) -> str | None:
        assert self.fault is not None
        if number < self.fault.nth or (number > self.fault.nth and not self.fault.lasts):
            return None
        self.struck = self.struck or self.operations[number - 1]
        return self.fault.kind

    @property
    def clean(self) -> bool:
        """True when the run ended before the operation that should have failed."""
        return self.fault is None or len(self.operations) < self.fault.nth


class Injector(Protocol):
    """Lets database operations fail between the product and its database."""

    kinds: tuple[str, ...]
    lasting: tuple[str, ...]
    """Those of `kinds` that can go on until somebody mends them."""

    def armed(self, fault: Fault | None) -> AbstractContextManager[Tally]:
        """The account of the block's operations, one of which fails."""

    def paused(self) -> AbstractContextManager[None]:
        """What is asked in the block is the test's own: not counted, and nothing of it fails."""
