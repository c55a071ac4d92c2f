"""`./dev` on a machine where something is missing: it names what, and the package that brings it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.city import CHECKOUT

TOOLS = ("sh", "dirname", "cat", "rm", "cksum", "env", "sed")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout's folder with a space in its name, and ``bin`` with the bare machine's tools but no Python."""
    folder = tmp_path / "check out"
    (folder / "bin").mkdir(parents=True)
    shutil.copy(CHECKOUT / "dev", folder)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / "bin" / tool).symlink_to(found)
    return folder


def _python(place: Path, refuses: str) -> None:
    """A ``python3`` that fails when its command line holds `refuses`."""
    script = place / "bin" / "python3"
    script.write_text(f'#!/bin/sh\ncase "$*" in *{refuses}*) exit 1 ;; esac\nexec "{sys.executable}" "$@"\n')
    script.chmod(0o755)


def _dev(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": str(place / "bin"), "HOME": os.environ["HOME"], "CI": "true"}
    command = [str(place / "dev"), *words]
    return subprocess.run(
        command, cwd="/", env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("subcommand", ["demo", "test", "setup", "check"])
def test_a_missing_python_is_named(place: Path, subcommand: str) -> None:
    done = _dev(place, subcommand)
    assert done.returncode == 1
    assert "Python 3.11 or newer is missing (found: none): apt-get install python3" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_old_python_is_not_enough(place: Path) -> None:
    _python(place, "version_info")
    done = _dev(place, "setup")
    assert done.returncode == 1
    assert f"(found: Python {sys.version_info.major}.{sys.version_info.minor}" in done.stderr


def test_a_missing_venv_module_is_named(place: Path) -> None:
    _python(place, "ensurepip")
    done = _dev(place, "setup")
    assert done.returncode == 1
    assert "venv module is missing" in done.stderr
    assert "apt-get install python3-venv" in done.stderr
    assert not (place / ".venv").exists()


def test_an_unknown_subcommand_is_wrong_usage(place: Path) -> None:
    done = _dev(place, "dance")
    assert done.returncode == 2
    assert "dance is not a subcommand" in done.stderr


def test_help_names_every_subcommand(place: Path) -> None:
    said = _dev(place, "help")
    cases = re.findall(r"^    ([a-z-]+)\)", (CHECKOUT / "dev").read_text(encoding="utf-8"), re.MULTILINE)
    assert said.returncode == 0
    assert {"demo", "test", "setup", "wheel-check"} <= set(cases)
    assert [name for name in cases if f"./dev {name} " not in said.stdout] == []


def test_ci_runs_what_people_run() -> None:
    script = CHECKOUT / ".ci" / "run"
    assert script.read_text(encoding="utf-8").splitlines()[-1].endswith('/../dev" test')
    assert os.access(script, os.X_OK)
    assert os.access(CHECKOUT / "dev", os.X_OK)
