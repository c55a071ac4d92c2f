"""What every format hands over: the words of a file with their lines, and the mistakes found so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from calendars.entry import Fault
from config.wording import did_you_mean as did_you_mean
from config.wording import nearest as nearest

MAX_FAULTS = 1000
"""More mistakes than this are counted as one: a wrong file must not cost minutes of suggestions."""
VALUE_SHOWN = 80


class Cell(NamedTuple):
    """One value as written, and the line it starts on (from 1)."""

    text: str
    line: int


class DraftImage(NamedTuple):
    """An image as written; what was not given or left blank is None."""

    file: Cell
    alt: Cell | None = None
    captions: Cell | None = None
    rights: Cell | None = None


@dataclass(slots=True)
class DraftEntry:
    """An entry as written, unchecked; a name that is missing in `single` or `lists` was not given or left blank."""

    line: int
    single: dict[str, Cell] = field(default_factory=dict)
    lists: dict[str, list[Cell]] = field(default_factory=dict)
    texts: dict[str, Cell] = field(default_factory=dict)
    overrides: dict[str, Cell] = field(default_factory=dict)
    media: list[DraftImage] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Names that were given in a way already called a mistake: not missing as well."""

    def lacks(self, name: str) -> bool:
        """True when `name` was not given at all, or left blank."""
        cell = self.single.get(name)
        return name not in self.refused and (cell is None or not cell.text.strip())


@dataclass
class Draft:
    """A whole file as written: what holds for all entries (`head`), and the entries, perhaps read as they are asked for."""

    line: int = 1
    head: DraftEntry = field(default_factory=lambda: DraftEntry(1))
    entries: Iterable[DraftEntry] = ()


class TooManyFaults(Exception):
    """The file is wrong throughout: looking for more mistakes would help nobody."""


class Faults:
    """The mistakes of one file, collected so that a person sees all of them at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[Fault, None] = {}

    def add(self, line: int, value: str, message: str) -> None:
        """Note a mistake; a value is shown cut to 80 characters. Raises TooManyFaults after MAX_FAULTS of them."""
        shown = value if len(value) <= VALUE_SHOWN else value[: VALUE_SHOWN - 1] + "…"
        self._found[Fault(self.file, max(line, 1), shown, message)] = None
        if len(self._found) > MAX_FAULTS:
            raise TooManyFaults

    def at(self, cell: Cell, message: str) -> None:
        """Note a mistake in `cell`."""
        self.add(cell.line, cell.text, message)

    def __len__(self) -> int:
        return len(self._found)

    def listed(self) -> list[Fault]:
        """The mistakes by line, at most MAX_FAULTS and one that says there are more."""
        found = sorted(self._found, key=lambda fault: fault.line)
        if len(found) <= MAX_FAULTS:
            return found
        last = found[MAX_FAULTS - 1].line
        more = Fault(self.file, last, "", f"more than {MAX_FAULTS} mistakes: mend these and check again")
        return [*found[:MAX_FAULTS], more]
