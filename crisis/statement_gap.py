"""What the holding statements of a plan lack: languages, blanks that nobody describes, words that fit a platform."""

from __future__ import annotations

from crisis.plan import Plan
from crisis.plan_gap import City, Gaps
from crisis.statement import Blank, Statement
from scheduler.checkup import BAD, WARN


def gaps(plan: Plan, city: City) -> Gaps:
    """Everything that the statements of `plan` lack in `city`."""
    if not plan.statements:
        yield WARN, "statement: there is none: write a [statement.NAME] for what a city like yours has to say"
    for name, blank in plan.blanks.items():
        yield from _example(name, blank)
    for statement in plan.statements.values():
        yield from _languages(plan, statement)
        yield from _blanks(statement)
        yield from _lengths(statement, city)


def _example(name: str, blank: Blank) -> Gaps:
    if len(blank.example) > blank.longest:
        yield BAD, f"blank.{name}.longest = {blank.longest} is less than its example's {len(blank.example)}: raise it"


def _languages(plan: Plan, statement: Statement) -> Gaps:
    key = f"statement.{statement.name}.text"
    for language in plan.languages:
        if language not in statement.texts:
            yield WARN, f"{key}.{language} is missing, and the plan promises it (languages): write the words"
    for language in statement.texts:
        if language not in plan.languages:
            yield BAD, f"{key}.{language} is in a language that the plan does not promise: add it to languages"


def _blanks(statement: Statement) -> Gaps:
    by_language = {language: set(statement.blanks_in(language)) for language in statement.texts}
    every = set().union(*by_language.values())
    for name in sorted(every - statement.blanks.keys()):
        yield WARN, f"statement.{statement.name} has the blank {name!r}, which nobody describes: write [blank.{name}]"
    for language, own in by_language.items():
        for name in sorted(every - own):
            key = f"statement.{statement.name}.text.{language}"
            yield WARN, f"{key} lacks the blank {name!r} that another language has: add it"


def _lengths(statement: Statement, city: City) -> Gaps:
    """A variant that fits is enough; a platform is named with the first of its channels."""
    for platform in sorted(set(city.channels.values())):
        channel = min(name for name, own in city.channels.items() if own == platform)
        for language in statement.texts:
            if over := _least_over(statement, language, platform, city):
                key = f"statement.{statement.name}.text.{language}"
                yield BAD, f"{key} is {over} characters too long for {platform} ({channel}): add a shorter variant"


def _least_over(statement: Statement, language: str, platform: str, city: City) -> int:
    """By how much the shortest variant is too long on `platform` with its blanks filled; 0 when one fits."""
    found = [city.over(platform, text) or 0 for text in statement.at_longest(language)]
    return max(0, min(found, default=0))
