"""The shape of the house: its rooms, its floors, its one clock and its one way out. Each rule has a twin that breaks it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support import source
from tests.support.city import CHECKOUT

TOP_LEVEL = frozenset(
    {".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "bench", "cli.py", "dev", "docs"}
    | {"examples", "pyproject.toml", "requirements.txt", "requirements-build.txt", "requirements-dev.txt", "tests"}
    | {"requirements-mutants.txt"}
    | {*source.ROOMS, *source.TO_COME}
)
CLOCK = Path("config/clock.py")
CLOCK_NAME = re.compile(r"(now|utcnow|today)(_\w+)?|TimeStamper|formatdate")
CLOCK_SQL = re.compile(r"(?i)\bcurrent_(time(stamp)?|date)\b|\b(now|clock_timestamp)\(\)|\(\s*'now'")
PUBLISHER = Path("scheduler/publisher.py")
MAY_PRINT = ("cli.py", "commands", "console", "sandbox")
"""Rooms that are programs of their own or speak for one."""
LONGEST_FILE = 400
LONGEST_FUNCTION = 45
NOT_FOR_FILES = re.compile(
    r"(?<![\w.:~}])/(?:root|work|Users)/|/home/(?!standfast\b)\w+|"
    r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|(?:extra-)?index-url[ =]|find-links[ =]"
)
SILENCED = "# type" + ": ignore"
STOP_CONTRACT = "the way to a stop"
STOP_MODULES = ("cli", "scheduler.emergency_stop", "scheduler.switch", "scheduler.killswitch", "scheduler.status")


def _clock_reads(module: ast.Module) -> Iterator[str]:
    """Where `module` reads a clock by itself."""
    for name, line in source.imports(module):
        if name == "time" or name.startswith("time."):
            yield f"{line}: import time"
    called = {node.func for node in ast.walk(module) if isinstance(node, ast.Call)}
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and CLOCK_NAME.fullmatch(node.attr) and (node in called or _of_a_type(node)):
            yield f"{node.lineno}: .{node.attr}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CLOCK_SQL.search(node.value):
            yield f"{node.lineno}: {node.value!r}"


def _of_a_type(node: ast.Attribute) -> bool:
    """True for ``datetime.now`` handed on uncalled; a field called ``now`` is a moment somebody read before."""
    owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    return owner in ("datetime", "date", "dt", "func", "processors") or owner[:1].isupper()


def _publish_uses(module: ast.Module) -> Iterator[int]:
    """Lines on which `module` reaches for a connector's publish: called, kept for later, or by name."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr == "publish":
            yield node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            yield from (item.lineno for item in node.args if isinstance(item, ast.Constant) and item.value == "publish")


def _prints(module: ast.Module) -> list[int]:
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    return [
        call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("print", "breakpoint")
    ]


def _long_functions(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"{node.lineno}: {node.name} has {length} lines"


def _bare_ignores(text: str) -> Iterator[str]:
    """Lines that silence the type checker without saying which fault, or why."""
    for number, line in enumerate(text.splitlines(), 1):
        if SILENCED in line and not re.search(rf"{SILENCED}\[[\w,\s-]+\].*\w", line):
            yield f"{number}: {line.strip()}"


def _contracts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(source.text(Path("pyproject.toml")))["tool"]["importlinter"][
        "contracts"
    ]
    return found


def _stop_contract() -> dict[str, Any]:
    (found,) = (contract for contract in _contracts() if contract["name"].startswith(STOP_CONTRACT))
    return found


def _where(file: Path, faults: Iterator[str] | list[int]) -> list[str]:
    return [f"{file}:{fault}" for fault in faults]


def test_the_top_level_holds_the_rooms_and_nothing_else() -> None:
    found = {file.parts[0] for file in source.files()}
    assert found <= TOP_LEVEL
    assert {*source.ROOMS, "cli.py", "dev", ".ci", "tests", "pyproject.toml", "README.md"} <= found


def test_no_clock_is_read_but_in_one_file() -> None:
    assert [
        fault
        for file in source.product_files()
        if file != CLOCK
        for fault in _where(file, _clock_reads(source.tree(file)))
    ] == []
    assert list(_clock_reads(source.tree(CLOCK)))


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "from time import monotonic",
        "datetime.now(UTC)",
        "Field(default_factory=datetime.utcnow)",
        "date.today()",
        "Instant.now()",
        "Date.today_in_system_tz()",
        "execute('SELECT CURRENT_TIMESTAMP')",
        "execute('SELECT now()')",
        "execute(\"SELECT datetime('now')\")",
        "structlog.processors.TimeStamper()",
        "later = datetime.datetime.now",
    ],
)
def test_a_clock_read_elsewhere_is_seen(code: str) -> None:
    assert len(list(_clock_reads(ast.parse(code)))) == 1


