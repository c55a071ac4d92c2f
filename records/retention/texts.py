"""What a record says, as plain text to look for words in. More is looked at rather than less: a hold must not miss one."""

from __future__ import annotations

import email
import email.policy
import html
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote_plus

from sqlmodel import Session, col, select

from records.retention.facts import Item, Key
from store import bulk
from store.record_tables import Record, RecordContent
from store.retention_tables import RECORD

SILENT = ("image/", "video/", "audio/")
"""What holds no words that could be read here."""


def of_items(session: Session, items: Sequence[Item]) -> dict[Key, str]:
    """By item: all that it says, ready for `holds_all`; of a post's records also what any version of the post says."""
    bodies = _bodies(session, [item.number for item in items if item.kind == RECORD])
    posts = sorted({item.post_id for item in items if item.post_id is not None})
    versions = _versions(session, posts)
    return {
        item.key: plain("\n".join([*item.texts, bodies.get(item.number, ""), *versions[item.post_id or 0]]))
        if item.kind == RECORD
        else plain("\n".join(item.texts))
        for item in items
    }


def _bodies(session: Session, numbers: Sequence[int]) -> dict[int, str]:
    query = select(Record.id, Record.mime, RecordContent.body).join(
        RecordContent, col(RecordContent.sha256) == col(Record.sha256)
    )
    rows = session.exec(query.where(bulk.among(session, Record.id, numbers))) if numbers else ()
    return {number or 0: readable(body or b"", mime) for number, mime, body in rows}


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
    yield body.decode("utf-8", "replace")
    message = email.message_from_bytes(body, policy=email.policy.default)
    for part in message.walk():
        try:
            yield from (str(value) for value in part.values())
            if part.get_content_maintype() == "text":
                yield html.unescape(str(part.get_content()))
        except (
            LookupError,
            ValueError,
            AttributeError,
        ):  # whatever a stranger's mail is made of: its bytes are looked at
            continue


def plain(text: str) -> str:
    """`text` as words are compared: letter case and forms of letters make no difference."""
    return unicodedata.normalize("NFKC", text).casefold()


def holds_all(text: str, words: Iterable[str]) -> bool:
    """True when every one of `words` stands somewhere in `text` (`plain`)."""
    return all(plain(word) in text for word in words)
