"""RC-4: a hold that is placed while a disposition runs wins, and a run that is killed anywhere loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from records import keep, log, seal
from records.keep import About
from records.retention import carrying, contents, holds, texts
from records.verify import verify
from store import engine as engines
from store.engine import StoreError, open_engine, writing
from store.retention_tables import Disposition, LegalHold
from tests.records.retention.store import Old, ago, plan, rule
from tests.support.city import CHECKOUT
from tests.support.databases import await_lock_queue

PUBLIC = plan(rule("public", records=["inbound"]))


def _smith() -> LegalHold:
    return LegalHold(name="smith", owner="rosa", reason="x", query={"channel": "parks"}, placed_by="", placed_at=0)


def _stock(old: Old, count: int, channel: str = "parks") -> None:
    with writing(old.engine) as session:
        for number in range(count):
            about = About("inbound", f"message {number}", ago(100), channel=channel)
            keep.blob(session, about, f"Message {number}".encode(), "text/plain")
    old.name()


def _order(old: Old) -> tuple[list[int], int]:
    """The entries of the log that say what was disposed of, and the entry with which the hold came."""
    entries = log.entries(old.engine, limit=10_000)
    steps = [entry["seq"] for entry in entries if entry["action"] == "records.disposed" and entry["detail"]["count"]]
    (hold,) = [entry["seq"] for entry in entries if entry["action"] == "records.hold.add"]
    return steps, hold


# --- a hold beside a run ------------------------------------------------------------------------------------------------


@pytest.fixture
def postgres_old(postgres_url: str, tmp_path: Path) -> Iterator[Old]:
    """An old store on PostgreSQL, where writers share the lock."""
    made = open_engine(postgres_url)
    yield Old(made, tmp_path)
    made.dispose()


def test_a_hold_waits_for_the_step_under_way_and_stops_the_next(
    postgres_old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RC-4: the hold is asked for while the first step has looked at the holds and not yet committed."""
    old = postgres_old
    _stock(old, 2)
    number = old.approved(PUBLIC)
    monkeypatch.setattr(carrying, "STEP", 1)
    placing = threading.Thread(target=old.hold, args=("smith",), kwargs={"channel": "parks"})
    remove = contents.remove

    def then_hold(session: Session, *arguments: Any) -> Any:
        if placing.ident is None:
            placing.start()
            await_lock_queue(session.connection())
        return remove(session, *arguments)

    monkeypatch.setattr(contents, "remove", then_hold)
    outcome = old.carry_out(number, PUBLIC)
    placing.join()
    assert (outcome.disposed, outcome.kept) == (1, {"hold smith": 1})
    steps, hold = _order(old)
    assert len(steps) == 1
    assert steps[0] < hold


