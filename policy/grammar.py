"""Plain faults of grammar that the language library passes over: crews was, you're neighborhood, more then ever."""

from __future__ import annotations

import re
from collections.abc import Iterator

_START = r"(?:^|[.!?]\s+|\n)"
_CLAUSE = r"(?:^|[.!?]\s+|\n|, (?:and|but|so) )"
_NOT_PLURAL = (
    "news series species campus bus virus census focus status chorus canvas gas atlas lens christmas texas this athletics "
    "civics plus thomas paws"
).replace(" ", "|")
_PLURAL = rf"(?!(?:{_NOT_PLURAL})\b)[a-z]{{2,20}}[^\Wsiu]s"
_NOT_SINGULAR = (
    "people children men women police staff feet mice geese deer fish sheep data media alumni bacteria public jury young poor "
    "elderly majority rest few many couple team crew and or number half two three four five six ten latter other"
).replace(" ", "|")
_SINGULAR = rf"(?!(?:{_NOT_SINGULAR})\b)[a-z]{{2,20}}[^\Ws]"
_NOT_NOUN = "of and year week month day weekend morning time afternoon evening summer spring fall winter".replace(
    " ", "|"
)
_OF = "list schedule map set cost price goal purpose deadline box collection bag stack".replace(" ", "|")
_YOURS = (
    "neighborhood library yard trash bill home house family pet dog cat water street child children kids car city "
    "question questions idea ideas feedback vote calendar seat spot own name address permit lawn cart friends account phone"
).replace(" ", "|")
_YOU_ARE = (
    "invited|welcome (?:to|at)|not alone|going|able to|eligible|encouraged|in luck|all invited|looking for|interested|"
    "never too|new to|a (?:resident|senior|veteran|teacher)"
)
_MORE = (
    "more less better later earlier fewer rather larger older bigger faster higher lower longer sooner warmer colder"
)
_THAN = "ever any the a last you we usual expected normal one two half our"
_NO_PREPOSITION = r"(?<!\bin )(?<!\bof )(?<!\bon )(?<!\bat )(?<!\bto )(?<!\bby )(?<!\bfor )(?<!with )(?<!from )"
_FAULTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_START}(?:(?:the|our|all|these|those|many|some|most|both) )?(?:[a-z]{{3,12}} )?{_PLURAL} "
        r"(was|is|has|wasn't|isn't|hasn't|doesn't|does)\b(?! that)",
        rf"{_CLAUSE}(?:the|a|an|this|that|each|every|our) (?:[a-z]{{3,14}} )?{_SINGULAR} (don't|were|have|are)\b",
        rf"{_NO_PREPOSITION}\b(?:this|each|every) (?!(?:{_NOT_NOUN})\b)[a-z]{{3,20}}[^\Ws] (are|were|have)\b",
        rf"\b(?:the|a|this|our) (?:{_OF}) of (?:[a-z]+ )?[a-z]+s (are|were|have)\b",
        r"\b(?:each|one) of (?:the|our|these|those) (?:[a-z]+ )?[a-z]+s (are|were)\b",
        rf"\b(your) (?:{_YOU_ARE})\b",
        rf"\b(you're) (?:{_YOURS})\b",
        r"\b(?:off|with|in|of|for|from|bring|about|on|put|leave|share|see|at|all|show|take|enjoy|into) (they're) [a-z]+\b",
        r"\b(there|they're) (?:new|own|annual) (?:hours|homes?|way|pets?|kids|yards?|dogs?)\b",
        rf"\b(?:{_MORE.replace(' ', '|')}) (?:\w+ )?(then) (?:\d|(?:{_THAN.replace(' ', '|')})\b)",
        rf"{_CLAUSE}(?:he|she|it) (don't|have|were|are)\b",
        rf"{_CLAUSE}(?:we|they|you) (was|is|has|wasn't|isn't|doesn't)\b",
        r"\b(?:has|have|had) (went|ran|came|began|drove|wrote|gave|took|saw|did|broke|chose|ate)\b",
        r"\b(alot|irregardless|(?:should|could|would|must|might) of)\b(?! course)",
        r"\b(?:don't|not|to|will|may|might|could) (loose)\b",
        r"\b(lets) (?:go|get|make|see|celebrate|meet|keep|all|work|clean|build|start|play|talk|help|read|plant|give)\b",
        r"\b(?:will|may|could|can|would|to|not) (effect)\b(?! change)",
        r"\b(who's) (?:dog|cat|car|house|turn|name|child|yard|idea|job|bike|art)\b",
        r"\b(less) (?:people|cars|residents|visitors|trees|calls|trips|accidents|crashes|potholes|complaints|kids|dogs)\b",
    )
)
"""The faulty words are in the group."""


def faults(text: str) -> Iterator[tuple[int, int]]:
    """Where the faulty words stand."""
    for fault in _FAULTS:
        yield from (found.span(1) for found in fault.finditer(text))
