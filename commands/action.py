"""`standfast crisis action`: corrective actions, with an owner and a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, table
from commands.post_options import MOST_ID

if TYPE_CHECKING:
    from store.report_tables import CorrectiveAction

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What is to change after a suspension.")
MOST_TEXT = 2000
Suspension = Annotated[
    int | None,
    typer.Option("--suspension", metavar="N", min=1, max=MOST_ID, help="After which one (default: the newest)."),
]


@app.command("add")
def add(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be done.")],
    owner: Annotated[
        str, typer.Option("--owner", metavar="WHO", help="Whose it is: a person's short name, or a role.")
    ],
    by: Annotated[str, typer.Option("--by", metavar="DAY", help="Until which day: 2026-12-31.")],
    suspension: Suspension = None,
    json: Json = False,
) -> None:
    """Record a corrective action. Needs the right to suspend or to resume."""
    with guarded() as context:
        from crisis import corrective
        from governance import access

        words = clean_text(text, "the action", lines=True, most=MOST_TEXT)
        wanted = corrective.Wanted(words, clean_text(owner, "--owner", most=100), _day(by), suspension)
        actor, today, roles = context.actor, _today(context), _roles(context)
        with access.acting(context.engine) as session:
            made = corrective.add(session, actor, wanted, today, roles)
        _told(made, today, json)


@app.command("list")
def list_(
    suspension: Annotated[
        int | None, typer.Option("--suspension", metavar="N", min=1, max=MOST_ID, help="Only those after this one.")
    ] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is not done.")] = False,
    json: Json = False,
) -> None:
    """Show corrective actions by the day they are due. Needs the right to see records, to suspend or to resume."""
    with guarded() as context:
        from crisis import corrective
        from governance import access
        from store.engine import reading

        access.require_any(context.engine, context.actor, corrective.READERS, "*", "action.list", "")
        with reading(context.engine) as session:
            found = [
                corrective.described(row, _today(context))
                for row in corrective.listed(session, suspension, only_open=only_open)
            ]
        if json:
            return emit(found)
        heads = ("action", "suspension", "due", "owner", "state", "what")
        return table(
            heads,
            [
                (i["id"], i["suspension_id"], i["due"], i["owner"], _state(i), " ".join(i["text"].split()))
                for i in found
            ],
        )


@app.command("done")
def done(
    number: Annotated[int, typer.Argument(metavar="N", min=1, max=MOST_ID, help="The action's number.")],
    note: Annotated[str, typer.Option("--note", metavar="T", help="What was done.")] = "",
    json: Json = False,
) -> None:
    """Say that a corrective action is done. Needs the right to suspend or to resume."""
    with guarded() as context:
        from crisis import corrective
        from governance import access

        actor, words = context.actor, clean_text(note, "--note", lines=True, most=MOST_TEXT)
        with access.acting(context.engine) as session:
            found = corrective.done(session, actor, number, words)
        _told(found, _today(context), json)


def _told(row: CorrectiveAction, today: date, json: bool) -> None:
    from crisis import corrective

    found = corrective.described(row, today)
    if json:
        return emit(found)
    after = f"after suspension {row.suspension_id}, owner {row.owner}, due {row.due}"
    return say(f"corrective action {row.id} ({after}): {_state(found)}")


def _state(found: dict[str, object]) -> str:
    if found["done_at"] is not None:
        return f"done by {found['done_by']}"
    return "OVERDUE" if found["overdue"] else "open"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"--by {text[:60]!a} is no day: write it as 2026-12-31") from None


def _today(context: Context) -> date:
    from calendars import zones
    from config import clock

    return date.fromisoformat(zones.local_of(clock.wall_us(), context.settings.timezone)[:10])


def _roles(context: Context) -> Iterable[str]:
    """The roles of the roles file and, where it can be read, of the plan."""
    from crisis import plan
    from crisis.plan_table import PlanError
    from governance import roles

    named = set(roles.in_force())
    try:
        return named | set(plan.read(plan.file_of(context.settings.root, context.settings.plan)).roles)
    except PlanError:
        return named
