"""`standfast doctor`: what is wrong or missing here, and the remedy; and the confirmation of a clock alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from commands.context import Context, Json, emit, guarded, say, table
from config import local_time

if TYPE_CHECKING:
    from scheduler.checkup import Finding

app = typer.Typer(rich_markup_mode=None)


@app.command()
def doctor(
    confirm_clock: Annotated[
        bool, typer.Option("--confirm-clock", help="Confirm that the clock is right now: claims go on.")
    ] = False,
    json: Json = False,
) -> None:
    """Say what is wrong or missing, and the remedy. Exit code 1 when something is wrong; warnings alone leave it 0."""
    with guarded() as context:
        if confirm_clock:
            _confirm_clock(context)
        found = _examine(context)
        if json:
            emit([vars(item) for item in found])
        else:
            table(
                ("check", "level", "finding"),
                [(item.check, item.level, local_time.for_people(item.text)) for item in found],
            )
        if any(item.level == "fault" for item in found):
            raise typer.Exit(1)


def _examine(context: Context) -> list[Finding]:
    from commands import checking, records_anchor, retention_check, stop_page
    from crisis import drill_check, plan_check
    from crisis.alerts import checkup
    from crisis.notices import check as notice_check
    from scheduler.checkup import Patient, examine

    patient = Patient(context.settings, context.essential, context.engine, context.loaded.environ)
    further = {
        "plan": plan_check.check,
        "drills": drill_check.check,
        "notices": notice_check.check,
        "alerts": checkup.check,
        "stop page": stop_page.check,
        "content": checking.examine,
        "retention": retention_check.examine,
        "anchors": records_anchor.examine,
    }
    return examine(patient, further)


def _confirm_clock(context: Context) -> None:
    from governance import access
    from scheduler import clock_guard

    actor = context.actor
    with access.acting(context.engine) as session:
        access.check(session, actor, "resume", "*", action="confirm", subject="the clock")
        confirmed = clock_guard.confirm(session, actor.person)
    say(f"{confirmed} clock alarm(s) confirmed" if confirmed else "there is no clock alarm")
