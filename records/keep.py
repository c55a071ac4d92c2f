"""Records made: content and what it is about, in the transaction of the act itself.

The chain names them soon after (`records.archive`). In plain SQL, for it stands on the way of every post.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from config import clock
from records import seal
from store import together
from store.chain import storable
from store.engine import cursor, dialect

JSON_TYPE = "application/json"
_encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True)
class About:
    """What a record is about. `at`: when that happened (wall µs). `facts`: beside the content, for ever: no private words."""

    series: str
    subject: str
    at: int
    actor: str = ""
    channel: str | None = None
    post: int | None = None
    attempt: int | None = None
    suspension: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Content:
    """What is kept: `body` itself, or the `name` of a file in the folder of media."""

    mime: str
    sha256: str
    size: int
    body: bytes | None = None
    name: str | None = None


def document(session: Session, about: About, content: Mapping[str, Any]) -> int:
    """The number of a record whose content is this JSON object, its keys in order."""
    return blob(session, about, encoded(content), JSON_TYPE)


def blob(session: Session, about: About, body: bytes, mime: str) -> int:
    """The number of a record of these bytes."""
    return _keep(session, about, _Content(mime, seal.of_content(body), len(body), body))


def encoded(content: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON document as `document` keeps it."""
    return _encode(content).encode()


def file(session: Session, about: About, name: str, digest: str, size: int, mime: str) -> int:
    """The number of a record of a file that lies in the folder of media under `name`; `digest` is its SHA-256 (hex)."""
    return _keep(session, about, _Content(mime, digest, size, name=name))


def documents(session: Session, many: Sequence[tuple[About, Mapping[str, Any]]]) -> None:
    """Records whose contents are these JSON objects, in as few steps as the database needs."""
    bodies = [_encode(content).encode() for _, content in many]
    contents = [_Content(JSON_TYPE, seal.of_content(body), len(body), body) for body in bodies]
    rows = [_values(about, content) for (about, _), content in zip(many, contents, strict=True)]
    own: Any = cursor(session)
    own.executemany(_sql(session, CONTENT), [(item.sha256, item.body, None) for item in contents])
    own.executemany(_sql(session, ROW.removesuffix(NUMBER)), [(*row, seal.of_record(row)) for row in rows])


def _sql(session: Session, text: str) -> str:
    return text if dialect(session) == "sqlite" else text.replace("?", "%s")


CONTENT = "INSERT INTO record_content (sha256, body, file) VALUES (?, ?, ?) ON CONFLICT (sha256) DO NOTHING"
NUMBER = " RETURNING id"
MARKS = ", ".join("?" * (len(seal.FIELDS) + 1))
ROW = f"INSERT INTO record ({', '.join(seal.FIELDS)}, hash) VALUES ({MARKS}){NUMBER}"  # noqa: S608 (constants only)


def _keep(session: Session, about: About, content: _Content) -> int:
    values = _values(about, content)
    own = cursor(session)
    together.execute(
        own,
        dialect(session),
        (CONTENT, (content.sha256, content.body, content.name)),
        (ROW, (*values, seal.of_record(values))),
    )
    return int(own.fetchone()[0])


def _values(about: About, content: _Content) -> tuple[Any, ...]:
    """The record's `seal.FIELDS`."""
    return (
        storable(about.series),
        storable(about.subject),
        about.at,
        clock.wall_us(),
        storable(about.actor),
        None if about.channel is None else storable(about.channel),
        about.post,
        about.attempt,
        about.suspension,
        storable(content.mime),
        _encode(about.facts),
        content.sha256,
        content.size,
    )
