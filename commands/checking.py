"""The content checks as commands use them: asked before the store is, and told in lines."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from commands.context import Context, UserError, clean_text, say

if TYPE_CHECKING:
    from policy.finding import Finding
    from policy.post import Post
    from scheduler.checkup import Found, Patient
    from scheduler.planning.content_checks import Verdict

Overrides = Annotated[
    list[str] | None,
    typer.Option("--override", metavar="RULE=WHY", help="Let pass what this check blocks; kept with your name."),
]
MediaRows = Sequence[Mapping[str, str]]


def verdict(context: Context, post: Post, override: Sequence[str] | None) -> Verdict:
    """What the checks say of a post. Raises UserError, ChecksError."""
    from scheduler.planning import content_checks

    why = _reasons(override)
    return content_checks.verdict(content_checks.of(context.settings), post, why)


def strict(context: Context, text: str) -> Verdict:
    """What keeps these words from being queued today. Raises ChecksError."""
    from scheduler.planning import content_checks

    checks = content_checks.of(context.settings)
    return content_checks.verdict(checks, content_checks.post_of(text), {}, content_checks.blocking(checks))


def examine(patient: Patient) -> Found:
    """The doctor's look at the checks: whether the city's file can be used, and the dictionary is there."""
    from config import extra
    from policy.rules import SHIPPED, ChecksError
    from scheduler.checkup import BAD, OK, WARN
    from scheduler.planning import content_checks

    try:
        levels = content_checks.of(patient.settings).rules.levels
    except ChecksError as error:
        yield from ((BAD, line) for line in error.faults)
        return
    strict_ones = sum(level == "block" for level in levels.values())
    yield OK, f"{patient.settings.checks or SHIPPED}: {strict_ones} of {len(levels)} checks block"
    if importlib.util.find_spec("harper") is None:
        yield WARN, f"spelling and grammar are not checked: run {extra.install('checks')}"


def _reasons(override: Sequence[str] | None) -> dict[str, str]:
    """By rule: why it is let pass."""
    from config.wording import did_you_mean
    from policy.catalog import CATALOG

    found = {}
    for given in override or ():
        rule, _, why = (part.strip() for part in given.partition("="))
        if rule not in CATALOG:
            raise UserError(f"--override {given[:60]!a} names no check: {did_you_mean(rule, CATALOG)}")
        if not why:
            raise UserError(f"--override {rule} gives no reason: write --override {rule}='why it may pass'")
        found[rule] = clean_text(why, "--override", most=1000)
    return found


def tell(said: Verdict, local: str) -> list[Finding]:
    """What does not keep the words from being queued, said to people; the findings as they are on that day."""
    if said.missing:
        say(f"warning: {said.missing}")
    passed = said.let_pass(local)
    found = said.on(local)
    for finding in found:
        say(f"{'let pass: ' if finding in passed else 'check: '}{finding}")
    return found


def not_blocked(context: Context, texts: Mapping[str, str], media: MediaRows) -> dict[str, list[Finding]]:
    """By channel: what would keep any other post from being queued. Whatever goes wrong here, an emergency goes on."""
    try:
        return _would_block(context, texts, media)
    except Exception as error:
        say(
            f"warning: the content checks could not look at this ({' '.join(str(error).split())}); it goes out all the same"
        )
        return {}


def _would_block(context: Context, texts: Mapping[str, str], media: MediaRows) -> dict[str, list[Finding]]:
    from datetime import date

    from config import clock
    from scheduler.planning import content_checks

    checks, day = content_checks.of(context.settings), date.fromisoformat(clock.to_text(clock.wall_us())[:10])
    asked, found = content_checks.blocking(checks), {}
    for channel, text in texts.items():
        strict = checks.run(content_checks.post_of(text, media, day), asked)
        found[channel] = [finding for finding in strict if finding.level == "block"]
    _say_of(found)
    return {channel: findings for channel, findings in found.items() if findings}


def _say_of(found: Mapping[str, Iterable[Finding]]) -> None:
    for line in dict.fromkeys(str(finding) for findings in found.values() for finding in findings):
        say(f"not blocked, for this is an emergency: {line}")
