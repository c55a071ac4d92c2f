"""``standfast channel``, from request to authorization and to its end; and the list of platforms and tools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from commands import listing
from commands.context import Context, Json, clean_text, emit, guarded, say, table

if TYPE_CHECKING:
    from sqlmodel import Session

Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name.")]
Reason = Annotated[str, typer.Option("--reason", metavar="T", help="Why.")]
Where = Annotated[str, typer.Option("--document", metavar="WHERE", help="Where the document is.")]
On = Annotated[str, typer.Option("--on", metavar="DAY", help="The day it is of: 2026-12-01.")]
Item = Annotated[str, typer.Argument(metavar="NAME", help="Its name.")]
Status = Annotated[str, typer.Option("--status", metavar="WORD", help="approved, prohibited or retired.")]
Source = Annotated[str, typer.Option("--source", metavar="T", help="Where that is written.")]


def add_to(app: typer.Typer) -> None:
    """Give these commands to ``standfast channel``."""
    for function in (request, strategy, calendar, approve, authorize, suspend, reinstate, retire, show, platform, tool):
        app.command(function.__name__)(function)
    app.command("platforms")(platforms)


@contextmanager
def _acting(context: Context, *texts: str) -> Iterator[Session]:
    from governance import access

    for text in texts:
        clean_text(text, "the text", most=1000)
    assert context.actor
    with access.acting(context.engine) as session:
        yield session


def request(
    name: Name,
    department: Annotated[str, typer.Option("--department", metavar="NAME", help="Whose channel it is.")] = "",
    contact: Annotated[str, typer.Option("--contact", metavar="WHO", help="Whom the public and the city ask.")] = "",
    administrator: Annotated[
        str, typer.Option("--administrator", metavar="PERSON", help="Who administers it, designated by the department.")
    ] = "",
    tool: Annotated[str, typer.Option("--tool", metavar="NAME", help="What it is published with.")] = "",
) -> None:
    """Ask for a channel's authorization, or change what was asked: an approval is void then."""
    from governance import channels

    with guarded() as context:
        asked = channels.Asked(department, contact, administrator, tool)
        with _acting(context, name, *vars(asked).values()) as session:
            channels.request(session, context.actor, name, asked)
        say(f"channel {name}: asked for; `standfast channel show {name}` says what is missing")


def strategy(name: Name, document: Where, on: On) -> None:
    """Record the channel's written strategy."""
    _document(name, "strategy", document, on)


def calendar(name: Name, document: Where, on: On) -> None:
    """Record the channel's content calendar."""
    _document(name, "calendar", document, on)


def _document(name: str, kind: str, document: str, on: str) -> None:
    from governance import channels

    with guarded() as context:
        zone = context.settings.timezone
        with _acting(context, name, document, on) as session:
            channels.document(session, context.actor, name, kind, document, on, zone)
        say(f"channel {name}: its {channels.WORDS[kind]} of {on} is recorded")


def approve(
    name: Name,
    on: Annotated[str | None, typer.Option("--on", metavar="DAY", help="The day of it (default: today).")] = None,
) -> None:
    """Approve a channel's request: another person than asked, after its strategy, calendar and training."""
    from governance import channels, days

    with guarded() as context:
        zone = context.settings.timezone
        day = days.current(zone).isoformat() if on is None else on
        with _acting(context, name, day) as session:
            channels.approve(session, context.actor, name, day, zone)
        say(f"channel {name}: approved on {day}; next `standfast channel authorize {name}`")


def authorize(name: Name) -> None:
    """Authorize a channel; where something is missing, say all of it at once."""
    from governance import channels

    with guarded() as context:
        with _acting(context, name) as session:
            channels.authorize(session, context.actor, name)
        say(f"channel {name}: authorized")


def suspend(name: Name, reason: Reason) -> None:
    """Keep one channel from publishing until it is reinstated (in an emergency: `standfast crisis`)."""
    from governance import channels

    with guarded() as context:
        with _acting(context, name, reason) as session:
            channels.suspend(session, context.actor, name, reason)
        say(f"channel {name}: suspended; its posts are held when due")


def reinstate(name: Name) -> None:
    """Let a suspended channel publish again, as far as it is authorized."""
    from governance import channels

    with guarded() as context:
        with _acting(context, name) as session:
            state = channels.reinstate(session, context.actor, name)
        say(f"channel {name}: {state}")


def retire(name: Name, reason: Reason) -> None:
    """End a channel for ever; its posts and records are kept."""
    from governance import channels

    with guarded() as context:
        with _acting(context, name, reason) as session:
            channels.retire(session, context.actor, name, reason)
        say(f"channel {name}: retired; its records are kept")


def show(name: Name, json: Json = False) -> None:
    """Show what is on record of a channel's authorization, and everything that is missing."""
    from governance import channels
    from store.engine import reading

    with guarded() as context:
        clean_text(name, "NAME", most=1000)
        with reading(context.engine) as session:
            found = channels.shown(session, name)
        if json:
            emit(found)
            return
        missing = found.pop("missing")
        table(("field", "value"), [(key, value) for key, value in found.items() if value])
        for line in missing:
            say(f"missing: {line}")


def platform(name: Item, status: Status, reason: Reason, source: Source) -> None:
    """Say what the city thinks of a platform: channels on one that is not approved lapse."""
    _decide("platform", name, status, reason, source)


def tool(name: Item, status: Status, reason: Reason, source: Source) -> None:
    """Say what the city thinks of a publishing tool: channels that use one that is not approved lapse."""
    _decide("tool", name, status, reason, source)


def _decide(kind: str, name: str, status: str, reason: str, source: str) -> None:
    from governance import catalog

    with guarded() as context:
        with _acting(context, name, status, reason, source) as session:
            catalog.decide(session, context.actor, kind, name, status, reason, source)
        say(f"{kind} {name}: {status}")


def platforms(json: Json = False) -> None:
    """Show the platforms and tools: approved, prohibited or retired, with reason and source."""
    from governance import catalog

    listing.show(catalog.listing, ("kind", "name", "status", "reason", "source", "decided_by"), json)
