import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.media import read_image
from connectors.protocol import Media
from sandbox import client

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="session")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.Client]:
    with client.start(tmp_path_factory.mktemp("sandbox") / "arrivals.jsonl") as box:
        yield box


@pytest.fixture
def box(_sandbox: client.Client) -> client.Client:
    """The stand-in for X and Facebook, empty and without faults."""
    _sandbox.reset()
    return _sandbox


@pytest.fixture
def picture(tmp_path: Path) -> Media:
    """A small PNG with a text alternative."""
    path = tmp_path / "reading-room.png"
    path.write_bytes(PNG)
    return read_image(path, "People read at long tables.")
