"""Where an entry's images are: inside the calendar's folder, there, and readable."""

from __future__ import annotations

import os
from pathlib import Path

from calendars.draft import did_you_mean

MAX_NAMES = 500


def folder_of(calendar: Path, media_folder: str) -> Path:
    """The folder that holds the images of `calendar`. Raises ValueError with the remedy when it lies elsewhere or is none."""
    folder = _inside(calendar.parent, calendar.parent, media_folder)
    if not folder.is_dir():
        raise ValueError("is not a folder beside the calendar: create it or correct the name")
    return folder


def resolve(calendar: Path, folder: Path, name: str) -> Path:
    """The image `name` of `calendar` in `folder`, resolved. Raises ValueError with the remedy when it cannot be read."""
    path = _inside(calendar.parent, folder, name)
    if not path.exists():
        raise ValueError(f"is not there: {_remedy(folder, name)}")
    if not path.is_file():
        raise ValueError("is not a file: name an image")
    if not os.access(path, os.R_OK):
        raise ValueError("cannot be read: give the service account the right to read it")
    if path.stat().st_size == 0:
        raise ValueError("is an empty file: copy the image again")
    return path


def _inside(base: Path, folder: Path, name: str) -> Path:
    """`name` in `folder`, links followed; a path that leaves `base` is refused, whatever it would find there."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError("leads out of the calendar's folder: copy the file there and give its name alone")
    try:
        path = (folder / name).resolve()
        inside = path.is_relative_to(base.resolve())
    except (OSError, RuntimeError, ValueError):  # loops of links, names that are too long or hold NUL
        raise ValueError("is not a path that can be read: give the file's name") from None
    if not inside:
        raise ValueError("is a link out of the calendar's folder: copy the file itself there")
    return path


def _remedy(folder: Path, name: str) -> str:
    if "\\" in name:
        return "write the folder with '/', not '\\'"
    try:
        with os.scandir(folder) as found:
            names = [item.name for _, item in zip(range(MAX_NAMES), found, strict=False) if item.is_file()]
    except OSError:
        names = []
    return f"copy it to {folder.resolve().name}/ or correct the name ({did_you_mean(name, names)})"
