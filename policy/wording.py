"""Lists of words and phrases as a city writes them, and where a text uses them.

A term is words, in any case. ``*`` stands for any ending, ``(a|b)`` for one of several, ``_`` for any one word, ``^`` for one
with a capital letter, ``…`` for up to forty characters of the same sentence, ``~`` for up to six words of it, ``#`` for a
number or amount; ``?`` after a letter or bracket says that it may be missing. ``<name>`` stands for any of a group of terms.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import accumulate

from policy.finding import Span
from policy.reading import Reading
from policy.skeleton import Skeleton

_SIGNS: Mapping[str, str] = {
    " ": r"\s+",
    "*": "[a-z]*",
    "(": "(?:",
    ")": ")",
    "|": "|",
    "?": "?",
    "_": r"[a-z0-9][a-z0-9'.&-]{0,40}",
    "^": r"(?-i:[A-Z0-9][\w'.&-]{0,40})",
    "…": r"[^.!?\n]{0,40}?",
    "~": r"(?:[^\s.!?]{1,30}\s+){0,6}?",
    "#": r"\$?[0-9][0-9,.]{0,12}",
}
PLAIN_TERM = re.compile(r"[\w '’.&$%,/:;()|*^…~#+@!?<>-]{1,1000}")
"""What a term may hold."""
_MAY_BREAK = frozenset("()?")
"""Signs without which any term can be read: nothing else is compiled to see, for there are thousands."""
GROUP = re.compile(r"<(\w{1,60})>")
"""The name of a group of terms within a term."""
_LEET = str.maketrans("01345789@$!+|", "oieastbgasiti")
_MASKED = re.compile(r"[a-z0-9@$!+|*#%]{3,20}", re.IGNORECASE)
_SPREAD = re.compile(r"(?<![a-z0-9])[a-z@$!*013457](?:[ ._*-]{1,2}[a-z@$!*013457](?![a-z0-9])){2,15}", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)
_REPEATED = re.compile(r"([a-z])\1+")


def pattern(terms: Iterable[str], flags: int = re.IGNORECASE) -> re.Pattern[str] | None:
    """What finds any of `terms`; None for none. Raises ValueError naming a term that cannot be read."""
    parts = [_part(term) for term in terms]
    if not parts:
        return None
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(parts)})(?![a-z0-9])", flags)


def expanded(terms: Iterable[str], groups: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """The terms with their groups written out. Raises KeyError for a group that is none."""
    for term in terms:
        yield GROUP.sub(lambda found: f"({'|'.join(groups[found[1]])})", term)


def check(term: str) -> None:
    """Return when `term` can be read. Raises ValueError naming it."""
    _part(term)


@lru_cache(maxsize=8192)
def _part(term: str) -> str:
    part = "".join(_SIGNS.get(char, re.escape(char)) for char in term.strip().replace("’", "'"))
    if _MAY_BREAK.isdisjoint(term):
        return part
    try:
        re.compile(part)
    except re.error:
        raise ValueError(f"{term!r} has a bracket that is not closed, or not opened") from None
    return part


class _Patterns:
    """Finds any of `terms`. Those that need no capital letter are looked for in lower case, several times as fast."""

    def __init__(self, terms: Iterable[str]) -> None:
        kinds: dict[bool, list[str]] = {True: [], False: []}
        for term in terms:
            kinds["^" in term].append(term)
        self._capital = pattern(kinds[True])
        self._plain = pattern((term.lower() for term in kinds[False]), 0)

    def spans(self, text: str, *, overlapping: bool = False) -> list[tuple[int, int]]:
        """The places in `text`, sorted; `overlapping`: also those that begin within another."""
        found: list[tuple[int, int]] = []
        for meant, words in ((self._plain, _lowered(text)), (self._capital, text)):
            place = 0
            while meant is not None and (hit := meant.search(words, place)):
                found.append(hit.span())
                place = hit.start() + 1 if overlapping else max(hit.end(), hit.start() + 1)
        return sorted(span for span in found if span[0] < span[1])


def _lowered(text: str) -> str:
    """`text` in lower case, character by character."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(char.lower()[:1] for char in text)


class WordList:
    """Terms, and phrases in which they mean something else. With `hidden` also in disguise: sh!t, f.u.c.k, cr@p."""

    def __init__(self, terms: Iterable[str], other: Iterable[str] = (), *, hidden: Iterable[str] = ()) -> None:
        self._terms, self._other = tuple(terms), tuple(other)
        self._hidden = frozenset(hidden)

    @cached_property
    def _patterns(self) -> tuple[_Patterns, _Patterns]:
        return _Patterns(self._terms), _Patterns(self._other)

    def find(self, reading: Reading) -> Iterator[Span]:
        """Where the prose of the text uses a term."""
        return self.spans(reading.plain_prose)

    def spans(self, skeleton: Skeleton) -> Iterator[Span]:
        """Where the text of `skeleton` uses a term."""
        meant, other = self._patterns
        found = meant.spans(skeleton.plain) + self._in_disguise(skeleton.plain)
        if not found:
            return
        spared = _Spared(other.spans(skeleton.plain, overlapping=True))
        last = 0
        for start, end in sorted(found):
            if start >= last and not spared.touches(start, end):
                last = end
                yield Span(*skeleton.origin(start, end))

    def _in_disguise(self, plain: str) -> list[tuple[int, int]]:
        if not self._hidden:
            return []
        spread = [hit.span() for hit in _SPREAD.finditer(plain) if self._is_hidden(re.sub(r"[ ._-]", "", hit.group()))]
        words = [hit.span() for hit in _MASKED.finditer(plain) if _is_odd(hit.group()) and self._is_hidden(hit.group())]
        return spread + words

    def _is_hidden(self, word: str) -> bool:
        """True when `word` reads as one of the list: signs for letters, letters repeated, stars for any letter."""
        read = word.lower().strip("!").translate(_LEET)
        if any(sign in read for sign in "*#%"):
            return self._fits_stars(re.sub("[#%]", "*", read))
        return any(form in self._hidden for form in (read, _REPEATED.sub(r"\1", read), _REPEATED.sub(r"\1\1", read)))

    def _fits_stars(self, read: str) -> bool:
        if len(read.replace("*", "")) < 2 or read[0] == "*":
            return False
        shape = re.compile(re.escape(read).replace(r"\*", "[a-z]"))
        return any(shape.fullmatch(word) for word in self._hidden if len(word) == len(read))


class _Spared:
    """Places, sorted, where words mean something else."""

    def __init__(self, places: list[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in places]
        self._ends = list(accumulate((end for _, end in places), max))

    def touches(self, start: int, end: int) -> bool:
        """True when one of them has a character in common with these."""
        before = bisect_left(self._starts, end)
        return before > 0 and self._ends[before - 1] > start


def _is_odd(word: str) -> bool:
    """True for what is no plain word: letters beside signs or digits, or a letter three times."""
    return not word.isdigit() and any(char.isalpha() for char in word) and (not word.isalpha() or _triple(word))


def _triple(word: str) -> bool:
    return bool(re.search(r"([a-z])\1\1", word, re.IGNORECASE))
