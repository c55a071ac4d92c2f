"""The folder: a file is taken when it is whole, once for its content, and stays where and as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crisis.alerts import folder as folders
from crisis.alerts.folder import STILL_S, Folder
from tests.crisis.alerts.build import SUGGEST, tornado
from tests.crisis.alerts.room import Room


@pytest.fixture
def box(room: Room, tmp_path: Path) -> Folder:
    room.rules = SUGGEST
    path = tmp_path / "alerts"
    path.mkdir()
    return Folder(path, room.intake())


def test_a_whole_file_is_taken_at_once_and_never_touched(box: Folder, room: Room) -> None:
    """KS-24: the file stays; it is remembered by its content, also by the next daemon, under any name."""
    file = box.path / "a.xml"
    file.write_bytes(tornado())
    before = file.stat()
    assert [item.kind for item in box.turn()] == ["suggest"]
    assert box.turn() == []
    again = Folder(box.path, room.intake()).turn()
    assert [item.again for item in again] == [True]
    file.rename(box.path / "b.xml")
    assert [item.again for item in box.turn()] == [True]
    assert len(room.rows()) == 1
    after = (box.path / "b.xml").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_that_is_still_being_written_is_left_alone_until_it_is_whole(
    box: Folder, room: Room, share: float
) -> None:
    """KS-24: whatever part of it is there, nothing is recorded of it; written to its end it is taken."""
    file, data = box.path / "a.xml", tornado()
    with file.open("wb") as stream:
        stream.write(data[: int(len(data) * share)])
        stream.flush()
        assert box.turn() == []
        room.hands.pass_s(STILL_S - 1)
        assert box.turn() == []
        assert room.rows() == []
        stream.write(data[int(len(data) * share) :])
    assert [item.kind for item in box.turn()] == ["suggest"]


def test_a_file_that_stays_half_is_unreadable_once_and_its_end_is_still_taken(box: Folder, room: Room) -> None:
    """KS-24: the twin: what is never finished goes to a person, and finishing it later is not too late."""
    file, data = box.path / "a.xml", tornado()
    file.write_bytes(data[:300])
    assert box.turn() == []
    room.hands.pass_s(STILL_S)
    assert [item.kind for item in box.turn()] == ["unreadable"]
    assert (box.turn(), len(room.rows())) == ([], 1)
    file.write_bytes(data)
    assert [item.kind for item in box.turn()] == ["suggest"]


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE alert [<!ENTITY a 'b'>]>" + tornado().split(b"?>")[1],
        tornado() + b"<!-- " + b"x" * 5_000_000 + b" -->",
        b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>https://a.example/1</id></entry></feed>",
        b"\0" * 100,
    ],
    ids=["a document type", "5 MB", "links alone", "zeros"],
)
def test_what_is_no_alert_goes_to_a_person(box: Folder, room: Room, data: bytes) -> None:
    """KS-24, SE-4."""
    (box.path / "a.xml").write_bytes(data)
    box.turn()
    room.hands.pass_s(STILL_S)
    box.turn()
    assert room.outcomes() == [("unreadable", "told")]


@pytest.mark.parametrize("name", [".a.xml", "a.xml.tmp", "a.xml.part", "a.xml~"])
def test_what_programs_write_before_they_rename_it_is_not_looked_at(box: Folder, room: Room, name: str) -> None:
    (box.path / name).write_bytes(tornado())
    assert box.turn() == []
    (box.path / name).rename(box.path / "a.xml")
    assert len(box.turn()) == 1


def test_what_is_no_ordinary_file_is_not_opened(box: Folder, tmp_path: Path) -> None:
    """SE-4: a link would read somebody else's file into the record, a pipe would hold the daemon."""
    (tmp_path / "secret.xml").write_bytes(tornado())
    (box.path / "link.xml").symlink_to(tmp_path / "secret.xml")
    os.mkfifo(box.path / "pipe.xml")
    (box.path / "folder.xml").mkdir()
    assert box.turn() == []


def test_a_file_that_changes_while_it_is_read_is_read_again(box: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    file = box.path / "a.xml"
    file.write_bytes(tornado())
    monkeypatch.setattr(folders, "_stamp", lambda found: folders.Stamp(found.st_ino, found.st_size, next(numbers)))
    numbers = iter(range(1000))
    assert box.turn() == []
    monkeypatch.undo()
    assert len(box.turn()) == 1


def test_a_file_that_may_not_be_read_is_named(box: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    (box.path / "a.xml").write_bytes(tornado())

    def closed(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(folders.os, "open", closed)
        assert box.turn() == []
    assert box.closed is not None
    assert "a.xml cannot be read (Permission denied)" in box.closed
    assert len(box.turn()) == 1
    assert box.closed is None


def test_the_oldest_come_first_and_no_turn_is_endless(box: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        file = box.path / f"{9 - number}.xml"
        file.write_bytes(tornado(name=f"N{number}"))
        os.utime(file, ns=(number, number))
    monkeypatch.setattr(folders, "MOST_AT_ONCE", 3)
    assert [[item.identifier for item in box.turn()] for _ in range(3)] == [["N0", "N1", "N2"], ["N3", "N4"], []]


def test_a_folder_that_is_gone_or_overfull_is_a_trouble(box: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_FILES", 2)
    for number in range(3):
        (box.path / f"{number}.xml").write_bytes(tornado())
    with pytest.raises(OSError, match="more than 2 files"):
        box.turn()
    box.path.rename(box.path.with_name("elsewhere"))
    with pytest.raises(FileNotFoundError):
        box.turn()
