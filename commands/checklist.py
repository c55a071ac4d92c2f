"""`standfast crisis checklist`: what the Crisis Communications plan has people do, phase by phase, and what is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, table
from commands.post_options import MOST_ID
from config import clock, local_time

if TYPE_CHECKING:
    from crisis.checklist import Progress, Ticked
    from crisis.plan import Plan

OfSuspension = Annotated[
    int | None,
    typer.Option("--suspension", metavar="N", min=1, max=MOST_ID, help="Which one (default: what stands)."),
]


def checklist(
    tick: Annotated[
        str | None,
        typer.Option("--tick", metavar="ITEM", help="Say that it is done: an item, or planner:CHANNEL."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What there is to say of it; kept in the log.")] = "",
    suspension: OfSuspension = None,
    json: Json = False,
) -> None:
    """Print the plan's checklist: what is to be done by whom, phase by phase, and what is ticked. Stops nothing.

    Exit code 1 when the city's plan cannot be read: then it is the shipped one's, and said to be."""
    with guarded() as context:
        found, faults = _plan(context)
        for line in faults:
            say(f"standfast: {line}")
        if faults:
            say("standfast: warning: this is the shipped plan's checklist, not your city's")
        if tick is None and note:
            raise UserError("--note belongs to --tick ITEM")
        if tick is not None:
            _tick(
                context,
                found,
                clean_text(tick, "--tick", most=200),
                clean_text(note, "--note", most=1000),
                suspension,
                json,
            )
        else:
            _show(found, _progress(context, suspension), json)
        if faults:
            raise typer.Exit(1)


def _plan(context: Context) -> tuple[Plan, list[str]]:
    """The city's plan; or the shipped one, and why.

    Not through the checked settings: in a crisis a mistake elsewhere in them must not hide the list.
    """
    from crisis import plan

    loaded = context.loaded
    named = loaded.values.get("plan")
    found, faults = plan.read_or_shipped(plan.file_of(loaded.root, named))
    return found, [*loaded.warnings, *faults] if faults or named is None else []


# --- tick ------------------------------------------------------------------------------------------------------------


def _tick(context: Context, found: Plan, item: str, note: str, suspension: int | None, json: bool) -> None:
    from commands.crisis import standing
    from crisis import tick

    actor = context.actor
    number = suspension if suspension is not None else standing(context, None)
    done = tick.tick(context.engine, actor, found, number, item, note)
    at = clock.to_text(done.at)
    if json:
        return emit(vars(done) | {"at": at})
    said = f"TICKED  {item} of suspension {number}"
    return say(
        f"{said} by {done.by} at {at}" if done.new else f"{item} of suspension {number} was ticked by {done.by} at {at}"
    )


# --- show ------------------------------------------------------------------------------------------------------------


def _progress(context: Context, suspension: int | None) -> Progress:
    """What is ticked; where the store cannot be asked the list is shown all the same. Raises SwitchError."""
    from crisis import checklist
    from scheduler import switch

    own = switch.open_switch(context.essential)
    try:
        with switch.reading(own) as cursor:
            return checklist.progress(cursor, own.name, suspension, context.essential.recall_s)
    except switch.SwitchUnavailable as error:
        say(f"standfast: warning: what is ticked is not known ({error})")
        return checklist.Progress()
    finally:
        own.close()


def _show(found: Plan, progress: Progress, json: bool) -> None:
    if json:
        return emit(_as_json(found, progress))
    if not progress.suspensions:
        return table(("phase", "item", "who", "what"), list(_rows(found)))
    rows = [(phase, item, _done(progress.of(item)), who, text) for phase, item, who, text in _rows(found)]
    rows += [
        (
            f"suspension {look.suspension}",
            look.item,
            "to do" if look.open else look.state,
            "",
            f"look there: {look.where}",
        )
        for look in progress.looks
    ]
    return table(("phase", "item", "done", "who", "what"), rows)


def _done(ticked: list[Ticked]) -> str:
    return (
        "; ".join(f"{item.by} at {local_time.for_people(item.at)} (suspension {item.suspension})" for item in ticked)
        or "to do"
    )


def _as_json(found: Plan, progress: Progress) -> dict[str, Any]:
    phases = [
        {
            "phase": phase,
            "items": [
                {
                    **vars(item),
                    "people": _people(found, item.owner),
                    "ticked": [vars(done) for done in progress.of(item.id)],
                }
                for item in items
            ],
        }
        for phase, items in found.checklist.items()
    ]
    looks = [vars(look) for look in progress.looks]
    return {
        "plan": str(found.file),
        "version": found.version,
        "suspensions": progress.suspensions,
        "phases": phases,
        "planners": looks,
    }


def _rows(found: Plan) -> Iterator[tuple[str, str, str, str]]:
    for phase, items in found.checklist.items():
        for item in items:
            people = ", ".join(_people(found, item.owner))
            yield phase, item.id, f"{item.owner} ({people})" if people else item.owner, item.text


def _people(found: Plan, role: str) -> list[str]:
    """Who plays `role`, in order of succession."""
    return list(found.roles[role].people) if role in found.roles else []
