"""Holding statements: prepared words with ``{blanks}``, in several languages and lengths, and how they are filled.

A filled blank is looked at once and put in as it stands: what a person writes into one can never become another blank.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from calendars import values
from calendars.draft import did_you_mean
from config.fault import Fault
from crisis.plan_table import Form, Table, shown

BLANK = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}", re.ASCII)
BLANK_NAME = Form(re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII), "a blank's name (a-z, 0-9 and '_', a letter first)")
LANGUAGE = Form(re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII), "a language's code, such as en or es")
LONGEST = 40
"""Characters to reckon with for a blank that the plan does not describe."""
MOST_FILLED = 500
"""Characters that fit into a blank."""


class StatementError(Fault):
    """A statement that cannot be filled so: one line per blank that is wrong, or the one reason."""


@dataclass(frozen=True)
class Blank:
    """What belongs into a blank. `longest`: the characters to reckon with when a statement's length is looked at."""

    about: str
    example: str
    longest: int


@dataclass(frozen=True)
class Statement:
    """Prepared words: by language the variants, the first that fits is used. `blanks` describes those that the plan knows."""

    name: str
    about: str
    texts: Mapping[str, tuple[str, ...]]
    blanks: Mapping[str, Blank]

    def blanks_in(self, language: str) -> tuple[str, ...]:
        """The names of the blanks in all variants of `language`, in order."""
        found = [name for text in self.texts.get(language, ()) for name in BLANK.findall(text)]
        return tuple(dict.fromkeys(found))

    def example(self, blank: str) -> str:
        """How somebody could fill `blank`."""
        return self.blanks[blank].example if blank in self.blanks else "…"

    def at_longest(self, language: str) -> tuple[str, ...]:
        """The variants of `language` with every blank as long as the plan reckons with."""
        return tuple(BLANK.sub(self._longest, text) for text in self.texts.get(language, ()))

    def _longest(self, found: re.Match[str]) -> str:
        return "x" * (self.blanks[found[1]].longest if found[1] in self.blanks else LONGEST)


def read_blank(table: Table) -> Blank:
    """The ``[blank.NAME]`` of a plan's file; mistakes are noted."""
    found = Blank(
        about=table.text("about", '"where it is"', needed=False),
        example=table.text("example", '"Mill Street"'),
        longest=table.number("longest", str(LONGEST), most=MOST_FILLED),
    )
    table.close()
    return found


def read(name: str, table: Table, blanks: Mapping[str, Blank]) -> Statement:
    """The ``[statement.NAME]`` of a plan's file; mistakes are noted."""
    about = table.text("about", '"When to say it."')
    texts = dict(_texts(table.table("text")))
    if not texts:
        table.fault("text", 'is missing: write text.en = ["Long words with a {blank}.", "Short ones."]')
    table.close()
    named = {found for variants in texts.values() for text in variants for found in BLANK.findall(text)}
    return Statement(name, about, texts, {blank: blanks[blank] for blank in sorted(named & blanks.keys())})


def _texts(table: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
    for language in table.keys(LANGUAGE):
        variants = table.texts(language, '["Long words with a {blank}.", "Short ones."]', lines=True)
        if not variants:
            table.fault(language, "has no text: write one, or take the language out")
        for text in variants:
            if set(BLANK.sub("", text)) & {"{", "}"}:
                table.fault(language, f"= {shown(text)} holds a brace that marks no blank: write blanks as {{place}}")
        yield language, variants


def fill(
    statement: Statement, language: str, blanks: Mapping[str, str], fits: Callable[[str], bool] | None = None
) -> str:
    """The first variant of `statement` in `language`, or the first that `fits`, with its blanks filled.

    `blanks` fills every blank of the language's variants, and may fill those of other languages. Raises StatementError.
    """
    if language not in statement.texts:
        remedy = did_you_mean(language, statement.texts)
        raise StatementError(f"{statement.name} has no text in {shown(language)}: {remedy}")
    if faults := [*_unknown(statement, blanks), *_unfilled(statement, language, blanks), *_unfit(statement, blanks)]:
        raise StatementError("\n".join(faults))
    for text in statement.texts[language]:
        filled = BLANK.sub(lambda found: blanks[found[1]].strip(), text)
        if fits is None or fits(filled):
            return filled
    raise StatementError(f"{statement.name} in {language} is too long, filled like this: give the blanks shorter words")


def _unknown(statement: Statement, blanks: Mapping[str, str]) -> Iterator[str]:
    known = {name for language in statement.texts for name in statement.blanks_in(language)}
    for name in blanks:
        if name not in known:
            yield f"{statement.name} has no blank {shown(name)}: {did_you_mean(name, known)}"


def _unfilled(statement: Statement, language: str, blanks: Mapping[str, str]) -> Iterator[str]:
    for name in statement.blanks_in(language):
        if not blanks.get(name, "").strip():
            yield f'the blank {name!r} of {statement.name} is not filled: give {name}="{statement.example(name)}"'


def _unfit(statement: Statement, blanks: Mapping[str, str]) -> Iterator[str]:
    for name, value in blanks.items():
        if {"{", "}"} & set(value):
            yield f"the blank {name!r} of {statement.name} holds a brace ({shown(value)}): write words only"
        elif strange := "a line break" if "\n" in value else values.unfit_character(value):
            yield f"the blank {name!r} of {statement.name} holds {strange}, which cannot be published: take it out"
        elif len(value) > MOST_FILLED:
            yield f"the blank {name!r} of {statement.name} has {len(value)} characters, more than {MOST_FILLED}: shorten it"
