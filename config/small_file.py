"""The text of a file that people write, read whole and never without end."""

from __future__ import annotations

from pathlib import Path


def text(file: Path, most_bytes: int) -> str:
    """The file's text, without the mark that some editors put first. Raises OSError, and ValueError for what is no ordinary
    file (it might never end), has more than `most_bytes` (whole MiB), or is no UTF-8."""
    if file.exists() and not file.is_file():
        raise ValueError("it is no ordinary file")
    with file.open("rb") as stream:
        data = stream.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes // 2**20} MiB")
    return data.decode("utf-8-sig")
