"""A folder becomes a bag (BagIt): two manifests over everything in it, made by the reference library."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config import clock, extra
from records.export import statement
from records.wish import RecordsError

ALGORITHMS = ["sha256", "sha512"]
MANIFEST = "manifest-sha256.txt"
MISSING = "bagit is not installed, which makes the package"


def library() -> Any:
    """The library. Raises RecordsError with how to install it."""
    try:
        import bagit
    except ImportError:
        raise RecordsError(f"{MISSING}: {extra.install('records')}") from None
    logging.getLogger("bagit").setLevel(logging.CRITICAL)
    return bagit


def make(folder: Path, about: Mapping[str, Any]) -> str:
    """The SHA-256 of the manifest of the bag that `folder` has become. One that was left half made is made again."""
    bagit = library()
    _unpacked(folder)
    info = {
        "Source-Organization": "the city",
        "External-Identifier": about["request"],
        "External-Description": f"{statement.title(about)}: {statement.fingerprint(about)}",
        "Bagging-Date": clock.to_text(about["at"])[:10],
        "Bag-Software-Agent": "Standfast, with bagit-python",
    }
    bagit.make_bag(str(folder), info, checksums=ALGORITHMS)
    return manifest(folder)


def manifest(folder: Path) -> str:
    """The SHA-256 of a bag's manifest: it stands for everything in it."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def _unpacked(folder: Path) -> None:
    """What a library that was killed had moved is moved back."""
    for path in [*folder.glob("tmp*"), folder / "data"]:
        if path.is_dir():
            for item in path.iterdir():
                item.replace(folder / item.name)
            path.rmdir()
    for path in (
        *folder.glob("manifest-*.txt"),
        *folder.glob("tagmanifest-*.txt"),
        folder / "bagit.txt",
        folder / "bag-info.txt",
    ):
        path.unlink(missing_ok=True)


def check(folder: Path) -> None:
    """Raise RecordsError, naming the first fault, when the bag in `folder` is not whole."""
    bagit = library()
    try:
        bagit.Bag(str(folder)).validate()
    except bagit.BagError as error:
        raise RecordsError(f"{str(folder)[:200]!a} is no whole package: {' '.join(str(error).split())[:300]}") from None
