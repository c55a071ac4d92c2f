"""``standfast records inbound``: what the public writes to the city's channels, fetched, read, marked and passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, Json, UserError, clean_text, emit, guarded, parse_at, say, shown, table
from commands.post_options import MOST_ID

if TYPE_CHECKING:
    from crisis.inbound.fetch import Fetched

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="What the public writes: fetch, list, show, mark, forward. Nothing is ever answered by itself.",
)
Record = Annotated[int, typer.Argument(metavar="RECORD", min=1, max=MOST_ID, help="Any record of the item.")]
ON = typer.Option("--channel", metavar="NAME", help="Only this one: needed without a right on all.")


def add_to(records: typer.Typer) -> None:
    """Make it a group of ``standfast records``."""
    records.add_typer(app, name="inbound")


@app.command("fetch")
def fetch(channel: Annotated[str | None, ON] = None, json: Json = False) -> None:
    """Read now what the public wrote, and look again at the last seven days. Needs records, or queue on the channel.

    Exit code 1 when a channel could not be read to the end."""
    with guarded() as context:
        names = _channels(context, channel, "inbound.fetch")
        found = _fetched(context, names)
        if json:
            emit([_as_json(item) for item in found])
        else:
            table(("channel", "new", "edited", "gone", "back", "why not"), [_row(item) for item in found])
        if any(item.trouble and item.offered for item in found):
            raise typer.Exit(1)


def _channels(context: Context, channel: str | None, action: str) -> list[str]:
    """The channels meant, after the right was asked for; without a name all that are not switched off."""
    from sqlmodel import select

    from crisis.inbound import desk, watch
    from governance import access
    from records import inbound_view
    from store.engine import reading
    from store.tables import Channel

    name = None if channel is None else clean_text(channel, "--channel", most=200)
    actor = context.actor
    access.require_any(context.engine, actor, desk.WRITERS, name or "*", action, name or "all channels")
    with reading(context.engine) as session:
        if name is not None:
            inbound_view.check_channel(session, name)
            return [name]
        rows = session.exec(select(Channel.name, Channel.settings).order_by(Channel.name)).all()
        return [str(own) for own, settings in rows if not watch.is_off(settings)]


def _fetched(context: Context, names: list[str]) -> list[Fetched]:
    from crisis.inbound.fetch import Fetcher
    from records import archive
    from scheduler.account import ConnectorPool

    pool = ConnectorPool(context.engine)
    try:
        own = Fetcher(context.engine, pool, context.actor.person, by_hand=True)
        found = [own.run(name) for name in names]
    finally:
        pool.close()
    archive.catch_up(context.engine, context.essential.data_dir / "media")
    return found


def _as_json(item: Fetched) -> dict[str, Any]:
    counts = {name: item.changes.get(name, 0) for name in ("new", "edited", "gone", "back")}
    more = {"offered": item.offered, "unfinished": item.unfinished, "trouble": item.trouble}
    return {"channel": item.channel, **counts, **more}


def _row(item: Fetched) -> tuple[object, ...]:
    told = _as_json(item)
    why = item.trouble or ("there is more: fetch again" if item.unfinished else "")
    return (*(told[name] for name in ("channel", "new", "edited", "gone", "back")), why)


@app.command("list")
def list_(
    channel: Annotated[str | None, ON] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Written at or after this time.")] = None,
    marked: Annotated[bool, typer.Option("--marked", help="Only what bears a mark.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The newest so many.")] = 100,
    json: Json = False,
) -> None:
    """Show what the public wrote, each item as it was last seen. Needs records, or queue on the channel."""
    with guarded() as context:
        from records import inbound_view
        from store.engine import reading

        names = _channels(context, channel, "inbound.list")
        start = None if since is None else parse_at(since, context.settings.timezone).at_us
        wish = inbound_view.Wish(names[0] if channel is not None else None, start, marked)
        with reading(context.engine) as session:
            found = inbound_view.listed(session, wish, limit)
        if json:
            return emit(found)
        heads = ("record", "written", "channel", "kind", "who", "state", "mark", "words")
        return table(heads, [_line(item) for item in found])


def _line(item: dict[str, Any]) -> tuple[object, ...]:
    state = "gone" if item["gone_at"] else "edited" if item["edited"] else ""
    words = "(disposed of)" if item["text"] is None else " ".join(item["text"].split())
    cut = words if len(words) <= 60 else f"{words[:59]}…"
    known = (item[name] for name in ("record", "written_at", "channel", "kind", "author"))
    return (*known, state, item["mark"], cut)


@app.command("show")
def show(record: Record, json: Json = False) -> None:
    """Show an item: every version that was seen, the platform's own data, its mark, and to whom it was passed on."""
    with guarded() as context:
        from crisis.inbound import desk
        from governance import access
        from records import inbound_view
        from store.engine import reading

        with reading(context.engine) as session:
            channel = inbound_view.item_of(session, record).channel
        access.require_any(context.engine, context.actor, desk.WRITERS, channel, "inbound.list", channel)
        with reading(context.engine) as session:
            found = inbound_view.shown(session, inbound_view.item_of(session, record))
        return emit(found) if json else _shown(found)


