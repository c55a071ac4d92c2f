"""Do the anchors still hold? Each anchored entry is still the one that the log has, and each stamp is over it.

Where they come from: the rows of the store, which the log holds to what it says of them; and the files of the folder, which lie
where whoever rewrites the store may not reach.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config import clock
from records.anchor import book, folder, stamp
from records.anchor.fault import AnchorError
from store import chain
from store.anchor_tables import Anchor
from store.engine import reading
from store.tables import LogEntry, Meta


@dataclass
class Checked:
    """How many anchors and files were held to the log, how many stamps hold, and what is wrong, a line each.

    `absent`: files that are not in the folder; `unstamped`: why stamps could not be checked.
    """

    anchors: int = 0
    files: int = 0
    stamps: int = 0
    unchecked: int = 0
    absent: int = 0
    unstamped: str = ""
    holds: int | None = None
    """The newest anchored entry that still is what it was."""
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Point:
    """An anchored entry: `name` says which anchor."""

    seq: int
    hash: str
    name: str
    token: bytes | None


def check(engine: Engine, place: Path | None, trusted: Sequence[Any] | str) -> Checked:
    """What is found of all anchors. `place`: the folder; `trusted`: the certificates, or why there are none."""
    found = Checked(unstamped=trusted if isinstance(trusted, str) else "")
    with reading(engine) as session:
        points = [*_rows(session, found), *_files(session, place, found)]
        for point in sorted(points, key=lambda item: item.seq):
            _hold(session, point, trusted, found)
    return found


def _hold(session: Session, point: _Point, trusted: Sequence[Any] | str, found: Checked) -> None:
    entry = session.get(LogEntry, point.seq)
    if entry is None:
        found.faults.append(f"{point.name}: entry {point.seq} is gone: the log was rewritten or cut off")
    elif _digest(entry) != point.hash:
        since = f"after entry {found.holds}, which still is" if found.holds else "from its beginning, or nearly"
        found.faults.append(
            f"{point.name}: entry {point.seq} is not the one that was anchored: the log was rewritten {since}"
        )
    else:
        found.holds = point.seq
    _hold_stamp(point, trusted, found)


def _digest(entry: LogEntry) -> str:
    fields = (entry.seq, entry.at, entry.actor, entry.action, entry.subject, entry.detail, entry.previous)
    return chain.digest(*fields)


def _hold_stamp(point: _Point, trusted: Sequence[Any] | str, found: Checked) -> None:
    if point.token is None or isinstance(trusted, str):
        found.unchecked += point.token is not None
        return
    try:
        stamp.check(point.token, point.hash, trusted)
        found.stamps += 1
    except AnchorError as error:
        found.faults.append(f"{point.name}: {error}")


# --- the store's own -------------------------------------------------------------------------------------------------


def _rows(session: Session, found: Checked) -> list[_Point]:
    told, points = _told(session), list[_Point]()
    for row in book.rows(session):
        name = f"anchor {row.id} of {_moment(row.at)} ({row.place} {row.target!a})"
        if told.pop(row.id, None) != book.told(row):
            found.faults.append(f"{name} is not what the log says of it: it was changed or put in")
        if not row.trouble:
            found.anchors += 1
            points.append(_Point(row.seq, row.hash, name, row.token))
    found.faults += [f"anchor {number} was removed: the log says that it was there" for number in sorted(told, key=str)]
    return points


def _told(session: Session) -> dict[int | None, Any]:
    """What the log says of each anchor, by its number."""
    query = select(LogEntry.detail).where(col(LogEntry.action).in_((book.ANCHORED, book.FAILED)))
    details = [_read(detail) for detail in session.exec(query)]
    return {detail["anchor"]: detail for detail in details if isinstance(detail.get("anchor"), int)}


def _read(detail: str) -> dict[str, Any]:
    try:
        found = json.loads(detail)
    except ValueError:  # the walk over the log says it
        return {}
    return found if isinstance(found, dict) else {}


def _moment(at: Any) -> str:
    try:
        return clock.to_text(at)
    except (TypeError, ValueError, OverflowError):
        return repr(at)


# --- the folder's ----------------------------------------------------------------------------------------------------


def _files(session: Session, place: Path | None, found: Checked) -> Iterator[_Point]:
    if place is None:
        return
    store = session.get(Meta, "store_id")
    names = set[str]()
    try:
        for name, laid in folder.read(place):
            names.add(name)
            found.files += 1
            if laid is None:
                found.faults.append(f"{place / name} cannot be read as an anchor: it was changed")
            elif store is None or laid.store != store.value:
                found.faults.append(
                    f"{place / name} is another store's: was the store replaced? Give each its own folder"
                )
            else:
                yield _Point(laid.seq, laid.hash, f"the anchor of {laid.at} in {place / name}", laid.stamp)
    except AnchorError as error:
        found.faults.append(str(error))
    known = {row.target for row in _laid(session)}
    found.absent = len(known - names)


def _laid(session: Session) -> Sequence[Anchor]:
    return session.exec(select(Anchor).where(Anchor.place == "folder", Anchor.trouble == "")).all()
