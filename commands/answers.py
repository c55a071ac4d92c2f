"""Who must still answer in a drill, as `status`, `resume` and `ack` say it: the city's plan against the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scheduler import exercise

if TYPE_CHECKING:
    from scheduler.exercise import Answers
    from scheduler.switch import Switch

NOT_KNOWN = f"  warning     {exercise.NOT_KNOWN}"


def people() -> list[str] | None:
    """Who must answer by this city's plan; None where it cannot be read.

    Not through the checked settings: a mistake elsewhere in them hides no plan.
    """
    from config import essentials
    from crisis import plan

    loaded = essentials.merged(secrets=False)
    found, faults = plan.read_or_shipped(plan.file_of(loaded.root, loaded.values.get("plan")))
    return None if faults else found.must_answer


def of_ledger(own: Switch, suspension: int) -> Answers | None:
    """Who has answered and who has not; None where the plan cannot be read. Raises SwitchUnavailable."""
    from scheduler import receipt, switch
    from scheduler.exercise import Answers

    must = people()
    if must is None:
        return None
    with switch.reading(own) as cursor:
        known = receipt.notices(cursor, own.name, suspension)["acknowledged"]
    return Answers.of(suspension, must, known)
