"""The bench of search and packages at tiny sizes, on both databases: its figures can be true. No speed is judged here."""

from __future__ import annotations

import pytest

from bench import records
from bench.store import BOTH


@pytest.mark.parametrize("database", BOTH)
def test_it_measures_and_prints(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert records.main(["--quick", "--databases", database]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(records.wishes(1)) + 4
    assert all(line.startswith(database) for line in said)
    assert [line for line in said if "  0 " in line] == []
