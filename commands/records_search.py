"""``standfast records search``: records and entries of the log by their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from commands.context import Context, Json, UserError, clean_text, emit, guarded, parse_at, say, table
from commands.post_options import MOST_ID

if TYPE_CHECKING:
    from records.wish import Wish

MOST_WORD = 300
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="From this local time on: 2026-12-01 09:00.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before this local time.")]
Channel = Annotated[str | None, typer.Option("--channel", metavar="NAME", help="Only on this channel.")]
Department = Annotated[
    str | None, typer.Option("--department", metavar="NAME", help="Only on its channels, or by its people.")
]
Person = Annotated[str | None, typer.Option("--person", metavar="ID", help="Only by this person, or of their posts.")]
Suspension = Annotated[
    int | None,
    typer.Option("--suspension", metavar="N", min=1, max=MOST_ID, help="Only of this incident and the posts it met."),
]
State = Annotated[str | None, typer.Option("--state", metavar="WORD", help="Only of posts in this state now.")]
Series = Annotated[
    str | None,
    typer.Option("--series", metavar="WORD", help="Only this kind: post, media, request, answer, inbound, mail, …"),
]


def add_to(app: typer.Typer) -> None:
    """Give `app` the command."""
    app.command("search")(search)


def search(
    words: Annotated[
        list[str], typer.Argument(metavar="WORDS", help='All must be in it; "a phrase" in quotes, begin*.')
    ],
    since: Since = None,
    until: Until = None,
    channel: Channel = None,
    department: Department = None,
    person: Person = None,
    suspension: Suspension = None,
    state: State = None,
    series: Series = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The newest so many.")] = 50,
    json: Json = False,
) -> None:
    """Find records and entries of the log by their words, the newest first. Needs the right to see records."""
    with guarded() as context:
        from records import search as searching

        wish = wish_of(context, " ".join(words), since, until, channel, department, person, suspension, state, series)
        context.require("records", action="records.search", subject="")
        up_to_date(context)
        found, more = searching.found(context.engine, wish, limit)
        if json:
            return emit([item.as_json() for item in found])
        rows = [(_number(i), i.as_json()["at"], i.subject, i.channel, i.actor, i.state, i.excerpt) for i in found]
        table(("number", "at", "about", "channel", "who", "post is", "words"), rows)
        if more:
            say(f"there are more than {limit}: --limit shows more, --since and --until fewer")
        return None


def _number(item: object) -> str:
    series = getattr(item, "series", "")
    return f"{'entry' if series == 'log' else series} {getattr(item, 'number', '')}"


def up_to_date(context: Context) -> None:
    """Make records and index of all that was done until now."""
    from records import archive, index

    archive.catch_up(context.engine, context.essential.data_dir / "media")
    index.catch_up(context.engine)


def wish_of(
    context: Context,
    words: str,
    since: str | None,
    until: str | None,
    channel: str | None,
    department: str | None,
    person: str | None,
    suspension: int | None,
    state: str | None,
    series: str | None,
) -> Wish:
    """The options as a Wish. Raises UserError, RecordsError."""
    from records.wish import LOG, SERIES, Wish, terms
    from store.tables import POST_STATES

    terms(clean_text(words, "WORDS", most=2000))
    zone = context.settings.timezone
    start, end = (None if given is None else parse_at(given, zone).at_us for given in (since, until))
    if start is not None and end is not None and start >= end:
        raise UserError(f"--since {since!a} is not before --until {until!a}: nothing lies between")
    for value, what in ((channel, "--channel"), (department, "--department"), (person, "--person")):
        clean_text(value or "", what, most=MOST_WORD)
    _one_of(state, "--state", POST_STATES)
    _one_of(series, "--series", (*SERIES, LOG))
    return Wish(words, start, end, channel, department, person, suspension, state, series)


def _one_of(value: str | None, what: str, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise UserError(f"{what} {value[:40]!a} is none of {', '.join(known)}")
