"""The city's tone: we and never I, no shouting, no acronyms that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from policy.finding import Span
from policy.reading import Reading

_SELF = re.compile(
    r"(?<![\w'’&/@#-])(?:I(?:['’](?:m|ve|d|ll))?|[Mm]e|[Mm]y|[Mm]yself|[Mm]ine|i['’](?:m|ve|d|ll))(?![\w/&]|['’]\w|-\d)"
)
_BEFORE = re.compile(r"([\w'’.]+)[ ]+$")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;—–\n(\"“]|[.!?][\"”’)])\s*(?:[^\w\s]\s*)*$")
_OWNED = re.compile(
    r"(?:\bof|\bis|\bare|\bwas|\bbe|\bnot|\blike|\bwith|\band|\bto) +$|^(?: +(?:is|are|was|too|alone|also)\b)",
    re.IGNORECASE,
)
_NEXT = re.compile(r" +([A-Z][\w'’]+)")
_CAPS = re.compile(r"(?<![\w.@#&'’-])[A-Z][A-Z'’]+(?![\w'’&]|-\d|\.[A-Z])")
_COPIED = re.compile(
    r"\b(?:text|texting|reply|send|enter|press|dial|keyword|code|type|signs? (?:that )?(?:says?|reads?)|marked|labeled)"
    r" (?:the (?:word|keyword|code) )?[\"“']?$",
    re.IGNORECASE,
)
"""Words before capitals that are copied, and not shouted: text FLOOD to 888777."""
_ON_A_SIGN = re.compile(r"[\"”']? (?:signs?|buttons?|switch|keys?)\b")
_BETWEEN = re.compile(r"[ ,&-]{1,3}")
_SHOUTS = re.compile(r"[!?]*!{2,}[!?]*|!\?[!?]+|\?{3,}")
_ACRONYM = re.compile(r"(?<![\w.@#’'])(?:[A-Z]{2,7}|[A-Z]&[A-Z]|[A-Z]{1,4}[a-z][A-Z]{1,5})(?=s?(?![\w’']|-\d)|['’]s)")
_ROMAN = re.compile(r"(?:X{0,3})(?:IX|IV|V?I{0,3})")
SHOUTED_ALONE = 7
"""A single word of so many capitals is shouted; shorter ones may be acronyms."""


def first_person(reading: Reading, numerals: Collection[str]) -> Iterator[Span]:
    """I, me, my, mine as the speaker. `numerals`: words after which I is a number, in lower case."""
    text = reading.own_words
    for found in _SELF.finditer(text):
        before, after = text[max(0, found.start() - 40) : found.start()], text[found.end() : found.end() + 40]
        if _is_speaker(found.group(), before, after, numerals):
            yield Span(*found.span())


def _is_speaker(word: str, before: str, after: str, numerals: Collection[str]) -> bool:
    if word == "I":
        return _is_pronoun(before, after, numerals)
    if word[0] == "M" and not _SENTENCE_START.search(before):
        return False  # a title: Read to Me
    if word in ("My", "Me") and (title := _NEXT.match(after)) and title[1][0].isupper():
        return False
    if word in ("mine", "Mine"):
        return bool(_OWNED.search(before) or _OWNED.search(after))
    return not before.rstrip().lower().endswith(("oh", "oh,")) and not re.match(r"[ -]+(?:time|too movement)\b", after)


def _is_pronoun(before: str, after: str, numerals: Collection[str]) -> bool:
    previous = _BEFORE.search(before)
    if (previous and previous[1].lower().rstrip(".'’s") in numerals) or (previous and previous[1].lower() in numerals):
        return False
    if after[:1] in (".", ")", ":") and not (
        previous and previous[1].lower() in ("and", "than", "as", "am", "do", "can", "will")
    ):
        return False
    return not _NEXT.match(after)


def shouting(reading: Reading, words: Collection[str], acronyms: Collection[str]) -> Iterator[Span]:
    """Words and sentences in capitals, and runs of exclamation marks. `words`: those that are shouted where they stand so."""
    yield from (Span(*found.span()) for found in _SHOUTS.finditer(reading.prose))
    text = reading.own_words
    for run in _runs(text):
        if _is_copied(text, run[0].start(), run[-1].end()):
            continue
        loud = [found for found in run if _is_loud(found.group(), words, acronyms)]
        unknown = [found for found in run if found.group() not in acronyms]
        if loud or (len(run) > 2 and len(unknown) > 2):
            first, last = (unknown or run)[0], (unknown or run)[-1]
            yield Span(first.start(), last.end())


def _is_copied(text: str, start: int, end: int) -> bool:
    """True for capitals as they stand elsewhere: a keyword to be sent, what a sign says."""
    return bool(_COPIED.search(text[max(0, start - 40) : start]) or _ON_A_SIGN.match(text, end))


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    run: list[re.Match[str]] = []
    for found in _CAPS.finditer(text):
        if run and not _BETWEEN.fullmatch(text, run[-1].end(), found.start()):
            yield run
            run = []
        run.append(found)
    if run:
        yield run


def _is_loud(word: str, words: Collection[str], acronyms: Collection[str]) -> bool:
    if word in acronyms:
        return False
    return word.lower().replace("’", "'") in words or len(word) >= SHOUTED_ALONE


def acronym(reading: Reading, known: Collection[str], shouted: Collection[str]) -> Iterator[Span]:
    """Acronyms that neither the city's list knows nor the post spells out."""
    text = reading.prose
    inside = {found.span() for run in _runs(text) if len(run) > 2 for found in run}
    for found in _ACRONYM.finditer(text):
        word = found.group()
        if word in known or _ROMAN.fullmatch(word) or word.lower() in shouted or len(word) >= SHOUTED_ALONE:
            continue
        if found.span() not in inside and not _is_copied(text, *found.span()) and not _is_spelled_out(text, word):
            yield Span(*found.span())


def _is_spelled_out(text: str, word: str) -> bool:
    """True when the words whose initials make it stand in the post, right before or after it in brackets."""
    letters = [char for char in word.upper() if char.isalpha()]
    own = re.compile(rf"\(\s*(?:the |or |aka )?{re.escape(word)}s?\s*\)")
    if any(_initials(text[max(0, found.start() - 200) : found.start()], letters) for found in own.finditer(text)):
        return True
    after = re.compile(rf"\b{re.escape(word)}\s*(?:\(|, (?:or|the|short for)\b|stands for\b|means\b)([^)\n]{{3,200}})")
    return any(_initials(found[1], letters, at_end=False) for found in after.finditer(text))


def _initials(words: str, letters: list[str], *, at_end: bool = True) -> bool:
    """True when `letters` are, in order, first letters of the nearest of `words`."""
    firsts = [word[0].upper() for word in re.findall(r"[A-Za-z][\w'’]*", words)]
    near = firsts[-2 * len(letters) - 1 :] if at_end else firsts[: 2 * len(letters) + 1]
    left = iter(near)
    return all(letter in left for letter in letters)
