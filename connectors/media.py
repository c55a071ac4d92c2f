"""Images: from a path to `protocol.Media`, and back to the very bytes that were approved."""

from __future__ import annotations

import hashlib
from pathlib import Path

from connectors.errors import ConnectorError, Rejected
from connectors.protocol import Media

SIZE_LIMIT = 16 << 20
"""Bytes; larger than any platform takes, so that a mistaken path cannot fill the memory."""
EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


class MediaError(ConnectorError):
    """An image cannot be used: the message names the path and the remedy."""


def read_image(path: Path, alt: str) -> Media:
    """The image at `path` with its text alternative `alt`. Raises MediaError."""
    data = _bytes(path)
    mime = mime_type(data)
    if mime is None:
        raise MediaError(f"{path} is not a PNG, JPEG, GIF or WebP image: convert it to one of them")
    return Media(path, alt, mime, hashlib.sha256(data).hexdigest())


def content(media: Media) -> bytes:
    """The bytes of `media`, the same as when it was queued. Raises Rejected when they cannot be had or have changed."""
    try:
        data = _bytes(media.path)
    except MediaError as error:
        raise Rejected(error.detail) from None
    if hashlib.sha256(data).hexdigest() != media.sha256:
        raise Rejected(f"{media.path} is not the image that was queued: put it back, or edit the post")
    return data


def file_name(media: Media, number: int) -> str:
    """A name for the image that tells nothing of this machine."""
    return f"image-{number}.{EXTENSIONS.get(media.mime, 'bin')}"


def mime_type(data: bytes) -> str | None:
    """The MIME type that the first bytes prove, or None."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def size(media: Media) -> int:
    """The image's size in bytes; 0 when it cannot be read (`content` says why)."""
    try:
        return media.path.stat().st_size
    except OSError:
        return 0


def too_large(media: Media, limit: int, platform: str) -> list[str]:
    """One line when the image is over `limit` bytes, else none."""
    count = size(media)
    if count <= limit:
        return []
    return [f"{media.path} has {count:,} bytes, {platform} takes {limit:,}: make it smaller"]


def _bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise MediaError(f"{path} is not a file: name an image")
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise MediaError(f"{path} does not exist: correct the path, or put the image there") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise MediaError(f"{path} cannot be read ({why}): let the service's account read it") from None
    if not data:
        raise MediaError(f"{path} is empty: put the image there again")
    if len(data) > SIZE_LIMIT:
        raise MediaError(f"{path} is larger than {SIZE_LIMIT:,} bytes: make it smaller")
    return data