def test_nobody_waits_while_long_contents_are_read(postgres_old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """RC-4: the server ends whoever has the lock and does nothing for a second; reading a long email may take longer."""
    old, read = postgres_old, list[int]()
    for number in range(2):
        old.record(body=b"Message %d " % number + b"x" * texts.LONG, mime="text/plain")
    number = old.approved(PUBLIC)
    old.hold(words="message 1")
    real = texts.readable

    def slowly(body: bytes, mime: str) -> str:
        read.append(len(body))
        time.sleep(0.7)  # this is the reader that is slow: nothing is awaited
        return real(body, mime)

    monkeypatch.setattr(texts, "readable", slowly)
    monkeypatch.setattr(carrying, "TRIES", 2)
    outcome = old.carry_out(number, PUBLIC)
    assert (outcome.disposed, outcome.kept) == (1, {"hold smith": 1})
    assert len(read) == 2


def test_a_step_takes_few_long_contents(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        old.record(body=b"Message %d" % number, mime="text/plain")
    number = old.approved(PUBLIC)
    monkeypatch.setattr(carrying, "STEP_BYTES", 19)
    assert old.carry_out(number, PUBLIC).disposed == 3
    entries = log.entries(old.engine, action="records.disposed")
    assert [entry["detail"]["count"] for entry in entries if entry["detail"]["count"]] == [2, 1]


def test_a_step_waits_for_a_hold_that_is_being_placed(postgres_old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """RC-4: the hold's transaction is open when the run begins; nothing that it covers goes."""
    old = postgres_old
    _stock(old, 2)
    number = old.approved(PUBLIC)
    monkeypatch.setattr(engines, "PATIENCE_MS", 10_000)
    found: list[carrying.Outcome] = []
    running = threading.Thread(target=lambda: found.append(old.carry_out(number, PUBLIC)))
    with writing(old.engine) as session:
        session.connection().exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        holds.place(session, "rosa", _smith())
        session.flush()
        running.start()
        await_lock_queue(session.connection())
    running.join()
    assert (found[0].disposed, found[0].kept) == (0, {"hold smith": 2})
    assert old.disposed() == []


def test_a_step_gives_way_to_a_writer_and_comes_again(postgres_old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes beside it is never kept waiting behind a step that waits itself."""
    old = postgres_old
    _stock(old, 1)
    number = old.approved(PUBLIC)
    monkeypatch.setattr(carrying, "TRIES", 2)
    monkeypatch.setattr(engines, "PATIENCE_MS", 20)
    with writing(old.engine) as session:
        session.connection().exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        with pytest.raises(StoreError, match="locked"):
            old.carry_out(number, PUBLIC)
    assert old.disposed() == []
    assert old.carry_out(number, PUBLIC).disposed == 1


def test_the_same_content_kept_again_beside_a_step_stays(postgres_old: Old) -> None:
    """No writer is open while a content is removed: what is kept again has its content."""
    old = postgres_old
    _stock(old, 1)
    number = old.approved(PUBLIC)
    running = threading.Thread(target=old.carry_out, args=(number, PUBLIC))
    with writing(old.engine) as session:
        session.connection().exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        keep.blob(session, About("inbound", "again", ago(1)), b"Message 0", "text/plain")
        running.start()
        await_lock_queue(session.connection())
    running.join()
    assert old.disposed() == [1]
    assert seal.of_content(b"Message 0") in old.contents()


HOLDER = """
import sys
from store.engine import open_engine, writing
from store.retention_tables import LegalHold
from records.retention import holds
engine = open_engine(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
with writing(engine) as session:
    query = {"channel": "parks"}
    made = LegalHold(name="smith", owner="rosa", reason="x", query=query, placed_by="", placed_at=0)
    holds.place(session, "rosa", made)
"""


@pytest.mark.parametrize("after", [0, 3, 9])
def test_a_hold_of_another_process_beside_a_run(
    old: Old, store_url: str, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """RC-4, on each database: whenever it comes, nothing that it covers goes after it, and all that went went before."""
    monkeypatch.setattr(carrying, "STEP", 2)
    _stock(old, 24)
    number = old.approved(PUBLIC)
    steps: list[int] = []
    with _process(HOLDER, store_url) as holder:
        remove = contents.remove

        def then_hold(session: Session, *arguments: Any) -> Any:
            steps.append(1)
            if len(steps) == after + 1:
                _go(holder)
            return remove(session, *arguments)

        monkeypatch.setattr(contents, "remove", then_hold)
        outcome = old.carry_out(number, PUBLIC)
        assert holder.wait(60) == 0
    done, hold = _order(old)
    gone = old.disposed()
    assert outcome.disposed == len(gone)
    assert sum(outcome.kept.values()) == 24 - len(gone)
    assert len([seq for seq in done if seq < hold]) * 2 == len(gone), (
        "every step that took something came before the hold"
    )
    assert len(old.contents() & {record.sha256 for record in old.records(series="inbound")}) == 24 - len(gone)
    assert verify(old.engine).ok


@contextmanager
def _process(code: str, *arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


# --- kill -9 ---------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from records.retention import carrying
from store import engine as engines
from tests.records.retention import test_races
from tests.records.retention.store import UTC
from store.engine import open_engine
url, media, number, commit, side = sys.argv[1:]
engine, commits, whole = open_engine(url), [], engines._commit
def fall():
    os.kill(os.getpid(), signal.SIGKILL)
def committed(session):
    commits.append(1)
    if len(commits) == int(commit) and side == "before":
        fall()
    whole(session)
    if len(commits) == int(commit) and side == "after":
        fall()
def unlinked(path):
    os.unlink(path)
    fall()
if side == "unlink":
    Path.unlink = unlinked
else:
    engines._commit = committed
carrying.STEP = 2
print("ready", flush=True)
run = carrying.Run(engine, "rick", int(number), test_races.WITH_MEDIA, UTC, Path(media), lambda _: None)
carrying.carry_out(run)
"""
WITH_MEDIA = plan(rule("public", records=["inbound", "media"]))
COMMITS = 6
"""Of a run of five records in steps of two with one file: its begin, three steps, one that finds nothing, the file."""


def _five(old: Old) -> int:
    _stock(old, 4)
    picture = old.media / "a.png"
    picture.write_bytes(b"picture")
    os.utime(picture, (1, 1))
    with writing(old.engine) as session:
        about = About("media", "post 1", ago(100))
        keep.file(session, about, "a.png", seal.of_content(b"picture"), 7, "image/png")
    old.name()
    return old.approved(WITH_MEDIA)


@pytest.mark.parametrize(
    ("commit", "side"),
    [*((commit, side) for commit in range(1, COMMITS + 3) for side in ("before", "after")), (0, "unlink")],
)
def test_a_run_that_is_killed_goes_on_and_loses_nothing(old: Old, store_url: str, commit: int, side: str) -> None:
    """RC-4: before and after each commit, and when the file has just gone."""
    number = _five(old)
    with _process(KILLED, store_url, str(old.media), str(number), str(commit), side) as killed:
        assert killed.wait(120) == -signal.SIGKILL
    _whole(old, done=False)
    if old.row(Disposition, number).state == "done":
        assert (commit, side) == (COMMITS + 2, "after"), "only its last commit ends it"
    else:
        outcome = old.carry_out(number, WITH_MEDIA)
        assert (outcome.disposed, outcome.files, outcome.kept) == (5, 0, {})
    _whole(old, done=True)
    assert len(old.records(series="disposition")) == 2


def _whole(old: Old, *, done: bool) -> None:
    """Each record has its content unless it was disposed of, the log says which were, and the chain is whole."""
    there = old.contents()
    records = [*old.records(series="inbound"), *old.records(series="media")]
    assert [record.sha256 in there for record in records] == [record.disposed_by is None for record in records]
    told = [
        number
        for entry in log.entries(old.engine, limit=1000, action="records.disposed")
        for first, last in entry["detail"]["records"]
        for number in range(first, last + 1)
    ]
    assert sorted(told) == sorted(record.id or 0 for record in records if record.disposed_by is not None)
    assert verify(old.engine).ok
    if any(record.disposed_by is None for record in old.records(series="media")):
        assert (old.media / "a.png").is_file()
    if done:
        assert list(old.media.iterdir()) == []
        assert all(record.disposed_by is not None for record in records)
