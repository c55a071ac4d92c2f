"""What a record says, as plain text to look for words in. More is looked at rather than less: a hold must not miss one."""

from __future__ import annotations

import email
import email.policy
import html
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_plus

from sqlmodel import Session, col, select

from records import tokens
from records.retention.facts import Item, Key
from store import bulk
from store.record_tables import Record, RecordContent
from store.retention_tables import RECORD

SILENT = ("image/", "video/", "audio/")
"""What holds no words that could be read here."""
LONG = 64 * 1024
"""Bytes of a content from which on it takes its time to read."""
ONE_BY_ONE: dict[str, Any] = {"stream_results": True, "max_row_buffer": 8}
Said = Mapping[tuple[str, str], str]
"""By the hash and the type of a content: what it says, `plain`."""


def of_items(session: Session, items: Sequence[Item], known: Said) -> dict[Key, str]:
    """By item: all that it says, ready for `holds_all`; of a post's records also what any version of the post says.

    `known`: contents that were read `ahead`.
    """
    records = [item for item in items if item.kind == RECORD]
    bodies = _bodies(session, [item.number for item in records if _content(item) not in known])
    posts = sorted({item.post_id for item in items if item.post_id is not None})
    versions = _versions(session, posts)
    found = {item.key: plain("\n".join([*item.texts, *versions[item.post_id or 0]])) for item in records}
    found = {item.key: plain("\n".join(item.texts)) for item in items if item.kind != RECORD} | found
    for item in records:
        found[item.key] += "\n" + known.get(_content(item), bodies.get(item.number, ""))
    return found


def ahead(session: Session, items: Sequence[Item]) -> Said:
    """What the long contents of `items` say: to be read before anything is locked."""
    long = {item.number: item for item in items if item.kind == RECORD and item.size > LONG}
    return {_content(long[number]): said for number, said in _bodies(session, [*long]).items()}


def _content(item: Item) -> tuple[str, str]:
    return item.sha256, item.mime


def _bodies(session: Session, numbers: Sequence[int]) -> dict[int, str]:
    """By record: what its content says, `plain`."""
    query = select(Record.id, Record.mime, RecordContent.body).join(
        RecordContent, col(RecordContent.sha256) == col(Record.sha256)
    )
    query = query.where(bulk.among(session, Record.id, numbers)).execution_options(**ONE_BY_ONE)
    return (
        {number or 0: plain(readable(body or b"", mime)) for number, mime, body in session.exec(query)}
        if numbers
        else {}
    )


def _versions(session: Session, posts: Sequence[int]) -> defaultdict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    query = select(Record.post_id, Record.mime, RecordContent.body).join(
        RecordContent, col(RecordContent.sha256) == col(Record.sha256)
    )
    of_posts = query.where(Record.series == "post", bulk.among(session, Record.post_id, posts))
    for post, mime, body in session.exec(of_posts) if posts else ():
        found[post or 0].append(readable(body or b"", mime))
    return found


def readable(body: bytes, mime: str) -> str:
    """The words in a content, as they stand and with what is written in signs for others decoded."""
    if mime.startswith(SILENT):
        return ""
    if mime == "message/rfc822":
        return "\n".join(_of_mail(body))
    text = body.decode("utf-8", "replace")
    _, _, after_head = text.partition("\r\n\r\n")
    inside = [part for part in (_of_json(text), _of_json(after_head)) if part]
    return "\n".join([text, unquote_plus(text), html.unescape(text), *inside])


def _of_json(text: str) -> str:
    try:
        return "\n".join(_strings(json.loads(text)))
    except (ValueError, RecursionError):
        return ""


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
    elif value is not None:
        yield str(value)


def _of_mail(body: bytes) -> Iterator[str]:
    """Its bytes are looked at whatever a stranger's mail is made of; the library has many ways to stumble over it."""
    yield body.decode("utf-8", "replace")
    with suppress(Exception):
        for part in email.message_from_bytes(body, policy=email.policy.default).walk():
            yield from _of_part(part)


def _of_part(part: Any) -> Iterator[str]:
    for name, value in part.raw_items():
        with suppress(Exception):
            yield str(email.policy.default.header_fetch_parse(name, value))
    with suppress(Exception):
        if part.get_content_maintype() == "text":
            yield html.unescape(str(part.get_content()))


def plain(text: str) -> str:
    """`text` as words are compared: letter case, forms of letters, and signs that nobody sees make no difference."""
    return unicodedata.normalize("NFKC", text if text.isascii() else tokens.UNSEEN.sub("", text)).casefold()


def holds_all(text: str, words: Iterable[str]) -> bool:
    """True when every one of `words` stands somewhere in `text` (`plain`)."""
    return all(plain(word) in text for word in words)
