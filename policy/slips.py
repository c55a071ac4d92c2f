"""Whether an unknown word is a slip for a known one, or one that no dictionary has: a compound, a derived word, a variant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

IsWord = Callable[[str], bool]
NEAR = 0.82
"""How like its correction a word must be to be a slip; less is a word that the dictionary lacks."""
SHORT = 4
"""In a word of so many letters only two changed about are a slip."""
_LEAST_STEM = 3
_PREFIX = (
    "counter pseudo cross cyber hydro hyper infra inter macro micro multi neuro photo retro super trans ultra under "
    "anti auto fore mega mini mono nano over para poly post self semi tele bio dis eco geo mid mis non out pre pro "
    "sub tri re un up e"
)
_SUFFIX = (
    "ability ization palooza ically fests goers izing ments wards able ally fest gate goer hood ible ical ings ists "
    "ized less like ment ness ship thon ward wise dom ers ing ish ism ist ity ive ize ors al ed er ic ly or"
)
_SECOND = (
    "away back bag ball band bank barn bay beach bed belt bench benches berries berry bike bin bird blower board boat "
    "book boot booth bottom box boxes bread bridge brook bug builder building burg burst bus bush cake cap car card "
    "cart cast cat chair cloth clothes coat coin cove cover craft creek cup cut dale dance day deck dog door down "
    "drum dust farm feet fest field fighter finder fire fish fishes flies floor flower fly folk foot ford frame free "
    "front game garden gate glass glasses goer grass grower growing guard hall hand hat hawk head hide hill holder "
    "hole horn horse hound house hub in island isle jar keeper kit kitchen lake lamp land leaf light like line lit "
    "long lover mail maker making man mark market master mat meal men mix mixes month mower name net night off out "
    "over owner pack page pan paper park path pen people piece pipe plant player point pointe pole pond port post pot "
    "print proof pump race rack rail rain reader ride rider ridge road rock roof room run runner sand saver scape "
    "screen seeker set share sheet ship shoe shop shore show side sign singer site skin slide smoke snow song spot "
    "spring stand stick stone stop store storm stream table tag tail tank teller time top towel town track trail tree "
    "truck up vale view ville wagon walker walking wall ware washer watcher watching water wave way wear web weed "
    "week wheel wide wind window woman women wood word work worker worm writer yard year"
)
"""What English builds compounds with, as their second part."""
_NO_FIRST = (
    "for to the and all at by in on of up out off week care help hope use full per wel wen fir hid each any every"
)
_STARTS, _ENDS, _SECONDS, _NO_FIRSTS = (
    re.compile(words.replace(" ", "|")) for words in (_PREFIX, _SUFFIX, _SECOND, _NO_FIRST)
)
_LOSES_Y = re.compile("[^aeiou]y$")
_NO_PLURAL = ("ss", "os", "ys", "xs", "zs", "chs", "shs")
_VARIANTS = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"our(?=(?:s|ed|er|ers|ing|ite|ites|able|ably|al|ally|ful|hood|hoods|ist|ists|ly|y)?$)", "or"),
        (r"(?<=[bt])re(?=(?:s|d)?$)", "er"),
        (r"is(?=(?:e|es|ed|ing|er|ers|ation|ations|ational|able)$)", "iz"),
        (r"ys(?=(?:e|es|ed|ing|er|ers)$)", "yz"),
        (r"(?<=[aeiou])(?<!ai|ea|ee|oi|oo|ou)ll(?=(?:ed|er|ers|ing|ings|or|ors|ous|en)$)", "l"),
        (r"ogue(?=s?$)", "og"),
        (r"ence(?=s?$)", "ense"),
        (r"amme(?=s?$)", "am"),
        (r"[ao]e(?=[a-z]{3})", "e"),
        (r"(?<=m)ou(?=l)", "o"),
        (r"(?<=dg)e(?=ment)", ""),
        (r"(?<=[aeiou])l(?=ments?$|ful)", "ll"),
    )
)
"""How other Englishes spell, and how Americans do."""


def is_slip(word: str, correction: str, is_word: IsWord) -> bool:
    """True when `word` is rather a slip for `correction` than a word of its own. Both in lower case."""
    if not is_near(word, correction) or is_variant(word, is_word) or _is_compound(word, is_word, SHORT):
        return False
    return (is_typo(word, correction) and " " not in correction) or not _is_made_of_words(word, is_word)


def is_variant(word: str, is_word: IsWord) -> bool:
    """True for a known word's plural, singular or doer, as other Englishes spell it, and for its Spanish or Italian sister."""
    forms = {theirs.sub(ours, word) for theirs, ours in _VARIANTS} - {word}
    forms |= {f"{word}s"} if len(word) > SHORT and not word.endswith("s") else set()
    forms |= {word[:-1]} if word.endswith("s") and not word.endswith(_NO_PLURAL) else set()
    forms |= {doer[:-1]} if (doer := word.removesuffix("s")).endswith("er") else set()
    return any(map(is_word, sorted(forms))) or _is_foreign(word, is_word)


def is_near(word: str, correction: str) -> bool:
    """True when one may be a slip for the other: nearly all letters in the same order, or two changed about in a short word."""
    if len(word) <= SHORT:
        return sorted(word) == sorted(correction)
    near = difflib.SequenceMatcher(None, word, correction, autojunk=False).ratio() >= NEAR
    return near or (len(word) == len(correction) and is_typo(word, correction))


def is_typo(word: str, correction: str) -> bool:
    """True when a letter is missing or too many, or two are changed about: hands do that."""
    same = 0
    while word[same : same + 1] == correction[same : same + 1] != "":
        same += 1
    left, right = word[same:], correction[same:]
    swapped = left[:2] == right[1::-1] and left[2:] == right[2:] and len(left) > 1
    return left[1:] == right or left == right[1:] or swapped


def _is_made_of_words(word: str, is_word: IsWord) -> bool:
    """True for a compound, and for a known word with a usual beginning or ending."""
    return _is_prefixed(word, is_word) or _is_suffixed(word, is_word) or _is_compound(word, is_word)


def _is_prefixed(word: str, is_word: IsWord) -> bool:
    parts = (word[place:] for place in range(1, len(word) - _LEAST_STEM) if _STARTS.fullmatch(word, 0, place))
    return any(map(is_word, parts))


def _is_suffixed(word: str, is_word: IsWord) -> bool:
    stems = (word[:place] for place in range(_LEAST_STEM, len(word)) if _ENDS.fullmatch(word, place))
    return any(is_word(stem) or is_word(f"{stem}e") for stem in stems if not _LOSES_Y.search(stem, len(stem) - 2))


def _is_compound(word: str, is_word: IsWord, least: int = 0) -> bool:
    """True for a known word before one that makes compounds, both of at least so many letters."""
    singular = word.removesuffix("s")
    places = range(max(_LEAST_STEM, least), len(word) - least + 1)
    found = (word[:place] for place in places if _SECONDS.fullmatch(word, place) or _SECONDS.fullmatch(singular, place))
    return any(not _NO_FIRSTS.fullmatch(first) and is_word(first) for first in found)


def _is_foreign(word: str, is_word: IsWord) -> bool:
    """True for what ends as Spanish and Italian words do where the English one does not: mascota, realismo."""
    stem = word.removesuffix("s")
    return len(stem) > SHORT and stem[-1] in "aoi" and any(is_word(stem[:-1] + end) for end in ("", "e", "y"))
