"""The trigger and the plan: whatever is wrong with the plan, `standfast crisis` suspends everything and knows nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crisis import plan
from tests.crisis.plans import written
from tests.support.city import City
from tests.switch.test_crisis_path import loaded_by


def _broken(file: Path) -> None:
    file.write_text("[role\nversion = ", encoding="utf-8")


def _unreadable(file: Path) -> None:
    _broken(file)  # for root, whom no permission keeps from reading
    file.chmod(0)


def _large(file: Path) -> None:
    line = "#" + "x" * 98 + "\n"
    file.write_text(plan.SHIPPED.read_text(encoding="utf-8") + line * 100_000, encoding="utf-8")
    assert file.stat().st_size > 10_000_000


PLANS: dict[str, Callable[[Path], object]] = {
    "missing": lambda file: None,
    "broken": _broken,
    "wrong throughout": lambda file: file.write_text("".join(f"a{n} = 1\n" for n in range(50_000))),
    "unreadable": _unreadable,
    "10 MB": _large,
    "a folder": lambda file: file.mkdir(),
    "a pipe": lambda file: os.mkfifo(file),
    "a loop": lambda file: file.symlink_to(file),
}


def _stops(city: City, *arguments: str) -> None:
    """`crisis` says SUSPENDED first, ends with 0, and everything is suspended."""
    said = city.run("crisis", *arguments, timeout=30)
    assert (said.returncode, said.stderr.split()[0]) == (0, "SUSPENDED"), said
    assert "plan" not in said.stdout + said.stderr.replace(str(city.root), "")
    status = json.loads(city.run("crisis", "status", "--json").stdout)
    assert [item["scope"] for item in status["suspensions"]] == ["all"]


@pytest.mark.parametrize("name", PLANS)
def test_a_stop_needs_no_plan(sqlite_city: City, name: str) -> None:
    """KS-1: the twin is the doctor, who reads this plan and calls it a fault, and the checklist, which is the shipped one."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    sqlite_city.set(plan="crisis-plan.toml")
    PLANS[name](sqlite_city.root / "crisis-plan.toml")
    _stops(sqlite_city)
    found = json.loads(sqlite_city.run("doctor", "--json", timeout=30).stdout)
    assert {item["level"] for item in found if item["check"] == "plan"} == {"fault"}
    assert sqlite_city.run("crisis", "checklist", timeout=30).returncode == 1


def test_a_stop_loads_nothing_of_the_plan(city: City) -> None:
    """KS-1: on each database, beside a plan that is whole; the twin, the checklist, does load it (and no ORM)."""
    assert city.run("init", "--person", "dana").returncode == 0
    city.set(plan="crisis-plan.toml")
    written(city.root, plan.SHIPPED.read_text(encoding="utf-8"))
    assert loaded_by(city, "crisis") == {"code": 0, "loaded": []}
    assert loaded_by(city, "crisis", "checklist") == {"code": 0, "loaded": ["calendars", "crisis"]}


def test_a_setting_that_names_no_plan_keeps_nobody_from_stopping(sqlite_city: City) -> None:
    """KS-1: the twin is any command that reads the settings whole."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    with sqlite_city.settings_file.open("a") as file:
        file.write("plan = [1]\n")
    _stops(sqlite_city)
    assert "plan = [1]" in sqlite_city.run("doctor").stderr


WITHOUT_THE_ROOM = "import sys; sys.modules['crisis'] = None; import cli; sys.argv = ['standfast', *{}]; cli.main()"


def test_a_room_that_cannot_be_loaded_keeps_nobody_from_stopping(sqlite_city: City) -> None:
    """KS-1: the twin is the checklist, which needs it."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    for arguments, code in ((["crisis"], 0), (["crisis", "checklist"], 1)):
        command = [sys.executable, "-c", WITHOUT_THE_ROOM.format(arguments)]
        ran = subprocess.run(command, cwd=sqlite_city.root, env=sqlite_city.environ, timeout=60, check=False)
        assert ran.returncode == code
    assert json.loads(sqlite_city.run("crisis", "status", "--json").stdout)["suspended"]
