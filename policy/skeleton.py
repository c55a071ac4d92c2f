"""A text as people read it: without invisible characters and marks, look-alikes and other scripts' digits made plain.

`plain` may be shorter or longer than the text; `origin` leads a place in it back to the words as they stand.
"""

from __future__ import annotations

import unicodedata
from functools import cached_property

LOOK_ALIKES = str.maketrans(
    "АВЕКМНОРСТУХаеорсухіјѕһԁѡΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανρτικ‘’ʼ`´“”„«»ØøıłŁ",
    "ABEKMHOPCTYXaeopcyxijshdwABEZHIKMNOPTYXoavptik'''''\"\"\"\"\"OoilL",
)
DROPPED = ("Mn", "Me", "Mc", "Cf", "Cc")
KEPT_BREAKS = "\n"
BLANKS = "\t\r\v\f\x85\u115f\u1160\u3164\uffa0\u2800"
"""Control characters, and letters and signs that show as a blank: Hangul fillers, braille without dots."""
HYPHENS = "−⁃ーｰ"
MOST_PARTS = 6
"""A character that stands for more than this is a word or a phrase of its own."""


class _Plain(dict[int, str]):
    """Code point → what it reads as; filled as characters come."""

    def __missing__(self, point: int) -> str:
        self[point] = found = _reads_as(chr(point))
        return found


def _reads_as(char: str) -> str:
    if char in KEPT_BREAKS:
        return char
    if char in BLANKS or unicodedata.category(char) in ("Zs", "Zl", "Zp"):
        return " "
    if unicodedata.category(char) == "Pd" or char in HYPHENS:
        return "-"
    if (digit := unicodedata.digit(char, None)) is not None:
        return str(digit)
    parts = unicodedata.normalize("NFKD", char).translate(LOOK_ALIKES)
    if len(parts) > MOST_PARTS:
        return char
    return "".join(part for part in parts if unicodedata.category(part) not in DROPPED)


_TABLE = _Plain()


class Skeleton:
    """`text` and what it reads as."""

    def __init__(self, text: str) -> None:
        self.text = text
        is_plain = text.isascii() and text.isprintable() and "`" not in text
        self.plain = text if is_plain else text.translate(_TABLE)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span of the text that `plain[start:end]` was made from."""
        if self.plain is self.text:
            return start, end
        return self._places[start], self._places[end - 1] + 1

    @cached_property
    def _places(self) -> list[int]:
        return [place for place, char in enumerate(self.text) for _ in _TABLE[ord(char)]]
