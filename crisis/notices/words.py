"""What a notice says, by kind and language: prepared words, shipped as data, whose blanks are the facts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

FALLBACK = "en"
"""What is told in a language that the words do not have."""
EXERCISE = "EXERCISE"
"""Stands before every subject and every line that a drill sends (KS-20)."""
MARKS: Mapping[str, str] = {"drill": EXERCISE, "test": "TEST"}
"""What is no crisis, by the fact `kind` → the word on every line."""
EVERYTHING = "everything"
IN_OTHER_WORDS = {"es": "todo"}
"""What a suspension of everything covers, in the languages of the notices."""
BLANK = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True)
class Words:
    """A notice as one person reads it."""

    subject: str
    body: str


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Kind → language → ``subject`` and ``body``."""
    text = (resources.files("config") / "data" / "notices.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def of(kind: str, language: str, facts: Mapping[str, str]) -> Words:
    """The words of a notice of `kind`; a fact that is not known is said to be. Facts are put in as they stand, once."""
    by_language = shipped()[kind]
    prepared = by_language.get(language, by_language[FALLBACK])
    if facts.get("scope") == EVERYTHING and language in by_language:
        facts = {**facts, "scope": IN_OTHER_WORDS.get(language, EVERYTHING)}
    subject, body = (
        BLANK.sub(lambda found: facts.get(found[1]) or "–", prepared[part]) for part in ("subject", "body")
    )
    mark = MARKS.get(facts.get("kind", ""), "")
    lines = [" ".join([mark, line]).strip() for line in body.strip().splitlines()]
    return Words(" ".join([mark, *subject.split()]).strip(), "\n".join(lines))
