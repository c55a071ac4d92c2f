"""The transitions as data: what the protocol forbids cannot even be written down."""

from __future__ import annotations

import pytest

from scheduler import receipt, states
from scheduler.states import ATTEMPT, POST, check
from store.tables import ATTEMPT_STATES, LIVE_ATTEMPT_STATES, POST_STATES

TWO = ("a", "b")


def _table(**moves: str) -> states.Transitions:
    return {state: frozenset(targets.split()) for state, targets in moves.items()}


def test_every_state_of_the_tables_has_its_line() -> None:
    assert set(POST) == set(POST_STATES)
    assert set(ATTEMPT) == set(ATTEMPT_STATES)
    assert set(receipt.RESULTS) == set(ATTEMPT_STATES)


def test_an_attempt_never_goes_back() -> None:
    """No lease, time-out or restart leads back: every way through an attempt ends."""
    for start in ATTEMPT:
        ahead, seen = [start], set()
        while ahead:
            for target in ATTEMPT[ahead.pop()]:
                assert target != start, f"{start} can be reached from itself"
                if target not in seen:
                    seen.add(target)
                    ahead.append(target)


def test_a_state_that_may_still_have_an_effect_ends_only_by_knowledge() -> None:
    """I5: from ``sending`` to ``aborted`` or from ``unknown`` to ``not_sent`` would be a guess."""
    assert ATTEMPT["sending"] == {"published", "rejected", "unknown", "not_sent"}
    assert ATTEMPT["unknown"] == {"published", "closed_by_person"}


def test_what_went_out_or_was_cancelled_is_never_planned_again() -> None:
    assert POST["published"] == POST["cancelled"] == frozenset()


def test_an_unknown_post_goes_again_only_by_way_of_a_person() -> None:
    """PROTOCOL: a new attempt after `unknown` needs a person."""
    assert POST["unknown"] == {"published", "held"}


def test_the_database_refuses_a_second_live_attempt_in_every_state_that_may_have_an_effect() -> None:
    assert set(LIVE_ATTEMPT_STATES) == {"claimed", "sending", "unknown", "published"}


def test_sources_are_the_table_read_backwards() -> None:
    assert set(states.sources(ATTEMPT, "published")) == {"sending", "unknown"}
    assert states.sources(ATTEMPT, "claimed") == ()
    for table in (POST, ATTEMPT):
        for target in table:
            assert set(states.sources(table, target)) == {state for state in table if target in table[state]}


def test_a_table_that_misses_a_state_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\['b'\] are not in both lists"):
        check(_table(a=""), TWO, "a", ())


def test_a_table_with_a_state_nobody_reaches_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be reached from a"):
        check(_table(a="", b="a"), TWO, "a", ())


def test_a_table_that_leads_to_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\['c'\] are not in both"):
        check({"a": frozenset({"b", "c"}), "b": frozenset()}, TWO, "a", ())


def test_a_forbidden_move_is_refused() -> None:
    with pytest.raises(ValueError, match="a → b is forbidden"):
        check(_table(a="b", b=""), TWO, "a", (("a", "b"),))


def test_only_what_no_call_can_touch_may_be_edited() -> None:
    assert set(states.EDITABLE).isdisjoint({"publishing", "unknown", "published", "cancelled"})
