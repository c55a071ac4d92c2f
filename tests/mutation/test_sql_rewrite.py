"""What the project's own mutation of SQL makes of a statement, and that each explained survivor is still a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler import killswitch
from tests.mutation.sql_rewrite import rewrites
from tests.mutation.survivor import explanations
from tests.support import source

CASES = {
    "a condition is forced both ways and keeps its parameter": (
        "SELECT 1 FROM post WHERE due_at = ?",
        {"SELECT 1 FROM post WHERE (due_at = ? OR 1 = 1)", "SELECT 1 FROM post WHERE (due_at = ? AND 1 = 0)"},
    ),
    "a boundary moves by one": (
        "SELECT 1 FROM post WHERE due_at <= {now}",
        {
            "SELECT 1 FROM post WHERE (due_at <= {now} OR 1 = 1)",
            "SELECT 1 FROM post WHERE (due_at <= {now} AND 1 = 0)",
            "SELECT 1 FROM post WHERE due_at < {now}",
        },
    ),
    "a column keeps its value and the parameter is taken all the same": (
        "UPDATE post SET state = 'held', updated_at = ?",
        {
            "UPDATE post SET state = state, updated_at = ?",
            "UPDATE post SET state = 'held', updated_at = CASE WHEN 1 = 1 THEN updated_at ELSE ? END",
        },
    ),
    "each item of a list is left out": (
        "('sending', 'unknown')",
        {"('unknown')", "('sending')"},
    ),
    "a subquery is forced as a whole": (
        "AND EXISTS (SELECT max(x) FROM t)",
        {"AND (EXISTS (SELECT max(x) FROM t) OR 1 = 1)", "AND (EXISTS (SELECT max(x) FROM t) AND 1 = 0)"},
    ),
    "order, extremes and conflicts are turned": (
        "SELECT MAX(at) FROM t ORDER BY seq DESC",
        {"SELECT MIN(at) FROM t ORDER BY seq DESC", "SELECT MAX(at) FROM t ORDER BY seq"},
    ),
    "words for people are left alone": ("a stop and a lift or both", set()),
}


@pytest.mark.parametrize("name", CASES)
def test_a_statement_s_other_readings(name: str) -> None:
    text, expected = CASES[name]
    assert set(rewrites(text)) == expected


def test_the_heart_of_the_switch_has_many_other_readings() -> None:
    """Should the statements be laid out otherwise one day, so that nothing is found in them, this fails."""
    assert len(set(rewrites(killswitch.COVERS))) > 15
    assert set(rewrites(killswitch.OPEN_STATES)) == {"('sending')", "('unknown')"}


def test_each_explained_survivor_is_still_about_a_line_of_its_file() -> None:
    """A stale one is found without trying mutants; whether it survives only `python -m tests.mutation` knows."""
    entries = explanations()
    assert len({entry.mutant for entry in entries}) == len(entries)
    assert [entry for entry in entries if not entry.why.strip()] == []
    lines = {name: " ".join(source.text(Path(name)).split()) for name in {entry.file for entry in entries}}
    assert [entry for entry in entries if " ".join(entry.was.split()) not in lines[entry.file]] == []
