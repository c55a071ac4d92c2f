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
IN_OTHER_WORDS: Mapping[str, Mapping[str, str]] = {
    "es": {
        "everything": "todo",
        "all": "todo",
        "channel": "canal",
        "group": "grupo",
        "crisis": "crisis",
        "compromise": "cuenta en manos ajenas",
        "planned": "prevista",
        "drill": "simulacro",
        "restore": "almacén restaurado",
    }
}
"""By language: the program's own words among the facts, the kinds of suspension and what one covers."""
OWN_WORDS = ("scope", "kind", "standing")
"""Facts in which such a word stands at the beginning, after a comma or after a parenthesis; what follows a colon is a name."""
WORD = re.compile(r"(?:^|(?<=, )|(?<=\())([a-z]+)(?=$|,|\)|:)")
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
    by_language, mark = shipped()[kind], MARKS.get(facts.get("kind", ""), "")
    prepared = by_language.get(language, by_language[FALLBACK])
    if language in by_language:
        facts = {**facts, **_translated(language, facts)}
    subject, body = (
        BLANK.sub(lambda found: facts.get(found[1]) or "–", prepared[part]) for part in ("subject", "body")
    )
    lines = [" ".join([mark, line]).strip() for line in body.strip().splitlines()]
    return Words(" ".join([mark, *subject.split()]).strip(), "\n".join(lines))


def _translated(language: str, facts: Mapping[str, str]) -> dict[str, str]:
    """The facts that are the program's own words, in `language`; a reason or a name is told as somebody wrote it."""
    known = IN_OTHER_WORDS.get(language, {})
    return {
        name: WORD.sub(lambda found: known.get(found[1], found[1]), facts[name]) for name in OWN_WORDS if name in facts
    }