def _shown(found: dict[str, Any]) -> None:
    where = f"{found['kind']} on {found['channel']}, written {found['written_at']}, {found['link'] or 'no link'}"
    say(shown(where + (f", gone since {found['gone_at']}" if found["gone_at"] else "")))
    names = ("record", "change", "kept_at", "by", "author", "text")
    table(
        ("record", "change", "kept", "by", "who", "words"),
        [[item[name] for name in names] for item in found["history"]],
    )
    if found["mark"]:
        say(f"marked as {shown(found['mark'])} by {found['marked_by']}")
    for item in found["forwarded"]:
        to = f"{item['person'] or 'department'} at {item['variable']}"
        say(
            shown(
                f"{item['by']} passed it on at {item['at']} to {item['addressee']} ({to}): {item['state']} {item['detail']}"
            )
        )


@app.command("mark")
def mark(
    record: Record,
    media_inquiry: Annotated[
        bool, typer.Option("--media-inquiry", help="It is for the director of media relations.")
    ] = False,
    department: Annotated[
        str | None, typer.Option("--department", metavar="D", help="It is for this department.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the mark away.")] = False,
) -> None:
    """Say for whom an item is. Nothing is sent and nothing is answered. Needs records, or queue on the channel."""
    with guarded() as context:
        from crisis.inbound import desk
        from governance import access
        from records import inbound_view
        from store.engine import reading

        if (media_inquiry, department is not None, clear).count(True) != 1:
            raise UserError("give one of --media-inquiry, --department and --clear")
        wanted = inbound_view.MEDIA_INQUIRY if media_inquiry else ""
        actor = context.actor
        if department is not None:
            name, plan = clean_text(department, "--department", most=200), _plan(context)
            with reading(context.engine) as session:
                wanted = inbound_view.DEPARTMENT + desk.department(session, plan, name)
        with access.acting(context.engine) as session:
            row = desk.mark(session, actor, record, wanted)
            told = f"the {row.kind} of record {record} on {row.channel}"
        say(f"{told}: {f'marked as {wanted}' if wanted else 'no mark any more'}")


@app.command("forward")
def forward(
    record: Record,
    to_department: Annotated[
        str | None,
        typer.Option("--to-department", metavar="D", help="To this one (default: the mark, then the channel's)."),
    ] = None,
    json: Json = False,
) -> None:
    """Pass an item on inside the city, to the addresses of the plan. Needs records, or queue on the channel.

    Exit code 1 when no address took it. Nothing is ever published."""
    with guarded() as context:
        from calendars import zones
        from commands import duties
        from crisis.inbound import desk

        if duties.tells_nobody():
            raise UserError("a rehearsal's clock or a failpoint is set: nobody is told anything; unset it")
        zone = context.settings.timezone
        name = None if to_department is None else clean_text(to_department, "--to-department", most=200)
        own = desk.Forwarder(
            context.engine,
            _plan(context),
            context.loaded.environ,
            lambda at: f"{zones.local_of(at, zone).replace('T', ' ')} {zone}",
        )
        tried = own.forward(context.actor, record, name, context.settings.inbound_departments)
        if json:
            emit([vars(item) for item in tried])
        else:
            rows = [(item.addressee, item.person, item.variable, item.trouble or "taken") for item in tried]
            table(("to", "person", "address", "answer"), rows)
        if all(item.trouble for item in tried):
            raise typer.Exit(1)


def _plan(context: Context) -> Any:
    from crisis import plan

    return plan.read(plan.file_of(context.settings.root, context.settings.plan))
