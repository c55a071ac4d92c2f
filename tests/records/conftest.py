from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from records import archive
from tests.records.kept import IMAGE, Archive, act, fill


@pytest.fixture
def kept(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """The store with records, on each database."""
    monkeypatch.setattr(archive, "STEP", 2)
    found = Archive(engine, tmp_path / "media")
    found.folder.mkdir()
    (found.folder / "a.png").write_bytes(IMAGE)
    fill(found)
    for _ in range(4):
        act(engine)
        archive.catch_up(engine, found.folder, most=1)
    whole = found.look()
    assert (whole.ok, whole.entries, whole.records, whole.unsealed) == (True, 8, 7, 0)
    return found
