"""The judgement itself, of facts alone: each approval that does not count, and which reason a person is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config import clock
from governance import clearance
from governance.clearance import Case
from governance.facts import ApprovalFacts, Facts, Somebody
from governance.rules import Rules
from governance.tiers import Tier

NOW = 1_800_000_000 * clock.SECOND
HOUR = 3600 * clock.SECOND
ONE = Tier("standard", 1, (), HOUR, HOUR)
TWO = replace(ONE, name="sensitive", approvals=2)
CASE = Case("ann", "parks", "h", NOW, NOW)


def somebody(person: str, *roles: str, **changed: Any) -> Somebody:
    """An employee with these roles on the channel."""
    return replace(Somebody(person, "active", "employee", None, roles or ("operator",)), **changed)


def approval(number: int = 1, who: str = "omar", **changed: Any) -> ApprovalFacts:
    """A good approval by `who`."""
    return replace(ApprovalFacts(number, "h", NOW, HOUR, NOW + HOUR, None, somebody(who), None), **changed)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, None),
        ({"void_reason": "so"}, "void: so"),
        ({"content_hash": "g"}, "its content changed"),
        ({"due_at": NOW - HOUR}, None),
        ({"due_at": NOW - HOUR - 1}, "moved by more than 1 h"),
        ({"due_at": NOW + HOUR + 1}, "moved by more than 1 h"),
        ({"expires_at": NOW + 1}, None),
        ({"expires_at": NOW}, "expired at"),
        ({"approver": somebody("ann")}, "ann approved a post of their own"),
        ({"approver": somebody("dan"), "principal": somebody("ann")}, "approved a post of their own"),
        ({"approver": somebody("ann"), "principal": somebody("omar")}, "approved a post of their own"),
        ({"approver": somebody("omar", "administrator")}, "omar does not hold 'release'"),
        ({"approver": somebody("omar", state=None)}, "there is no person 'omar'"),
        ({"approver": somebody("dan", "administrator"), "principal": somebody("omar")}, None),
        ({"approver": somebody("dan", state="left"), "principal": somebody("omar")}, "dan has left"),
        ({"approver": somebody("dan", employment="intern"), "principal": somebody("omar")}, "dan is here as intern"),
        ({"approver": somebody("dan"), "principal": somebody("omar", state="left")}, "omar has left"),
    ],
)  # fmt: skip
def test_what_counts_as_an_approval(changed: Any, expected: str | None) -> None:
    """CT-1, GV-5: bound to words, time and people, at the very edge of each."""
    found = clearance.of_approvals([approval(**changed)], CASE, ONE, "")
    assert found is None if expected is None else expected in (found or "")


def test_a_tier_s_role_is_asked_for_again() -> None:
    """CT-1."""
    tier = replace(ONE, roles=("director",))
    assert "does not hold director, which standard asks for" in (
        clearance.of_approvals([approval()], CASE, tier, "") or ""
    )
    good = approval(approver=somebody("omar", "operator", "director"))
    assert clearance.of_approvals([good], CASE, tier, "") is None


@pytest.mark.parametrize(
    ("found", "count"),
    [
        ([], 0),
        ([approval(1), approval(2)], 1),
        ([approval(1), approval(2, "olga")], 2),
        ([approval(1), approval(2, "olga", void_reason="x")], 1),
        ([approval(1), approval(2, "dan", principal=somebody("omar"))], 1),
        ([approval(1, "dan", principal=somebody("omar")), approval(2, "dan", principal=somebody("olga"))], 1),
        ([approval(1, "dan", principal=somebody("omar")), approval(2, "olga")], 2),
    ],
)
def test_two_approvals_are_two_different_people(found: list[ApprovalFacts], count: int) -> None:
    """CT-1: a delegate counts neither beside themselves nor beside whom they stand in for."""
    assert clearance.count(found, CASE, TWO, "") == count


def test_the_reason_is_that_of_the_newest_approval() -> None:
    old, new = approval(1, void_reason="old"), approval(2, content_hash="g")
    assert clearance.of_approvals([old, new], CASE, ONE, "") == "its content changed after it was approved"
    assert clearance.of_approvals([], CASE, ONE, "") == "nobody has approved it"


@pytest.mark.parametrize("approvals", [0, 1])
def test_a_tier_may_ask_for_no_approval(approvals: int) -> None:
    held, tier = [("active", "administrator")], replace(ONE, approvals=approvals)
    found = clearance.refusal(CASE, held, Facts(), Rules(approval=True), tier)
    assert (found is None) is (approvals == 0)


def test_trained_until_now_is_no_longer_trained() -> None:
    """GV-4: to the microsecond."""
    held, rules = [("active", "administrator")], Rules(training="social-media")
    for until, good in ((NOW + 1, True), (NOW, False), (None, False)):
        facts = Facts(trained_until=until)
        assert (clearance.refusal(CASE, held, facts, rules, None) is None) is good
        lane = replace(CASE, emergency=True)
        assert clearance.refusal(lane, [("active", "emergency_publisher")], facts, rules, None) is None
