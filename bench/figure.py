"""What a row found: figures with their aims, what stands beside them, and the samples behind them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

AT_MOST, AT_LEAST = "≤", "≥"


@dataclass(frozen=True)
class Figure:
    """One number: `aim` is None where it only stands beside another. `runs` is how many samples it is made of."""

    what: str
    database: str
    value: float
    unit: str
    aim: float | None = None
    sense: str = AT_MOST
    runs: int = 1
    beside: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None when there is none."""
        if self.aim is None:
            return None
        return self.value <= self.aim if self.sense == AT_MOST else self.value >= self.aim

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED`` or nothing."""
        return {None: "", True: "met", False: "MISSED"}[self.met]

    def words(self) -> str:
        """The number with its unit."""
        return number(self.value, self.unit)

    def aim_words(self) -> str:
        """The aim with its sense; empty without one."""
        return "" if self.aim is None else f"{self.sense} {number(self.aim, self.unit)}"


@dataclass
class Result:
    """A row as it was measured. `series` are the samples by name, for the plots; `fault` says why it could not be."""

    row: str
    figures: list[Figure] = field(default_factory=list)
    series: dict[str, list[float]] = field(default_factory=dict)
    fault: str = ""
    measured: dict[str, Any] = field(default_factory=dict)
    """When, on which commit, under which load and at which sizes."""

    @property
    def missed(self) -> list[Figure]:
        """The figures whose aim is not met."""
        return [figure for figure in self.figures if figure.met is False]

    def as_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Result:
        """The result that `as_json` gave."""
        return cls(**{**data, "figures": [Figure(**item) for item in data["figures"]]})


def number(value: float, unit: str) -> str:
    """`value` to three significant digits with `unit` (``×`` stands without a space)."""
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits}{unit}" if unit == "×" else f"{digits} {unit}".strip()


def median(samples: Sequence[float]) -> float:
    """The median."""
    return statistics.median(samples)


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below or at which `share` (0 to 1) of all lie: with few samples the 99th percentile is the largest."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(samples: Sequence[float], unit: str) -> str:
    """Median and 99th percentile in words."""
    return f"p50 {number(median(samples), unit)}, p99 {number(percentile(samples, 0.99), unit)}"
