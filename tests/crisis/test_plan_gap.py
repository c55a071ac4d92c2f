"""What a plan lacks in a city: each gap is one line with its key and remedy, and a plan without any has none."""

from __future__ import annotations

from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from crisis import checklist_gap, plan, plan_gap, statement_gap
from crisis.plan import Plan
from crisis.plan_gap import City
from governance import roles
from scheduler.checkup import BAD, WARN
from tests.crisis.plans import CANARY, changed, city, filled, read

BOTH = 'people = ["dora", "omar"]'
LONG = "w" * 300
NO_DORA = {**city().may, "resume": {"omar"}}
SHIPPED_ROLES = roles.read(roles.SHIPPED)


def _gaps(found: Plan, held_against: City) -> list[tuple[str, str]]:
    lines = list(chain(*(part.gaps(found, held_against) for part in (plan_gap, checklist_gap, statement_gap))))
    assert all(len(line.splitlines()) == 1 for _, line in lines)
    return lines


def test_the_shipped_plan_lacks_nothing_but_what_only_a_city_can_know(tmp_path: Path) -> None:
    """The twin of all below: with people, a notice list and a review there is no gap, and the roles agree as shipped."""
    assert _gaps(read(tmp_path, filled()), city()) == []


def test_the_shipped_plan_says_itself_what_is_to_be_filled_in() -> None:
    """No fault among it: a new city's doctor warns."""
    found = _gaps(plan.read(), city(states={}, two_persons=False, may={}))
    assert {level for level, _ in found} == {WARN}
    keys = [line.split()[0].rstrip(":") for _, line in found]
    roles_of_plan = [f"role.{name}.people" for name in plan.read().roles]
    assert keys == ["reviewed", *roles_of_plan, "rights.suspend", "rights.resume", "notice"]


RESUME = 'resume = ["communications-director"'
TARGET = '["NOTICE_DORA"]'
ESCALATE = 'escalate_to = "omar"'
SCOPE = 'scope = "all"'
Case = tuple[str, str, str, str]
IN_THE_PLAN: dict[str, Case] = {
    "never reviewed": ("reviewed = 2026-01-31", "", WARN, "then write reviewed = 2026-03-01"),
    "nobody": (BOTH, "people = []", WARN, "role.communications-director.people is empty"),
    "alone": (BOTH, 'people = ["dora"]', WARN, "people = dora alone: nobody stands in"),
    "stranger": (BOTH, 'people = ["zoe", "omar"]', BAD, "does not know: `standfast people add zoe`"),
    "not told": (BOTH, 'people = ["zoe", "omar"]', WARN, "names zoe, who is not on the notice list"),
    "access": ('"director"', '"directr"', BAD, "'directr' is no role of roles.toml: did you mean 'director'?"),
    "no role": (RESUME, 'resume = ["director"', BAD, "rights.resume names 'director', which is no role of this plan"),
    "no access": (RESUME, 'resume = ["language-lead"', BAD, "resume names 'language-lead', which has no access"),
    "no permission": (
        *(RESUME, 'resume = ["records-officer"', BAD),
        "rights.resume names 'records-officer', whose access 'records_officer' does not hold 'resume' in roles.toml",
    ),
    "no such group": (SCOPE, 'scope = "group:outdoor"', BAD, "there is no such group: did you mean 'outdoors'?"),
    "no such channel": (SCOPE, 'scope = "channel:gone"', BAD, "level.watch.scope = 'channel:gone': there is no such"),
    "no target": (TARGET, "[]", WARN, "notice[1].targets is empty: dora cannot be told"),
    "other target": (TARGET, '["NOTICE_DORY"]', BAD, "notice[1].targets names NOTICE_DORY, which is not set"),
    "no such reader": ('person = "dora"', 'person = "zoe"', BAD, "notice[1].person names zoe, whom the store"),
    "language": ('language = "en"', 'language = "fr"', BAD, "notice[1].language = 'fr' is not promised"),
    "to a stranger": (ESCALATE, 'escalate_to = "rita"', BAD, "notice[1].escalate_to = rita is not on the notice list"),
    "to oneself": (ESCALATE, 'escalate_to = "dora"', BAD, "notice[1].escalate_to = dora is the same person"),
    "to nobody": (ESCALATE, "", WARN, "notice[1].escalate_to is missing: nobody hears that dora did not answer"),
    "never counts": ('acknowledge_within = "10m"', "", WARN, "notice[1].acknowledge_within is missing"),
    "too early": ('_after = "2h"', '_after = "10m"', BAD, "reminder.escalate_after = 600s is before first = 1800s"),
    "owner": ('owner = "duty-officer"', 'owner = "duty-oficer"', BAD, "recall is owned by 'duty-oficer', no role"),
    "promised": ('["en", "es"]', '["en", "es", "vi"]', WARN, "all-clear.text.vi is missing, and the plan promises it"),
    "not promised": (
        '["en", "es"]',
        '["en"]',
        BAD,
        "all-clear.text.es is in a language that the plan does not promise",
    ),
    "too long": ("Tornado watch for", LONG, BAD, "watch.text.en is 53 characters too long for x (parks-x): add"),
    "undescribed": ("[blank.cause]", "[blank.why]", WARN, "blank 'cause', which nobody describes: write [blank.cause]"),
    "example": ("longest = 40", "longest = 10", BAD, "blank.place.longest = 10 is less than its example's 25"),
}
"""What is replaced in the plan, and what is told of it."""
IN_THE_CITY: dict[str, tuple[dict[str, Any], str, str]] = {
    "overdue": ({"today": date(2027, 2, 1)}, WARN, "reviewed = 2026-01-31 is more than 365 days ago (review_interval)"),
    "review ahead": ({"today": date(2026, 1, 30)}, BAD, "reviewed = 2026-01-31 lies ahead of today, 2026-01-30"),
    "left": ({"states": {"dora": "left", "omar": "active"}}, BAD, "duty-officer.people names dora, who has left"),
    "may not": ({"may": NO_DORA}, BAD, "names dora, who may not resume: `standfast people grant dora director`"),
    "roles file takes": (
        *({"roles": {**SHIPPED_ROLES, "operator": frozenset({"suspend"})}}, BAD),
        "rights.confirm names 'duty-officer', whose access 'operator' does not hold 'resume' in roles.toml",
    ),
    "roles file gives": (
        *({"roles": {**SHIPPED_ROLES, "clerk": frozenset({"resume"})}}, BAD),
        "rights.resume names no role with access = 'clerk', which roles.toml lets resume: mend one of the two files",
    ),
    "nobody resumes": ({"may": {"suspend": {"dora"}}}, BAD, "resume: nobody whom the plan names may resume"),
    "nobody suspends": ({"may": {"resume": {"dora"}}}, BAD, "suspend: nobody whom the plan names may suspend"),
    "one confirms": ({"may": NO_DORA}, BAD, "1 of 2 needed people (omar) may confirm a resume, and resume_two"),
    "none confirms": ({"may": {}}, BAD, "0 of 2 needed people (none) may confirm"),
    "variable": ({"variables": {"NOTICE_OMAR_MAIL": CANARY}}, BAD, "names NOTICE_DORA, which is not set: add it to"),
    "blank variable": ({"variables": {"NOTICE_DORA": " "}}, BAD, "targets names NOTICE_DORA, which is not set"),
}
"""What is otherwise in the city, and what is told of it."""


