"""The city's rules as data: how strict each check is, and the words it looks for.

A city's file lies over the shipped one: what it leaves out stays as shipped; a list it gives replaces the shipped list, and
``more_terms`` beside ``terms`` adds to it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, cast

from config import clock, small_file, toml_table
from config.toml_table import Form, Table, TableError
from policy import wording
from policy.catalog import CATALOG
from policy.finding import LEVELS, Level
from policy.wording import WordList

SHIPPED = Path(clock.__file__).with_name("data") / "checks.toml"
MOST_BYTES = 2**20
BY_DAY = "political"
"""The rule that is stricter in election windows."""
LISTS: Mapping[str, tuple[str, ...]] = {
    "missing_alt": ("words",),
    "groups": ("one", "illness", "people", "office", "measure", "trade"),
    "profanity": ("terms", "hidden", "other"),
    "derogatory": ("terms", "hidden", "other"),
    "health": ("terms", "other"),
    "legal": ("terms", "other"),
    "political": ("terms", "other"),
    "commercial": ("terms", "other"),
    "first_person": ("numerals",),
    "acronym": ("known",),
    "shouting": ("words",),
    "language": ("words", "slips", "grammar"),
    "link_text": ("terms", "other", "shorteners"),
}
"""The tables of the file with their lists."""
_TERMS = ("terms", "other")
GROUPS = "groups"
"""The table of terms that stand for each other: `<name>` in a term is any of them."""
_WORD = Form(re.compile(r"[^\s\x00-\x1f]{1,60}"), "one word of at most 60 characters")
EXAMPLE = '["word", "two words"]'


class ChecksError(TableError):
    """The file of the checks cannot be used: `faults` has one line per mistake."""


class _Faults(toml_table.Faults):
    error: ClassVar[type[TableError]] = ChecksError


@dataclass(frozen=True)
class Election:
    """From the first to the last day, politics are looked at by another level."""

    name: str
    first: date
    last: date


@dataclass(frozen=True)
class Rules:
    """What is looked for and how strictly."""

    levels: Mapping[str, Level]
    lists: Mapping[str, Mapping[str, tuple[str, ...]]]
    elections: tuple[Election, ...] = ()
    election_level: Level = "block"

    def level(self, rule: str, day: date | None = None) -> Level:
        """How strict `rule` is on `day`."""
        if rule == BY_DAY and day is not None and any(e.first <= day <= e.last for e in self.elections):
            return min(self.levels[rule], self.election_level, key=LEVELS.index)
        return self.levels[rule]

    def words(self, table: str, key: str) -> tuple[str, ...]:
        """A list of the file."""
        return self.lists[table].get(key, ())

    def lower(self, table: str, key: str) -> frozenset[str]:
        """A list of the file, in lower case."""
        return frozenset(word.lower() for word in self.words(table, key))

    @cached_property
    def word_lists(self) -> Mapping[str, WordList]:
        """By rule: what finds its words."""
        return {name: self._word_list(name) for name, keys in LISTS.items() if "other" in keys}

    def _word_list(self, name: str) -> WordList:
        terms, other = (wording.expanded(self.words(name, key), self.lists[GROUPS]) for key in _TERMS)
        return WordList(terms, other, hidden=self.lower(name, "hidden"))


def read(file: Path | None) -> Rules:
    """The rules of the city's `file` over the shipped ones (None: these alone). Raises ChecksError with every fault."""
    shipped = _read(SHIPPED, None)
    return shipped if file is None else _read(file, shipped)


def _read(file: Path, base: Rules | None) -> Rules:
    try:
        body: dict[str, Any] = tomllib.loads(small_file.text(file, MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: of TOML, of UTF-8, of a number's length
        why = " ".join(str(error).split())
        raise ChecksError(
            [f"{file}: the checks cannot be read ({why}): mend the file, or the setting `checks`"]
        ) from None
    faults = _Faults(file)
    top = Table(body, faults)
    levels = _levels(top.table("levels"), base)
    elections = tuple(filter(None, (_election(row) for row in top.rows("election"))))
    strict = top.word("election_level", '"block"', LEVELS) if top.has("election_level") else ""
    lists = {name: _lists(top.table(name), keys, base.lists[name] if base else {}) for name, keys in LISTS.items()}
    top.close()
    faults.check()
    return Rules(levels, lists, elections, cast(Level, strict or (base.election_level if base else "block")))


def _levels(table: Table, base: Rules | None) -> Mapping[str, Level]:
    found: dict[str, Level] = {}
    for rule in CATALOG:
        if base is None or table.has(rule):
            found[rule] = cast(Level, table.word(rule, '"warn"', LEVELS) or "block")
        else:
            found[rule] = base.levels[rule]
    table.close()
    return found


def _election(row: Table) -> Election | None:
    name, first, last = (
        row.text("name", '"General election"'),
        row.day("first", "2026-10-01"),
        row.day("last", "2026-11-03"),
    )
    for key, value in (("first", first), ("last", last)):
        if value is None and not row.has(key):
            row.fault(key, f"is missing: write {key} = 2026-11-03")
    row.close()
    if first is None or last is None:
        return None
    if last < first:
        row.fault("last", f"= {last} is before first = {first}: an election window ends after it begins")
    return Election(name, first, last)


def _lists(table: Table, keys: tuple[str, ...], base: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found = {}
    for key in keys:
        given = _list(table, key) if table.has(key) else base.get(key, ())
        more = _list(table, f"more_{key}") if table.has(f"more_{key}") else ()
        found[key] = tuple(dict.fromkeys([*given, *more]))
    table.close()
    return found


def _list(table: Table, key: str) -> tuple[str, ...]:
    found = tuple(item for item in table.texts(key, EXAMPLE) if item)
    for item in found:
        is_term = key.removeprefix("more_") in (*_TERMS, *LISTS[GROUPS])
        why = _term_fault(item, key) if is_term else _word_fault(item)
        if why:
            table.fault(key, f"= {toml_table.shown(item)} {why}")
    return found


def _term_fault(term: str, key: str) -> str:
    if not wording.PLAIN_TERM.fullmatch(term):
        return "is no term: use letters, digits, blanks and the signs * _ ^ … ~ # ? ( | ) < >, at most 1,000 in all"
    known = () if key.removeprefix("more_") in LISTS[GROUPS] else LISTS[GROUPS]
    if unknown := [name for name in wording.GROUP.findall(term) if name not in known]:
        return f"names the group <{unknown[0]}>: " + (
            f"known are {', '.join(known)}" if known else "a group names none"
        )
    try:
        wording.check(term)
    except ValueError:
        return "has a bracket that is not closed, or not opened: mend it"
    return ""


def _word_fault(word: str) -> str:
    return "" if _WORD.pattern.fullmatch(word) else f"is not {_WORD.what}: mend it, or take it out"
