"""The last column of ``docs/requirements.md``, written from the docstrings: ``python -m tests.requirements_table``.

The other columns are kept by hand. ``--check`` writes nothing and ends with 1 when the file would change.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
DOCUMENT = CHECKOUT / "docs" / "requirements.md"
ID = re.compile(r"\b(?:(?:KS|GV|CT|RC|SE)-\d+|I\d)\b")
ROW = re.compile(rf"\|\s*(?P<id>{ID.pattern})\s*\|(?P<prose>.*)\|(?P<tests>[^|]*)\|\s*")
COUNTS = {"KS-": 24, "GV-": 8, "CT-": 7, "RC-": 7, "SE-": 5, "I": 9}
ALL_IDS = tuple(f"{family}{number}" for family, count in COUNTS.items() for number in range(1, count + 1))
Named = Mapping[str, frozenset[str]]
"""Test (``tests/x.py::test_y``) → the ids in its docstring."""


@dataclass(frozen=True)
class Line:
    """One row of the document: statement, state and what is to come are kept by hand."""

    id: str
    statement: str
    state: str
    remark: str
    tests: tuple[str, ...]


def named_tests(root: Path) -> Named:
    """Every test that pytest would run, with the ids of its docstring; a contract's tests stand under the contract's name."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((root / "tests").rglob("*.py"))}
    used = _inherited(trees)
    found: dict[str, frozenset[str]] = {}
    for path, tree in trees.items():
        for owner, function in _functions(tree):
            if path.name.startswith("test_") or owner in used:
                name = "::".join(part for part in (path.relative_to(root).as_posix(), owner, function.name) if part)
                found[name] = frozenset(ID.findall(ast.get_docstring(function) or ""))
    return found


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """(class or nothing, test function) of a module."""
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        owner = node.name if isinstance(node, ast.ClassDef) else ""
        yield from ((owner, item) for item in inside if isinstance(item, ast.FunctionDef) and item.name[:5] == "test_")


def _inherited(trees: Mapping[Path, ast.Module]) -> set[str]:
    """The classes that a ``Test…`` class derives from, at any distance."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    reached: set[str] = set()
    ahead = [name for name in bases if name.startswith("Test")]
    while ahead:
        for base in bases.get(ahead.pop(), set()) - reached:
            reached.add(base)
            ahead.append(base)
    return reached


def lines(text: str) -> list[Line]:
    """The rows of the document's tables."""
    found = []
    for row in filter(None, map(ROW.fullmatch, text.splitlines())):
        statement, state, remark = (cell.strip() for cell in row["prose"].split("|"))
        found.append(Line(row["id"], statement, state, remark, tuple(re.findall(r"`([^`]+)`", row["tests"]))))
    return found


def rewritten(text: str, tests: Named) -> str:
    """The document with its last column as the docstrings have it."""
    return "".join(_row(line, tests) for line in text.splitlines(keepends=True))


def _row(line: str, tests: Named) -> str:
    row = ROW.fullmatch(line.rstrip("\n"))
    if row is None:
        return line
    names = sorted(name for name, ids in tests.items() if row["id"] in ids)
    return f"| {row['id']} |{row['prose']}| {'<br>'.join(f'`{name}`' for name in names) or '–'} |\n"


def main() -> int:
    """1 when the file was to be checked and is not up to date."""
    before = DOCUMENT.read_text(encoding="utf-8")
    after = rewritten(before, named_tests(CHECKOUT))
    if "--check" in sys.argv[1:]:
        return int(before != after)
    DOCUMENT.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
