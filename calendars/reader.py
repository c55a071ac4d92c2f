"""Calendar files to entries: whole and right, or not at all and with every mistake at once."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Callable, Collection
from pathlib import Path

from calendars import csv_file, yaml_file
from calendars.assembly import LengthOf, Terms, assemble
from calendars.draft import Draft, Faults, TooManyFaults
from calendars.entry import Calendar, Fault
from config import collector

MAX_BYTES = 20 * 1024 * 1024
_FORMATS: dict[str, Callable[[str, Faults], Draft | None]] = {
    ".yaml": yaml_file.draft,
    ".yml": yaml_file.draft,
    ".csv": csv_file.draft,
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What editors and office programs leave beside a file while it is open.
_TEMPORARY_ENDS = ("~", ".swp", ".swx", ".tmp", ".bak", ".part")
_IMAGE_ENDS = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_TEMPORARY_STARTS = (".", "~$", "#")

Reading = tuple[Calendar | None, list[Fault]]


def read(
    path: Path,
    *,
    default_zone: str,
    known_channels: Collection[str] | None = None,
    length_of: LengthOf | None = None,
) -> Reading:
    """The calendar in `path` and no faults, or None and all its faults by line. Never raises, whatever the bytes.

    `default_zone` is an IANA name; `known_channels` None takes any name; `length_of` gives (length, limit) of a
    text on a channel, as its platform counts, or None where there is no limit.
    """
    faults = Faults(str(path))
    try:
        with collector.paused():
            calendar = _calendar(path, Terms(default_zone, known_channels, length_of), faults)
    except TooManyFaults:
        calendar = None
    return calendar, faults.listed()


def _calendar(path: Path, terms: Terms, faults: Faults) -> Calendar | None:
    """The calendar, or None and at least one fault."""
    data = _bytes(path, faults)
    if data is None:
        return None
    own, text = hashlib.sha256(data).hexdigest(), _text(data, faults)
    del data  # a large file is not kept beside what is made of it
    draft = _FORMATS[path.suffix.lower()](text, faults) if text is not None else None
    if draft is None:
        return None
    owner, entries = assemble(path, draft, terms, faults)
    return None if len(faults) else Calendar(path, owner, own, entries)


def digest(path: Path) -> str | None:
    """The SHA-256 (hex) of the file's bytes, as `Calendar.digest`; None when it is no calendar that can be read."""
    data = _bytes(path, Faults(str(path)))
    return None if data is None else hashlib.sha256(data).hexdigest()


def read_folder(
    folder: Path,
    *,
    default_zone: str,
    known_channels: Collection[str] | None = None,
    length_of: LengthOf | None = None,
) -> list[tuple[Path, Calendar | None, list[Fault]]]:
    """Every file of `folder` by name, each as `read` gives it; hidden files and editors' own are passed over."""
    try:
        paths = files(folder)
    except OSError as error:
        fault = Fault(
            str(folder), 1, "", f"the folder cannot be read ({error.strerror}): correct the setting 'calendars'"
        )
        return [(folder, None, [fault])]
    return [
        (path, *read(path, default_zone=default_zone, known_channels=known_channels, length_of=length_of))
        for path in paths
    ]


def files(folder: Path) -> list[Path]:
    """What in `folder` is meant to be a calendar, by name: no folders, images or editors' own files. Raises OSError."""
    return sorted(path for path in folder.iterdir() if not _passed_over(path))


def _passed_over(path: Path) -> bool:
    name = path.name
    if name.startswith(_TEMPORARY_STARTS) or name.lower().endswith((*_TEMPORARY_ENDS, *_IMAGE_ENDS)):
        return True
    return path.is_dir()


def _bytes(path: Path, faults: Faults) -> bytes | None:
    """The file's bytes; None, with a fault, when it is no calendar that can be read."""
    if path.suffix.lower() not in _FORMATS and path.exists():
        supported = ", ".join(sorted(_FORMATS))
        faults.add(1, path.suffix, f"is no calendar format: save the file as one of {supported}")
        return None
    try:
        if not path.is_file():  # a pipe or device would never end
            faults.add(1, "", "the file is not there or no ordinary file: correct the path")
            return None
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        faults.add(1, "", f"the file cannot be read ({reason}): give the service account the right to read it")
        return None
    if len(data) > MAX_BYTES:
        faults.add(1, "", f"the file is larger than {MAX_BYTES // 1024**2} MB: split it")
        return None
    return data


def _text(data: bytes, faults: Faults) -> str | None:
    """The bytes as text with ``\\n`` line ends; None, with a fault, when they are not UTF-8 or hold control characters."""
    if data.startswith(_WIDE):
        faults.add(1, "", "the file is UTF-16: save it as UTF-8 (in a spreadsheet: 'CSV UTF-8')")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        faults.add(
            line, f"0x{data[error.start]:02x}", "is not UTF-8: save the file as UTF-8 (in a spreadsheet: 'CSV UTF-8')"
        )
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        faults.add(1, "", "the file is empty: docs/calendars.md has an example to begin with")
        return None
    return _without_controls(text, faults)


def _without_controls(text: str, faults: Faults) -> str | None:
    """`text`; None, with a fault for the first of each line, when it holds control characters."""
    if _CONTROL.search(text) is None:
        return text
    for number, line in enumerate(text.split("\n"), 1):
        if found := _CONTROL.search(line):
            shown = f"U+{ord(found[0]):04X}"
            faults.add(number, shown, "is a control character: delete it (is this really a text file?)")
    return None
