from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from governance import roles
from tests.commands.office import Office, opened
from tests.connectors.conftest import _sandbox, box
from tests.scheduler.conftest import hands
from tests.support.city import City

__all__ = ["_sandbox", "box", "hands", "office"]


@pytest.fixture
def office(city: City, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A city with the steward ana signed in, on each database."""
    monkeypatch.setenv("STANDFAST_TOKEN", "")
    yield opened(city, engine)
    roles.use(None)
