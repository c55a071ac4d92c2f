"""``standfast records hold``: legal holds, which stop disposition until a person releases them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, Json, UserError, clean_text, emit, guarded, parse_at, say, table
from commands.post_options import MOST_ID

if TYPE_CHECKING:
    from records.retention.holds import Query
    from store.retention_tables import LegalHold

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Legal holds: add, list, release.")
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Its name, for ever: a-z, 0-9 and '-'.")]
MOST_REASON = 5000


@app.command("add")
def add(
    name: Name,
    owner: Annotated[str, typer.Option("--owner", metavar="PERSON", help="Who answers for it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="T", help="Why: the case, the letter, its date.")],
    channel: Annotated[str | None, typer.Option("--channel", metavar="NAME", help="Only on this channel.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Made or published from then on.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Made or published before then.")] = None,
    words: Annotated[
        str | None, typer.Option("--words", metavar="T", help="In which each of these words stands.")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", metavar="WHO", help="Made by, or a post of, this person or member.")
    ] = None,
    suspension: Annotated[
        int | None, typer.Option("--suspension", metavar="N", min=1, max=MOST_ID, help="Of this suspension.")
    ] = None,
    post: Annotated[int | None, typer.Option("--post", metavar="N", min=1, max=MOST_ID, help="Of this post.")] = None,
    json: Json = False,
) -> None:
    """Stop the disposition of whatever fits all that is given, now and later. Needs the right to see records."""
    with guarded() as context:
        from governance import access
        from records.retention import holds
        from store.retention_tables import LegalHold

        _check_name(name)
        query = _query(context, channel, since, until, words, person, suspension, post)
        who, why = clean_text(owner, "--owner", most=60), _said(reason, "--reason")
        actor = context.actor
        made = LegalHold(name=name, owner=who, reason=why, query=query.as_data(), placed_by="", placed_at=0)
        with access.acting(context.engine) as session:
            access.check(session, actor, "records", "*", action="hold.add", subject=name)
            _check_target(session, query)
            holds.place(session, actor.person, made)
            told = described(made)
        if json:
            return emit(told)
        return say(f"hold {name}: {told['covers']}; owner {who}; nothing of that is disposed of until it is released")


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also those that were released.")] = False, json: Json = False
) -> None:
    """Show the legal holds. Needs the right to see records."""
    with guarded() as context:
        from sqlmodel import col, select

        from store.engine import reading
        from store.retention_tables import LegalHold

        context.require("records", action="hold.list", subject="")
        with reading(context.engine) as session:
            query = select(LegalHold).order_by(LegalHold.name)
            rows = session.exec(query if every else query.where(col(LegalHold.released_at).is_(None))).all()
            told = [described(row) for row in rows]
        if json:
            return emit(told)
        shown = ("name", "owner", "placed_at", "placed_by", "released_at", "covers", "reason")
        heads = ("name", "owner", "placed", "by", "released", "covers", "reason")
        return table(heads, [[row[name] for name in shown] for row in told])


@app.command("release")
def release(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The hold's name.")],
    reason: Annotated[str, typer.Option("--reason", metavar="T", help="Why it holds nothing any more.")],
    json: Json = False,
) -> None:
    """End a legal hold. Needs the right to see records."""
    with guarded() as context:
        from governance import access
        from records.retention import holds

        _check_name(name)
        why, actor = _said(reason, "--reason"), context.actor
        with access.acting(context.engine) as session:
            access.check(session, actor, "records", "*", action="hold.release", subject=name)
            told = described(holds.release(session, actor.person, name, why))
        if json:
            return emit(told)
        return say(f"hold {name} is released: the schedule alone says now what is due")


def described(row: LegalHold) -> dict[str, Any]:
    """A hold as JSON-ready data; `covers`: its query in words."""
    from config import clock

    moments = {
        name: None if at is None else clock.to_text(at)
        for name, at in (("placed_at", row.placed_at), ("released_at", row.released_at))
    }
    names = ("name", "owner", "reason", "placed_by", "released_by", "release_reason", "query")
    return {**{name: getattr(row, name) for name in names}, **moments, "covers": _covers(row.query)}


def _covers(query: dict[str, Any]) -> str:
    from config import clock

    said = {name: clock.to_text(value) if name in ("since", "until") else value for name, value in query.items()}
    return ", ".join(f"{name} {value}" for name, value in said.items())


def _check_name(name: str) -> None:
    from config.toml_table import NAME

    if not NAME.pattern.fullmatch(name):
        raise UserError(f"{name[:60]!a} is not {NAME.what}: give another, such as smith-v-city")


def _said(text: str, what: str) -> str:
    found = clean_text(text, what, lines=True, most=MOST_REASON).strip()
    if not found:
        raise UserError(f"{what} says nothing: a hold is placed and released with its reason")
    return found


def _query(
    context: Context,
    channel: str | None,
    since: str | None,
    until: str | None,
    words: str | None,
    person: str | None,
    suspension: int | None,
    post: int | None,
) -> Query:
    from records.retention.holds import Query

    texts = {"channel": channel, "words": words, "person": person}
    for name, value in texts.items():
        if value is not None and not clean_text(value, f"--{name}", most=500).strip():
            raise UserError(f"--{name} says nothing: give it a value, or leave it out")
    zone = context.settings.timezone
    start, end = (None if text is None else parse_at(text, zone).at_us for text in (since, until))
    if start is not None and end is not None and end <= start:
        raise UserError(f"--until {until!a} is not after --since {since!a}: nothing would be held")
    return Query(channel, start, end, words, person, suspension, post)


def _check_target(session: Any, query: Query) -> None:
    """Raise UserError where a channel or suspension is named that there is not: a hold that covers nothing misleads."""
    from sqlmodel import select

    from config.wording import did_you_mean
    from store.tables import Channel, Suspension

    if query.channel is not None and session.get(Channel, query.channel) is None:
        names = session.exec(select(Channel.name)).all()
        raise UserError(f"--channel {query.channel[:60]!a} is not known: {did_you_mean(query.channel, names)}")
    if query.suspension is not None and session.get(Suspension, query.suspension) is None:
        raise UserError(f"--suspension {query.suspension}: there is no such suspension; see `standfast crisis report`")
