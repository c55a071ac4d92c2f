"""`standfast demo` as a newcomer runs it: once whole, judged by the log that it kept, and once with its daemon killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from config import clock
from sandbox import arrivals
from tests.support.city import CHECKOUT

PATIENCE_S = 240.0
"""A demo takes less than a minute on a free machine; the tests may share theirs."""


@dataclass(frozen=True)
class Shown:
    """What a demo showed, and the folder that it kept."""

    folder: Path
    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The figures it gave."""
        found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        return found

    def rows(self, query: str) -> list[Any]:
        """Rows of its store."""
        return _rows(self.folder, query)


def _rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{folder / 'data' / 'standfast.db'}?mode=ro", uri=True)) as store:
        return store.execute(query).fetchall()


@contextmanager
def _demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo in plain lines, in a process of its own."""
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-P", "-m", "cli", "demo", "--keep", str(folder)]
    with subprocess.Popen(
        command, cwd=folder.parent, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def _ended(folder: Path, process: subprocess.Popen[str]) -> Shown:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Shown(folder, process.returncode, out, err)


def _wait(process: subprocess.Popen[str], done: Callable[[], bool]) -> None:
    limit = clock.boot_s() + PATIENCE_S
    while not done():
        assert process.poll() is None, process.communicate()
        assert clock.boot_s() < limit
        Event().wait(0.05)


def _left_behind(folder: Path) -> list[str]:
    """The command lines of processes that still belong to the demo of `folder`."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            environ = (process / "environ").read_bytes() if process.name.isdigit() else b""
            if (
                f"STANDFAST_CONFIG={folder}/".encode() in environ
                or str(folder).encode() in (process / "cmdline").read_bytes()
            ):
                found.append((process / "cmdline").read_text())
        except OSError:  # ended meanwhile, or not ours to read
            continue
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """One whole demo, for all tests of it."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    with _demo(folder) as process:
        return _ended(folder, process)


def _sent(demo: Shown) -> list[tuple[str, str, int]]:
    """(Channel, remote id, wall µs) of everything that went out, by the sandbox's log and the outbox."""
    pages = {json.loads(row[1]).get("page_id"): row[0] for row in demo.rows("SELECT name, settings FROM channel")}
    tokens = dict(
        line.split("=", 1)[::-1] for line in (demo.folder / ".env").read_text().splitlines() if "ACCESS_TOKEN=" in line
    )
    secrets = {
        variable: name
        for name, text in demo.rows("SELECT name, secrets FROM channel")
        for variable in json.loads(text).values()
    }
    found = []
    for line in arrivals.read(demo.folder / "arrivals.jsonl"):
        if line.kind == "publish" and line.accepted:
            page = line.path.split("/")[-2]
            channel = pages[page] if line.platform == "facebook" else secrets[tokens[line.account]]
            found.append((channel, str(line.remote_id), line.wall_us))
    for file in demo.folder.glob("outbox/*/*/post.json"):
        post = json.loads(file.read_text(encoding="utf-8"))
        at = clock.datetime.fromisoformat(post["published_at"])
        found.append((post["channel"], post["key"], clock.from_datetime(at)))
    return found


def test_the_demo_ends_well_and_says_so(demo: Shown) -> None:
    assert demo.code == 0, demo.out[-3000:] + demo.err
    assert demo.err == ""
    assert "everything as it must be" in demo.out
    assert demo.summary["faults"] == []
    for line in ("QUIET CONFIRMED", "NOT LIFTED", "LIFTED", "the log is whole", "went out in the silence"):
        assert line in demo.out
    assert "\x1b" not in demo.out
    assert "token" not in demo.out.replace("people token", "")


def test_its_figures_are_those_of_the_platforms_own_log(demo: Shown) -> None:
    sent, told = _sent(demo), demo.summary["channels"]
    assert Counter(channel for channel, _, _ in sent) == {name: figures["log"] for name, figures in told.items()}
    assert len(told) == 5
    assert all(figures["log"] == figures["store"] > 0 for figures in told.values())
    stored = demo.rows("SELECT channel, remote_id FROM post WHERE state = 'published'")
    assert sorted(stored) == sorted((channel, remote) for channel, remote, _ in sent)
    assert len({(channel, remote) for channel, remote, _ in sent}) == len(sent)


def test_nothing_went_out_between_the_stop_and_the_resume(demo: Shown) -> None:
    """KS-1, KS-2: by the log; what was in flight stands in the receipt, and what fell due is held."""
    ((number, start, end),) = demo.rows("SELECT id, at, lifted_at FROM suspension")
    listed = demo.rows(f"SELECT attempt_id FROM suspension_inflight WHERE suspension_id = {number}")
    begun = {a for (a,) in demo.rows("SELECT remote_id FROM attempt WHERE sending_at <= " + str(start))}
    assert [item for item in _sent(demo) if start < item[2] < end and item[1] not in begun] == []
    assert len(listed) == demo.summary["in_flight_at_the_stop"] >= 1
    assert demo.summary["went_out_in_the_silence"] == 0
    assert demo.summary["held_at_the_resume"] == demo.summary["fell_due_in_the_silence"] >= 6
    assert any(item[2] < start for item in _sent(demo))
    assert any(item[2] > end for item in _sent(demo))


def test_every_held_post_was_decided_or_still_waits(demo: Shown) -> None:
    figures = demo.summary
    still = demo.rows("SELECT count(*) FROM post WHERE state = 'held'")[0][0]
    decided = figures["released"] + figures["rescheduled"] + figures["cancelled"]
    assert still + decided == figures["held_at_the_resume"]
    assert demo.rows("SELECT count(*) FROM post WHERE state = 'cancelled'") == [(figures["cancelled"],)]
    assert demo.rows("SELECT count(*) FROM post WHERE state IN ('failed', 'unknown', 'publishing')") == [(0,)]


def test_it_leaves_no_process_behind(demo: Shown) -> None:
    assert _left_behind(demo.folder) == []


def test_a_daemon_that_dies_fails_the_demo(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with _demo(folder) as process:
        _wait(
            process, lambda: (folder / "arrivals.jsonl").is_file() and len(arrivals.read(folder / "arrivals.jsonl")) > 2
        )
        ((pid,),) = _rows(folder, "SELECT pid FROM worker WHERE kind = 'daemon' AND ended_at IS NULL")
        os.kill(pid, signal.SIGKILL)
        shown = _ended(folder, process)
    assert shown.code == 1
    assert shown.err.startswith("standfast: demo: the daemon died (killed by signal 9)")
    assert len(shown.err.splitlines()) == 1
    assert _left_behind(folder) == []


def test_a_demo_that_is_ended_ends_its_processes(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with _demo(folder) as process:
        _wait(
            process, lambda: (folder / "arrivals.jsonl").is_file() and len(arrivals.read(folder / "arrivals.jsonl")) > 0
        )
        assert _left_behind(folder) != []
        process.send_signal(signal.SIGTERM)
        shown = _ended(folder, process)
    assert shown.code == 130
    assert shown.err == "standfast: interrupted\n"
    assert _left_behind(folder) == []


def test_a_folder_with_files_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with _demo(tmp_path) as process:
        shown = _ended(tmp_path, process)
    assert shown.code == 1
    assert "is not empty" in shown.err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
