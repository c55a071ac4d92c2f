"""A package is whole, or does not lie under its name: ends at every step, and kills (RC-3)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import records_export
from records.export import layout, package
from store.engine import open_engine
from tests.commands.office import Office, opened
from tests.commands.packages import (
    add_post,
    check,
    furnish,
    ok,
)
from tests.support.city import City

STEPS = ("taken", "tables", "sheets", "web archive", "report", "papers", "bag", "recorded", "named")


@pytest.mark.parametrize("last", STEPS)
@pytest.mark.parametrize("noted", [True, False])
def test_an_export_that_was_killed_goes_on(
    office: Office, tmp_path: Path, monkeypatch: Any, last: str, noted: bool
) -> None:
    """RC-3: after each step, and after each step before it was noted; nothing half done lies under the name."""
    furnish(office)
    to = tmp_path / "out"
    line = ("records", "export", "--to", str(to), "--request", "R-7")
    with monkeypatch.context() as patched:
        patched.setattr(package.Making, "_note", _killed_at(last, noted))
        with pytest.raises(KeyError, match="killed"):
            _raising(office, *line)
    assert to.exists() is (last == "named")
    work = layout.work_of(to)
    assert work.is_dir()
    assert "holds an unfinished export: --resume goes on" in office.fails(*line) or last == "named"
    if last != "named":
        other = office.fails(*line, "--resume", "--words", "other")
        assert "is of another request or question" in other
    said = ok(office, *line, "--resume")
    assert "the package for request R-7" in said.err
    check(to)
    assert not work.exists()
    entries = ok(office, "records", "list", "--action", "records.export", "--json").data
    assert len(entries) == 1


def _killed_at(last: str, noted: bool) -> Callable[..., None]:
    real = package.Making._note

    def note(self: Any, **values: Any) -> None:
        is_last = values.get("done", [""])[-1:] == [last]
        if noted or not is_last:
            real(self, **values)
        if is_last:
            raise KeyError("killed")

    return note


def _raising(office: Office, *line: str) -> None:
    from typer.testing import CliRunner

    from tests.commands.office import app

    with pytest.MonkeyPatch.context() as patched:
        import commands.context as context

        patched.setattr(context, "_fail_with", _again)
        CliRunner().invoke(app, line, catch_exceptions=False)


def _again(error: Exception) -> None:
    raise error


def test_what_is_disposed_of_after_a_kill_is_not_in_the_package(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RC-3, RC-4: what was taken before is taken again, by the store as it is when the work goes on."""
    made = furnish(office)
    line = ("records", "export", "--to", str(tmp_path / "out"), "--request", "R-7")
    with monkeypatch.context() as patched:
        patched.setattr(package.Making, "_note", _killed_at("taken", noted=False))
        with pytest.raises(KeyError, match="killed"):
            _raising(office, *line)
    work = layout.work_of(tmp_path / "out") / package.PACKAGE
    assert (work / "mail" / f"{made['mail']}.eml").exists()
    assert [*(work / "media").iterdir()]
    numbers = f"({made['mail']}, {made['image']})"
    with office.engine.begin() as connection:
        of_those = f"sha256 IN (SELECT sha256 FROM record WHERE id IN {numbers})"
        connection.exec_driver_sql(f"DELETE FROM record_content WHERE {of_those}")
        connection.exec_driver_sql(f"UPDATE record SET disposed_by = 1 WHERE id IN {numbers}")
    ok(office, *line, "--resume")
    check(tmp_path / "out")
    assert not [*(tmp_path / "out" / "data").glob("m*/*")]


def test_a_killed_process_leaves_nothing_under_the_name(office: Office, tmp_path: Path) -> None:
    """RC-3: SIGKILL in the midst of it."""
    for number in range(300):
        add_post(office, f"Pool news {number} " + "w " * 500)
    to = tmp_path / "out"
    line = office.city.command("records", "export", "--to", str(to), "--request", "R-7")
    process = subprocess.Popen(line, cwd=office.city.root, env={**office.city.environ, "STANDFAST_TOKEN": office.token})
    work = layout.work_of(to)
    while process.poll() is None and not (work / package.PACKAGE / "csv").exists():
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not to.exists()
    ok(office, "records", "export", "--to", str(to), "--request", "R-7", "--resume")
    check(to)


@pytest.mark.parametrize(
    ("option", "slip"), [("--channel", "parkz"), ("--department", "Parkz"), ("--suspension", "9"), ("--words", "...")]
)
def test_a_question_that_cannot_be_answered_leaves_nothing_behind(
    office: Office, tmp_path: Path, option: str, slip: str
) -> None:
    """RC-3: the question is mended and asked again, without --resume and without anything to be removed first."""
    furnish(office)
    line = ("records", "export", "--to", str(tmp_path / "out"), "--request", "R-7")
    office.fails(*line, option, slip)
    assert not list(tmp_path.glob("out*"))
    ok(office, *line, "--channel", "parks")


def test_nothing_that_is_there_is_replaced(office: Office, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert "exists: name another folder" in office.fails(
        "records", "export", "--to", str(tmp_path / "out"), "--request", "1"
    )
    missing = str(tmp_path / "none" / "out")
    assert "there is no such folder" in office.fails("records", "export", "--to", missing, "--request", "1")
    for line in (("--to", "", "--request", "1"), ("--to", "x", "--request", " ")):
        assert "must not be empty" in office.fails("records", "export", *line)
    for line, told in ((("--state", "sent"), "--state 'sent' is none of"), (("--series", "x"), "--series 'x' is none of"),
                       (("--since", "2026-01-02 00:00", "--until", "2026-01-01 00:00"), "is not before"),
                       (("--department", "Sewers"), "no channel and no person is of department")):  # fmt: skip
        assert told in office.fails("records", "export", "--to", str(tmp_path / "x"), "--request", "1", *line)
        assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("library", ["bagit", "xlsxwriter", "warcio.warcwriter", "typst"])
def test_a_library_that_is_missing_is_named_and_the_work_goes_on_once_it_is_there(
    sqlite_city: City, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: str
) -> None:
    """RC-3."""
    monkeypatch.setenv("STANDFAST_TOKEN", "")
    engine = open_engine(sqlite_city.url)
    office = opened(sqlite_city, engine)
    add_post(office, "Pool news")
    line = ("records", "export", "--to", str(tmp_path / "out"), "--request", "R-7", "--resume")
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, library, None)
        assert f"{library.split('.')[0]} is not installed" in office.fails(*line)
    assert not (tmp_path / "out").exists()
    ok(office, *line)
    check(tmp_path / "out")
    engine.dispose()


def test_how_far_it_is_is_shown_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with records_export._progress() as tell:
        assert tell is records_export._unseen
    bars = _Bars()
    tell = records_export._bar(bars)
    tell("records", 200, 400)
    tell("records", 400, 400)
    tell("posts", 1, 2)
    assert bars.seen == [(0, 200, 400), (0, 400, 400), (1, 1, 2)]
    assert bars.names == ["records", "posts"]


class _Bars:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.seen: list[tuple[int, int, int]] = []

    def add_task(self, name: str) -> int:
        self.names.append(name)
        return len(self.names) - 1

    def update(self, task: int, completed: int, total: int) -> None:
        self.seen.append((task, completed, total))
