"""The log's head laid down outside: at an authority, in a folder, at an address. One that fails stands in no other's way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine

from config import clock
from records.anchor import book, folder, stamp
from records.anchor.book import Head
from records.anchor.fault import AnchorError
from store.anchor_tables import Anchor
from store.engine import reading

logger = structlog.get_logger()
RETRY_US = 3600 * clock.SECOND
"""How long after a failed try the next one comes, at most."""


@dataclass(frozen=True)
class Authority:
    """Who stamps: its `name` for people, how a request is sent (raises AnchorError), and the certificates that count."""

    name: str
    send: Callable[[bytes], bytes]
    trusted: Callable[[], Sequence[Any]]


@dataclass(frozen=True)
class Address:
    """Whom a message is sent: the `name` of the variable with the address, and how; what went wrong is answered."""

    name: str
    send: Callable[[Head, int | None], str | None]


@dataclass(frozen=True)
class Places:
    """Where the city anchors."""

    authority: Authority | None = None
    folder: Path | None = None
    address: Address | None = None

    @property
    def names(self) -> list[str]:
        """Those that there are, in the order in which they are gone to."""
        given = {"authority": self.authority, "folder": self.folder, "address": self.address}
        return [name for name, place in given.items() if place is not None]


def anchor(engine: Engine, places: Places, only: Collection[str] | None = None) -> list[dict[str, Any]]:
    """What was tried now and what became of it, in `only` some of the places or in all. No transaction is open meanwhile.

    Raises AnchorError when there is nothing that could be anchored.
    """
    head, at = book.head(engine), clock.wall_us()
    wanted = [name for name in places.names if only is None or name in only]
    rows = [Anchor(at=at, seq=head.seq, hash=head.hash, place=name, target="") for name in wanted]
    found: stamp.Stamp | None = None
    for row in rows:
        try:
            found = _try(row, head, places, found)
        except AnchorError as error:
            row.trouble = str(error)
    return book.write(engine, rows)


def _try(row: Anchor, head: Head, places: Places, found: stamp.Stamp | None) -> stamp.Stamp | None:
    """The stamp, once there is one. Raises AnchorError."""
    if row.place == "authority" and places.authority is not None:
        row.target = places.authority.name
        found = stamp.ask(head.body, head.hash, places.authority.send, places.authority.trusted())
        row.token, row.stamped_at = found.token, found.at
    elif row.place == "folder" and places.folder is not None:
        row.target = str(places.folder)
        laid = folder.Laid(
            head.store, head.seq, head.hash, clock.to_text(row.at), None if found is None else found.token
        )
        row.target = folder.lay(places.folder, laid, row.at)
    elif places.address is not None:
        row.target = places.address.name
        if trouble := places.address.send(head, None if found is None else found.at):
            raise AnchorError(f"{places.address.name} {trouble}")
    return found


class Keeper:
    """The daemon's turn: anchors where it is due, `every_us` apart, and again after a failure."""

    def __init__(self, engine: Engine, places_of: Callable[[], Places], every_us: int) -> None:
        self.engine, self.places_of, self.every_us = engine, places_of, every_us

    def run(self) -> int:
        """How many places were tried. Raises AnchorError when there is nothing that could be anchored."""
        places = self.places_of()
        due = self._due(places)
        if not due:
            return 0
        made = anchor(self.engine, places, due)
        for item in made:
            if item["trouble"]:
                logger.warning("not anchored", action="anchor", place=item["place"], reason=item["trouble"])
        return len(made)

    def _due(self, places: Places) -> list[str]:
        now = clock.wall_us()
        with reading(self.engine) as session:
            lasts = {name: book.last(session, name) for name in places.names}
        retry = min(RETRY_US, self.every_us)
        return [
            name
            for name, last in lasts.items()
            if _is_past(last.kept, now - self.every_us) and _is_past(last.tried, now - retry)
        ]


def _is_past(moment: int | None, limit: int) -> bool:
    return moment is None or moment <= limit
