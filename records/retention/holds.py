"""Legal holds: what they cover is disposed of by nobody until a person releases them, also what comes later and fits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlmodel import Session, col, select

from config import clock
from config.fault import Fault
from records import log
from records.retention import texts
from records.retention.facts import Item, Key
from records.retention.texts import Said
from store.retention_tables import LegalHold
from store.tables import Person, Post

AT_ONCE = 8 * 2**20
"""Bytes of contents that are read at a time."""


class RetentionError(Fault):
    """It cannot be done so: one line that says what and what to do; nothing was changed."""


@dataclass(frozen=True)
class Query:
    """What a hold covers: whatever fits all that is given. Moments in µs UTC, from `since` on and before `until`.

    `words`: each stands in it, in any letter case. `person`: who made it, whose post it is, or a member of the public.
    """

    channel: str | None = None
    since: int | None = None
    until: int | None = None
    words: str | None = None
    person: str | None = None
    suspension: int | None = None
    post: int | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Query:
        """As `as_data` wrote it."""
        return cls(**{field.name: data.get(field.name) for field in fields(cls)})

    def as_data(self) -> dict[str, Any]:
        """What is given."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def fits(self, item: Item, text: str) -> bool:
        """True when the hold covers `item`; `text`: what it says (`texts.of_items`), needed where words are given."""
        post = item.post
        moments = [item.at, *([post.published_at] if post is not None and post.published_at else [])]
        return (
            (self.channel is None or item.channel == self.channel)
            and any(self.since is None or at >= self.since for at in moments)
            and any(self.until is None or at < self.until for at in moments)
            and (self.suspension is None or self.suspension in {incident.number for incident in item.incidents})
            and (self.post is None or item.post_id == self.post)
            and (self.person is None or texts.plain(self.person) in _people(item))
            and (self.words is None or texts.holds_all(text, self.words.split()))
        )


def _people(item: Item) -> set[str]:
    post = item.post
    names = [item.actor, *((post.author, post.changed_by) if post is not None else ())]
    member = item.texts[:1] if item.series == "moderation" else ()
    return {texts.plain(name) for name in (*names, *member)}


def place(session: Session, by: str, hold: LegalHold) -> None:
    """Put the hold in force. Raises RetentionError.

    Whoever disposes has the store's lock alone, and looks at the holds under it: this one is in force before, or waits.
    """
    _check(session, hold)
    hold.placed_by, hold.placed_at = by, clock.wall_us()
    session.add(hold)
    detail = {"owner": hold.owner, "sha256": digest(hold)}
    log.record(session, by, "records.hold.add", f"hold {hold.name}", detail)


def _check(session: Session, hold: LegalHold) -> None:
    if session.get(LegalHold, hold.name) is not None:
        raise RetentionError(f"there is a hold {hold.name!a} already, or was: a name is for ever; give another --name")
    owner = session.get(Person, hold.owner)
    if owner is None or owner.state != "active":
        raise RetentionError(f"--owner {hold.owner[:60]!a} is nobody who is here: `standfast people list` shows who is")
    if not hold.query:
        raise RetentionError(
            "nothing says what is held: give --channel, --since, --words, --person, --suspension or --post"
        )
    post = hold.query.get("post")
    if post is not None and session.get(Post, post) is None:
        raise RetentionError(f"--post {post}: there is no such post; `standfast post list` shows them")


def digest(hold: LegalHold) -> str:
    """The SHA-256 (hex) of what a hold says. The log has this alone: it is for ever, and a reason may name people."""
    said = [hold.name, hold.owner, hold.reason, hold.query]
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def release(session: Session, by: str, name: str, reason: str) -> LegalHold:
    """The hold, which holds nothing any more. Raises RetentionError."""
    found = session.exec(select(LegalHold).where(LegalHold.name == name).with_for_update()).first()
    if found is None:
        raise RetentionError(f"there is no hold {name[:60]!a}: `standfast records hold list` shows them")
    if found.released_at is not None:
        raise RetentionError(f"hold {name!a} was released at {clock.to_text(found.released_at)} by {found.released_by}")
    found.released_by, found.released_at, found.release_reason = by, clock.wall_us(), reason
    detail = {"sha256": hashlib.sha256(reason.encode("utf-8", "replace")).hexdigest()}
    log.record(session, by, "records.hold.release", f"hold {name}", detail)
    return found


def active(session: Session) -> list[LegalHold]:
    """The holds in force, by name."""
    return list(session.exec(select(LegalHold).where(col(LegalHold.released_at).is_(None)).order_by(LegalHold.name)))


def keeping(
    session: Session, items: Sequence[Item], holds: Sequence[LegalHold], known: Said | None = None
) -> dict[Key, list[str]]:
    """By item: the names of the holds that keep it, where there are any. `known`: contents that were read before."""
    asked = [(hold.name, Query.of(hold.query)) for hold in holds]
    is_read = any(query.words for _, query in asked)
    found: dict[Key, list[str]] = {}
    for piece in _pieces(items) if asked else ():
        said = texts.of_items(session, piece, known or {}) if is_read else {}
        found |= {
            item.key: [name for name, query in asked if query.fits(item, said.get(item.key, ""))] for item in piece
        }
    return {key: names for key, names in found.items() if names}


def _pieces(items: Sequence[Item]) -> Iterator[list[Item]]:
    """`items` in pieces of about `AT_ONCE` bytes."""
    piece: list[Item] = []
    size = 0
    for item in items:
        if piece and size + item.size > AT_ONCE:
            yield piece
            piece, size = [], 0
        piece.append(item)
        size += item.size
    yield piece
