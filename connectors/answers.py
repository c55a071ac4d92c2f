"""What platforms' answers have in common: limits that reset, text that was changed in passing, outcomes in `prepare`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from config import clock
from connectors.errors import CannotTell, ConnectorError, NotSent, Uncertain
from connectors.http import Answer
from connectors.protocol import Message

LONGEST_WAIT_S = 86_400.0
REFUSALS = frozenset({400, 403, 404, 413, 422})
"""Statuses with which a platform says, in its own words, that it will not take a post.

Every other answer that is not success is uncertain, a redirect too: who sent it may have passed the request on before.
"""


def retry_after_s(answer: Answer, reset_header: str | None = None) -> float | None:
    """Seconds until the platform takes requests again, at most a day; None when it does not say.

    Reads Retry-After (RFC 9110: seconds or a date), else `reset_header` (a Unix time).
    """
    wait = _retry_after(answer.headers.get("retry-after", "").strip())
    if wait is None and reset_header is not None:
        wait = _until(_number(answer.headers.get(reset_header, "")))
    return None if wait is None else min(max(wait, 0.0), LONGEST_WAIT_S)


def _retry_after(text: str) -> float | None:
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _until(aware.timestamp())


def _number(text: str) -> float | None:
    """`text` as a whole number of at most 12 digits, else None."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


def _until(unix_s: float | None) -> float | None:
    return None if unix_s is None else unix_s - clock.wall_us() / clock.SECOND


def moment_us(text: object) -> int | None:
    """An ISO 8601 time with a zone as wall time in µs; None when it is none, or none that can be shown in UTC."""
    try:
        found = clock.from_datetime(datetime.fromisoformat(str(text)))
        clock.to_datetime(found)
    except (ValueError, OverflowError):
        return None
    return found


def same_words(text: str) -> str:
    """`text` with what platforms change in passing made equal: composed characters and single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def wanted_words(message: Message) -> str:
    """The words by which `message` can be found again. Raises CannotTell when it has none."""
    words = same_words(message.text)
    if not words:
        raise CannotTell("a post without text cannot be told from another: look at the account yourself")
    return words


@contextmanager
def nothing_public() -> Iterator[None]:
    """Turn an uncertain outcome into NotSent: of what `prepare` uploads, nothing is the post."""
    try:
        yield
    except Uncertain as error:
        raise NotSent(f"{error.detail} (while preparing: nothing was published)", code=error.code) from None


@contextmanager
def looking() -> Iterator[None]:
    """Turn whatever stops a look at the platform into CannotTell."""
    try:
        yield
    except CannotTell:
        raise
    except ConnectorError as error:
        raise CannotTell(error.detail, code=error.code) from None
