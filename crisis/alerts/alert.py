"""What an alert says, once read: values only. Nothing here is fit to be published; it is for people who decide."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from config.fault import Fault

SAME, UGC = "SAME", "UGC"
"""The kinds of place codes that are read: counties by FIPS number (PSSCCC), and the Weather Service's counties and zones."""
VALUE_SHOWN = 80


class AlertError(Fault):
    """What came is no alert that can be read: one line that says where, which value, what is wrong and what to do."""

    def __init__(self, source: str, message: str, *, line: int | None = None, value: str = "") -> None:
        place = shown(source, 300) if line is None else f"{shown(source, 300)}:{line}"
        named = f" {shown(value)!r}:" if value else ""
        super().__init__(f"{place}:{named} {message}")


class Key(NamedTuple):
    """What names an alert for good: who sent it, under which identifier, and when (wall µs)."""

    sender: str
    identifier: str
    sent_us: int


class Code(NamedTuple):
    """A value of a list that the sender names: ``SAME`` and ``TOR``, ``UGC`` and ``TNC093``."""

    kind: str
    value: str


class Area(NamedTuple):
    """A place as the sender describes it; `shapes` counts the polygons and circles, which nobody compares."""

    description: str
    codes: tuple[Code, ...]
    shapes: int = 0


@dataclass(frozen=True, slots=True)
class Info:
    """One account of what happens, in one language. Moments are wall µs; None where the sender gives none."""

    language: str
    event: str
    categories: tuple[str, ...]
    responses: tuple[str, ...]
    urgency: str
    severity: str
    certainty: str
    event_codes: tuple[Code, ...]
    effective_us: int | None
    onset_us: int | None
    expires_us: int | None
    sender_name: str
    headline: str
    areas: tuple[Area, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """A CAP 1.2 message. `odd_references` are those of its references that do not name an alert, as written."""

    key: Key
    status: str
    msg_type: str
    scope: str
    note: str
    references: tuple[Key, ...]
    odd_references: tuple[str, ...]
    infos: tuple[Info, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all that was read, in hex: two messages of one key may still say different things."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def shown(text: str, most: int = VALUE_SHOWN) -> str:
    """`text` fit for one line before people's eyes: no line breaks, nothing invisible, at most `most` characters."""
    words = " ".join(text[: most * 4].split())
    words = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)
    return words if len(words) <= most else f"{words[: most - 1]}…"