def test_one_place_in_the_project_publishes() -> None:
    found = {str(file): lines for file in source.product_files() if (lines := list(_publish_uses(source.tree(file))))}
    assert list(found) == [str(PUBLISHER)]
    assert len(found[str(PUBLISHER)]) == 1


@pytest.mark.parametrize("code", ["x.publish(m)", "later = x.publish", "getattr(x, 'publish')(m)"])
def test_a_second_way_to_publish_is_seen(code: str) -> None:
    assert len(list(_publish_uses(ast.parse(code)))) == 1


def test_packages_run_nothing_when_imported() -> None:
    """Empty ``__init__.py`` files: `standfast crisis` pays for nothing it does not use."""
    packages = [file for file in source.python_files() if file.name == "__init__.py"]
    assert [str(file) for file in packages if source.text(file)] == []
    folders = {parent for file in source.python_files() for parent in file.parents if parent.parts[:1] != ("bench",)}
    assert {str(folder) for folder in folders - {Path()} if not (CHECKOUT / folder / "__init__.py").exists()} == set()


def test_files_and_functions_stay_short() -> None:
    lengths = {str(file): len(source.text(file).splitlines()) for file in source.python_files()}
    assert {file: length for file, length in lengths.items() if length > LONGEST_FILE} == {}
    assert [fault for file in source.python_files() for fault in _where(file, _long_functions(source.tree(file)))] == []


def test_a_long_function_is_seen() -> None:
    body = "    x = 1\n" * LONGEST_FUNCTION
    assert len(list(_long_functions(ast.parse(f"def f():\n{body}")))) == 1


def test_only_commands_print() -> None:
    files = [file for file in source.product_files() if file.parts[0] not in MAY_PRINT]
    assert [fault for file in files for fault in _where(file, _prints(source.tree(file)))] == []
    assert _prints(ast.parse("print('here')")) == [1]


def test_a_silenced_type_fault_says_which_and_why() -> None:
    assert [fault for file in source.python_files() for fault in _where(file, _bare_ignores(source.text(file)))] == []
    assert list(_bare_ignores(f"x = 1  {SILENCED}")) != []
    assert list(_bare_ignores(f"x = 1  {SILENCED}[arg-type]")) != []
    assert list(_bare_ignores(f"x = 1  {SILENCED}[arg-type]  # the library's stub is wrong")) == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = []
    for file in source.files():
        try:
            text = source.text(file)
        except UnicodeDecodeError:
            continue  # an image
        found += [f"{file}: {match.group()}" for match in NOT_FOR_FILES.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "parts", [("/ro", "ot/x"), ("/ho", "me/someone"), ("--index", "-url https://x"), ("pypi", ".org")]
)
def test_a_machine_or_a_registry_is_seen(parts: tuple[str, str]) -> None:
    assert NOT_FOR_FILES.search("".join(parts))


def test_the_floors_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nobody_imports_the_top_floor_or_the_tests() -> None:
    """`cli.py` is a module, which import-linter cannot hold to its floor."""
    named = [(str(file), name) for file in source.product_files() for name, _ in source.imports(source.tree(file))]
    assert [found for found in named if found[1].split(".")[0] in ("cli", "tests", "bench")] == []


