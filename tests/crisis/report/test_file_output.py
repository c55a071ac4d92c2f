"""A report's file appears whole, for its owner alone, and in place of nothing that nobody gave up."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from crisis.report import file_output
from crisis.report.choice import ReportError


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    file_output.write(file, b"words", force=False)
    assert file.read_bytes() == b"words"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert _left(tmp_path) == ["report.md"]


def test_what_exists_is_replaced_only_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    file.write_text("old")
    file.chmod(0o644)
    with pytest.raises(ReportError, match="exists: name another file, or --force"):
        file_output.write(file, b"new", force=False)
    assert file.read_text() == "old"
    file_output.write(file, b"new", force=True)
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode), _left(tmp_path)) == ("new", 0o600, ["report.md"])


def test_a_file_that_comes_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the name: the link refuses what a rename would have replaced."""
    file = tmp_path / "report.md"
    monkeypatch.setattr(file_output, "check", lambda path, force: file.write_text("somebody else's"))
    with pytest.raises(ReportError, match="exists"):
        file_output.write(file, b"new", force=False)
    assert (file.read_text(), _left(tmp_path)) == ("somebody else's", ["report.md"])


def test_without_links_it_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", none)
    file_output.write(tmp_path / "r", b"x", force=False)
    assert _left(tmp_path) == ["r"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".", "is a folder"),
        ("", "is a folder"),
        ("no/such/folder", "there is no such folder"),
        ("/dev/null", "is no ordinary file"),
        ("a\0b", "cannot be written|there is no such"),
        ("x" * 300, "cannot be written"),
    ],
)
def test_a_bad_path_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str, force: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReportError, match=said) as found:
        file_output.write(Path(name), b"x", force=force)
    assert "\n" not in str(found.value)
    assert _left(tmp_path) == []


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r").write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReportError, match="No space left"):
        file_output.write(tmp_path / "r", b"new", force=True)
    assert ((tmp_path / "r").read_text(), _left(tmp_path)) == ("old", ["r"])
