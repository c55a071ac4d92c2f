"""The daemon applies edited calendars by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import watchfiles
from sqlalchemy import Engine

from config import clock
from scheduler.planning import calendar_sync, reload
from store.engine import StoreError, writing
from store.tables import RoleGrant
from tests.support.calendar_city import Desk, open_desk, texts

WITHIN_S = 5.0


class Signal:
    """Set each time the reloader told the store something, so that a test waits for that and for nothing else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.changed = threading.Condition()
        for name in ("sync", "remember_fault"):
            monkeypatch.setattr(calendar_sync, name, self._announcing(getattr(calendar_sync, name)))

    def _announcing(self, whole: Callable[..., object]) -> Callable[..., object]:
        def announce(*arguments: object, **options: object) -> object:
            try:
                return whole(*arguments, **options)
            finally:
                with self.changed:
                    self.changed.notify_all()

        return announce

    def wait(self, fulfilled: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(fulfilled, WITHIN_S)


@pytest.fixture
def signal(monkeypatch: pytest.MonkeyPatch) -> Signal:
    return Signal(monkeypatch)


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    return open_desk(engine, tmp_path)


@contextmanager
def watching(desk: Desk) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=reload.watch, args=(desk.engine, desk.settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(WITHIN_S)
        assert not thread.is_alive(), "the watcher ends when it is told to"


class Rounds:
    """A reloader driven by hand: `until_still` goes on until no file waits to settle."""

    def __init__(self, desk: Desk) -> None:
        self.now = 1000.0
        self.reloader = reload.Reloader(desk.engine, desk.settings, threading.Event())

    def wall_us(self) -> int:
        return clock.SystemClock().wall_us()

    def boot_ns(self) -> int:
        return int(self.now * 1e9)

    def until_still(self) -> None:
        while self.reloader.look():
            self.now += reload.STEP_S


@pytest.fixture
def rounds(desk: Desk) -> Iterator[Rounds]:
    hand = Rounds(desk)
    with clock.use(hand):
        yield hand


def says(desk: Desk, text: str) -> Callable[[], bool]:
    """Whether the one post says `text`, to be asked later."""
    return lambda: texts(desk.posts()) == [text]


def year() -> int:
    return clock.to_datetime(clock.wall_us()).year + 1


def row(text: str, name: str = "open") -> str:
    return f"{name},{year()}-06-03 09:00,{text}"


def test_an_edited_file_is_applied_within_seconds(desk: Desk, signal: Signal) -> None:
    with watching(desk):
        desk.write("parks.csv", row("First"))
        assert signal.wait(lambda: texts(desk.posts()) == ["First"])
        desk.write("parks.csv", row("Second"), row("Third", "close"))
        assert signal.wait(lambda: sorted(texts(desk.posts())) == ["Second", "Third"])
    assert [entry.actor for entry in desk.logged("calendar_sync")] == ["ada", "ada"]


def test_a_folder_without_notices_is_looked_at_all_the_same(
    desk: Desk, signal: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> Iterator[None]:
        raise OSError("no watch left")

    monkeypatch.setattr(watchfiles, "watch", refuse)
    with watching(desk):
        for text in ("First", "Second"):
            desk.write("parks.csv", row(text))
            assert signal.wait(says(desk, text))


def test_a_folder_that_comes_later_is_found(desk: Desk, signal: Signal) -> None:
    desk.settings.calendars_dir.rmdir()
    with watching(desk):
        desk.settings.calendars_dir.mkdir()
        desk.write("parks.csv", row("First"))
        assert signal.wait(lambda: texts(desk.posts()) == ["First"])


def test_a_file_still_being_written_is_not_taken_for_whole(desk: Desk, rounds: Rounds) -> None:
    desk.write("parks.csv", row("First"))
    assert rounds.reloader.look()
    assert desk.posts() == []
    rounds.now += reload.SETTLE_S - 0.1
    desk.write("parks.csv", row("First"), row("Second", "close"))
    assert rounds.reloader.look()
    assert desk.posts() == []
    rounds.until_still()
    assert texts(desk.posts()) == ["First", "Second"]


def test_a_bad_file_changes_nothing_and_is_told_once(desk: Desk, rounds: Rounds) -> None:
    desk.write("parks.csv", row("First"))
    rounds.until_still()
    before = desk.posts()
    desk.write("parks.csv", "open,someday,Second")
    rounds.until_still()
    rounds.now += reload.RETRY_S
    rounds.until_still()
    file = desk.file("parks.csv")
    assert file is not None
    assert file.fault is not None
    assert "someday" in file.fault
    assert len(desk.logged("calendar_fault")) == 1
    assert desk.posts() == before


def test_a_mended_file_is_applied_and_its_fault_forgotten(desk: Desk, rounds: Rounds) -> None:
    desk.write("parks.csv", row("First"))
    rounds.until_still()
    for text in ("open,someday,Second", row("First")):
        desk.write("parks.csv", text)
        rounds.until_still()
    file = desk.file("parks.csv")
    assert file is not None
    assert file.fault is None
    assert texts(desk.posts()) == ["First"]


def test_a_restarted_daemon_does_not_tell_a_fault_again(desk: Desk, rounds: Rounds) -> None:
    desk.write("parks.csv", "open,someday,Second")
    rounds.until_still()
    rounds.reloader = reload.Reloader(desk.engine, desk.settings, threading.Event())
    rounds.until_still()
    assert len(desk.logged("calendar_fault")) == 1


def test_an_owner_who_gets_the_rights_needs_no_new_edit(desk: Desk, rounds: Rounds) -> None:
    """GV-4: the sync of the daemon acts with the owner's rights."""
    desk.write("parks.csv", row("First"), owner="bob")
    rounds.until_still()
    assert desk.posts() == []
    (told,) = desk.logged("calendar_fault")
    assert told.actor == "bob"
    assert "may not queue on parks" in told.detail
    with writing(desk.engine) as session:
        session.add(RoleGrant(person="bob", role="administrator", channel="parks", granted_by="ada", granted_at=0))
    rounds.now += reload.RETRY_S
    rounds.until_still()
    assert [post.author for post in desk.posts()] == ["bob"]


def test_a_file_that_is_gone_is_told_once_and_its_posts_stay(desk: Desk, rounds: Rounds) -> None:
    path = desk.write("parks.csv", row("First"))
    rounds.until_still()
    whole = path.read_bytes()
    path.unlink()
    rounds.until_still()
    rounds.now += reload.RETRY_S
    rounds.until_still()
    file = desk.file("parks.csv")
    assert file is not None
    assert file.fault is not None
    assert "calendar sync --remove parks.csv" in file.fault
    assert len(desk.logged("calendar_fault")) == 1
    assert [post.state for post in desk.posts()] == ["scheduled"]
    path.write_bytes(whole)
    rounds.until_still()
    assert desk.file("parks.csv") != file
    assert [post.state for post in desk.posts()] == ["scheduled"]


@pytest.mark.parametrize("error", [StoreError("the store is locked"), RuntimeError("a bug")])
def test_a_failure_is_tried_again(
    desk: Desk, rounds: Rounds, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    desk.write("parks.csv", row("First"))
    whole = calendar_sync.sync

    def fail(*_arguments: object, **_options: object) -> object:
        raise error

    monkeypatch.setattr(calendar_sync, "sync", fail)
    assert rounds.reloader.look()
    rounds.now += reload.SETTLE_S
    assert rounds.reloader._round() is False
    monkeypatch.setattr(calendar_sync, "sync", whole)
    rounds.until_still()
    assert texts(desk.posts()) == ["First"]


def test_images_and_editors_own_files_are_no_calendars(desk: Desk, rounds: Rounds) -> None:
    for name in ("tree.png", ".parks.csv.swp", "parks.csv~"):
        desk.path(name).write_bytes(b"x")
    rounds.until_still()
    assert desk.logged("calendar_fault") == []
