"""A file that people write: its text, or why not, and never without end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config import small_file

MOST = 2**20


def test_the_text_is_read_without_the_mark_that_some_editors_put_first(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfab\xc3\xa9")
    assert small_file.text(tmp_path / "a", MOST) == "abé"


def test_the_last_byte_that_is_allowed_is_read_and_the_next_is_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * MOST)
    assert len(small_file.text(tmp_path / "a", MOST)) == MOST
    (tmp_path / "a").write_bytes(b"x" * (MOST + 1))
    with pytest.raises(ValueError, match="it is larger than 1 MiB"):
        small_file.text(tmp_path / "a", MOST)


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(ValueError, match="it is no ordinary file"):
            small_file.text(file, MOST)
    with pytest.raises(FileNotFoundError):
        small_file.text(tmp_path / "none", MOST)
