"""What comes before its own alert: the decision never becomes more by it. Pure."""

from __future__ import annotations

import pytest

from crisis.alerts import late
from crisis.alerts.alert import Key
from crisis.alerts.late import Follower
from crisis.alerts.verdict import Kind
from tests.crisis.alerts.build import EMA, NOW_US, NWS, SUGGEST, WHITELIST, decided, tornado

LATER = Key(NWS, "A2", NOW_US)
CASES = {
    "a cancel": (Follower(LATER, "Cancel", Kind.IGNORE), Kind.SUGGEST, False),
    "an update that was told": (Follower(LATER, "Update", Kind.SUGGEST), Kind.NOTE, False),
    "an update that held": (Follower(LATER, "Update", Kind.HOLD, "", True), Kind.NOTE, True),
    "an update that called for nothing": (Follower(LATER, "Update", Kind.IGNORE), Kind.SUGGEST, False),
    "somebody else's cancel": (Follower(Key(EMA, "A2", NOW_US), "Cancel", Kind.IGNORE), Kind.HOLD, True),
    "a test's cancel": (Follower(LATER, "Cancel", Kind.IGNORE, "TEST"), Kind.HOLD, True),
    "a word between systems": (Follower(LATER, "Ack", Kind.IGNORE), Kind.HOLD, True),
}


@pytest.mark.parametrize("name", CASES)
def test_what_came_before_its_alert(name: str) -> None:
    """KS-24: an alert that its own sender has cancelled or changed already holds nothing by itself."""
    follower, kind, held = CASES[name]
    made = late.judge(decided(tornado(), WHITELIST), [follower])
    assert (made.kind, made.held) == (kind, held)
    assert bool(made.scopes) is (kind == Kind.HOLD)


@pytest.mark.parametrize("name", CASES)
def test_it_never_makes_more_of_it(name: str) -> None:
    """KS-24: whatever came before, a suggestion stays at most a suggestion, and nothing at all stays nothing."""
    follower = CASES[name][0]
    assert late.judge(decided(tornado(), SUGGEST), [follower]).kind in (Kind.SUGGEST, Kind.NOTE)
    drill = decided(tornado(status="Exercise"), WHITELIST)
    assert late.judge(drill, [follower]).kind == drill.kind


def test_the_newest_word_of_several_counts() -> None:
    told, cancelled = CASES["an update that was told"][0], Follower(Key(NWS, "A3", NOW_US + 1), "Cancel", Kind.NOTE)
    made = late.judge(decided(tornado(), WHITELIST), [cancelled, told])
    assert (made.kind, "A3" in made.doubts[-1]) == (Kind.SUGGEST, True)


def test_what_is_known_already_stays_so() -> None:
    again = decided(tornado(), WHITELIST, (tornado(),))
    assert late.judge(again, [CASES["a cancel"][0]]) == again
