"""The city's rules for alerts as data: where it lies, what is worth a suggestion, and what alone may stop by itself."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import clock, small_file
from crisis.alerts.alert import Info
from crisis.alerts.place import Place
from crisis.alerts.rule_reader import ALL, EVENT, LINE, SAME, SCOPE, UGC, Faults, RulesError, Table

SHIPPED = Path(clock.__file__).with_name("data") / "alerts.toml"
MOST_BYTES = 2**20
UNKNOWN = "Unknown"
SCALES = {
    "severity": ("Minor", "Moderate", "Severe", "Extreme"),
    "urgency": ("Past", "Future", "Expected", "Immediate"),
    "certainty": ("Unlikely", "Possible", "Likely", "Observed"),
}
"""CAP's words for each of the three, from least to most; beside them stands 'Unknown', which is no degree."""
TESTS = ("note", "ignore")


@dataclass(frozen=True)
class Bar:
    """What an info must reach: a degree on each scale, and an event of the list where there is one."""

    severity: str
    urgency: str
    certainty: str
    codes: frozenset[str]
    events: frozenset[str]

    def short_of(self, info: Info) -> list[str]:
        """The scales on which `info` is known to be below the bar, in words. 'Unknown' is never below."""
        return [
            f"{scale} {getattr(info, scale)} is less than {getattr(self, scale)}"
            for scale, words in SCALES.items()
            if getattr(info, scale) != UNKNOWN and words.index(getattr(info, scale)) < words.index(getattr(self, scale))
        ]

    def lists(self, info: Info) -> bool:
        """True when the event is on the list, by SAME code or by name, or when there is no list."""
        said = {code.value.upper() for code in info.event_codes if code.kind.upper() == "SAME"}
        return not (self.codes or self.events) or bool(said & self.codes) or info.event.casefold() in self.events


@dataclass(frozen=True)
class HoldRule:
    """One line of the whitelist: an alert of these senders that reaches `bar` stops what `scope` names, by itself."""

    number: int
    senders: frozenset[str]
    bar: Bar
    scope: str


@dataclass(frozen=True)
class Rules:
    """`tests` says what becomes of a test that would be worth a suggestion if it were real: ``note`` or ``ignore``."""

    place: Place
    suggest: Bar
    holds: tuple[HoldRule, ...]
    tests: str


def read(file: Path) -> Rules:
    """The rules in a TOML file. Raises RulesError with every fault, each naming file, key, value and remedy."""
    try:
        values = tomllib.loads(small_file.text(file, MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: of TOML, of UTF-8, of a number's length
        said = " ".join(str(error).split())
        raise RulesError([f"{file}: the rules for alerts cannot be read ({said}): mend the file"]) from None
    faults = Faults(file)
    rules = _rules(Table(values, faults))
    faults.check()
    return rules


def _rules(top: Table) -> Rules:
    found = Rules(
        place=_place(_needed(top, "place")),
        suggest=_suggest(_needed(top, "suggest")),
        holds=tuple(_hold(number, table) for number, table in enumerate(top.rows("hold"), 1)),
        tests=top.word("tests", '"note"', TESTS, needed=False) or TESTS[0],
    )
    top.close()
    return found


def _needed(top: Table, key: str) -> Table | None:
    """The table under `key`; None, with a fault, where there is none: what it lacks is no second mistake."""
    if top.has(key):
        return top.table(key)
    top.fault(key, f"is missing: write [{key}]")
    return None


def _place(table: Table | None) -> Place:
    if table is None:
        return Place(frozenset(), frozenset())
    found = Place(frozenset(table.ids("same", '["047093"]', SAME)), frozenset(table.ids("ugc", '["TNC093"]', UGC)))
    table.close()
    return found


def _suggest(table: Table | None) -> Bar:
    if table is None:
        return Bar("", "", "", frozenset(), frozenset())
    found = _bar(table)
    table.close()
    return found


def _bar(table: Table) -> Bar:
    degrees: dict[str, Any] = {scale: table.word(scale, f'"{words[-2]}"', words) for scale, words in SCALES.items()}
    codes = table.ids("codes", '["TOR"]', EVENT, needed=False)
    events = table.ids("events", '["Tornado Warning"]', LINE, needed=False)
    return Bar(**degrees, codes=frozenset(codes), events=frozenset(word.casefold() for word in events))


def _hold(number: int, table: Table) -> HoldRule:
    """A line of the whitelist. An empty list would mean everybody or everything, which nobody may grant by leaving it out."""
    senders = frozenset(table.ids("senders", '["w-nws.webmaster@noaa.gov"]', LINE))
    found = HoldRule(number, senders, _bar(table), table.id("scope", '"all"', SCOPE) or ALL)
    if not senders and table.has("senders"):
        table.fault("senders", "is empty: name whose alerts may stop by themselves")
    if not (found.bar.codes or found.bar.events):
        table.fault("codes", "is missing: name the events that may stop by themselves, by code or under 'events'")
    table.close()
    return found
