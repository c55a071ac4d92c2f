from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.records.retention.store import Old


@pytest.fixture
def old(engine: Engine, tmp_path: Path) -> Old:
    """A store with three people and a folder of media, on each database."""
    media = tmp_path / "media"
    media.mkdir()
    return Old(engine, media)
