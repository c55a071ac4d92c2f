"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Level = Literal["block", "review", "warn", "off"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From the strictest: not at all, only after a second look, with a word about it, or as if there were no rule."""
QUOTE_SHOWN = 60


class Span(NamedTuple):
    """Where in a text a rule is broken, and what to do about this very place where more can be said than the rule says."""

    start: int
    end: int
    what_to_do: str = ""


@dataclass(frozen=True)
class Finding:
    """A rule broken: the words it is about (`start` to `end` of `where`), the policy's clause, and what to do."""

    rule: str
    level: Level
    clause: str
    quote: str
    start: int
    end: int
    where: str
    what_to_do: str

    def __str__(self) -> str:
        """In one line."""
        words = " ".join(self.quote.split())
        cut = words if len(words) <= QUOTE_SHOWN else words[: QUOTE_SHOWN - 1] + "…"
        quoted = f" {cut!r}" if cut else ""
        return f"{self.rule} ({self.level}):{quoted} in the {self.where}: {self.what_to_do} [{self.clause}]"
