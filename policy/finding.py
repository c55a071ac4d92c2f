"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

Level = Literal["block", "review", "warn", "off"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From the strictest: not at all, only after a second look, with a word about it, or as if there were no rule."""
QUOTE_SHOWN = 60
NEVER_SHOWN = frozenset({"ssn", "payment_card"})
"""Rules whose quotes are shown with the last digits alone: a finding is kept in logs that nobody can change."""
DIGITS_SHOWN = 2


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

    @property
    def shown(self) -> str:
        """The quote as it may be shown and kept: of a person's number only its end."""
        if self.rule not in NEVER_SHOWN:
            return self.quote
        left = sum(map(str.isalnum, self.quote)) - DIGITS_SHOWN
        shown = []
        for char in self.quote:
            shown.append("•" if char.isalnum() and left > 0 else char)
            left -= char.isalnum()
        return "".join(shown)

    def as_data(self) -> dict[str, Any]:
        """As JSON and the log have it."""
        named = ("rule", "level", "clause", "start", "end", "where", "what_to_do")
        return {name: getattr(self, name) for name in named} | {"quote": self.shown}

    def __str__(self) -> str:
        """In one line."""
        words = " ".join(self.shown.split())
        cut = words if len(words) <= QUOTE_SHOWN else words[: QUOTE_SHOWN - 1] + "…"
        quoted = f" {cut!r}" if cut else ""
        return f"{self.rule} ({self.level}):{quoted} in the {self.where}: {self.what_to_do} [{self.clause}]"
