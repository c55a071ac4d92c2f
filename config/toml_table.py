"""A table of a city's file while it is read: what is asked for is checked, and what nobody asked for is a mistake.

Every mistake is noted and reading goes on with a stand-in, so that a person sees all of them at once. What stands in the
file is shown cut, and not at all in a table that may hold an address by mistake.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from config import essentials
from config.fault import Fault
from config.wording import did_you_mean, unfit_character

MOST_FAULTS = 200
"""More mistakes than this end the reading: a wrong file must not cost minutes of suggestions."""
MOST_TEXT = 2000
"""Characters of one text."""
VALUE_SHOWN = 80
_BARE = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)


class Form(NamedTuple):
    """How a kind of name is written, and what a fault calls it."""

    pattern: re.Pattern[str]
    what: str


NAME = Form(
    re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII), "a name here (up to 63 of a-z, 0-9 and '-', the first no '-')"
)


class TableError(Fault):
    """The file cannot be used: `faults` has one line per mistake."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Faults:
    """The mistakes found so far in one file; `error` is what they are raised as."""

    error: ClassVar[type[TableError]] = TableError

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: list[str] = []

    def add(self, path: str, message: str) -> None:
        """Note a mistake at the key `path`. Raises TableError when there are too many to go on."""
        self.lines.append(f"{self.file}: {path} {message}")
        if len(self.lines) > MOST_FAULTS:
            more = f"{self.file}: more than {MOST_FAULTS} mistakes: mend these and look again"
            raise self.error([*self.lines[:MOST_FAULTS], more])

    def check(self) -> None:
        """Raise TableError when there is a mistake."""
        if self.lines:
            raise self.error(self.lines)


