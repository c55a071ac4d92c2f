"""What a row is given: where stores come from, and whether the run is the full one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.store import Stores


@dataclass(frozen=True)
class Bench:
    """One run of the benchmarks. `tell` hears what is being done."""

    stores: Stores
    quick: bool
    tell: Callable[[str], None]

    def size(self, full: int, quick: int) -> int:
        """`full`, or `quick` in a quick run, whose figures prove only that the harness works."""
        return quick if self.quick else full

    @property
    def scratch(self) -> Path:
        """A folder for the run's files."""
        return self.stores.scratch
