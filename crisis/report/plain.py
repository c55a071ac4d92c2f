"""Texts of posts and people as a report may show them: nothing in them moves a line, turns its direction or hides."""

from __future__ import annotations

import unicodedata

LONGEST = 280
JOINERS = frozenset("\u200c\u200d")
"""Invisible, and yet part of words and emoji."""
NEWLINE = "⏎"


def visible(text: str) -> str:
    """`text` on one line: line breaks as ⏎, every other character without a shape of its own spelled out."""
    if text.isprintable():  # nearly all are, and there may be ten thousand
        return text
    lines = text.replace("\r\n", "\n").replace("\n", NEWLINE)
    return "".join(ascii(char)[1:-1] if _hides(char) else char for char in lines)


def _hides(char: str) -> bool:
    category = unicodedata.category(char)
    return category in ("Cc", "Cs", "Cn", "Co", "Zl", "Zp") or (category == "Cf" and char not in JOINERS)


def excerpt(text: str, most: int = LONGEST) -> str:
    """The beginning of `text`, visible, with an ellipsis where it goes on."""
    return visible(text) if len(text) <= most else f"{visible(text[: most - 1])}…"
