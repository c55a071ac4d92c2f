"""A store with records that its chain names, and the hand that tampers with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.engine import RowMapping

from records import archive, keep, log, seal, verify_all
from records.keep import About
from records.verify_all import Found
from store.engine import writing

LONG = bytes(range(256)) * 80
IMAGE = b"image"
CONTENTS = [b"", b"first", b"second", b"third", LONG, b"first"]


@dataclass
class Archive:
    """Seven records named by entries 2, 4, 6 and 8, between other acts; and the hand that tampers with them."""

    engine: Engine
    folder: Path

    def look(self, **rest: Any) -> Found:
        """What is found."""
        return verify_all.look(self.engine, self.folder, **rest)

    def sql(self, statement: str, **values: Any) -> None:
        """Change the store past every command."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def rows(self, table: str, order: str) -> list[RowMapping]:
        """The rows of a table."""
        with self.engine.begin() as connection:
            return list(connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings())

    def bad(self) -> Found:
        """What is found, which is a fault."""
        found = self.look()
        assert not found.ok
        assert found.reason
        return found

    def catch_up(self) -> None:
        """Let the chain name what waits."""
        archive.catch_up(self.engine, self.folder)


def act(engine: Engine) -> None:
    """One entry more."""
    with writing(engine) as session:
        log.record(session, "ana", "act", "post 1", {"n": 1})


def fill(kept: Archive) -> None:
    """The records, which nothing names yet."""
    with writing(kept.engine) as session:
        for number, body in enumerate(CONTENTS, 1):
            about = About("mail", f"mail {number}", number, "ana", "parks", number, number, number, {"n": "ü"})
            keep.blob(session, about, body, "message/rfc822")
        keep.file(session, About("media", "post 1", 9), "a.png", seal.of_content(IMAGE), len(IMAGE), "image/png")
