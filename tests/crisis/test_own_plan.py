"""`standfast init` gives a city a plan of its own to fill in, and never touches one that is there."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest

from crisis import plan
from tests.support.city import CHECKOUT, City


@pytest.fixture
def new_city(tmp_path: Path) -> City:
    """A folder without settings, as one is on the first day."""
    root = tmp_path / "new"
    root.mkdir()
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT), "STANDFAST_STATE_DIR": str(tmp_path / "state")}
    return City(root, "", environ)


def _init(city: City) -> dict[str, object]:
    said = city.run("init", "--person", "dana", "--json")
    assert said.returncode == 0, said
    found: dict[str, object] = json.loads(said.stdout)
    return found


def test_a_new_city_has_a_copy_of_the_shipped_plan(new_city: City) -> None:
    """Its doctor warns of what is still to be filled in, and finds no fault."""
    file = new_city.root / "crisis-plan.toml"
    assert _init(new_city)["plan_written"] == str(file)
    assert file.read_bytes() == plan.SHIPPED.read_bytes()
    assert tomllib.loads((new_city.root / "standfast.toml").read_text())["plan"] == file.name
    said = new_city.run("doctor", "--json")
    assert {item["level"] for item in json.loads(said.stdout) if item["check"] == "plan"} == {"ok", "warning"}
    assert said.returncode == 0, said


def test_a_plan_that_is_there_is_left_alone(new_city: City) -> None:
    _init(new_city)
    (new_city.root / "crisis-plan.toml").write_text("# ours\n")
    assert _init(new_city)["plan_written"] is None
    assert (new_city.root / "crisis-plan.toml").read_text() == "# ours\n"


def test_an_older_city_gets_one_when_its_settings_name_it(sqlite_city: City) -> None:
    assert _init(sqlite_city)["plan_written"] is None
    assert not list(sqlite_city.root.glob("*plan*"))
    sqlite_city.set(plan="our-plan.toml")
    assert _init(sqlite_city)["plan_written"] == str(sqlite_city.root / "our-plan.toml")


@pytest.mark.parametrize("name", ["nowhere/plan.toml", "standfast.toml/plan.toml"])
def test_a_plan_that_cannot_be_written_keeps_no_city_from_being_set_up(sqlite_city: City, name: str) -> None:
    sqlite_city.set(plan=name)
    said = sqlite_city.run("init", "--person", "dana")
    assert said.returncode == 0
    assert f"warning: {sqlite_city.root / name} could not be written" in said.stderr
    assert f"copy {plan.SHIPPED} there yourself" in said.stderr
