"""Spelling and grammar by harper (the extra ``checks``), and a few plain faults that it passes over.

harper is loaded when a text is first looked at, once in a process, and is asked by one thread at a time.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from config import extra
from config.fault import Fault
from policy import grammar, slips
from policy.finding import Span
from policy.reading import Reading

if TYPE_CHECKING:
    from harper import Linter

MOST_READ = 20_000
"""Characters of a text that are read for its language: a hostile one must not cost minutes."""
SPELLING = ("SpellCheck",)
_LOCK = threading.Lock()
_START = re.compile(r"(?:^|[.!?:\n•*-])[\s\"“'‘(]*$")
_SENTENCE = re.compile(r"[^.!?\n]+")
_TITLE = re.compile(
    r"\b(?:Mr|Mrs|Ms|Mx|Dr|St|Sta|Jr|Sr|Rev|Sgt|Lt|Capt|Col|Gen|Gov|Sen|Rep|Prof|Hon|Ofc|Det|Supt|Mt|Ft|vs|No|[A-Z])\.\s*$"
)
"""A point that ends no sentence."""
_NAME_GOES_ON = re.compile(r"['’]s| [A-Z]")
_WORD = re.compile(r"[^\W\d_]+")
_SPANISH = frozenset(
    "el la los las de del que por para con una un su y en es al se más está son nuestra nuestro sus hoy lo le les nos sin "  # noqa: SIM905
    "sobre entre desde hasta pero como muy este esta estos estas todos todas gratis o si ya hay favor aquí día días hora horas "
    "puede pueden será serán niños ciudad biblioteca agua calle usted ustedes cuando donde también".split()
)
_CALENDAR = tuple(
    "January February March April June July August September October November December "  # noqa: SIM905
    "Sunday Monday Tuesday Wednesday Thursday Friday Saturday Thanksgiving Christmas Halloween Easter Independence "
    "Memorial Veterans Juneteenth Hanukkah Kwanzaa Ramadan Diwali Valentine".split()
)
SHORT = 4
"""Names of so few letters are like too many words."""
MOST_WORDS = 300
"""Unknown words of a text that are looked at more closely."""
_NUMBERED = re.compile(r"[A-Z]\w+ $")
"""What a letter of its own numbers: Proposition A."""
_PREPOSITION = re.compile(r"\b(?:at|of|in|on|for|with|to|by|from|about|into|like) $")
_ARTICLE = re.compile(r"(?:\.|\s+[A-Z]{2,}\b|\s*[^\x00-\x7f])")


class MissingLibrary(Fault):
    """The extra that reads spelling and grammar is not installed."""


class Language:
    """Reads texts with the city's own words added to the dictionary; `grammar` names harper's rules that are asked."""

    def __init__(self, words: Iterable[str], grammar: Collection[str], slips: Collection[str] = ()) -> None:
        self._words, self._slips = tuple(words), frozenset(slips)
        self._grammar = frozenset(grammar)
        self._known = frozenset(word.casefold() for word in self._words)
        self._names = [*_CALENDAR, *(word for word in self._words if word[:1].isupper() and len(word) > SHORT)]
        self.is_word = lru_cache(maxsize=2000)(self._is_word)
        self._is_common = lru_cache(maxsize=5000)(self._is_in_dictionary)

    def spelling(self, reading: Reading) -> Iterator[Span]:
        """Words that no dictionary knows and that are near to one it does; names and other languages are passed over."""
        lints = [lint for lint in self._lints(reading, SPELLING) if not self._is_known(lint.problem_text)]
        meant = [
            (lint.span.start, lint.span.end, self._correction(reading.text, lint.span.start, lint))
            for lint in lints[:MOST_WORDS]
        ]
        foreign = _foreign(_start_of(reading), [start for start, _, near in meant if not near])
        for start, end, near in meant:
            if near and not any(first <= start < last for first, last in foreign):
                yield Span(start, end, f"did you mean {near!r}?")

    def _is_known(self, word: str) -> bool:
        plain = word.casefold().replace("’", "'").removesuffix("'s")
        return plain in self._known or len(word) < 3 or not word.isascii() or not word.replace("'", "").isalpha()

    def _correction(self, text: str, start: int, lint: Any) -> str:
        """The word that was meant; nothing for a name, which no dictionary can know, or for a word that is none's slip."""
        word, before, after = text[start : lint.span.end], text[max(0, start - 20) : start], text[lint.span.end :][:3]
        if word[:1].isupper():
            if near := self._near_name(word):
                return near
            if word[1:].lower() != word[1:] or not _START.search(before) or _TITLE.search(before):
                return ""
        found = _shown(lint)
        if any(words.casefold() == word.casefold() for words in found):
            return ""  # the same word with another capital
        if word.casefold() in self._slips:
            return next(iter(found), "")
        if (word[:1].isupper() and self._is_name(word, found, after)) or (word.endswith("in") and after[:1] in "'’"):
            return ""
        joined = before.endswith("-") or after.startswith("-")
        return next((words for words in found[:3] if self._is_slip(word.casefold(), words.casefold(), joined)), "")

    def _near_name(self, word: str) -> str:
        near = difflib.get_close_matches(word, self._names, 1, cutoff=0.85)
        return near[0] if near and near[0].casefold() != word.casefold() else ""

    def _is_name(self, word: str, found: list[str], after: str) -> bool:
        """True for a name at the start of a sentence: like another one, a word with another end, or before a name."""
        first = next(iter(found), "").casefold()
        if "'" in first or not self._is_common(first) or len(word) <= SHORT + 1:
            return True
        if word.casefold().startswith(first[:-1]) or first.startswith(word.casefold()[:-1]):
            return True
        return bool(_NAME_GOES_ON.match(after)) and not slips.is_typo(word.casefold(), first)

    def _is_slip(self, word: str, correction: str, joined: bool) -> bool:
        if not _is_other(correction, word) or slips.is_variant(word.removesuffix("'s"), self._is_common):
            return False
        return slips.is_slip(word, correction, self._is_common) and (not joined or slips.is_typo(word, correction))

    def grammar(self, reading: Reading) -> Iterator[Span]:
        """Plain faults of grammar."""
        text = _start_of(reading)
        foreign = _foreign(text, [])
        lints = [lint for lint in self._lints(reading, self._grammar) if not _is_fine(reading.text, lint)]
        lints = [lint for lint in lints if not any(first <= lint.span.start < last for first, last in foreign)]
        found = {lint.span.start: Span(lint.span.start, lint.span.end, _advice(lint)) for lint in lints}
        for start, end in grammar.faults(text.replace("’", "'"), self._is_common):
            found.setdefault(start, Span(start, end))
        yield from (found[start] for start in sorted(found))

    def _lints(self, reading: Reading, rules: Collection[str]) -> Iterator[Any]:
        for rule, lints in _read(self._words, self._grammar, _start_of(reading)).items():
            if rule in rules:
                yield from lints

    def _is_word(self, word: str) -> bool:
        if word.casefold() in self._known:
            return True
        return self._is_in_dictionary(word) or self._is_in_dictionary(word.capitalize())

    def _is_in_dictionary(self, word: str) -> bool:
        return word in self._known or not _read(self._words, self._grammar, word).get(SPELLING[0])


