"""Whoever owns an item of the checklist may do what it names: the plan against the table of who may do what."""

from __future__ import annotations

from pathlib import Path

import pytest

from crisis import checklist_gap, plan
from crisis.plan import Plan
from governance import matrix, roles
from scheduler.checkup import BAD
from tests.crisis.plans import changed, city, filled, read

SAY_SO = 'id = "say-so"\nowner = "emergency-publisher"'
BY_THE_OFFICER = 'id = "say-so"\nowner = "duty-officer"'
ASKED = [item for items in plan.read().checklist.values() for item in items if [*checklist_gap.verbs(item.text)]]


def _gaps(found: Plan, **changes: object) -> list[str]:
    lines = list(checklist_gap.gaps(found, city(**changes)))
    assert {level for level, _ in lines} <= {BAD}
    return [line for _, line in lines]


def test_every_owner_of_the_shipped_plan_may_do_what_the_item_names(tmp_path: Path) -> None:
    """KS-14: with the shipped roles, before anybody is filled in and after."""
    assert [item.id for item in ASKED] == ["stop", "send-statement", "say-so", "lift", "held-posts", "review"]
    assert _gaps(plan.read(), states={}, may={}) == []
    assert _gaps(read(tmp_path, filled())) == []


def test_an_owner_who_may_not_is_told_with_who_could(tmp_path: Path) -> None:
    """The twin: the all-clear in the hands of the director, whose role sends nothing past the gate."""
    found = read(tmp_path, changed((SAY_SO, 'id = "say-so"\nowner = "communications-director"')))
    may = {**city().may, "emergency": {"omar"}}
    told = "checklist.resume: say-so asks 'communications-director' for `standfast crisis post`, which"
    remedy = "may not do: name an owner whose access is one of steward, emergency_publisher, or grant it"
    assert _gaps(found, may=may) == [f"{told} dora {remedy}"]
    assert _gaps(found, may=city().may) == [], "its people may, by another role of theirs"


def test_before_anybody_is_filled_in_the_role_itself_counts(tmp_path: Path) -> None:
    text = filled().replace('people = ["dora", "omar"]', "people = []").replace(SAY_SO, BY_THE_OFFICER)
    told = "checklist.resume: say-so asks 'duty-officer' for `standfast crisis post`, which the role 'duty-officer' may not do"
    assert [line.startswith(told) for line in _gaps(read(tmp_path, text), may={})] == [True]


def test_an_owner_without_access_may_do_nothing_that_takes_one(tmp_path: Path) -> None:
    found = read(tmp_path, changed((SAY_SO, 'id = "say-so"\nowner = "language-lead"')))
    assert len(_gaps(found, may={})) == 1


def test_what_is_wrong_with_the_access_itself_is_said_once(tmp_path: Path) -> None:
    """A role that the roles file does not have is a fault of the role, not of each of its items."""
    shipped = roles.read(roles.SHIPPED)
    without = {name: held for name, held in shipped.items() if name != "emergency_publisher"}
    assert _gaps(read(tmp_path, filled()), roles=without, may={}) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Run `standfast crisis`.", ["crisis"]),
        ("Run `standfast crisis --reason storm`.", ["crisis"]),
        ("Run `standfast crisis status`, then `standfast crisis checklist --tick x`.", []),
        ("`standfast post cancel 4` or `standfast post release --all-held`", ["post cancel", "post release"]),
        ("`standfast resume --reason '…'`", ["resume"]),
        ("`standfast records verify` and `standfast doctor`", []),
        ("resume by hand, `crisis`, `standfast`", []),
    ],
)
def test_the_verbs_of_a_text(text: str, found: list[str]) -> None:
    assert [*checklist_gap.verbs(text)] == found


def test_every_verb_of_the_table_is_found_in_a_text() -> None:
    """What the table names with an option (`doctor --confirm-clock`) is not told from the verb without it: it is left out."""
    named = {row.verb for row in matrix.ROWS if row.surface == matrix.COMMAND and " --" not in row.verb}
    assert {verb for verb in named if [*checklist_gap.verbs(f"`standfast {verb}`")] == [verb]} == named
