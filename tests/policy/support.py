"""The shipped checks, built once, and posts for them."""

from __future__ import annotations

from functools import cache
from typing import Any

from policy import rules
from policy.checks import Checks
from policy.finding import Finding
from policy.post import Post
from scheduler.planning import content_checks
from tests.support.city import CHECKOUT

TUNING = CHECKOUT / "tests" / "data" / "posts_tuning.jsonl"
HELD_OUT = CHECKOUT / "tests" / "data" / "posts_held_out.jsonl"


@cache
def shipped() -> Checks:
    """The checks of a city without a file of its own."""
    return Checks(rules.read(None), content_checks.length_of)


def found(text: str, *only: str, **rest: Any) -> list[Finding]:
    """What the checks say of `text`."""
    return shipped().run(Post(text, **rest), only or None)


def quotes(text: str, rule: str, **rest: Any) -> list[str]:
    """The words that `rule` quotes of `text`."""
    return [finding.quote for finding in found(text, rule, **rest)]
