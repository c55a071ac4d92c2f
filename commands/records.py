"""``standfast records``: the hash-chained log of everything done and refused."""

from __future__ import annotations

from typing import Annotated

import typer

from commands import (
    records_anchor,
    records_export,
    records_inbound,
    records_intake,
    records_retention,
    records_search,
    records_timeline,
    records_verify,
)
from commands.context import Json, clean_text, emit, guarded, parse_at, table

app = typer.Typer(no_args_is_help=True, help="The record of what was done and refused.")
records_verify.add_to(app)
records_search.add_to(app)
records_timeline.add_to(app)
records_export.add_to(app)
records_retention.add_to(app)
records_inbound.add_to(app)
records_intake.add_to(app)
records_anchor.add_to(app)


@app.command("list")
def list_(
    since: Annotated[str | None, typer.Option("--since", help="From this local time on: 2026-12-01 09:00.")] = None,
    action: Annotated[str | None, typer.Option("--action", help="Only this action, such as refused.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")] = 100,
    json: Json = False,
) -> None:
    """Show the newest entries of the log."""
    from records.log import entries

    with guarded() as context:
        start = None if since is None else parse_at(since, context.settings.timezone).at_us
        found = entries(context.engine, start, None if action is None else clean_text(action, "--action"), limit)
        if json:
            emit(found)
        else:
            rows = [(e["seq"], e["at"], e["actor"], e["action"], e["subject"], _words(e["detail"])) for e in found]
            table(("entry", "at", "who", "what", "to what", "detail"), rows)


def _words(detail: object) -> str:
    if not isinstance(detail, dict):
        return str(detail)
    return ", ".join(f"{name}: {value}" for name, value in detail.items() if value not in (None, "", [], {}))
