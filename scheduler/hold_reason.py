"""Why a suspension made a post wait for a person, in words; `patterns` finds the posts again by them.

Every reason that names a suspension is made here, so that "held by suspension 3" is one question (`docs/decisions/0022`).
"""

from __future__ import annotations


def came_due(suspension: int) -> str:
    """Its worker had it in hand at the stop, and had not asked for leave."""
    return f"its time came as suspension {suspension} was declared"


def not_sent(suspension: int, why: str) -> str:
    """Its worker had it in hand at the stop, and provably sent nothing."""
    return f"its time passed as suspension {suspension} was declared ({why})"


def passed(suspension: int) -> str:
    """It fell due behind the gate."""
    return f"its time passed during suspension {suspension}"


def to_be_confirmed(suspension: int) -> str:
    """It comes soon after the lift, and the city wants a person to look at it first (KS-12)."""
    return f"it waits to be confirmed after suspension {suspension}"


def taken_out(moment: str, suspension: int) -> str:
    """A sweep found it in the platform's own scheduler."""
    return f"it was scheduled on the platform itself for {moment}, and taken out in suspension {suspension}"


LIES = "it lies in the platform's own scheduler for "


def lies_there(moment: str, suspension: int) -> str:
    """A sweep copied it, and it is not known yet to be gone there."""
    return f"{LIES}{moment}, copied in suspension {suspension}: not known to be taken out"


def is_lying(reason: str | None) -> bool:
    """True for a copy whose original was not seen to be gone."""
    return (reason or "").startswith(LIES)


def gone_there(moment: str, suspension: int) -> str:
    """A sweep found it gone at a time when it may have gone out."""
    was = f"it was scheduled on the platform itself for {moment}"
    return f"{was}, and gone there by the sweep of suspension {suspension}: it may have gone out, look there first"


def patterns(suspension: int) -> tuple[str, ...]:
    """What the reasons that name `suspension` are LIKE (SQL); those of another number are like none of them."""
    return (
        came_due(suspension),
        not_sent(suspension, "%"),
        passed(suspension),
        to_be_confirmed(suspension),
        taken_out("%", suspension),
        lies_there("%", suspension),
        gone_there("%", suspension),
    )
