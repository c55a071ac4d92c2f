"""`docs/requirements.md` is true: every requirement stands in it, with the tests that prove it and no other.

When this fails after a test was added, renamed or removed: ``python -m tests.requirements_table``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests import requirements_table
from tests.requirements_table import ALL_IDS, Line

MUST_HAVE = (
    *(f"KS-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 17, 19, 23)),
    *(f"I{number}" for number in range(1, 9)),
)
"""What the first version has to show."""
STATES = {"proven", "covered so far", "to come"}
REMEDY = "run `python -m tests.requirements_table`"


def _lines() -> list[Line]:
    return requirements_table.lines(requirements_table.DOCUMENT.read_text(encoding="utf-8"))


def test_every_requirement_is_listed_once_with_a_statement_and_a_state() -> None:
    assert [line.id for line in _lines()] == list(ALL_IDS)
    assert [line.id for line in _lines() if not line.statement or line.state not in STATES] == []


def test_every_named_test_exists_and_carries_the_id() -> None:
    tests = requirements_table.named_tests(requirements_table.CHECKOUT)
    wrong = [(line.id, name) for line in _lines() for name in line.tests if line.id not in tests.get(name, ())]
    assert wrong == [], REMEDY


def test_every_id_in_a_docstring_is_listed_under_that_id() -> None:
    listed = {(line.id, name) for line in _lines() for name in line.tests}
    said = {
        (own, name) for name, ids in requirements_table.named_tests(requirements_table.CHECKOUT).items() for own in ids
    }
    assert sorted(said - listed) == [], REMEDY


def test_what_this_version_must_show_has_a_test() -> None:
    assert [line.id for line in _lines() if line.id in MUST_HAVE and not line.tests] == []
    assert [line.id for line in _lines() if line.id in MUST_HAVE and line.state == "to come"] == []


def test_nothing_is_called_proven_or_covered_without_a_test() -> None:
    assert [line.id for line in _lines() if line.state != "to come" and not line.tests] == []


def test_what_is_not_whole_says_what_is_still_to_come() -> None:
    assert [line.id for line in _lines() if line.state != "proven" and not line.remark] == []


def test_the_table_is_as_the_helper_writes_it() -> None:
    text = requirements_table.DOCUMENT.read_text(encoding="utf-8")
    assert requirements_table.rewritten(text, requirements_table.named_tests(requirements_table.CHECKOUT)) == text, (
        REMEDY
    )


def test_the_helper_finds_tests_and_contracts_and_nothing_else(tmp_path: Path) -> None:
    """The reader of docstrings itself: methods, contracts in use, and neither helpers nor contracts nobody uses."""
    folder = tmp_path / "tests"
    folder.mkdir()
    made = """
class UsedContract:
    def test_one(self): "{0}: said here."
class IdleContract:
    def test_two(self): "{0}: nobody runs this."
def test_in_no_test_file(): "{0}"
"""
    (folder / "contract.py").write_text(made.format("KS-2"))
    (folder / "test_a.py").write_text(
        "class TestA(UsedContract):\n    pass\ndef test_b(): 'I3, GV-4'\ndef helper(): 'KS-9'"
    )
    found = requirements_table.named_tests(tmp_path)
    assert {name: set(ids) for name, ids in found.items()} == {
        "tests/contract.py::UsedContract::test_one": {"KS-2"},
        "tests/test_a.py::test_b": {"I3", "GV-4"},
    }
    table = "| KS-2 | said | proven | | `old` |\n| KS-3 | said | to come | all | `gone` |\nprose\n"
    assert requirements_table.rewritten(table, found).splitlines() == [
        "| KS-2 | said | proven | | `tests/contract.py::UsedContract::test_one` |",
        "| KS-3 | said | to come | all | – |",
        "prose",
    ]


def test_the_ids_are_those_of_the_requirements() -> None:
    assert Counter(own.rstrip("0123456789") for own in ALL_IDS) == requirements_table.COUNTS
