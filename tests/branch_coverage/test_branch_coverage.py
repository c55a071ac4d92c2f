"""The check of the branches can fail, and nothing in the code talks it out of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from coverage import CoverageData

from tests.branch_coverage.__main__ import judge
from tests.branch_coverage.recorder import FILES, FOLDER, PLANNING, UNWATCHED, is_watched, suites
from tests.support import source
from tests.support.city import CHECKOUT


def test_what_was_not_recorded_is_not_covered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path) == 1
    assert "nothing was recorded" in capsys.readouterr().out


def test_a_branch_that_nobody_took_fails_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line of one file was run and nothing of the others."""
    part = CoverageData(str(tmp_path / "taken"), suffix="one")
    lines = range(1, len(source.text(Path(FILES[0])).splitlines()) + 1)
    part.add_arcs({str(CHECKOUT / FILES[0]): [(line, line + 1) for line in lines]})
    part.write()
    assert judge(tmp_path) == 1
    table = capsys.readouterr().out
    assert all(file in table for file in FILES)
    assert "->" in next(line for line in table.splitlines() if line.startswith(FILES[0]))


def test_the_files_and_their_suites_are_there() -> None:
    assert [name for name in FILES if not (CHECKOUT / name).is_file()] == []
    assert [name for name in UNWATCHED if not (CHECKOUT / PLANNING / name).is_file()] == []
    assert "tests/scheduler/test_killswitch.py" in suites()
    assert "tests/scheduler/planning/test_stager.py" in suites()
    assert not is_watched(PLANNING / "test_post_verbs.py") | is_watched(FOLDER / "press.py")
    assert not is_watched(Path("test_x.py"))


def test_no_remark_takes_a_line_out_of_the_count() -> None:
    silenced = "pragma: no " + "cover"
    assert [str(file) for file in source.product_files() if silenced in source.text(file)] == []
