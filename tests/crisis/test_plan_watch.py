"""The daemon's plan: an edit counts at once, and a broken file takes nobody off the notice list."""

from __future__ import annotations

from pathlib import Path

import pytest

from crisis import plan, plan_watch
from crisis.plan_watch import PlanWatch
from tests.crisis.plans import changed, filled, written


def _people(watch: PlanWatch) -> list[str]:
    return [item.person for item in watch().notices]


def test_an_edit_counts_with_the_next_look(tmp_path: Path) -> None:
    watch = PlanWatch(written(tmp_path, filled()))
    assert _people(watch) == ["dora", "omar"]
    written(tmp_path, changed(('person = "omar"', 'person = "olga"')))
    assert _people(watch) == ["dora", "olga"]


def test_a_file_that_is_the_same_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = PlanWatch(written(tmp_path, filled()))
    first = watch()
    monkeypatch.setattr(plan, "read", None)
    assert watch() is first


def test_a_broken_one_is_said_once_and_the_last_good_one_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = PlanWatch(written(tmp_path, filled()))
    watch()
    file = written(tmp_path, "version = [")
    assert [_people(watch) for _ in range(3)] == [["dora", "omar"]] * 3
    shown = capsys.readouterr().out
    assert (shown.count("plan cannot be used"), "the last good one" in shown) == (1, True)
    file.unlink()
    assert _people(watch) == ["dora", "omar"]
    written(tmp_path, changed(('person = "omar"', 'person = "olga"')))
    assert _people(watch) == ["dora", "olga"]


def test_one_that_was_never_good_is_the_shipped_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watch = PlanWatch(tmp_path / "crisis-plan.toml")
    assert [watch().is_shipped for _ in range(2)] == [True, True]
    shown = capsys.readouterr().out
    assert (shown.count("plan cannot be used"), "the shipped one, which tells nobody" in shown) == (1, True)
    written(tmp_path, filled())
    assert _people(watch) == ["dora", "omar"]


def test_the_mark_of_a_file_follows_its_permissions(tmp_path: Path) -> None:
    """What could not be read is looked at again when that was mended."""
    file = written(tmp_path, filled())
    before = plan_watch._mark(file)
    file.chmod(0o600 if file.stat().st_mode & 0o777 != 0o600 else 0o640)
    assert plan_watch._mark(file) != before
