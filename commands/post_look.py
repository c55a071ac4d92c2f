"""``standfast post list`` and ``show``: the posts as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from commands import post_options as options
from commands.context import Json, emit, guarded, table
from commands.post_options import Channels, File, Id, States, Suspension, Tag, Zone, out


def add_to(app: typer.Typer) -> None:
    """Give these commands to ``standfast post``."""
    for name, function in (("list", list_), ("show", show)):
        app.command(name)(function)


def list_(
    state: States = None,
    channel: Channels = None,
    tag: Tag = None,
    file: File = None,
    suspension: Suspension = None,
    due_before: Annotated[
        str | None, typer.Option("--due-before", metavar="TIME", help="Due before this time.")
    ] = None,
    due_after: Annotated[
        str | None, typer.Option("--due-after", metavar="TIME", help="Due at this time or later.")
    ] = None,
    zone: Zone = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1_000_000, help="Most posts shown.")] = 100,
    json: Json = False,
) -> None:
    """Show posts by due time, with totals by state."""
    with guarded() as context:
        from dataclasses import replace

        from scheduler.planning import post_selection, post_views
        from store.engine import reading

        query = options.wanted(None, channel, state, tag, file, suspension)
        before = None if due_before is None else options.occurrence(context, due_before, zone).at_us
        after = None if due_after is None else options.occurrence(context, due_after, zone).at_us
        query = replace(query, due_before=before, due_after=after)
        with reading(context.engine) as session:
            posts = post_views.listed(session, query, limit)
            totals = post_selection.counts(session, query)
        if json:
            emit({"posts": posts, "totals": totals})
            return
        if posts:
            table(("id", "channel", "when", "state", "text"), [options.row(post) for post in posts])
        out(options.totals(totals, len(posts)))


def show(post: Id, json: Json = False) -> None:
    """Show one post whole, with how it was handed in, what was said of it, and its attempts."""
    with guarded() as context:
        from scheduler.planning import post_views
        from store.engine import reading

        with reading(context.engine) as session:
            found = post_views.shown(session, post)
        if json:
            emit(found)
            return
        attempts, submissions, approvals = (found.pop(name) for name in ("attempts", "submissions", "approvals"))
        table(("field", "value"), [pair for name, value in found.items() for pair in _fields(name, value)])
        if submissions:
            table(("handed in", "by", "tier", "attested", "outcome"), [_handed_in(row) for row in submissions])
        if approvals:
            heads = ("decided", "by", "in place of", "verdict", "comment", "good until", "void because")
            table(heads, [_decided(row) for row in approvals])
        if attempts:
            columns = ("id", "state", "claimed_at", "finished_at", "outcome", "detail", "closed_by")
            table(("attempt", *columns[1:]), [[attempt[name] for name in columns] for attempt in attempts])


def _fields(name: str, value: Any) -> list[tuple[str, Any]]:
    """The lines of one field: none where there is nothing to say, one for each image, tags as they are typed."""
    if value in (None, [], ""):
        return []
    if name == "media":
        return [("image", "; ".join((f"{row['file']}: {row['alt']}", *_facts(row)))) for row in value]
    return [(name, ", ".join(value) if isinstance(value, list) else value)]


def _facts(image: Mapping[str, str]) -> list[str]:
    return [f"{name}: {image[name]}" for name in ("captions", "rights") if image.get(name)]


def _handed_in(row: Mapping[str, Any]) -> list[Any]:
    """One line of how a post was handed in: of the words that were attested to, how many (`--json` has them)."""
    return [row["at"], row["by"], row["tier"], f"{len(row['attested'])} categories", row["outcome"]]


def _decided(row: Mapping[str, Any]) -> list[Any]:
    """One line of what somebody said of a post; only an approval is good until a day."""
    until = row["expires_at"] if row["verdict"] == "approved" else None
    who = [row["approver"], row["principal"], row["verdict"], row["comment"]]
    return [row["decided_at"], *who, until, row["void_reason"]]
