"""Texts taken apart into the words that are looked for, the same for both databases: case, accents and width do not count.

Writing without spaces between words is taken sign by sign, and so are pictures. What only turns the direction of a text, or
cannot be seen, is not there for a search: who hides a word so does not hide it from the city.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

LONGEST = 64
"""Characters of a word that count."""
IN_ORDER = 50_000
"""Words of one text that are kept in their order; of what follows each word counts once, and no phrase is found in it."""
MOST_BYTES = 400_000
"""Bytes of different words of one text: PostgreSQL keeps no more than a megabyte with their places."""
_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[^\W_{_ALONE}]+|[{_ALONE}]|[\u2600-\u27bf\U0001f000-\U0001faff]")
UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)


def of(text: str) -> Iterator[str]:
    """The words of `text` in their order."""
    return (found[0][:LONGEST] for found in _TOKEN.finditer(_folded(text)))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", UNSEEN.sub("", text)).casefold().replace("ı", "i")
    return "".join(char for char in unicodedata.normalize("NFKD", apart) if unicodedata.category(char) != "Mn")


def capped(words: Iterable[str]) -> list[str]:
    """As many of `words` as the index keeps of one text."""
    kept: list[str] = []
    seen: set[str] = set()
    size = 0
    for word in words:
        if word in seen:
            if len(kept) < IN_ORDER:
                kept.append(word)
            continue
        size += len(word.encode("utf-8", "replace"))
        if size > MOST_BYTES:
            break
        seen.add(word)
        kept.append(word)
    return kept


def tag(kind: str, value: str) -> str:
    """What stands in the index for `value` (a channel, a person …): no text has such a word."""
    return f"{kind}:{value.encode('utf-8', 'replace').hex()}"[:250]
