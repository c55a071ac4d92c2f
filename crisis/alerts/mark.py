"""Whether an alert is meant: tests and exercises by status, scope, event code and event, whatever else it says."""

from __future__ import annotations

import re

from crisis.alerts.alert import Alert, Info

TEST, EXERCISE, NOT_PUBLIC = "TEST", "EXERCISE", "NOT PUBLIC"
NOT_MEANT = (TEST, EXERCISE)
"""Marks of what is not meant at all. A message that is not public may be meant, so that a person looks at it."""
TEST_CODES = frozenset({"RWT", "RMT", "NPT", "NAT", "NST", "DMO"})
"""SAME codes of the weekly, monthly and national tests and of demonstrations (47 CFR 11.31, NWSI 10-1712)."""
_TEST_EVENTS = re.compile(
    r"(required )?(weekly|monthly) test|(national|nationwide) (periodic|audible|silent)? ?test\b.*|practice ?/ ?demo( warning)?"
    r"|demonstration message|test( message)?",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\b(tests?|testing|exercises?|drills?|demonstration)\b", re.IGNORECASE)
_STATUS = {"Exercise": EXERCISE, "Test": TEST, "System": TEST, "Draft": TEST}


def of(alert: Alert, info: Info | None = None) -> tuple[str, str]:
    """(mark, why) of the message, and of `info` in it; two empty texts when it is meant."""
    if alert.status in _STATUS:
        return _STATUS[alert.status], f"its status is {alert.status}"
    if info is not None:
        codes = sorted(TEST_CODES & {code.value.upper() for code in info.event_codes})
        if codes:
            return TEST, f"its event code is {', '.join(codes)}, that of a test, although its status is {alert.status}"
        if _TEST_EVENTS.fullmatch(info.event):
            return TEST, f"its event is that of a test, although its status is {alert.status}"
    if alert.scope != "Public":
        return NOT_PUBLIC, f"its scope is {alert.scope}, as that of tests often is: do not pass it on"
    return "", ""


def speaks_of_a_test(alert: Alert, info: Info) -> bool:
    """True when the words for people mention a test, an exercise or a drill: then nothing stops by itself."""
    return any(_WORDS.search(text) for text in (alert.note, info.event, info.headline))
