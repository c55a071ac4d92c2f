"""The states of posts and attempts, and every transition between them, as data checked at import.

    draft → in_review → scheduled → publishing → published
                            ↑ ↓          ↓
                           held  ←  unknown, failed          (any that waits) → cancelled

    claimed → sending → published | rejected | unknown | not_sent
       ↓                              unknown → published | closed_by_person
    aborted | not_sent | rejected

Nothing leads from ``sending`` back to ``scheduled`` by itself: only proof that nothing was sent (``not_sent``) does.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.fault import Fault
from store.tables import ATTEMPT_STATES, POST_STATES

Transitions = Mapping[str, frozenset[str]]


def _table(**moves: str) -> Transitions:
    return {state: frozenset(targets.split()) for state, targets in moves.items()}


POST: Transitions = _table(
    draft="in_review scheduled cancelled",
    in_review="draft scheduled held cancelled",
    scheduled="publishing held unknown cancelled",
    publishing="published scheduled held unknown failed",
    unknown="published held",
    held="scheduled published cancelled",
    failed="scheduled cancelled",
    published="",
    cancelled="",
)
"""``scheduled → unknown`` is the restore's: posts that were due since the backup may have gone out. ``held → published`` is the
reconciler's: a post given to a person as not found was found after all. ``in_review → held`` is the late approval's: what it
would let go is stale."""

ATTEMPT: Transitions = _table(
    claimed="sending aborted not_sent rejected",
    sending="published rejected unknown not_sent",
    unknown="published closed_by_person",
    published="",
    rejected="",
    aborted="",
    not_sent="",
    closed_by_person="",
)

EDITABLE = ("draft", "in_review", "scheduled", "held", "failed")
"""A post may be edited, rescheduled or cancelled in these."""


class WrongState(Fault):
    """A post is not in a state from which it can go there; nothing was changed."""


def sources(table: Transitions, target: str) -> tuple[str, ...]:
    """The states that may become `target`."""
    return tuple(state for state, targets in table.items() if target in targets)


def check(table: Transitions, known: tuple[str, ...], start: str, forbidden: tuple[tuple[str, str], ...]) -> None:
    """Raise ValueError when `table` misses a state, names an unknown one, cannot reach one or allows a forbidden move."""
    named = set(table).union(*table.values())
    if named != set(known) or set(table) != named:
        raise ValueError(f"states {sorted(named ^ set(known) | named ^ set(table))} are not in both lists")
    reached, ahead = {start}, [start]
    while ahead:
        for target in table[ahead.pop()] - reached:
            reached.add(target)
            ahead.append(target)
    if reached != set(known):
        raise ValueError(f"states {sorted(set(known) - reached)} cannot be reached from {start}")
    for source, target in forbidden:
        if target in table[source]:
            raise ValueError(f"{source} → {target} is forbidden by the protocol")


check(POST, POST_STATES, "draft", (("unknown", "scheduled"), ("published", "scheduled"), ("scheduled", "published")))
check(
    ATTEMPT,
    ATTEMPT_STATES,
    "claimed",
    (("claimed", "published"), ("unknown", "not_sent"), ("sending", "aborted"), ("unknown", "sending")),
)
