"""The project's own files, as the tests of its shape read them."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.city import CHECKOUT

ROOMS = (
    *("calendars", "commands", "config", "connectors", "console", "crisis", "governance", "policy", "records"),
    *("sandbox", "scheduler", "store"),
)
TO_COME: tuple[str, ...] = ()
NOT_OURS = frozenset(
    {"__pycache__", "build", "data", "dist", ".git", ".hypothesis", ".import_linter_cache", ".mypy_cache"}
    | {".pytest_cache", ".ruff_cache", ".venv", ".cache", "standfast.toml", ".env", "uv.lock"}
)
"""What git leaves out as well; for a checkout that came without it."""


@cache
def files() -> tuple[Path, ...]:
    """Every file of the project, relative to the checkout: what git keeps or would keep."""
    if (CHECKOUT / ".git").exists() and shutil.which("git"):
        command = ["git", "-c", "core.quotePath=off", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
        names = [Path(name) for name in listed.split("\0") if name]
        return tuple(sorted(name for name in names if (CHECKOUT / name).is_file()))
    return tuple(sorted(path.relative_to(CHECKOUT) for path in _walk(CHECKOUT)))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in NOT_OURS and (path.name != "data" or folder == CHECKOUT):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def python_files() -> list[Path]:
    """Every Python file, product and tests."""
    return [file for file in files() if file.suffix == ".py"]


def product_files() -> list[Path]:
    """Every Python file that a city runs."""
    return [file for file in python_files() if str(file) == "cli.py" or file.parts[0] in (*ROOMS, *TO_COME)]


@cache
def text(file: Path) -> str:
    """The file's text."""
    return (CHECKOUT / file).read_text(encoding="utf-8")


@cache
def tree(file: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(text(file), str(file))


def imports(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Every module imported anywhere in `module`, with its line."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
