"""Mutation operators of our own for cosmic-ray, beside those it brings: SQL, conditions, statements, named arguments, words.

Each says for a node of the parsed file which source texts could stand in its place. Left alone are what the process writes to
its own log and the names of failpoints: neither changes what is published or what is stopped.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from cosmic_ray.operators.operator import Operator
from parso.python.tree import Name
from parso.tree import NodeOrLeaf

from tests.mutation import sql_rewrite

WORD = re.compile(r"""(?P<quote>["'])(?P<word>[a-z][a-z_]*)(?P=quote)""")
FREE = ("logger", "failpoint")
"""Calls of these are not mutated, nor anything in them."""
STEP = "step="
"""The argument that names a failpoint."""
NEUTRAL = {"and_test": "or True", "or_test": "and False"}
OPPOSITE = {"max": "min", "min": "max", "any": "all", "all": "any"}


class Rewrite(Operator):
    """An operator that puts other source text in a node's place."""

    @abstractmethod
    def texts(self, node: NodeOrLeaf) -> Iterator[str]:
        """The texts that could stand in place of `node`."""

    def mutation_positions(self, node: Any) -> Any:
        """One position for each text."""
        return (
            []
            if _is_free(node) or _is_in_decorator(node)
            else [(node.start_pos, node.end_pos) for _ in self.texts(node)]
        )

    def mutate(self, node: Any, index: int) -> Any:
        """The node with its `index`-th text."""
        return Name(list(self.texts(node))[index], node.start_pos, node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> Any:
        """`tests/mutation/test_operator.py` holds them."""
        return ()


def _code(node: NodeOrLeaf) -> str:
    text: str = node.get_code(include_prefix=False)
    return text


def _is_free(node: NodeOrLeaf) -> bool:
    around: NodeOrLeaf | None = node
    while around is not None and around.type not in ("funcdef", "classdef", "suite"):
        if around.type == "atom_expr" and around.get_first_leaf().get_code(include_prefix=False) in FREE:
            return True
        around = around.parent
    return False


def _is_in_decorator(node: NodeOrLeaf) -> bool:
    """A dataclass that is not frozen, or a test's mark, is nothing that a post or a stop could tell."""
    around: NodeOrLeaf | None = node
    while around is not None and around.type not in ("funcdef", "classdef", "suite"):
        if around.type == "decorator":
            return True
        around = around.parent
    return False


class Sql(Rewrite):
    """Conditions forced, boundaries moved, assignments and list items left out, order and extremes turned."""

    def texts(self, node: NodeOrLeaf) -> Iterator[str]:
        """The statement's other readings."""
        is_docstring = node.parent is not None and node.parent.type == "simple_stmt"
        if node.type in ("string", "fstring") and not is_docstring:
            yield from sql_rewrite.rewrites(_code(node))


class Condition(Rewrite):
    """What decides a branch, or a part of it, made always true or always false (and still evaluated)."""

    def texts(self, node: NodeOrLeaf) -> Iterator[str]:
        """Both for a whole condition, the one that leaves it to the others for a part."""
        parent = node.parent
        if parent is None or node.type in ("keyword", "operator", "suite", "simple_stmt"):
            return
        before = node.get_previous_sibling()
        leads = "" if before is None else _code(before)
        if parent.type in ("if_stmt", "while_stmt", "comp_if", "test") and leads in ("if", "elif", "while"):
            yield f"({_code(node)}) or True"
            yield f"({_code(node)}) and False"
        elif parent.type in NEUTRAL:
            yield f"(({_code(node)}) {NEUTRAL[parent.type]})"


class Statement(Rewrite):
    """A call for its effect, a change of an attribute, an augmented assignment or a raise left out."""

    def texts(self, node: NodeOrLeaf) -> Iterator[str]:
        """``pass`` in its place."""
        if node.parent is None or node.parent.type != "simple_stmt":
            return
        is_call = node.type == "atom_expr"
        is_change = node.type == "expr_stmt" and ("." in _code(node).split("=")[0] or "|=" in _code(node))
        if is_call or is_change or node.type == "raise_stmt":
            yield "pass"


class NamedArgument(Rewrite):
    """A named argument of a call left out."""

    def texts(self, node: NodeOrLeaf) -> Iterator[str]:
        """The arguments without one of the named ones."""
        if node.type == "arglist":
            parts = [child for child in node.children if _code(child) != ","]
            for left_out in parts:
                if left_out.type == "argument" and "=" in _code(left_out) and not _code(left_out).startswith(STEP):
                    yield ", ".join(_code(part) for part in parts if part is not left_out)
        elif (
            node.type == "argument"
            and node.parent is not None
            and node.parent.type == "trailer"
            and "=" in _code(node)
            and not _code(node).startswith(STEP)
        ):
            yield ""


class Word(Rewrite):
    """A single word in quotes (a state, a column, a kind of entry) misspelt."""

    def texts(self, node: NodeOrLeaf) -> Iterator[str]:
        """The word with something after it."""
        is_docstring = node.parent is not None and node.parent.type == "simple_stmt"
        if node.type == "string" and not is_docstring and (match := WORD.fullmatch(_code(node))):
            yield f"{match['quote']}{match['word']}_{match['quote']}"


class Opposite(Rewrite):
    """The other extreme: max for min, any for all."""

    def texts(self, node: NodeOrLeaf) -> Iterator[str]:
        """The name of the opposite function."""
        after = node.get_next_sibling() if node.type == "name" and node.parent is not None else None
        if after is not None and after.type == "trailer" and _code(after).startswith("("):
            yield from (OPPOSITE[name] for name in [_code(node)] if name in OPPOSITE)


OPERATORS = {made.__name__: made for made in (Sql, Condition, Statement, NamedArgument, Word, Opposite)}


class Provider:
    """The operators by name, as cosmic-ray asks for them."""

    def __iter__(self) -> Iterator[str]:
        return iter(OPERATORS)

    def __getitem__(self, name: str) -> type[Rewrite]:
        return OPERATORS[name]
