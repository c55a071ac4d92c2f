"""Who was told of a stop, and who knows of it: `standfast crisis notices` and `ack`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import answers
from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, table
from commands.post_options import MOST_ID
from config import clock
from scheduler import exercise

if TYPE_CHECKING:
    from sqlmodel import Session

    from crisis.notices.overview import Sent
    from crisis.plan import Notice, Plan

STATES = {"delivered": "delivered", "waiting": "waiting", "sending": "under way", "failed": "FAILED"}
Number = Annotated[
    int | None,
    typer.Argument(metavar="[NUMBER]", min=1, max=MOST_ID, help="Which suspension (default: all that stand)."),
]
OfSuspension = Annotated[
    int | None, typer.Option("--suspension", metavar="N", min=1, max=MOST_ID, help="Also one that is lifted.")
]


def ack(number: Number = None, json: Json = False) -> None:
    """Say that you know of a suspension: then nobody is told in your place. Needs a signed-in person."""
    with guarded() as context:
        must = answers.people()
        found = [_acknowledged(context, suspension, must) for suspension in _meant(context, number)]
        if json:
            return emit([data for data, _lines in found])
        for _data, lines in found:
            for line in lines:
                say(line)
        return say(answers.NOT_KNOWN) if must is None else None


def _meant(context: Context, number: int | None) -> list[int]:
    """The suspensions meant. Raises UserError when there is none."""
    from store.engine import reading
    from store.tables import Suspension

    with reading(context.engine) as session:
        found = _standing(session)
        if number is not None and number not in found:
            row = session.get(Suspension, number)
            found = [number] if row is not None and row.begun_at is not None else []
    if number is not None and not found:
        raise UserError(f"there is no suspension {number}: see `standfast crisis status`")
    if not found:
        raise UserError("nothing is suspended: there is nothing to acknowledge")
    return found if number is None else [number]


def _standing(session: Session) -> list[int]:
    from scheduler import resumption
    from store.engine import cursor, dialect

    return [item.id for item in resumption.active(cursor(session), dialect(session)) if item.has_come]


def _acknowledged(context: Context, suspension: int, must: Sequence[str] | None) -> tuple[dict[str, Any], list[str]]:
    """What was said, as data and as lines, with who must still say so; `must`: who does by the plan, None: not known."""
    from crisis.notices import ledger
    from store.engine import reading
    from store.tables import Suspension

    person = context.actor.person
    new = _added(context, suspension, person)
    with reading(context.engine) as session:
        known, row = ledger.acknowledged(session, suspension), session.get_one(Suspension, suspension)
    told = exercise.Answers.of(suspension, (must or ()) if row.lifted_epoch is None else (), known)
    at = clock.to_text(known[person])
    data = {"suspension": suspension, "kind": row.kind, "person": person, "at": at, "new": new}
    head = f"ACKNOWLEDGED  suspension {suspension} by {person}{'' if new else f' since {at}'}"
    lines = [exercise.told(row.kind, line) for line in (head, *told.lines(row.kind))]
    return {**data, "silent": None if must is None else told.silent}, lines


def _added(context: Context, suspension: int, person: str) -> bool:
    """True when it was new."""
    from sqlalchemy.exc import IntegrityError

    from crisis.notices import ledger
    from store.engine import writing

    try:
        with writing(context.engine) as session:
            return ledger.acknowledge(session, suspension, person)
    except IntegrityError as error:
        if not ledger.is_race(error):
            raise
    return False


# --- what became of them ---------------------------------------------------------------------------------------------


def notices(
    suspension: OfSuspension = None,
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="PERSON", help="Send PERSON a test notice. Needs the right to suspend."),
    ] = None,
    json: Json = False,
) -> None:
    """Show who was told of a stop, at which address, and who has acknowledged. Addresses are named, never shown.

    With --test: exit code 1 when an address did not take the test."""
    with guarded() as context:
        if test is not None:
            return _tested(context, clean_text(test, "--test", most=200), json)
        found = _overview(context, suspension)
        if json:
            return emit(found)
        if not found:
            return say("nobody was told of anything yet: there was no stop since the plan has a notice list")
        for item in found:
            _show(item)
        return None


def _overview(context: Context, number: int | None) -> list[dict[str, Any]]:
    from crisis.notices import overview
    from scheduler import receipt
    from store.engine import cursor, dialect, reading

    numbers = _meant(context, number) if number is not None else []
    with reading(context.engine) as session:
        numbers = numbers or _standing(session) or [item for item in [overview.newest(session)] if item is not None]
        return [
            {
                "suspension": item,
                **receipt.notices(cursor(session), dialect(session), item),
                "deliveries": [_as_json(sent) for sent in overview.of(session, item)],
            }
            for item in numbers
        ]


def _as_json(sent: Sent) -> dict[str, Any]:
    moments = {name: None if at is None else clock.to_text(at) for name, at in vars(sent).items() if name[-3:] == "_at"}
    return vars(sent) | moments


def _show(item: Mapping[str, Any]) -> None:
    heads = ("suspension", "notice", "person", "address", "state", "tries", "when", "why", "acknowledged")
    rows = [
        (
            item["suspension"],
            sent["notice"],
            sent["person"],
            sent["variable"],
            STATES[sent["state"]],
            sent["tries"],
            sent["ended_at"] or f"next {sent['due_at']}",
            sent["detail"],
            sent["acknowledged_at"] or "no",
        )
        for sent in item["deliveries"]
    ]
    table(heads, rows)
    say(f"suspension {item['suspension']}: acknowledged by {', '.join(item['acknowledged']) or 'nobody yet'}")


# --- a test ----------------------------------------------------------------------------------------------------------


def _tested(context: Context, person: str, json: bool) -> None:
    from calendars import zones
    from crisis import plan
    from crisis.notices import trial

    actor = context.require("suspend", action="notice.test", subject=person)
    listed = _listed(plan.read(plan.file_of(context.settings.root, context.settings.plan)), person)
    zone = context.settings.timezone
    at = f"{zones.local_of(clock.wall_us(), zone).replace('T', ' ')} {zone}"
    _refuse_rehearsal()
    found = trial.send(context.engine, listed, context.loaded.environ, actor.person, at)
    if json:
        emit([vars(item) for item in found])
    else:
        table(("person", "address", "answer"), [(person, item.variable, item.trouble or "taken") for item in found])
    if any(item.trouble for item in found) or not found:
        raise typer.Exit(1)


def _listed(found: Plan, person: str) -> Notice:
    from calendars.draft import did_you_mean

    by_person = {item.person: item for item in found.notices}
    if person not in by_person:
        raise UserError(f"{person[:60]!a} is not on the plan's notice list: {did_you_mean(person, by_person)}")
    if not by_person[person].targets:
        raise UserError(f"the plan names no address of {person}: give their [[notice]] targets")
    return by_person[person]


def _refuse_rehearsal() -> None:
    from commands import duties

    if duties.tells_nobody():
        raise UserError(f"{clock.REHEARSAL_VARIABLE} or a failpoint is set: nobody is told anything; unset it")
