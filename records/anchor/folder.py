"""Anchors in a folder on another disk or host: a file each, written once and never again."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config import small_file
from records.anchor.fault import AnchorError

NAME = re.compile(r"anchor-\d{12,}-\d+\.json", re.ASCII)
MOST_BYTES = 2**21


@dataclass(frozen=True)
class Laid:
    """What a file holds: the store's name, an entry and its hash, when it was laid down, and the authority's stamp if any."""

    store: str
    seq: int
    hash: str
    at: str
    stamp: bytes | None


def lay(folder: Path, laid: Laid, at: int) -> str:
    """The name of the file that now holds it, durable when this returns. Raises AnchorError."""
    name = f"anchor-{laid.seq:012d}-{at}.json"
    stamp = None if laid.stamp is None else base64.b64encode(laid.stamp).decode()
    text = json.dumps({**vars(laid), "stamp": stamp}, indent=1) + "\n"
    try:
        _write_once(folder / name, text.encode())
        _settle(folder)
    except OSError as error:
        remedy = "mend anchor_folder or its permissions"
        raise AnchorError(f"{folder / name} cannot be written ({error.strerror or error}): {remedy}") from None
    return name


def _write_once(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(folder: Path) -> Iterator[tuple[str, Laid | None]]:
    """Each anchor's file by name and what it holds, in their order; None for one that cannot be read. Raises AnchorError."""
    try:
        names = sorted(path.name for path in folder.iterdir() if NAME.fullmatch(path.name))
    except OSError as error:
        raise AnchorError(f"anchor_folder {folder} cannot be read: {error.strerror or error}") from None
    for name in names:
        yield name, _read(folder / name)


def _read(path: Path) -> Laid | None:
    try:
        told = json.loads(small_file.text(path, MOST_BYTES))
        stamp = None if told["stamp"] is None else base64.b64decode(told["stamp"], validate=True)
        words = {name: str(told[name]) for name in ("store", "hash", "at")}
        return Laid(seq=int(told["seq"]), stamp=stamp, **words)
    except (OSError, ValueError, KeyError, TypeError, binascii.Error):
        return None
