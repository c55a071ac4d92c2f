"""What the stop loads and how far it depends on anything: the trigger pays for nothing but the stop."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from config import essentials
from scheduler import emergency_stop
from scheduler.emergency_stop import EmergencyStop, Request
from scheduler.killswitch import Order, Recorded, Scope
from scheduler.switch_postgres import PostgresSwitch
from tests.support.city import City
from tests.support.round_trips import RoundTrips

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
    "crisis",
    "apprise",
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


ASKED = 17
"""Round trips to PostgreSQL up to the word, the look at who asks among them, without those of connecting."""
TOLD_LATER = ("scheduler.drain", "scheduler.receipt")
AT_THE_WORD = """
import json, sys
import cli
say = cli._say
def told(line):
    if line.startswith("SUSPENDED"):
        print(json.dumps([name for name in {later} if name in sys.modules]), flush=True)
    say(line)
cli._say, sys.argv = told, ["standfast", "crisis"]
cli.main()
"""


def test_what_is_only_told_later_is_loaded_after_the_word(city: City) -> None:
    """KS-1: people must hear SUSPENDED first."""
    assert city.run("init", "--person", "dana").returncode == 0
    command = [sys.executable, "-c", AT_THE_WORD.format(later=TOLD_LATER)]
    ran = subprocess.run(
        command, cwd=city.root, env=city.environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(ran.stdout) == []


WITHOUT_THE_REST = """
import sys
import cli
sys.modules["scheduler.{lost}"] = None
sys.argv = ["standfast", "crisis", "--json"]
cli.main()
"""


@pytest.mark.parametrize("lost", ["drain", "receipt"])
def test_a_stop_that_cannot_load_what_it_tells_later_stands_and_says_so(city: City, lost: str) -> None:
    """KS-1, KS-4: no memory left, or a disk that fails, after the word: recorded, not confirmed, and every warning told."""
    assert city.run("init", "--person", "dana").returncode == 0
    city.set(send_deadline="soon")
    command = [sys.executable, "-c", WITHOUT_THE_REST.format(lost=lost)]
    ran = subprocess.run(
        command, cwd=city.root, env=city.environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 10
    first, second, *warnings = ran.stderr.splitlines()
    assert (first.split()[0], second[:24]) == ("SUSPENDED", "SUSPENDED, NOT CONFIRMED")
    assert "send_deadline" in " ".join(warnings)
    assert json.loads(ran.stdout)["recorded"] is True


WITHOUT_THREADS = """
import sys
import threading
import cli
def start(_):
    {start}
threading.Thread.start = start
sys.argv = ["standfast", "crisis"]
cli.main()
"""


@pytest.mark.parametrize("start", ['raise RuntimeError("can\'t start new thread")', "threading.Event().wait()"])
def test_a_host_on_which_no_thread_starts_can_stop(city: City, start: str) -> None:
    """KS-1: where memory fails under a new thread, Python waits for ever for that thread to begin."""
    assert city.run("init", "--person", "dana").returncode == 0
    command = [sys.executable, "-c", WITHOUT_THREADS.format(start=start)]
    ran = subprocess.run(
        command, cwd=city.root, env=city.environ, capture_output=True, text=True, timeout=20, check=False
    )
    assert (ran.returncode, ran.stderr.split()[0]) == (0, "SUSPENDED")


@pytest.mark.parametrize("late", [True, False])
def test_whoever_waits_for_the_store_is_told_so_before_the_word(
    sqlite_city: City, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """KS-1: and who does not wait hears nothing of it afterwards."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    genuine, tell, lines, over = EmergencyStop._record, EmergencyStop._tell_late, list[str](), threading.Event()

    def tell_late(*given: Any) -> None:
        tell(*given)
        over.set()

    def record(own: EmergencyStop, order: Order) -> Recorded:
        assert over.wait(20)
        return genuine(own, order)

    monkeypatch.setattr(EmergencyStop, "_tell_late", tell_late)
    monkeypatch.setattr(EmergencyStop, "_record", record if late else genuine)
    monkeypatch.setattr(emergency_stop, "SLOW_S", 0.1 if late else 60)
    own = EmergencyStop(essentials.load(sqlite_city.environ), sqlite_city.environ, lines.append)
    assert own.run(Request(Scope())).code == 0
    assert over.wait(20)
    assert ["busy or away" in line for line in lines] == ([True, False] if late else [False])


def test_the_word_takes_few_round_trips(
    postgres_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """KS-1: the lock of everything is held for most of them."""
    assert postgres_city.run("init", "--person", "dana").returncode == 0
    asked: dict[str, int] = {}
    genuine = PostgresSwitch.connect

    def connect(own: PostgresSwitch) -> None:
        genuine(own)
        trips.connection = own._connection
        request.addfinalizer(counting.close)
        counting.enter_context(trips.counting())

    trips, counting = RoundTrips(None, tmp_path / "trace"), ExitStack()
    monkeypatch.setattr(PostgresSwitch, "connect", connect)
    essential = essentials.load(postgres_city.environ)
    own = EmergencyStop(essential, postgres_city.environ, lambda line: asked.setdefault(line.split()[0], trips.count))
    assert own.run(Request(Scope())).code == 0
    assert asked["SUSPENDED"] <= ASKED


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
