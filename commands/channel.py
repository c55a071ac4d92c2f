"""``standfast channel``: the city's accounts on the platforms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import channel_steps
from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, table
from commands.post_options import out

if TYPE_CHECKING:
    from scheduler.planning.channel_service import House, Spec
    from store.tables import Channel

app = typer.Typer(no_args_is_help=True, help="The city's accounts on the platforms.")
channel_steps.add_to(app)

Pairs = list[str] | None


@app.command("add")
def add(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The channel's name, for ever.")] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", metavar="P", help="Such as outbox, x, facebook.")
    ] = None,
    group: Annotated[list[str] | None, typer.Option("--group", metavar="G", help="A group; may be repeated.")] = None,
    setting: Annotated[Pairs, typer.Option("--setting", metavar="K=V", help="A setting of the account.")] = None,
    secret: Annotated[Pairs, typer.Option("--secret", metavar="NAME=VARIABLE", help="Which variable holds it.")] = None,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="The same as --setting base_url=URL.")] = None,
    spacing: Annotated[str | None, typer.Option("--spacing", metavar="D", help="Least time between two posts.")] = None,
    file: Annotated[str | None, typer.Option("--file", metavar="FILE", help="Add all channels of a TOML file.")] = None,
    json: Json = False,
) -> None:
    """Add a channel, or all of a file: all or none. What exists is changed to what is given here, or said to be unchanged."""
    with guarded() as context:
        from governance import access
        from scheduler.planning import channel_service

        given = (platform, group, setting, secret, url, spacing)
        specs = _specs(name, file, given, setting, secret, url, spacing, platform, group)
        actor, house = context.actor, _house(context)
        _load([spec.platform for spec in specs])
        with access.acting(context.engine) as session:
            found = channel_service.add(session, actor, specs, house)
        _warn_of_secrets(context, specs)
        if json:
            emit(found)
            return
        for channel, what in found.items():
            out(f"channel {channel}: {what}")


def _specs(
    name: str | None,
    file: str | None,
    given: Sequence[object],
    setting: Pairs,
    secret: Pairs,
    url: str | None,
    spacing: str | None,
    platform: str | None,
    group: list[str] | None,
) -> list[Spec]:
    from scheduler.planning import channel_file
    from scheduler.planning.channel_service import Spec

    if file is not None:
        if name is not None or any(given):
            raise UserError("--file describes its channels whole: leave the name and other options out")
        return channel_file.read(Path(clean_text(file, "--file")))
    if name is None or platform is None:
        raise UserError("a channel needs a name and --platform (or --file with all of them)")
    settings = _pairs(setting, "--setting") | ({} if url is None else {"base_url": url})
    return [Spec(name, platform, tuple(group or ()), settings, _pairs(secret, "--secret"), _spacing(spacing))]


def _pairs(given: Pairs, option: str) -> dict[str, str]:
    """The value is not shown: it may be a secret in the wrong place. Raises UserError."""
    found: dict[str, str] = {}
    for pair in given or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(
                f"{option} number {len(found) + 1} is not NAME=VALUE: write for example {option} name=value"
            )
        if key in found:
            raise UserError(f"{option} {key[:60]!a} is given twice: leave one out")
        found[key] = value
    return found


def _spacing(text: str | None) -> int | None:
    from scheduler.planning import channel_file

    try:
        return None if text is None else channel_file.spacing_us(text)
    except (ValueError, OverflowError) as error:
        raise UserError(f"--spacing {error}") from None


def _house(context: Context) -> House:
    from scheduler.planning.channel_service import House

    settings = context.settings
    spacing, lateness = int(settings.spacing * 1_000_000), int(settings.lateness * 1_000_000)
    return House(context.essential.root, context.essential.data_dir, spacing, lateness)


def _load(platforms: Sequence[str]) -> None:
    """Import the connectors before the transaction: nobody shall wait for an import."""
    import contextlib

    from connectors import registry
    from connectors.errors import AccountError

    for platform in dict.fromkeys(platforms):
        with contextlib.suppress(AccountError):  # the service says it, with the channel's name
            registry.load(platform)


def _warn_of_secrets(context: Context, specs: Sequence[Spec]) -> None:
    environ = context.loaded.environ
    for spec in specs:
        empty = [variable for variable in spec.secrets.values() if not environ.get(variable, "").strip()]
        if empty:
            say(f"warning: channel {spec.name}: {', '.join(empty)} is not set: add it to .env before its first post")


@app.command("list")
def list_(json: Json = False) -> None:
    """Show every channel, its gate and how many posts wait."""
    with guarded() as context:
        from scheduler.planning import channel_service
        from store.engine import reading

        with reading(context.engine) as session:
            found = channel_service.listed(session)
        if json:
            emit(found)
            return
        heads = ("name", "platform", "groups", "spacing", "gate", "authorization", "scheduled", "held")
        rows = [
            (
                c["name"],
                c["platform"],
                ", ".join(c["groups"]),
                f"{c['spacing_s']:g}s",
                c["gate"],
                c["authorization"],
                c["scheduled"],
                c["held"],
            )
            for c in found
        ]
        table(heads, rows)


@app.command("test")
def ask(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Channels.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every channel.")] = False,
    json: Json = False,
) -> None:
    """Ask each platform who we are there; publishes nothing. Exit code 1 when any does not answer well."""
    with guarded() as context:
        from scheduler.planning import channel_service

        for name in names or ():
            clean_text(name, "NAME", most=1000)
        if every is bool(names):
            raise UserError("name the channels to test, or give --all")
        context.require("channels", action="channel.test", subject=_named(names))
        channels = _chosen(context, names or [])
        found = channel_service.test(channels, context.loaded.environ, context.settings.send_deadline)
        if json:
            emit([vars(answer) for answer in found])
        else:
            for answer in found:
                words = " ".join(answer.words.split())
                out(f"channel {answer.name} ({answer.platform}): {'ok' if answer.ok else 'FAILED'}: {words}")
        if not all(answer.ok for answer in found):
            raise typer.Exit(1)


def _named(names: Sequence[str] | None) -> str:
    return f"channel {', '.join(names)}"[:200] if names else "all channels"


def _chosen(context: Context, names: Sequence[str]) -> list[Channel]:
    """The channels of these names, or all. Raises PostError naming the nearest for one that does not exist."""
    from sqlmodel import select

    from scheduler.planning.channel_service import ChannelError
    from scheduler.planning.post_selection import unknown_channel
    from store.engine import reading
    from store.tables import Channel

    with reading(context.engine) as session:
        known = {channel.name: channel for channel in session.exec(select(Channel).order_by(Channel.name))}
        session.expunge_all()
    if missing := [name for name in names if name not in known]:
        raise ChannelError("\n".join(unknown_channel(name, known) for name in missing))
    return [known[name] for name in dict.fromkeys(names)] or list(known.values())
