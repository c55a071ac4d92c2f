from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from connectors.errors import AccountError, CannotTell, Duplicate, NotSent, Rejected, Uncertain
from connectors.outbox import LOG, OutboxConnector
from connectors.protocol import Account, Deadline, Media, Message, Prepared
from tests.connectors.contract import ConnectorContract, World, message, permit, search


def connector(folder: Path) -> OutboxConnector:
    return OutboxConnector(Account("parks", "outbox", {"folder": str(folder)}))


def posts(folder: Path) -> list[str]:
    """The posts that anybody looking at the folder sees."""
    return sorted(path.parent.name for path in folder.glob("*/post.json") if path.parent.name != ".staging")


def log(folder: Path) -> list[dict[str, object]]:
    path = folder / LOG
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class TestOutboxConnector(ConnectorContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        folder = tmp_path / "outbox"
        return World(connector(folder), lambda: len(posts(folder)))


def test_a_post_is_whole_with_its_images(tmp_path: Path, picture: Media) -> None:
    box = connector(tmp_path)
    said = message("Lone \ud800 & “quoted”", media=(picture,))
    published = box.publish(said, box.prepare(said, Deadline.after(5)), permit())
    place = Path(unquote(urlsplit(published.link).path))
    content = json.loads((place / "post.json").read_text())
    assert content["text"] == "Lone ? & “quoted”"
    assert content["media"][0] | {"alt": picture.alt, "sha256": picture.sha256} == content["media"][0]
    assert (place / "image-1.png").read_bytes() == picture.path.read_bytes()
    assert [line["key"] for line in log(tmp_path)] == ["post-7"]
    assert list((tmp_path / ".staging").iterdir()) == []


def test_the_same_post_again_is_the_same_published_and_written_once(tmp_path: Path) -> None:
    """I3: the key makes a repeat harmless."""
    box = connector(tmp_path)
    first = box.publish(message(), Prepared(), permit())
    written = (tmp_path / "post-7" / "post.json").read_bytes()
    assert box.publish(message(), Prepared(), permit()) == first
    assert (tmp_path / "post-7" / "post.json").read_bytes() == written
    assert len(log(tmp_path)) == 1


def test_another_post_of_the_same_key_is_duplicate(tmp_path: Path) -> None:
    box = connector(tmp_path)
    box.publish(message(), Prepared(), permit())
    with pytest.raises(Duplicate):
        box.publish(message("Other words."), Prepared(), permit())
    assert "Other words." not in (tmp_path / "post-7" / "post.json").read_text()


def test_many_at_once_with_one_key_appear_once(tmp_path: Path) -> None:
    """I3: the rename is the arbiter, also when all looked before any wrote."""
    barrier = threading.Barrier(8)

    def publish() -> None:
        connector(tmp_path).publish(message(), Prepared(), permit(look=lambda: barrier.wait()))

    threads = [threading.Thread(target=publish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert posts(tmp_path) == ["post-7"]
    assert len(log(tmp_path)) == 1


@pytest.mark.parametrize("key", ["../escape", "a/b", "", ".hidden", "x" * 300, "nul\0", "post 7", "\ud800"])
def test_no_key_leaves_the_folder(tmp_path: Path, key: str) -> None:
    folder = tmp_path / "outbox"
    box = connector(folder)
    published = box.publish(message(key=key), Prepared(), permit())
    assert posts(folder) == [published.remote_id]
    assert [path.name for path in tmp_path.iterdir()] == ["outbox"]
    assert box.find(message(key=key), search(), Deadline.after(5)) == published


def test_a_failure_before_the_rename_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I5: nothing appeared, and that is what is said."""
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(NotSent, match="no space left"):
        connector(tmp_path).publish(message(), Prepared(), permit())
    assert posts(tmp_path) == []


def test_a_failure_after_the_rename_is_unknown_and_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I5: it never says "not sent" of what appeared."""
    box = connector(tmp_path)

    def full_from_now() -> None:
        monkeypatch.setattr(os, "fsync", _full)

    with pytest.raises(Uncertain):
        box.publish(message(), Prepared(), permit(look=full_from_now))
    assert box.find(message(), search(), Deadline.after(5)) is not None


def test_a_rename_that_fails_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", _full)
    with pytest.raises(NotSent):
        connector(tmp_path).publish(message(), Prepared(), permit())
    assert posts(tmp_path) == []


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_changed_image_is_rejected_at_the_last_moment(tmp_path: Path, picture: Media) -> None:
    box = connector(tmp_path / "outbox")
    said = message(media=(picture,))
    prepared = box.prepare(said, Deadline.after(5))
    picture.path.write_bytes(b"other")
    with pytest.raises(Rejected, match="put it back"):
        box.publish(said, prepared, permit())
    assert posts(tmp_path / "outbox") == []


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(AccountError, match="folder=") as failure:
        connector(file).test(Deadline.after(5))
    assert "parks" in str(failure.value)
    with pytest.raises(NotSent):
        connector(file).publish(message(), Prepared(), permit())
    with pytest.raises(NotSent):
        connector(file).prepare(message(), Deadline.after(5))


def test_a_folder_that_cannot_be_looked_into_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I5: "not there" is not said of a folder that could not be read."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CannotTell):
        connector(tmp_path).find(message(), search(), Deadline.after(5))


def test_a_missing_folder_cannot_tell_and_prepare_makes_it(tmp_path: Path) -> None:
    """I5: a folder that is not mounted may hold the post."""
    box = connector(tmp_path / "outbox")
    with pytest.raises(CannotTell):
        box.find(message(), search(), Deadline.after(5))
    box.prepare(message(), Deadline.after(5))
    assert box.find(message(), search(), Deadline.after(5)) is None


def test_a_missing_folder_setting_is_named() -> None:
    with pytest.raises(AccountError, match="lacks the setting folder"):
        OutboxConnector(Account("parks", "outbox", {"folder": " "}))


def test_an_earlier_post_that_cannot_be_read_is_duplicate(tmp_path: Path) -> None:
    (tmp_path / "post-7").mkdir()
    (tmp_path / "post-7" / "post.json").write_text("[")
    with pytest.raises(Duplicate):
        connector(tmp_path).publish(Message(7, "post-7", "Hello"), Prepared(), permit())
