"""What a post says: its hash, what may be in it, and its images, kept under their own digest in the data directory."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from calendars import values
from config.fault import Fault
from connectors import media as images
from connectors import registry
from connectors.errors import AccountError
from connectors.protocol import Media, Message

MOST_CHARACTERS = 100_000
FOLDER = "media"

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode

MediaRow = dict[str, str]
"""One image as the store keeps it: ``file`` (its name in the media folder), ``alt``, ``mime``, ``sha256``."""


class ContentError(Fault):
    """A text or an image that cannot be queued: one line that names it and the remedy."""


def content_hash(text: str, media: Iterable[Mapping[str, str]]) -> str:
    """The SHA-256 (hex) of what is said: canonical JSON (sorted keys, no spaces, UTF-8) of text, digests and alts."""
    shown = [{"alt": row["alt"], "sha256": row["sha256"]} for row in media]
    body = f'{{"media":{_encode(shown) if shown else "[]"},"text":{_encode(text)}}}'
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def fit(text: str, what: str) -> str:
    """`text` with plain line ends and no blank end. Raises ContentError naming `what` when it cannot be kept."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").rstrip()
    if len(plain) > MOST_CHARACTERS:
        raise ContentError(f"{what} has {len(plain)} characters, more than {MOST_CHARACTERS}: shorten it")
    if (unfit := values.unfit_character(plain)) is not None:
        raise ContentError(f"{what} {plain[:60]!a} holds the character {unfit}: delete it and type the text anew")
    return plain


def keep(data_dir: Path, path: Path, alt: str) -> MediaRow:
    """The image at `path`, copied into the media folder (whole or not at all). Raises ContentError, MediaError, OSError."""
    words = fit(alt, f"the alt text of {path}").strip()
    if not words:
        raise ContentError(f"{path} has no alt text: say what the image shows with --alt")
    found = images.read_image(path, words)
    name = f"{found.sha256}.{images.EXTENSIONS[found.mime]}"
    _copy(images.content(found), data_dir / FOLDER / name)
    return {"file": name, "alt": words, "mime": found.mime, "sha256": found.sha256}


def _copy(data: bytes, place: Path) -> None:
    """The name is the digest: a file of that name and size is this very image."""
    if place.is_file() and place.stat().st_size == len(data):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, staged = tempfile.mkstemp(dir=place.parent, prefix=".staged-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(staged).replace(place)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise


def stored(data_dir: Path, rows: Iterable[Mapping[str, str]]) -> tuple[Media, ...]:
    """The images of a post as a connector takes them; whether they are still there, `connectors.media.content` says."""
    return tuple(Media(data_dir / FOLDER / row["file"], row["alt"], row["mime"], row["sha256"]) for row in rows)


def problems(platform: str, text: str, media: Sequence[Media]) -> list[str]:
    """One line per reason why `platform` would not take this (with both counts for a length); none when it would."""
    try:
        connector = registry.load(platform)
    except AccountError as error:
        return [str(error)]
    return connector.problems(Message(0, "check", text, tuple(media)))