class Table:
    """One table: each method gives the value of a key, or notes what is wrong with it and gives a stand-in.

    `path` is its place in the file (``role.deputy``). With `hush` its values are never shown.
    """

    def __init__(self, body: Mapping[str, Any], faults: Faults, path: str = "", *, hush: bool = False) -> None:
        self._body, self._faults, self.path, self._hush = body, faults, path, hush
        self._asked: dict[str, None] = {}

    def at(self, key: str) -> str:
        """The place of `key` in the file."""
        return f"{self.path}.{key}" if self.path else key

    def fault(self, key: str, message: str) -> None:
        """Note that `key` has a mistake."""
        self._faults.add(self.at(key), message)

    def has(self, key: str) -> bool:
        """True when `key` stands there; it counts as asked for."""
        self._asked[key] = None
        return key in self._body

    def is_empty(self, key: str) -> bool:
        """True when `key` is a list with nothing in it."""
        return self._body.get(key) == []

    def text(self, key: str, example: str, *, needed: bool = True) -> str:
        """One line of text; empty when it may be left out and is."""
        value = self._take(key, example, needed)
        return "" if value is None else self._line(key, value, example)

    def word(self, key: str, example: str, known: Collection[str], *, needed: bool = True) -> str:
        """One of the words in `known`; empty when it may be left out and is."""
        found = self.text(key, example, needed=needed)
        if found and found not in known:
            self.fault(key, f"= {self._shown(found)} is not known here: {did_you_mean(found, known)}")
        return found

    def id(self, key: str, example: str, form: Form, *, needed: bool = True) -> str:
        """A name of the form `form`."""
        found = self.text(key, example, needed=needed)
        if found and not form.pattern.fullmatch(found):
            self._wrong(key, found, form.what, example)
        return found

    def ids(self, key: str, example: str, form: Form, *, needed: bool = True) -> tuple[str, ...]:
        """A list of names of the form `form`, none of them twice."""
        found = [name for name in self.texts(key, example, needed=needed) if name]
        for name, number in Counter(found).items():
            if not form.pattern.fullmatch(name):
                self._wrong(key, name, form.what, example)
            elif number > 1:
                self.fault(key, f"names {self._shown(name)} more than once: take one out")
        return tuple(dict.fromkeys(found))

    def texts(self, key: str, example: str, *, needed: bool = True, lines: bool = False) -> tuple[str, ...]:
        """A list of texts; with `lines` they may have several lines."""
        value = self._take(key, example, needed)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._wrong(key, value, "a list", example)
            return ()
        return tuple(self._line(key, item, example, lines=lines) for item in value)

    def seconds(self, key: str, example: str, *, needed: bool = True) -> float:
        """A duration of more than nothing, in seconds; 0 when it may be left out and is."""
        value = self._take(key, example, needed)
        try:
            found = 0.0 if value is None else essentials.seconds(value)
        except (ValueError, RecursionError):
            found = 0.0
        if value is not None and not found:
            self._wrong(key, value, "a duration of more than nothing", example)
        return found

    def number(self, key: str, example: str, most: int) -> int:
        """A whole number from 1 to `most`."""
        value = self._take(key, example, True)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
            return value
        if value is not None:
            self._wrong(key, value, f"a whole number from 1 to {most}", example)
        return 1

    def day(self, key: str, example: str) -> date | None:
        """A date; None when it is left out."""
        value = self._take(key, example, False)
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        self._wrong(key, value, "a date without quotes and without a time", example)
        return None

    def table(self, key: str) -> Table:
        """The table below `key`; an empty one when it is left out."""
        value = self._take(key, "", False)
        if value is not None and not isinstance(value, dict):
            self.fault(key, f"= {self._shown(value)} is not a table: write [{self.at(key)}] above its keys")
        return self._below(key, value)

    def tables(self, key: str, form: Form = NAME) -> Iterator[tuple[str, Table]]:
        """The tables ``[key.NAME]`` with their names."""
        above = self.table(key)
        for name in above.keys(form):
            yield name, above.table(name)

    def keys(self, form: Form) -> Iterator[str]:
        """The keys of this table, each of which must be of the form `form`."""
        for key in self._body:
            if form.pattern.fullmatch(key):
                yield key
            else:
                self.fault(_key(key), f"is not {form.what}: mend it, or take it out")

    def rows(self, key: str, *, hush: bool = False) -> Iterator[Table]:
        """The tables ``[[key]]`` in order."""
        value = self._take(key, "", False)
        if not isinstance(value, list | None) or not all(isinstance(row, dict) for row in value or ()):
            what = "" if hush else f"= {self._shown(value)} "
            self.fault(key, f"{what}is not a list of tables: write [[{self.at(key)}]] above each")
            return
        for place, row in enumerate(value or (), 1):
            yield self._below(f"{key}[{place}]", row, hush=hush)

    def close(self) -> None:
        """Note every key that nobody asked for: call it last."""
        for key in self._body:
            if key not in self._asked:
                self.fault(_key(key), f"is not known here: {did_you_mean(key, self._asked)}")

    def _below(self, key: str, value: Any, *, hush: bool = False) -> Table:
        return Table(value if isinstance(value, dict) else {}, self._faults, self.at(key), hush=hush or self._hush)

    def _take(self, key: str, example: str, needed: bool) -> Any:
        self._asked[key] = None
        if needed and key not in self._body:
            self.fault(key, f"is missing: write {key} = {example}")
        return self._body.get(key)

    def _line(self, key: str, value: Any, example: str, *, lines: bool = False) -> str:
        if not isinstance(value, str) or not value.strip():
            self._wrong(key, value, "text", example)
            return ""
        if len(value) > MOST_TEXT:
            self.fault(key, f"has {len(value)} characters, more than {MOST_TEXT}: shorten it")
            return ""
        strange = unfit_character(value) or (None if lines else _break_in(value))
        if strange:
            self._wrong(key, value, f"text that can be shown (it holds {strange})", example)
        return value

    def _wrong(self, key: str, value: object, what: str, example: str) -> None:
        self.fault(key, f"{f'= {self._shown(value)} ' if not self._hush else ''}is not {what}: write {key} = {example}")

    def _shown(self, value: object) -> str:
        return "(not shown)" if self._hush else shown(value)


def shown(value: object) -> str:
    """`value` as a fault shows it: in one line, cut."""
    try:
        text = value if isinstance(value, str) else str(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a table of thousands of floors
        return "…"
    cut = text if len(text) <= VALUE_SHOWN else text[: VALUE_SHOWN - 1] + "…"
    return repr(cut) if isinstance(value, str) else cut


def _key(name: str) -> str:
    """A key as a fault shows it: as written, but for one that needs quotes."""
    return name if _BARE.fullmatch(name) else shown(name)


def _break_in(text: str) -> str | None:
    return next((name for char, name in (("\n", "a line break"), ("\t", "a tab")) if char in text), None)
