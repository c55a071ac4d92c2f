"""What crossed the wire, for the record: a request and its answer as HTTP messages, without the account's secrets.

Secrets are taken out here, before anything is kept anywhere. Whoever wants to know what a connector exchanges listens with
`collected`; nothing is noted where nobody listens.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

REQUEST_TYPE, ANSWER_TYPE = "application/http; msgtype=request", "application/http; msgtype=response"
LARGE = 256 * 1024
"""Bytes of a body from which on only its hash is noted: uploads, whose originals are kept by themselves."""
STARS = b"***"
_HEADERS = frozenset(
    ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-csrf-token", "x-access-token", "x-api-key")
)
_NAMES = (
    rb"access_token|refresh_token|input_token|id_token|client_secret|app_secret|appsecret_proof|fb_exchange_token|revoke_token"
    rb"|oauth_\w{1,40}"
)
_PARAMETER = re.compile(rb"(?i)(" + _NAMES + rb")(=|%3D)(\\?[\"']?)(?:(?!%26)[^&\s\"'<>\\]|\\/)+")
"""In an address, a form or a header, also one that stands in a text in which signs are written as others."""
_MEMBER = re.compile(rb"(?i)(\"\w{0,40}(?:" + _NAMES + rb")\"\s*:\s*)\"(?:[^\"\\]|\\.)+\"?")
_QUOTED_MEMBER = re.compile(rb"(?i)((\\{1,4}\"|')\w{0,40}(?:" + _NAMES + rb")\2\s*:\s*\2)(?:[^\"'\\]|\\{1,4}/)+")
"""Of JSON, and of JSON that is a text in JSON, or as a program prints it."""
_CODED = re.compile("%[0-9A-F]{2}")


@dataclass(frozen=True)
class Draft:
    """A request as it will be sent, without secrets: where to, the message's bytes, and their MIME type."""

    url: str
    body: bytes
    mime: str = REQUEST_TYPE


@dataclass(frozen=True)
class Exchange:
    """One request as it was sent at `at_us` (wall µs), and the answer; None, and the `failure` in words, where none came."""

    at_us: int
    sent: Draft
    answer: Draft | None
    failure: str = ""
    status: int | None = None


_listening = threading.local()


@contextmanager
def collected() -> Iterator[list[Exchange]]:
    """What this thread exchanges with platforms within."""
    before, seen = getattr(_listening, "seen", None), list[Exchange]()
    _listening.seen = seen
    try:
        yield seen
    finally:
        _listening.seen = before


def note(exchange: Exchange) -> None:
    """Tell whoever listens in this thread."""
    seen = getattr(_listening, "seen", None)
    if seen is not None:
        seen.append(exchange)


def is_wanted() -> bool:
    """True when somebody listens in this thread."""
    return getattr(_listening, "seen", None) is not None


def message(first: str, headers: Iterable[tuple[str, str]], body: bytes, secrets: Iterable[str]) -> bytes:
    """An HTTP/1.1 message without secrets: `first` is its request or status line."""
    lines = [first, *(f"{name}: {'***' if name.lower() in _HEADERS else value}" for name, value in headers)]
    head = "\r\n".join(" ".join(line.split("\n")) for line in lines).encode("latin-1", "replace")
    return scrubbed(head + b"\r\n\r\n" + _told(body), secrets)


def _told(body: bytes) -> bytes:
    if len(body) <= LARGE:
        return body
    return f"[{len(body)} bytes, SHA-256 {hashlib.sha256(body).hexdigest()}]".encode()


def scrubbed(data: bytes, secrets: Iterable[str]) -> bytes:
    """`data` with each of `secrets`, in any form that is usual in HTTP, and each parameter that is one by its name, starred."""
    for form in sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True):
        data = data.replace(form, STARS)
    data = _PARAMETER.sub(rb"\1\2\3***", data)
    return _QUOTED_MEMBER.sub(rb"\1***", _MEMBER.sub(rb'\1"***"', data))


def _forms(secret: str) -> Iterator[bytes]:
    if secret.strip():
        yield secret.encode()
        for coded in (quote(secret, safe=""), quote_plus(secret)):
            yield coded.encode()
            yield _CODED.sub(lambda found: found[0].lower(), coded).encode()
        for told in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            yield told.encode()
            yield told.replace("/", "\\/").encode()


def document(content: Mapping[str, object]) -> bytes:
    """A message that is no HTTP, as JSON."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
