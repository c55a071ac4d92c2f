"""Bytes from outside as a tree of XML: bounded, without a document type, and nothing is fetched to read them."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any

from config import extra
from crisis.alerts.alert import AlertError, shown

if TYPE_CHECKING:
    from lxml import etree

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_ENCODINGS = {"utf-8": "utf-8", "us-ascii": "ascii", "iso-8859-1": "latin-1", "windows-1252": "cp1252"}
_DECLARATION = re.compile(r"\s*<\?xml\s[^<>]{0,200}\?>")
_NAMED_ENCODING = re.compile(r"encoding\s*=\s*[\"']([^\"']{1,40})[\"']")
_MARKUP_DECLARATION = re.compile(r"<!(?!--|\[CDATA\[)\s*(\w{0,20})")
"""``<!DOCTYPE``, ``<!ENTITY`` and their like, also where a text merely quotes one: no alert needs to."""


def root(data: bytes, source: str, most: int) -> etree._Element:
    """The root of the document in `data`, at most `most` bytes. Raises AlertError, naming `source`, for anything else."""
    if len(data) > most:
        raise AlertError(
            source, f"has {len(data):,} bytes, more than {most:,}: nothing of it was read; look at the source"
        )
    text = _text(data, source)
    _refuse_declarations(text, source)
    return _tree(text, source)


def _text(data: bytes, source: str) -> str:
    """The characters, without byte order mark and XML declaration; line numbers stay."""
    encoding, start = _encoding(data, source)
    try:
        text = data[start:].decode(encoding)
    except UnicodeDecodeError as error:
        broken = data[start : start + error.start].count(b"\n") + 1
        raise AlertError(source, f"is not valid {encoding} ({error.reason}): {_ASK}", line=broken) from None
    if "\0" in text:  # also UTF-16 without its mark: the library would guess that, and see what we did not
        broken = text.count("\n", 0, text.index("\0")) + 1
        raise AlertError(source, f"holds a NUL: {_ASK}", line=broken)
    declaration = _DECLARATION.match(text)
    return text if declaration is None else "\n" * declaration[0].count("\n") + text[declaration.end() :]


_ASK = "ask the sender for well-formed XML in UTF-8"


def _encoding(data: bytes, source: str) -> tuple[str, int]:
    """The codec's name, and where the text begins. Only encodings in which nothing can be hidden from a search."""
    for mark, name in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return name, len(mark)
    declaration = _DECLARATION.match(data[:400].decode("latin-1"))
    named = _NAMED_ENCODING.search(declaration[0]) if declaration else None
    if named is None:
        return "utf-8", 0
    known = _ENCODINGS.get(named[1].lower())
    if known is None:
        raise AlertError(source, f"is an encoding that is not read here: {_ASK}", line=1, value=named[1])
    return known, 0


def _refuse_declarations(text: str, source: str) -> None:
    found = _MARKUP_DECLARATION.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        message = "an alert may not declare a document type or entities: nothing of it was read; look at the source"
        raise AlertError(source, message, line=line, value=f"<!{found[1]}")


def _tree(text: str, source: str) -> etree._Element:
    try:
        from lxml import etree  # loaded when the first document is read: the rest of the program does without
    except ImportError:
        raise AlertError(source, f"reading alerts needs lxml: {extra.install('alerts')}") from None
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        said = shown((error.msg or "it is empty").split(", line ")[0], 160)
        raise AlertError(source, f"is not well-formed XML ({said}): {_ASK}", line=error.lineno or 1) from None


def line(node: etree._Element | None) -> int | None:
    """The line on which `node` begins, as far as the library knows it."""
    found: Any = None if node is None else node.sourceline
    return None if found is None else int(found)
