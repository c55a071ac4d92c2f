"""Whether the SQLite file under the daemon is still the one it opened: a file that was replaced is another store."""

from __future__ import annotations

from pathlib import Path

SQLITE = "sqlite:///"


class StoreIdentity:
    """The file as it was when this was made. PostgreSQL stores have none and never change under a connection."""

    def __init__(self, database_url: str) -> None:
        self.file = Path(database_url.removeprefix(SQLITE)) if database_url.startswith(SQLITE) else None
        self._first = self._now()

    def is_same(self) -> bool:
        """False when the file is gone or another one stands in its place: its stops would not be seen here."""
        return self._first == self._now() and (self.file is None or self._first is not None)

    def _now(self) -> tuple[int, int] | None:
        if self.file is None:
            return None
        try:
            stat = self.file.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino
