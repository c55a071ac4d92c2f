"""Every act that can be refused has words for people; the log keeps its own name for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from governance import deeds
from tests.support.city import CHECKOUT

ASKED = {"check": 3, "check_any": 3, "require": 4, "require_any": 4, "begin": 2, "_begin": 2}
"""The functions that refuse, with the place of the act's name where it is given by place."""
NAME = re.compile(r"[a-z_]+(\.[a-z_]+)?")


def _acts() -> Iterator[str]:
    """The names of acts that the source asks leave for, where they are written out."""
    for room in ("governance", "scheduler", "crisis", "commands"):
        for file in (CHECKOUT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield from _named(node)


def _named(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ASKED:
        given = {word.arg: word.value for word in call.keywords}.get("action")
        given = given or (call.args[ASKED[name]] if len(call.args) > ASKED[name] else None)
        if isinstance(given, ast.Constant) and isinstance(given.value, str) and NAME.fullmatch(given.value):
            yield given.value


def test_every_act_that_can_be_refused_has_words() -> None:
    """GV-4: and the table has no word for what nobody asks for."""
    found = set(_acts())
    assert len(found) > 30
    assert found - set(deeds.WORDS) == set()


def test_the_words_are_no_names_of_acts() -> None:
    assert not [said for said in deeds.WORDS.values() if "." in said or "_" in said]
    assert deeds.words("post.add", "posts on channel parks") == "queue posts on channel parks"
    assert deeds.words("some_new.act", "7") == "some new act 7"
    assert deeds.refused("post.edit post 7") == "edit post 7"
    assert deeds.refused("") == ""
