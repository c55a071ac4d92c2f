from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from connectors import media
from connectors.errors import Rejected
from connectors.media import MediaError
from connectors.protocol import Media

HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\nrest",
    "image/jpeg": b"\xff\xd8\xff\xe0rest",
    "image/gif": b"GIF89arest",
    "image/webp": b"RIFF\x10\0\0\0WEBPrest",
}


@pytest.mark.parametrize("mime", HEADS)
def test_the_first_bytes_say_what_an_image_is(tmp_path: Path, mime: str) -> None:
    path = tmp_path / "picture.txt"
    path.write_bytes(HEADS[mime])
    image = media.read_image(path, "A heron.")
    assert (image.mime, image.alt, image.path) == (mime, "A heron.", path)
    assert media.content(image) == HEADS[mime]
    assert media.file_name(image, 2).startswith("image-2.")


def test_the_digest_is_that_of_the_bytes(picture: Media) -> None:
    assert picture.sha256 == hashlib.sha256(picture.path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7", "is not a PNG"),
        (b"RIFF\0\0\0\0WAVE", "is not a PNG"),
        (b"<svg/>", "convert it"),
    ],
)
def test_what_is_no_image_is_named(tmp_path: Path, data: bytes, why: str) -> None:
    """SE-4: the error names the path and the remedy."""
    path = tmp_path / "report.png"
    path.write_bytes(data)
    with pytest.raises(MediaError) as failure:
        media.read_image(path, "alt")
    assert why in str(failure.value)
    assert str(path) in str(failure.value)


def test_a_missing_image_a_folder_and_a_pipe_are_named(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, why in [(tmp_path / "no.png", "does not exist"), (tmp_path, "is not a file"), (pipe, "is not a file")]:
        with pytest.raises(MediaError, match=why):
            media.read_image(path, "alt")


def test_a_path_that_is_none_is_named() -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        media.read_image(Path("a\0b"), "alt")


def test_an_unreadable_image_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(HEADS["image/png"])

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(MediaError, match="Permission denied"):
        media.read_image(path, "alt")


def test_a_file_over_the_limit_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.write(HEADS["image/png"])
        file.truncate(media.SIZE_LIMIT + 1)
    with pytest.raises(MediaError, match="larger than"):
        media.read_image(path, "alt")


def test_an_image_that_went_missing_is_rejected(tmp_path: Path) -> None:
    gone = Media(tmp_path / "gone.png", "alt", "image/png", "0" * 64)
    with pytest.raises(Rejected, match="does not exist"):
        media.content(gone)
    assert media.size(gone) == 0


def test_too_large_for_the_platform_gives_both_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a" + b"0" * 94)
    image = media.read_image(path, "")
    assert media.too_large(image, 100, "X") == []
    assert media.too_large(image, 99, "X") == [f"{path} has 100 bytes, X takes 99: make it smaller"]
