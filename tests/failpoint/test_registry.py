"""The registry and the code name the same steps: each once, none unknown, and none of the ways that matter without a name."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from config import failpoint
from tests.support import source

LEAST = 25
OPENERS = {"writing": 1, "exclusive": 1, "raise_fence": 3}
"""What commits, or writes fence and witness → how many arguments it has before the one that names its failpoints."""
WAYS = (
    "publisher",
    "worker",
    "emergency_stop",
    "drain",
    "resumption",
    "rescuer",
    "reconciler",
    "cell_keeper",
    "restore",
)
"""The files of the publish, crisis, resume, rescue, reconcile and restore paths: each of their commits has a name."""


def families() -> dict[str, str]:
    """Name in the registry's file → its kind."""
    text = (resources.files("config") / "data" / "failpoints.toml").read_text(encoding="utf-8")
    return {name: kind for kind, names in tomllib.loads(text).items() for name in names}


def constants(node: ast.AST | None) -> Iterator[str]:
    """The names in an expression: the text of an f-string's fixed part counts only where it is the whole name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)


def named_in(module: ast.Module) -> Iterator[tuple[str, str]]:
    """(name, the function it stands in) for each name that `module` gives to a step."""
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                yield from ((name, function.name) for name in _names(node))


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        yield from (name for item in node.keywords if item.arg == "step" for name in constants(item.value))
        if called == "step" and node.args:
            yield from constants(node.args[0])
        if called == "_opened":
            yield from constants(node.args[-1])
    if isinstance(node, ast.Assign) and any(isinstance(t, ast.Attribute) and t.attr == "step" for t in node.targets):
        yield from constants(node.value)


def places() -> dict[str, set[str]]:
    """Name → where it is given to a step (``file:function``)."""
    found = defaultdict(set)
    for file in source.product_files():
        for name, function in named_in(source.tree(file)):
            found[name].add(f"{file}:{function}")
    return found


def nameless(module: ast.Module) -> Iterator[int]:
    """Lines on which `module` opens a transaction, or writes fence and witness, without naming the failpoints."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            named = any(item.arg == "step" for item in node.keywords) or len(node.args) > OPENERS.get(called, 0)
            if called in OPENERS and not named:
                yield node.lineno


def test_each_name_of_the_registry_is_given_to_a_step_in_one_place() -> None:
    known, used = families(), places()
    assert {name: where for name, where in used.items() if name not in known} == {}
    assert sorted(set(known) - set(used)) == []
    assert {name: where for name, where in used.items() if len(where) != 1} == {}


def test_there_are_steps_enough_and_each_is_told_in_a_sentence() -> None:
    steps = failpoint.registry()
    assert len(steps) >= LEAST
    assert all(about.strip() and "\n" not in about for about in steps.values())
    assert set(families().values()) <= set(failpoint.KINDS)


@pytest.mark.parametrize("stem", WAYS)
def test_no_commit_on_the_ways_that_matter_is_without_a_name(stem: str) -> None:
    assert list(nameless(source.tree(Path(f"scheduler/{stem}.py")))) == []


@pytest.mark.parametrize("code", ["with writing(engine) as s: pass", "switch.exclusive(own)", "x.raise_fence(c, d, e)"])
def test_a_commit_without_a_name_is_seen(code: str) -> None:
    assert len(list(nameless(ast.parse(code)))) == 1


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def f():\n with failpoint.step('a.b'): pass", {"a.b"}),
        ("def f():\n with failpoint.step('a', 'b'): pass", {"a"}),
        ("def f():\n with writing(e, step='a'): pass", {"a"}),
        ("def f(self):\n self.step = 'a' if x else 'b'", {"a", "b"}),
        ("def f():\n failpoint.step(step, 'lock')", set()),
    ],
)
def test_a_name_in_the_code_is_seen(code: str, names: set[str]) -> None:
    assert {name for name, _ in named_in(ast.parse(code))} == names


def test_killswitch_itself_stays_plain() -> None:
    """It neither commits nor opens a file: its steps are named where that is done."""
    assert "failpoint" not in source.text(Path("scheduler/killswitch.py"))