def test_every_command_of_the_list_is_there() -> None:
    """`cli.py` names its command groups as text, which no type checker follows."""
    texts = [node.value for node in ast.walk(source.tree(Path("cli.py"))) if isinstance(node, ast.Constant)]
    named = {
        found[1] for text in texts if isinstance(text, str) and (found := re.fullmatch(r"commands\.(\w+)(:\w+)?", text))
    }
    assert {"init", "daemon", "post"} <= named
    assert sorted(name for name in named if not (CHECKOUT / "commands" / f"{name}.py").is_file()) == []


def test_every_room_stands_in_a_contract() -> None:
    floors = next(contract for contract in _contracts() if contract["type"] == "layers")
    rooms = {room.strip("() ") for layer in floors["layers"] for room in layer.split("|")}
    assert rooms == {*source.ROOMS, *source.TO_COME}


def test_the_way_to_a_stop_is_held_to_existing_modules() -> None:
    """A contract over a module that is not there would hold by itself."""
    contract = _stop_contract()
    missing = [name for name in contract["source_modules"] if not (CHECKOUT / f"{name.replace('.', '/')}.py").is_file()]
    assert missing == []
    assert [name for name in contract["forbidden_modules"] if find_spec(name) is None] == []


def test_the_way_to_a_stop_is_held_whole() -> None:
    """The switch, its dialects and who may use it stand under the contract, so that a new piece cannot slip past it."""
    listed = set(_stop_contract()["source_modules"])
    dialects = {f"scheduler.{file.stem}" for file in source.product_files() if file.match("scheduler/switch_*.py")}
    assert len(dialects) >= 2
    assert dialects | {"scheduler.killswitch", "governance.authority", "config.essentials"} <= listed


def test_every_module_of_the_scheduler_but_the_daemon_is_kept_from_planning() -> None:
    """A new module beside the switch stands under the contract from its first day."""
    (contract,) = (contract for contract in _contracts() if contract.get("forbidden_modules") == ["scheduler.planning"])
    beside = {file.stem for file in source.product_files() if file.match("scheduler/*.py")} - {"__init__", "daemon"}
    assert {f"scheduler.{name}" for name in {*beside, "engines"}} == set(contract["source_modules"])


def _loaded_with(module: str, seen: dict[str, str], by: str = "") -> dict[str, str]:
    """Every module that importing `module` imports at once, ours followed further, each with the one that asks for it."""
    if module in seen:
        return seen
    seen[module] = by
    file = Path(f"{module.replace('.', '/')}.py")
    if (CHECKOUT / file).is_file():
        for node in source.tree(file).body:
            for name in _named(node):
                _loaded_with(name, seen, module)
    return seen


def _named(node: ast.stmt) -> list[str]:
    """The modules that a statement at the top of a file imports; ``if TYPE_CHECKING`` imports none."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom) or node.module is None:
        return []
    inner = [f"{node.module}.{alias.name}" for alias in node.names]
    ours = [name for name in inner if (CHECKOUT / f"{name.replace('.', '/')}.py").is_file()]
    return ours or [node.module]


@pytest.mark.parametrize("module", STOP_MODULES)
def test_a_stop_loads_no_framework_at_once(module: str) -> None:
    """What `crisis` imports before it stops; what it needs afterwards it imports inside a function."""
    assert (CHECKOUT / f"{module.replace('.', '/')}.py").is_file()
    forbidden = set(_stop_contract()["forbidden_modules"]) - {"typer"}
    loaded = _loaded_with(module, {})
    assert {name: by for name, by in loaded.items() if name.split(".")[0] in forbidden} == {}


def test_a_framework_behind_a_stop_is_seen() -> None:
    assert _loaded_with("store.migration", {})["sqlalchemy.exc"] == "store.engine"
