"""Texts as tables show them: what has no shape of its own, or turns the direction of a text, is spelled out."""

from __future__ import annotations

import unicodedata

TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff")


def visible(text: str) -> str:
    r"""`text` with line breaks as they are, and every character that hides or cannot be written as ``\x00``."""
    if text.isprintable():
        return text
    return "".join(ascii(char)[1:-1] if _hides(char) else char for char in text.replace("\r\n", "\n"))


def _hides(char: str) -> bool:
    if char in "\n\t":
        return False
    return char in TURNS or unicodedata.category(char) in ("Cc", "Cs") or ord(char) & 0xFFFE == 0xFFFE