def _start_of(reading: Reading) -> str:
    """The prose as far as it is read; of a long one, to the end of a word."""
    prose = reading.prose
    return prose if len(prose) <= MOST_READ else prose[:MOST_READ].rpartition(" ")[0]


@lru_cache(maxsize=4)
def _linter(words: tuple[str, ...], rules: frozenset[str]) -> Linter:
    """harper with the city's words and only the rules asked for. Raises MissingLibrary."""
    try:
        import harper
    except ImportError:
        raise MissingLibrary(f"spelling and grammar are not checked: run {extra.install('checks')}") from None
    linter = harper.Linter(harper.Dialect.AMERICAN)
    linter.set_lint_config({name: name in rules or name in SPELLING for name in linter.get_default_lint_config()})
    linter.import_words([form for word in words for form in dict.fromkeys((word, word.lower(), word.capitalize()))])
    return linter


@lru_cache(maxsize=64)
def _read(words: tuple[str, ...], rules: frozenset[str], text: str) -> dict[str, list[Any]]:
    """What harper says of `text`, by rule. Raises MissingLibrary."""
    plain = text.encode("utf-8", "replace").decode("utf-8").replace("’", "'")
    with _LOCK:
        found = _linter(words, rules).organized_lints(plain, language="plaintext")
    return {rule: lints for rule, lints in found.items() if lints}


def _shown(lint: Any) -> list[str]:
    """The corrections worth showing; harper has curses with stars, too."""
    return [
        item.replacement_text for item in lint.suggestions if item.replacement_text and "*" not in item.replacement_text
    ]


def _advice(lint: Any) -> str:
    return f"did you mean {words[0]!r}?" if (words := _shown(lint)) else ""


def _is_other(correction: str, word: str) -> bool:
    """True for another word, and for the same with an apostrophe that was left out; no word's possessive."""
    return correction != word and ("'" not in correction or correction.replace("'", "") == word)


def _is_fine(text: str, lint: Any) -> bool:
    """True for what harper takes for a fault and is none: a.m., a NASA engineer, Walla Walla, had had."""
    words, before = lint.problem_text, text[max(0, lint.span.start - 40) : lint.span.start]
    if words.casefold() in ("a", "an"):
        return bool(_ARTICLE.match(text, lint.span.end) or (words == "A" and _NUMBERED.search(before)))
    if words == "your" and _PREPOSITION.search(before):
        return True
    return words.casefold() in ("had had", "that that") or (
        len(set(words.split())) == 1 < len(words.split()) and words.istitle()
    )


def _foreign(text: str, unknown: list[int]) -> list[tuple[int, int]]:
    """The sentences in another language: with two of its small words, or where a quarter of the words is like no known one."""
    found = []
    for sentence in _SENTENCE.finditer(text):
        words = _WORD.findall(sentence.group().lower())
        strange = sum(sentence.start() <= place < sentence.end() for place in unknown)
        small = sum(word in _SPANISH for word in words)
        if small > 1 or (strange and small) or (strange > 1 and 4 * strange >= len(words)):
            found.append(sentence.span())
    return found
