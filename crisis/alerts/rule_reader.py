"""A table of the rules file, read value by value, so that a person sees every mistake at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from calendars.draft import did_you_mean
from config.fault import Fault
from crisis.alerts.alert import shown
from crisis.alerts.place import COUNTRY, SAME_CODE, UGC_CODE, WHOLE

ALL = "all"
_EVENT_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_MISSING = object()


class RulesError(Fault):
    """The rules cannot be used: `faults` has one line per mistake."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Table:
    """The values under `name` (empty: the top of `file`); what is wrong with them is added to `faults`, shared by all."""

    def __init__(self, file: str, name: str, values: Mapping[str, Any], faults: list[str] | None = None) -> None:
        self.file, self.name, self._values = file, name, values
        self.faults: list[str] = [] if faults is None else faults
        self._asked: set[str] = set()

    def fault(self, key: str, message: str, value: object = _MISSING) -> None:
        """Note a mistake in `key` of this table."""
        place = ".".join(part for part in (self.name, key) if part)
        said = "" if value is _MISSING else f" {shown(repr(value))}"
        self.faults.append(f"{self.file}: {place}:{said} {message}")

    def get(self, key: str) -> Any:
        """What stands under `key`, unchecked; None where nothing does."""
        return self._values.get(key)

    def table(self, key: str) -> Table:
        """The table under `key`, which must be there; an empty one, with a fault, otherwise."""
        value = self._get(key, f"is missing: write [{key}]")
        if value is not _MISSING and not isinstance(value, dict):
            self.fault(key, f"is no table: write [{key}]", value)
        return Table(self.file, key, value if isinstance(value, dict) else _Unreadable(), self.faults)

    def tables(self, key: str) -> list[Table]:
        """The tables under ``[[key]]``, none when there is none, each named by its number from 1."""
        value = self._get(key)
        if value is _MISSING:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fault(key, f"is no list of tables: write [[{key}]] above each", value)
            return []
        return [Table(self.file, f"{key}[{number}]", item, self.faults) for number, item in enumerate(value, 1)]

    def choice(self, key: str, words: tuple[str, ...], default: str | None = None) -> str:
        """The word under `key`, one of `words`; the first of them, with a fault, where it is none."""
        value = self._get(key, None if default else f"is missing: choose one of {', '.join(words)}")
        if isinstance(value, str) and value in words:
            return value
        if value is not _MISSING:
            self.fault(key, f"is not known here: choose one of {', '.join(words)}", value)
        return default or words[0]

    def codes(self, key: str, check: Callable[[str], str | None], default: tuple[()] | None = None) -> frozenset[str]:
        """The texts listed under `key`. `check` says what is wrong with one, None when nothing is."""
        value = self._get(key, None if default is not None else f"is missing: write {key} = [] and fill it")
        if value is _MISSING:
            return frozenset()
        if not isinstance(value, list):
            self.fault(key, 'is no list: write it as ["…", "…"]', value)
            return frozenset()
        for item in value:
            wrong = check(item) if isinstance(item, str) else "is no text: put it in quotes"
            if wrong:
                self.fault(key, wrong, item)
        return frozenset(item for item in value if isinstance(item, str))

    def scope(self, key: str) -> str:
        """What may be stopped: ``all``, ``channel:NAME`` or ``group:NAME``."""
        remedy = "write all, channel:NAME or group:NAME"
        value = self._get(key, f"is missing: {remedy}")
        if isinstance(value, str) and re.fullmatch(r"all|(channel|group):\S(.*\S)?", value) and value.isprintable():
            return value
        if value is not _MISSING:
            self.fault(key, f"is no scope: {remedy}", value)
        return ALL

    def refuse_others(self) -> None:
        """Note a fault for each key that nobody asked for: a misspelt rule must not be a rule that is not there."""
        for key in sorted(set(self._values) - self._asked):
            self.fault(key, f"is not known here: {did_you_mean(key, self._asked)}")

    def _get(self, key: str, missing: str | None = None) -> Any:
        """The value of `key`; _MISSING where there is none, with the fault `missing` where that is given."""
        self._asked.add(key)
        value = self._values.get(key, _MISSING)
        if value is _MISSING and missing and not isinstance(self._values, _Unreadable):
            self.fault(key, missing)
        return value

    @staticmethod
    def same_code(text: str) -> str | None:
        """What is wrong with a SAME code of the city's own place."""
        found = SAME_CODE.fullmatch(text)
        if found is None:
            return "is no SAME code: write six digits, 0 for the whole county, then the county's FIPS number (047093)"
        if found[2] == COUNTRY or found[3] == WHOLE:
            return "is a whole state or more: name the counties in which the city lies"
        return None

    @staticmethod
    def ugc_code(text: str) -> str | None:
        """What is wrong with a UGC code of the city's own place."""
        found = UGC_CODE.fullmatch(text)
        if found is None:
            return "is no UGC code: write the state's letters, C or Z, and three digits (TNC093, TNZ069)"
        if found[3] in (WHOLE, "ALL"):
            return "is a whole state: name the counties and zones in which the city lies"
        return None

    @staticmethod
    def event_code(text: str) -> str | None:
        """What is wrong with the SAME code of an event."""
        if _EVENT_CODE.fullmatch(text):
            return None
        return "is no event code: write three capital letters (TOR), or put a name under 'events'"

    @staticmethod
    def words(text: str) -> str | None:
        """What is wrong with a sender or the name of an event."""
        return None if text == shown(text) and text else "is no name: write it on one line, in at most 80 characters"


class _Unreadable(dict[str, Any]):
    """Stands for a table that is not there: what it lacks is no second mistake."""