@pytest.mark.parametrize("name", IN_THE_PLAN)
def test_what_the_plan_lacks_is_named_with_its_remedy(tmp_path: Path, name: str) -> None:
    """KS-10, KS-18: what would fail in an emergency is said before it; the twin is the plan without the edit."""
    old, new, level, says = IN_THE_PLAN[name]
    found = _gaps(read(tmp_path, changed((old, new))), city())
    assert level in [own for own, line in found if says in line], found


@pytest.mark.parametrize("name", IN_THE_CITY)
def test_what_the_city_has_otherwise_is_named_with_its_remedy(tmp_path: Path, name: str) -> None:
    """KS-10, KS-18: the twin is the city as the plan has it. What a variable holds is never shown."""
    changes, level, says = IN_THE_CITY[name]
    found = _gaps(read(tmp_path, filled()), city(**changes))
    assert level in [own for own, line in found if says in line], found
    assert CANARY not in str(found)


@pytest.mark.parametrize("part", ["role", "level", "notice", "reminder", "statement"])
def test_a_part_that_is_not_there_at_all_is_one_gap(tmp_path: Path, part: str) -> None:
    whole = read(tmp_path, filled())
    empty = {"role": {"roles": {}}, "level": {"levels": {}}, "notice": {"notices": ()}, "reminder": {"reminder": None}}
    changes: dict[str, Any] = empty.get(part, {"statements": {}})
    found = _gaps(Plan(**{**vars(whole), **changes}), city())
    assert [level for level, line in found if line.startswith((f"{part}:", f"{part} is missing"))] == [WARN]


@pytest.mark.parametrize("phase", plan.PHASES)
def test_a_phase_without_items_is_named(tmp_path: Path, phase: str) -> None:
    whole = read(tmp_path, filled())
    found = _gaps(Plan(**{**vars(whole), "checklist": {**whole.checklist, phase: ()}}), city())
    assert found == [(WARN, f"checklist.{phase} has no item: write a [[checklist.{phase}]] with id, owner and text")]


def test_a_plan_of_which_no_level_stops_everything_is_told(tmp_path: Path) -> None:
    text = filled().replace('scope = "all"', 'scope = "group:outdoors"')
    assert _gaps(read(tmp_path, text), city()) == [
        (WARN, 'level: none stops everything: give one of them scope = "all"')
    ]


def test_a_blank_that_only_one_language_has_is_told(tmp_path: Path) -> None:
    text = filled().replace(
        "Pronto volvemos a nuestras publicaciones", "Desde {since} volvemos a nuestras publicaciones"
    )
    assert [line for _, line in _gaps(read(tmp_path, text), city())] == [
        "statement.all-clear.text.en lacks the blank 'since' that another language has: add it"
    ]


def test_a_platform_whose_length_nobody_knows_is_left_to_the_channels_check(tmp_path: Path) -> None:
    text = changed(("Tornado watch for", LONG))
    assert _gaps(read(tmp_path, text), city(channels={"odd": "no-such-platform", "hall": "outbox"})) == []


def test_one_person_is_enough_where_the_city_asks_for_one(tmp_path: Path) -> None:
    """KS-10: the twin of "one confirms"."""
    lines = [line for _, line in _gaps(read(tmp_path, filled()), city(may=NO_DORA, two_persons=False))]
    assert lines
    assert not any("rights.confirm" in line for line in lines)
