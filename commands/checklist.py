"""`standfast crisis checklist`: what the Crisis Communications plan has people do, phase by phase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from commands.context import Context, Json, emit, guarded, say, table

if TYPE_CHECKING:
    from crisis.plan import Plan


def checklist(json: Json = False) -> None:
    """Print the plan's checklist: what is to be done by whom, phase by phase. Stops nothing.

    Exit code 1 when the city's plan cannot be read: then it is the shipped one's, and said to be."""
    with guarded() as context:
        found, faults = _plan(context)
        for line in faults:
            say(f"standfast: {line}")
        if faults:
            say("standfast: warning: this is the shipped plan's checklist, not your city's")
        if json:
            emit(_as_json(found))
        else:
            table(("phase", "item", "who", "what"), list(_rows(found)))
        if faults:
            raise typer.Exit(1)


def _plan(context: Context) -> tuple[Plan, list[str]]:
    """The city's plan; or the shipped one, and why.

    Not through the checked settings: in a crisis a mistake elsewhere in them must not hide the list.
    """
    from crisis import plan
    from crisis.plan_table import PlanError

    loaded = context.loaded
    named = loaded.values.get("plan")
    try:
        found = plan.read(plan.file_of(loaded.root, named))
    except PlanError as error:
        return plan.read(), [*loaded.warnings, *error.faults]
    return found, list(loaded.warnings) if named is None else []


def _as_json(found: Plan) -> dict[str, Any]:
    phases = [
        {"phase": phase, "items": [{**vars(item), "people": _people(found, item.owner)} for item in items]}
        for phase, items in found.checklist.items()
    ]
    return {"plan": str(found.file), "version": found.version, "phases": phases}


def _rows(found: Plan) -> Iterator[tuple[str, str, str, str]]:
    for phase, items in found.checklist.items():
        for item in items:
            people = ", ".join(_people(found, item.owner))
            yield phase, item.id, f"{item.owner} ({people})" if people else item.owner, item.text


def _people(found: Plan, role: str) -> list[str]:
    """Who plays `role`, in order of succession."""
    return list(found.roles[role].people) if role in found.roles else []
