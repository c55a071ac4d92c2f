"""Where an alert holds, compared with where the city lies: by SAME and UGC codes alone, never by words or shapes.

A SAME code is PSSCCC: part of the county (0: all of it), state, county by FIPS number (000: all counties). A UGC code is the
state's letters, C (county) or Z (zone), and a number (000 or ALL: all of them). Sources: 47 CFR 11.31; NWSI 10-1702.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from crisis.alerts.alert import SAME, UGC, Area, Code, Info, shown

SAME_CODE = re.compile(r"(\d)(\d{2})(\d{3})", re.ASCII)
UGC_CODE = re.compile(r"([A-Z]{2})([CZ])(\d{3}|ALL)", re.ASCII)
COUNTRY, WHOLE = "00", "000"
_KINDS = {"same": SAME, "fips6": SAME, "ugc": UGC}
"""How senders name the two kinds; FIPS6 is the older word for the same six digits."""


@dataclass(frozen=True)
class Place:
    """The codes of the counties and zones in which the city lies."""

    same: frozenset[str]
    ugc: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.same or self.ugc)


class Match(NamedTuple):
    """A code of the alert that means the city. `sure` is False where it names a part in which the city need not lie."""

    area: str
    code: str
    how: str
    sure: bool


class Located(NamedTuple):
    """Where an info holds: the codes that mean the city, and the areas that no code describes, by their words."""

    matches: tuple[Match, ...]
    uncoded: tuple[str, ...]


def locate(info: Info, place: Place) -> Located:
    """How `info` touches `place`, each code once; an info that names no area at all is `uncoded` as a whole."""
    matches: dict[str, Match] = {}
    uncoded = []
    for area in info.areas or (Area("no area", ()),):
        codes = [code for found in area.codes for code in _readable(found)]
        for match in filter(None, (_match(area.description, code, place) for code in codes)):
            matches.setdefault(match.code, match)
        if not codes:
            uncoded.append(shown(area.description))
    return Located(tuple(matches.values()), tuple(uncoded))


def _readable(code: Code) -> list[Code]:
    """The place codes in `code`: one as a rule; the older feeds put several into one value, parted by blanks."""
    kind = _KINDS.get(code.kind.strip().lower())
    if kind is None:
        return []
    pattern = SAME_CODE if kind == SAME else UGC_CODE
    return [Code(kind, word) for word in re.split(r"[\s,;]+", code.value.upper()) if pattern.fullmatch(word)]


def _match(area: str, code: Code, place: Place) -> Match | None:
    compare, ours = (_same, place.same) if code.kind == SAME else (_ugc, place.ugc)
    found = [result for own in sorted(ours) if (result := compare(code.value, own)) is not None]
    if not found:
        return None
    how, sure = max(found, key=lambda result: result[1])
    return Match(shown(area), f"{code.kind} {code.value}", how, sure)


def _same(said: str, ours: str) -> tuple[str, bool] | None:
    """How the alert's code means ours, and whether for sure; None when it does not."""
    part, state, county = said[0], said[1:3], said[3:]
    own_part, own_state, own_county = ours[0], ours[1:3], ours[3:]
    if state == COUNTRY and county == WHOLE:
        return ("the whole country", True) if part == "0" else (f"part {part} of the country", False)
    if state != own_state or county not in (WHOLE, own_county):
        return None
    area = "state" if county == WHOLE else "county"
    if part == "0":
        return f"the whole {area}", True
    if area == "county" and part == own_part:
        return f"our part ({part}) of the county", True
    if area == "county" and own_part != "0":
        return None
    return f"part {part} of the {area}", False


def _ugc(said: str, ours: str) -> tuple[str, bool] | None:
    if said == ours:
        return ("our county" if said[2] == "C" else "our zone"), True
    if said[:2] == ours[:2] and said[3:] in (WHOLE, "ALL"):
        return "the whole state", True
    return None
