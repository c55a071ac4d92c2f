"""The words of a content as a person reads them: of JSON its texts, of a message its text, of an email its heads and text.

What cannot be read as it says it is (a broken encoding, half a JSON) is read as plain text; nothing is unpacked or run.
"""

from __future__ import annotations

import email
import email.message
import email.policy
import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

SILENT = frozenset(("content_hash", "sha256", "mime", "zone", "local_time", "by", "author", "channel", "file", "entry"))
"""Keys of JSON whose values are no words."""
HEADS = ("From", "To", "Cc", "Date", "Subject")
TAGS = re.compile(r"<(?:script|style)\b.*?</(?:script|style)\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
DEEPEST = 60
HEX = re.compile(r"[0-9a-f]{64}")


def text(mime: str, body: bytes) -> str:
    """The words of `body`; empty for what has none (an image)."""
    kind = mime.partition(";")[0].strip().lower()
    if kind == "application/json":
        return of_json(body)
    if kind == "application/http":
        return of_http(body)
    if kind == "message/rfc822":
        return of_mail(body)
    return plain(body) if kind.startswith("text/") else ""


def plain(body: bytes) -> str:
    """`body` as UTF-8; a sign stands for what is none."""
    return body.decode("utf-8", "replace")


def of_json(body: bytes) -> str:
    """The texts in a JSON document, each on a line."""
    try:
        return "\n".join(_texts(json.loads(body), 0))
    except (ValueError, RecursionError):
        return plain(body)


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if value and not HEX.fullmatch(value):
            yield value
    elif isinstance(value, list) and depth < DEEPEST:
        for item in value:
            yield from _texts(item, depth + 1)
    elif isinstance(value, dict) and depth < DEEPEST:
        for key in sorted(value, key=lambda name: name != "text"):
            if key not in SILENT:
                yield from _texts(value[key], depth + 1)


def of_http(body: bytes) -> str:
    """The words of what an HTTP message carries."""
    heads, _, carried = body.partition(b"\r\n\r\n")
    found = re.search(rb"(?im)^content-type:[ \t]*([^\r\n;]*)", heads)
    kind = plain(found[1]).strip().lower() if found else ""
    if kind.endswith("json"):
        return of_json(carried)
    if kind == "application/x-www-form-urlencoded":
        try:
            return "\n".join(value for _, value in parse_qsl(plain(carried), max_num_fields=10_000))
        except ValueError:
            return plain(carried)
    if kind.startswith(("image/", "video/", "audio/", "multipart/")):
        return _printable(carried)
    return plain(carried)


def _printable(body: bytes) -> str:
    """The texts between pictures: the parts of a form that can be read."""
    parts = (part for part in re.split(rb"\r\n--|\r\n\r\n", body) if len(part) < 100_000)
    return "\n".join(part.decode() for part in parts if _is_text(part))


def _is_text(part: bytes) -> bool:
    try:
        return "".join(part.decode().split()).isprintable()
    except ValueError:
        return False


def of_mail(body: bytes) -> str:
    """Heads, texts, and the names of what is attached."""
    try:
        message = email.message_from_bytes(body, policy=email.policy.default)
        return "\n".join(_of_message(message))
    except Exception:  # the library has many ways to stumble over what is no email
        return plain(body)


def _of_message(message: Any) -> Iterator[str]:
    for name in HEADS:
        yield from (str(value) for value in message.get_all(name, []))
    for part in message.walk():
        if part.get_filename():
            yield str(part.get_filename())
        if part.get_content_maintype() == "text":
            words = _payload(part)
            yield of_html(words) if part.get_content_subtype() == "html" else words


def _payload(part: Any) -> str:
    body = part.get_payload(decode=True) or b""
    try:
        return str(body.decode(part.get_content_charset("utf-8"), "replace"))
    except LookupError:  # a charset that nobody knows
        return plain(body)


def of_html(words: str) -> str:
    """What a page says, without its marks."""
    return html.unescape(TAGS.sub(" ", words))
