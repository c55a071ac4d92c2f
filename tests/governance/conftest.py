from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from governance import roles
from tests.governance.helpers import Town, found


@pytest.fixture(autouse=True)
def _shipped_roles() -> Iterator[None]:
    """Every test begins and ends with the shipped roles."""
    roles.use(None)
    yield
    roles.use(None)


@pytest.fixture
def town(engine: Engine) -> Town:
    """A town with a steward, on each database."""
    return found(engine)
