"""All checks over a post: built once from the city's rules, then asked as often as there are posts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from itertools import islice

from policy import access, alt_text, letters, numbers, ownership, tone
from policy.catalog import CATALOG, POLICY
from policy.finding import Finding, Span
from policy.language import Language, MissingLibrary
from policy.ownership import LengthOf
from policy.post import Post
from policy.reading import Reading
from policy.rules import Rules

MOST_PER_RULE = 20
"""Findings of one rule in one text: who has read twenty knows."""
EVERYWHERE = frozenset(
    {"ssn", "payment_card", "fancy_letters", "profanity", "derogatory", "health", "legal", "political", "commercial"}
)
"""Rules for everything that people read of a post; the others look at its text alone."""
LANGUAGE = frozenset({"spelling", "grammar", "hashtag_case"})
"""Rules that ask the dictionary of the extra ``checks``."""
OfText = Callable[[Reading], Iterator[Span]]
OfPost = Callable[[Post], Iterator[tuple[str, str]]]


def _no_length(_platform: str, _text: str) -> None:
    return None


class Checks:
    """The checks by the city's `rules`; `length_of` counts as a platform does."""

    def __init__(self, rules: Rules, length_of: LengthOf = _no_length) -> None:
        self.rules = rules
        self._length_of = length_of
        self.missing = ""
        """Why a part of the checks could not run; empty while all could."""

    def run(self, post: Post, only: Collection[str] | None = None) -> list[Finding]:
        """What is wrong with `post`, in the order of the catalog; of the rules in `only` where that is given."""
        readings = [Reading(where, text) for where, text in post.texts() if text]
        found: list[Finding] = []
        for rule in self._in_force:
            if only is None or rule in only:
                found += self._broken(rule, post, readings)
        return [finding for finding in found if post.day is None or finding.level != "off"]

    @cached_property
    def _in_force(self) -> tuple[str, ...]:
        """The rules that are on, if only in an election window."""
        levels, windows = self.rules.levels, self.rules.elections
        return tuple(rule for rule in CATALOG if levels[rule] != "off" or (rule == "political" and windows))

    def _broken(self, rule: str, post: Post, readings: list[Reading]) -> Iterator[Finding]:
        of_post = self._of_post.get(rule)
        if of_post is not None:
            for where, remedy in of_post(post):
                yield self._finding(rule, post, "", Span(0, 0, remedy), where)
            return
        for reading in readings if rule in EVERYWHERE else readings[:1]:
            if reading.where == "text" or rule in EVERYWHERE:
                for span in islice(self._asked(rule, reading), MOST_PER_RULE):
                    yield self._finding(rule, post, reading.text[span.start : span.end], span, reading.where)

    def _asked(self, rule: str, reading: Reading) -> Iterator[Span]:
        try:
            yield from self._of_text[rule](reading)
        except MissingLibrary as error:
            self.missing = str(error)

    def _finding(self, rule: str, post: Post, quote: str, span: Span, where: str) -> Finding:
        known = CATALOG[rule]
        level, clause = self.rules.level(rule, post.day), f"{POLICY}, {known.clause}"
        return Finding(rule, level, clause, quote, span.start, span.end, where, span.what_to_do or known.what_to_do)

    @cached_property
    def _of_post(self) -> Mapping[str, OfPost]:
        empty = self.rules.lower("missing_alt", "words")
        return {
            "missing_alt": lambda post: alt_text.missing_alt(post, empty),
            "captions": access.captions,
            "rights": ownership.rights,
            "share_source": ownership.share_source,
            "platform_length": lambda post: ownership.platform_length(post, self._length_of),
        }

    @cached_property
    def _of_text(self) -> Mapping[str, OfText]:
        rules, language = (
            self.rules,
            Language(*(self.rules.words("language", key) for key in ("words", "grammar", "slips"))),
        )
        numerals, shouted = rules.lower("first_person", "numerals"), rules.lower("shouting", "words")
        acronyms, shorteners = frozenset(rules.words("acronym", "known")), rules.lower("link_text", "shorteners")
        phrases = rules.word_lists["link_text"]
        return {
            "ssn": numbers.ssn,
            "payment_card": numbers.payment_card,
            "fancy_letters": letters.fancy_letters,
            **{name: words.find for name, words in rules.word_lists.items()},
            "first_person": lambda reading: tone.first_person(reading, numerals),
            "shouting": lambda reading: tone.shouting(reading, shouted, acronyms),
            "acronym": lambda reading: tone.acronym(reading, acronyms, shouted),
            "spelling": language.spelling,
            "grammar": language.grammar,
            "hashtag_case": lambda reading: access.hashtag_case(reading, language.is_word),
            "emoji_run": access.emoji_run,
            "link_text": lambda reading: access.link_text(reading, phrases, shorteners),
        }
