"""`standfast crisis checklist`: the plan's items in their phases, for people and as JSON, also when much else is broken."""

from __future__ import annotations

import json

import pytest

import cli
from crisis import plan
from tests.crisis.plans import changed, filled, written
from tests.support.city import City

SHIPPED = plan.read()
ITEMS = [(phase, item.id) for phase in plan.PHASES for item in SHIPPED.checklist[phase]]
WARNING = "standfast: warning: this is the shipped plan's checklist, not your city's"


def _listed(out: str) -> list[tuple[str, str]]:
    """(phase, item) of each printed row."""
    return [(row.split()[0], row.split()[1]) for row in out.splitlines()[1:]]


def test_it_prints_every_item_in_its_phase(sqlite_city: City) -> None:
    """Without a store, a plan or anybody signed in."""
    said = sqlite_city.run("crisis", "checklist")
    assert (said.returncode, said.stderr) == (0, "")
    assert _listed(said.stdout) == ITEMS
    assert "Run `standfast crisis`. It asks nothing" in said.stdout


def test_it_says_who_as_the_citys_own_plan_has_them(sqlite_city: City) -> None:
    sqlite_city.set(plan="crisis-plan.toml")
    written(sqlite_city.root, changed(('id = "recall"', 'id = "look-back"')))
    said = sqlite_city.run("crisis", "checklist")
    assert (said.returncode, said.stderr) == (0, "")
    assert ("first-minutes", "look-back") in _listed(said.stdout)
    assert "duty-officer (dora, omar)" in said.stdout


def test_its_json_has_everything(sqlite_city: City) -> None:
    sqlite_city.set(plan="crisis-plan.toml")
    file = written(sqlite_city.root, filled())
    said = sqlite_city.run("crisis", "checklist", "--json")
    found = json.loads(said.stdout)
    assert (said.returncode, said.stderr, found["plan"], found["version"]) == (0, "", str(file), "1")
    assert [(phase["phase"], item["id"]) for phase in found["phases"] for item in phase["items"]] == ITEMS
    first = found["phases"][0]["items"][0]
    assert first == {**vars(SHIPPED.checklist["first-minutes"][0]), "people": ["dora", "omar"], "ticked": []}


@pytest.mark.parametrize("json_too", [False, True])
def test_a_broken_plan_is_told_whole_and_the_shipped_list_is_shown(sqlite_city: City, json_too: bool) -> None:
    """At 2 a.m. some list is better than none, but nobody may take it for the city's."""
    sqlite_city.set(plan="crisis-plan.toml")
    file = written(sqlite_city.root, changed(("version = ", "versoin = "), ('["en", "es"]', "5")))
    said = sqlite_city.run("crisis", "checklist", *["--json"] * json_too)
    assert said.returncode == 1
    *faults, last = said.stderr.splitlines()
    assert len(faults) == 3
    assert all(line.startswith(f"standfast: {file}: ") for line in faults)
    assert last == WARNING
    if json_too:
        assert json.loads(said.stdout)["plan"] == str(plan.SHIPPED)
    else:
        assert _listed(said.stdout) == ITEMS


def test_a_mistake_elsewhere_in_the_settings_does_not_hide_it(sqlite_city: City) -> None:
    sqlite_city.set(plan="crisis-plan.toml", lateness="soon")
    written(sqlite_city.root, filled())
    said = sqlite_city.run("crisis", "checklist")
    assert (said.returncode, said.stderr) == (0, "")
    assert "(dora, omar)" in said.stdout


def test_settings_that_cannot_be_read_are_told_for_they_may_name_a_plan(sqlite_city: City) -> None:
    sqlite_city.set(plan="crisis-plan.toml")
    written(sqlite_city.root, filled())
    with sqlite_city.settings_file.open("a") as file:
        file.write("lateness = [\n")
    said = sqlite_city.run("crisis", "checklist")
    assert (said.returncode, said.stderr.splitlines()[-1]) == (1, WARNING)
    assert str(sqlite_city.settings_file) in said.stderr
    assert _listed(said.stdout) == ITEMS
    named = sqlite_city.run("crisis", "checklist", STANDFAST_PLAN=str(sqlite_city.root / "crisis-plan.toml"))
    assert (named.returncode, named.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "is_stop"),
    [
        (["crisis"], True),
        (["crisis", "--json", "--no-wait"], True),
        (["crisis", "checklist"], False),
        (["crisis", "--json", "status"], False),
        (["crisis", "--reason", "checklist"], True),
        (["crisis", "--scope", "status", "--json"], True),
        (["crisis", "--reason", "status", "checklist"], False),
        (["crisis", "checklists"], True),
        (["resume", "--reason", "crisis"], False),
    ],
)
def test_only_a_stop_is_told_that_it_did_not_stop(arguments: list[str], is_stop: bool) -> None:
    """KS-1: a reason that happens to be a sub-command's name makes no stop a look."""
    assert cli._is_stop(arguments) is is_stop


def test_a_mistake_in_the_checklists_line_is_no_failed_stop(sqlite_city: City) -> None:
    said = sqlite_city.run("crisis", "checklist", "--now")
    assert said.returncode == 2
    assert "NOTHING IS SUSPENDED" not in said.stderr
    assert "NOTHING IS SUSPENDED" in sqlite_city.run("crisis", "checklists").stderr
