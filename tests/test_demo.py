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
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from commands import demo_evidence
from commands.demo_evidence import Facts, Row, Sent, View
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
        at = datetime.fromisoformat(post["published_at"])
        found.append((post["channel"], post["key"], clock.from_datetime(at)))
    return found


def test_the_demo_goes_well_by_the_log_that_it_kept(tmp_path: Path) -> None:
    """KS-1, KS-2: real processes, judged by the sandbox's log. One test, since a demo takes most of a minute."""
    with _demo(tmp_path / "kept") as process:
        demo = _ended(tmp_path / "kept", process)
    _it_says_so(demo)
    _its_figures_are_those_of_the_log(demo)
    _nothing_went_out_in_the_silence(demo)
    _every_held_post_was_decided_or_waits(demo)
    assert _left_behind(demo.folder) == []


def _it_says_so(demo: Shown) -> None:
    assert demo.code == 0, demo.out[-3000:] + demo.err
    assert demo.err == ""
    assert "everything as it must be" in demo.out
    assert demo.summary["faults"] == []
    for line in ("QUIET CONFIRMED", "NOT LIFTED", "LIFTED", "the log is whole", "went out in the silence"):
        assert line in demo.out
    assert "\x1b" not in demo.out
    assert "sf_" not in demo.out  # no token is shown


def _its_figures_are_those_of_the_log(demo: Shown) -> None:
    sent, told = _sent(demo), demo.summary["channels"]
    assert Counter(channel for channel, _, _ in sent) == {name: figures["log"] for name, figures in told.items()}
    assert len(told) == 5
    assert all(figures["log"] == figures["store"] > 0 for figures in told.values())
    stored = demo.rows("SELECT channel, remote_id FROM post WHERE state = 'published'")
    assert sorted(stored) == sorted((channel, remote) for channel, remote, _ in sent)
    assert len({(channel, remote) for channel, remote, _ in sent}) == len(sent)


def _nothing_went_out_in_the_silence(demo: Shown) -> None:
    """What was in flight stands in the receipt, and what fell due is held."""
    ((number, start, end),) = demo.rows("SELECT id, at, lifted_at FROM suspension")
    listed = demo.rows(f"SELECT attempt_id FROM suspension_inflight WHERE suspension_id = {number}")
    begun = {remote for (remote,) in demo.rows(f"SELECT remote_id FROM attempt WHERE sending_at <= {start}")}
    assert [item for item in _sent(demo) if start < item[2] < end and item[1] not in begun] == []
    assert len(listed) == demo.summary["in_flight_at_the_stop"] >= 1
    assert demo.summary["went_out_in_the_silence"] == 0
    assert demo.summary["fell_due_in_the_silence"] >= 6
    fell_due = demo.summary["fell_due_in_the_silence"] + demo.summary["caught_by_the_stop"]
    assert demo.summary["held_at_the_resume"] == fell_due
    assert any(item[2] < start for item in _sent(demo))
    assert any(item[2] > end for item in _sent(demo))


def _every_held_post_was_decided_or_waits(demo: Shown) -> None:
    figures = demo.summary
    still = demo.rows("SELECT count(*) FROM post WHERE state = 'held'")[0][0]
    decided = figures["released"] + figures["rescheduled"] + figures["cancelled"]
    assert still + decided == figures["held_at_the_resume"]
    assert demo.rows("SELECT count(*) FROM post WHERE state = 'cancelled'") == [(figures["cancelled"],)]
    assert demo.rows("SELECT count(*) FROM post WHERE state IN ('failed', 'unknown', 'publishing')") == [(0,)]


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
        assert len(_left_behind(folder)) >= 3  # itself, the sandbox, the daemon
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


# --- what the demo would complain of ---------------------------------------------------------------------------------

DAY = 86_400 * clock.SECOND
STOP, LIFT, END = 10 * DAY, 20 * DAY, 40 * DAY


def _row(number: int, state: str, due: int) -> Row:
    out = f"r{number}" if state == "published" else None
    return Row(number, "parks", state, f"text {number}", due, due, out, "UTC", "parks.yaml", f"e{number}")


def _out(number: int, at: int) -> Sent:
    return Sent("parks", f"text {number}", at, f"r{number}")


POSTS = (
    _row(1, "published", 5 * DAY),
    _row(2, "published", STOP - 1),
    _row(3, "cancelled", 12 * DAY),
    _row(4, "published", 21 * DAY),
    _row(5, "held", 14 * DAY),
    _row(6, "published", 22 * DAY),
    _row(7, "scheduled", 50 * DAY),
)
SENT = (_out(1, 5 * DAY), _out(2, STOP + 1), _out(4, 21 * DAY), _out(6, 22 * DAY))
FACTS = Facts(
    receipt={"in_flight": [{"post": 2}], "published_recently": []},
    suspended_us=STOP,
    lifted_us=LIFT,
    waiting=frozenset({3, 4, 5, 6, 7}),
    held=3,
    released=(4,),
    cancelled=(3,),
    ended_us=END,
)
GOOD = View(END, POSTS, SENT)


def _with_post(number: int, **values: Any) -> View:
    return replace(GOOD, posts=[replace(post, **values) if post.id == number else post for post in POSTS])


def test_a_demo_that_went_well_has_no_fault() -> None:
    assert demo_evidence.faults(GOOD, FACTS) == []
    assert demo_evidence.doubles(GOOD) == 0


@pytest.mark.parametrize(
    ("view", "facts", "told"),
    [
        (replace(GOOD, sent=SENT[:-1]), FACTS, "post 6 on parks is published by the store, not by the log"),
        (replace(GOOD, sent=(*SENT, _out(9, 30 * DAY))), FACTS, "'text 9' is in the log, not published by the store"),
        (replace(GOOD, sent=(*SENT, SENT[-1])), FACTS, "1 post(s) went out twice"),
        (replace(GOOD, sent=(*SENT, replace(SENT[-1], remote_id="r66"))), FACTS, "1 post(s) went out twice"),
        (GOOD, replace(FACTS, receipt={}), "went out in the silence: parks: 'text 2'"),
        (replace(GOOD, sent=(*SENT[:3], _out(6, 15 * DAY))), FACTS, "went out in the silence: parks: 'text 6'"),
        (replace(GOOD, sent=(*SENT, replace(SENT[0], accepted=False))), FACTS, "parks refused 'text 1'"),
        (_with_post(6, text="other"), FACTS, "post 6 on parks went out with other words"),
        (_with_post(5, state="scheduled"), FACTS, "post 5 on parks was due and did not go out"),
        (_with_post(5, state="scheduled"), FACTS, "3 posts were held at the resume, but 0 are held now and 2 were"),
        (_with_post(7, state="unknown"), FACTS, "post 7 on parks is unknown"),
        (_with_post(7, state="failed"), FACTS, "post 7 on parks is failed"),
        (_with_post(4, state="held"), FACTS, "post 4 on parks should be published by now and is held"),
        (_with_post(3, state="held"), FACTS, "post 3 on parks should be cancelled by now and is held"),
        (View(END, (), ()), Facts(), "nothing went out at all"),
    ],
)
def test_what_went_wrong_is_told(view: View, facts: Facts, told: str) -> None:
    found = demo_evidence.faults(view, facts)
    assert any(told in fault for fault in found), found
