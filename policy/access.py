"""What keeps people with a screen reader, or without sound, from a post."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from policy.finding import Span
from policy.post import Post
from policy.reading import Reading
from policy.wording import WordList

_PICTURE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b55"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_DRESSED = "[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]{0,4}"
_FLAG, _KEY = "[\U0001f1e6-\U0001f1ff]{2}", "[0-9#*]\ufe0f?\u20e3"
_EMOJI = f"(?>{_FLAG}|{_KEY}|{_PICTURE}{_DRESSED}(?:\u200d{_PICTURE}{_DRESSED}){{0,9}})"
_RUN = re.compile(rf"{_EMOJI}(?: ?{_EMOJI}){{2,}}")
_AT_START = re.compile(rf"^[ \t]*({_EMOJI})", re.MULTILINE)
LINES = 2
"""So many lines that begin with emoji are a list with emoji for its bullets."""
_HASHTAG = re.compile(r"(?<![\w&/])#([a-z][a-z0-9_]{4,60})(?!\w)")


def emoji_run(reading: Reading) -> Iterator[Span]:
    """Three or more emoji in a row, and emoji that stand for words at the start of lines."""
    text = reading.text
    if text.isascii():
        return
    yield from (Span(*found.span()) for found in _RUN.finditer(text))
    starts = list(_AT_START.finditer(text))
    if len(starts) >= LINES:
        yield from (Span(*found.span(1)) for found in starts)


def hashtag_case(reading: Reading, is_word: Callable[[str], bool]) -> Iterator[Span]:
    """Hashtags of several words without a capital letter to part them. `is_word` knows words."""
    for found in _HASHTAG.finditer(reading.text):
        if not is_word(found[1]):
            yield Span(*found.span())


def link_text(reading: Reading, phrases: WordList, shorteners: Collection[str]) -> Iterator[Span]:
    """Words for a link that do not say where it leads, and shortened links."""
    yield from phrases.spans(reading.skeleton)
    for found in _LINK.finditer(reading.text):
        if found[1].lower() in shorteners or _SHORTENED.fullmatch(found[1] + found[2]):
            yield Span(*found.span())


_LINK = re.compile(
    r"(?:https?://)?(?:www\.)?(?<![\w.@-])((?:[\w-]{1,63}\.){1,3}[a-z]{2,10})(/[^\s<>\"]{1,2000})", re.IGNORECASE
)
_SHORTENED = re.compile(
    r"[a-z0-9-]{1,6}\.(?!us/)[a-z]{2}/(?=[^/]*[0-9])(?=[^/]*[A-Z])(?=[^/]*[a-z])[A-Za-z0-9]{4,10}[/.,;:!?)]{0,3}"
)
"""A short host of two parts with a few letters and digits that mean nothing."""


def captions(post: Post) -> Iterator[tuple[str, str]]:
    """(place, remedy) of a video or a sound without captions."""
    for item in post.media:
        if item.moves_or_sounds and not (item.captions or "").strip():
            yield f"captions of {item.file}", f"add captions to {item.file}"
