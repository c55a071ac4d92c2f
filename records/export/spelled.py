"""The ways in which a text may spell the same words: as it stands, and with what stands for other signs read."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email.errors import MessageError
from email.header import decode_header, make_header
from urllib.parse import unquote_plus

ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")
ENCODED = re.compile(r"=\?[^?\s]{1,60}\?[bqBQ]\?[^?\n]{0,2000}\?=(?:\s*=\?[^?\s]{1,60}\?[bqBQ]\?[^?\n]{0,2000}\?=)*")
"""Words of an email's head that are not ASCII, one or several that belong together."""


def forms(text: str) -> Iterator[str]:
    """`text`, and each other that it may be read as."""
    yield text
    if "%" in text:
        yield unquote_plus(text)
    if "&" in text:
        yield html.unescape(text)
    if "\\" in text:
        yield _unescaped(text)
    if "=?" in text:
        yield ENCODED.sub(_decoded, text)


def _unescaped(text: str) -> str:
    """Escapes of JSON read, however often they were escaped themselves."""
    read = ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return re.sub(r"\\+[nrt]", " ", read).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _decoded(found: re.Match[str]) -> str:
    try:
        return str(make_header(decode_header(found[0])))
    except (MessageError, LookupError, ValueError):  # what is none, or of a charset that nobody knows
        return found[0]
