"""Failpoints: their form, what they do, and that nothing but a process's own environment switches one on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import clock, essentials, failpoint, settings
from connectors.account import base_url
from connectors.errors import AccountError
from connectors.protocol import Account
from tests.support.city import CHECKOUT, City

POINT = "publish.claim.commit:after"
PROGRAM = """
from config import failpoint
for number in range(3):
    with failpoint.step("publish.claim", "commit"):
        print(number, flush=True)
"""


@pytest.fixture(autouse=True)
def _off() -> Iterator[None]:
    yield
    failpoint.arm("")


def run(value: str, program: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    """A process with this value of the variable, that comes by the point three times."""
    environ = {"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"], failpoint.VARIABLE: value}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=30)


def test_off_a_step_is_one_and_the_same_object_that_does_nothing() -> None:
    assert not failpoint.is_on()
    with failpoint.step("no such step") as nothing:
        assert nothing is None
    assert failpoint.step("publish.claim", "commit") is failpoint.step("publish.look.read")


def test_the_process_is_killed_at_the_named_hit_and_says_so_first() -> None:
    ran = run(f"{POINT}=kill@2")
    assert ran.returncode == -signal.SIGKILL
    assert ran.stdout.split() == ["0", "1"]
    assert "FAILPOINTS ARE ON (STANDFAST_FAILPOINT)" in ran.stderr
    assert ran.stderr.splitlines()[-1] == f"standfast: failpoint {POINT}, hit 2: kill"


def test_before_and_after_lie_on_the_two_sides_of_the_step() -> None:
    assert run("publish.claim.commit:before=kill@1").stdout == ""
    assert run("publish.claim.commit:after=kill@1").stdout.split() == ["0"]


def test_an_error_is_raised_and_its_after_is_not_reached() -> None:
    failpoint.arm("rescue.lock:before=error; rescue.lock:after=error; rescue.commit:after=error")
    seen = []
    with pytest.raises(failpoint.Injected, match=r"rescue\.lock:before"), failpoint.step("rescue", "lock"):
        seen.append("inside")
    assert seen == []
    with pytest.raises(ValueError, match="own"), failpoint.step("rescue", "commit"):
        raise ValueError("own")
    with pytest.raises(failpoint.Injected, match=r"rescue\.commit:after"), failpoint.step("rescue", "commit"):
        seen.append("inside")
    assert seen == ["inside"]


def test_a_pause_holds_the_thread_and_print_only_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    failpoint.arm("rescue.lock:before=pause(30)@2;rescue.lock:after=print")
    start = clock.boot_s()
    for _ in range(2):
        with failpoint.step("rescue", "lock"):
            pass
    assert clock.boot_s() - start >= 0.03
    told = capfd.readouterr().err.splitlines()[1:]
    assert told == [
        f"standfast: failpoint rescue.lock:{what}"
        for what in ("after, hit 1: print", "before, hit 2: pause", "after, hit 2: print")
    ]


def test_a_process_is_stopped_where_it_stands() -> None:
    environ = {"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"], failpoint.VARIABLE: f"{POINT}=stop@1"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.communicate()[0].split() == [b"0", b"1", b"2"]


@pytest.mark.parametrize(
    "value",
    [
        "publish.claim.commit=kill",
        "publish.claim.commit:during=kill",
        "publish.claim:before=kill",
        "no.such.step:before=kill",
        f"{POINT}=explode",
        f"{POINT}=kill@0",
        f"{POINT}=kill(5)",
        f"{POINT}=pause",
        f"{POINT}=pause(x)",
        f"{POINT}",
        f"rescue.lock:before=kill;{POINT}=",
        "kill",
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_and_nothing_is_on(value: str) -> None:
    with pytest.raises(ValueError, match="STANDFAST_FAILPOINT") as refused:
        failpoint.arm(value)
    assert "\n" not in str(refused.value)
    assert not failpoint.is_on()
    ran = run(value)
    assert ran.returncode == 0
    assert ran.stderr == f"standfast: {refused.value}\n"
    assert ran.stdout.split() == ["0", "1", "2"]


def test_a_malformed_variable_keeps_the_daemon_and_a_resume_back_but_not_a_stop(sqlite_city: City) -> None:
    """KS-1: at 2 a.m. a wrong variable is a warning on the receipt; whatever may publish does not start with it."""
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    wrong = {failpoint.VARIABLE: "publish.claim.commit=kill"}
    for command in (["daemon"], ["resume", "--reason", "x"]):
        ran = sqlite_city.run(*command, **wrong)
        assert ran.returncode != 0
        assert "STANDFAST_FAILPOINT: 'publish.claim.commit=kill' is refused" in ran.stderr
    stopped = sqlite_city.run("crisis", "--json", **wrong)
    assert stopped.returncode == 0, stopped.stderr
    assert "is refused" in stopped.stdout


def test_neither_a_settings_file_nor_dotenv_switches_one_on(sqlite_city: City) -> None:
    assert sqlite_city.run("init", "--person", "dana").returncode == 0
    (sqlite_city.root / ".env").write_text("STANDFAST_FAILPOINT=crisis.cell.write:before=kill\n")
    ran = sqlite_city.run("crisis")
    assert ran.returncode == 0
    assert "FAILPOINT" not in ran.stderr
    sqlite_city.set(failpoint="crisis.cell.write:before=kill")
    with pytest.raises(settings.SettingsError, match="is not a setting"):
        settings.load(sqlite_city.root)


def test_with_a_failpoint_on_no_real_platform_is_reached() -> None:
    account = Account("town", "x", {}, {})
    assert base_url(account, "https://api.example.org").host == "api.example.org"
    failpoint.arm("publish.claim.commit:after=print")
    with pytest.raises(AccountError, match="STANDFAST_FAILPOINT is set"):
        base_url(account, "https://api.example.org")
    assert base_url(account, "http://127.0.0.1:1").host == "127.0.0.1"


def test_every_variable_of_the_kind_is_left_out_of_the_settings(tmp_path: Path) -> None:
    loaded = essentials.merged({failpoint.VARIABLE: POINT}, tmp_path)
    assert "failpoint" not in loaded.values
