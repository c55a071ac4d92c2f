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
FACTS = ("captions", "rights")
"""What an image's row holds where it was said."""

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode

MediaRow = dict[str, str]
"""One image as the store keeps it: ``file`` (its name in the media folder), ``alt``, ``mime``, ``sha256``,
and where they were said ``captions`` and ``rights``."""


class ContentError(Fault):
    """A text or an image that cannot be queued: one line that names it and the remedy."""


def content_hash(
    text: str, media: Iterable[Mapping[str, str]], share_of: str = "", source_checked: bool = False
) -> str:
    """The SHA-256 (hex) of what is said: canonical JSON (sorted keys, no spaces, UTF-8) of text, digests and alts, and of
    what the post says about itself: captions, rights, what it shares. What is not said leaves the hash as it was."""
    shown = [_shown(row) for row in media]
    share = f'"share_of":{_encode(share_of)},"source_checked":{_encode(source_checked)},' if share_of else ""
    body = f'{{"media":{_encode(shown) if shown else "[]"},{share}"text":{_encode(text)}}}'
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def _shown(row: Mapping[str, str]) -> dict[str, str]:
    return {name: row[name] for name in ("alt", "sha256")} | {name: row[name] for name in FACTS if row.get(name)}


def with_facts(row: MediaRow, facts: Mapping[str, str]) -> MediaRow:
    """An image with what is said about it from now on: its captions, and whose it is; what is blank is taken away."""
    rest = {name: value for name, value in row.items() if name not in facts}
    return rest | {name: facts[name] for name in FACTS if facts.get(name)}


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


def _is_there(place: Path, size: int) -> bool:
    try:
        os.utime(place)
        return place.is_file() and place.stat().st_size == size
    except OSError:
        return False


def _copy(data: bytes, place: Path) -> None:
    """The name is the digest: a file of that name and size is this very image. One that is used again is marked as new, so
    that a disposition leaves it (`records.retention.media`)."""
    if _is_there(place, len(data)):
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
