"""What the stop loads and how far it depends on anything: the trigger pays for nothing but the stop."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.city import City

HEAVY = (
    "sqlalchemy",
    "sqlmodel",
    "pydantic",
    "alembic",
    "apscheduler",
    "tweepy",
    "facebook",
    "requests",
    "structlog",
    "rich",
    "ruamel",
    "watchfiles",
    "whenever",
    "dateutil",
    "connectors",
    "calendars",
    "store.engine",
    "store.tables",
    "scheduler.settling",
    "config.settings",
)
PROGRAM = """
import json, sys
import cli
sys.argv = ["standfast", *{arguments}]
try:
    cli.main()
except SystemExit as end:
    code = end.code
loaded = [name for name in {heavy} if name in sys.modules]
print(json.dumps({{"code": code, "loaded": loaded}}))
"""


def loaded_by(city: City, *arguments: str) -> dict[str, object]:
    """The exit code of ``standfast ARGUMENTS`` and which heavy modules it had loaded at its end."""
    program = PROGRAM.format(arguments=list(arguments), heavy=list(HEAVY))
    command = [sys.executable, "-c", program]
    ran = subprocess.run(
        command, cwd=city.root, env=city.environ, capture_output=True, text=True, timeout=60, check=True
    )
    found: dict[str, object] = json.loads(ran.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.parametrize("arguments", [["crisis"], ["crisis", "--scope", "all", "--reason", "x"], ["crisis", "status"]])
def test_the_stop_loads_no_orm_connector_or_web_framework(city: City, arguments: list[str]) -> None:
    """KS-1: `sys.modules` after a whole stop holds Typer, the database's own driver and the standard library alone."""
    assert city.run("init", "--person", "dana").returncode == 0
    assert loaded_by(city, *arguments) == {"code": 0, "loaded": []}


def test_the_look_at_sys_modules_can_fail(city: City) -> None:
    """The twin: a command that does use the ORM is seen to load it."""
    assert city.run("init", "--person", "dana").returncode == 0
    found = loaded_by(city, "whoami")
    assert {"sqlalchemy", "sqlmodel"} <= set(found["loaded"])  # type: ignore[call-overload]  # a list, by the program above


def test_broken_settings_do_not_keep_anybody_from_stopping(city: City) -> None:
    """KS-1: a typo in the settings at 2 a.m. is a warning on the receipt, not a reason not to stop."""
    assert city.run("init", "--person", "dana").returncode == 0
    city.set(send_deadline="soon", recall=[])
    ran = city.run("crisis", "--json")
    assert ran.returncode == 0, ran.stderr
    warnings = " ".join(json.loads(ran.stdout)["warnings"])
    assert "send_deadline" in warnings
    assert "recall" in warnings


def test_a_reader_that_went_away_does_not_stop_the_stop(city: City) -> None:
    """KS-1: with standard error closed, the suspension and its fence are written all the same."""
    assert city.run("init", "--person", "dana").returncode == 0
    command = " ".join(f"'{part}'" for part in city.command("crisis")) + " 2>&- >&-"
    subprocess.run(["sh", "-c", command], cwd=city.root, env=city.environ, timeout=60, check=False)
    status = json.loads(city.run("crisis", "status", "--json").stdout)
    assert status["suspended"]
    assert status["stop_cell_unrecorded"] == []
