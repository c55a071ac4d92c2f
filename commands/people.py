"""``standfast people``: who is who, what they may do, and the tokens they sign in with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from commands.context import Context, Json, clean_text, emit, guarded, say, table
from commands.post_options import MOST_ID
from config import clock

if TYPE_CHECKING:
    from sqlmodel import Session

app = typer.Typer(no_args_is_help=True, help="People, their roles and their tokens.")

PersonId = Annotated[str, typer.Argument(metavar="PERSON", help="The person's short name.")]
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="A role, such as steward, director or administrator.")]
OnChannel = Annotated[str, typer.Option("--channel", metavar="NAME", help="On this channel only (default: on all).")]


@contextmanager
def _changing(context: Context) -> Iterator[Session]:
    """A transaction in which refusals are logged; the local authority file follows its commit."""
    from governance import access

    assert context.actor  # known before the transaction: looking them up inside it would wait for ourselves
    with access.acting(context.engine) as session:
        yield session
    _refresh(context)


def _refresh(context: Context) -> None:
    """The change is made by now: a file that cannot be written is said, not raised."""
    from governance import people
    from store.engine import StoreError

    file = context.essential.authority_file
    try:
        people.refresh_authority(context.engine, file)
    except (OSError, StoreError) as error:
        say(f"warning: {file} could not be written ({error}): it still names the people of before")


@app.command("add")
def add(
    person: PersonId, name: Annotated[str, typer.Option("--name", help="The full name, as others know it.")]
) -> None:
    """Add a person. They may do nothing until they are given a role, and need a token to sign in."""
    from governance import people

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(name, "--name", most=200)
        with _changing(context) as session:
            people.add_person(session, context.actor, person, name)
        say(f"{person} ({name}) was added: next `standfast people grant {person} ROLE`")


@app.command("grant")
def grant(person: PersonId, role: RoleName, channel: OnChannel = "*") -> None:
    """Give a person a role, on all channels or on one."""
    from governance import people

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(role, "ROLE"), clean_text(channel, "--channel")
        with _changing(context) as session:
            people.grant(session, context.actor, person, role, channel)
        say(f"{person} holds {role} on {_where(channel)}")


@app.command("revoke")
def revoke(person: PersonId, role: RoleName, channel: OnChannel = "*") -> None:
    """Take a role from a person."""
    from governance import people

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(role, "ROLE"), clean_text(channel, "--channel")
        with _changing(context) as session:
            people.revoke_grant(session, context.actor, person, role, channel)
        say(f"{person} no longer holds {role} on {_where(channel)}")


@app.command("token")
def token(
    person: PersonId,
    label: Annotated[str, typer.Option("--label", help="What the token is for, such as 'laptop'.")] = "",
    days: Annotated[int | None, typer.Option("--days", help="Days until it expires (default: never).")] = None,
    json: Json = False,
) -> None:
    """Make a token for a person and print it: it is shown this once, and only its hash is kept."""
    from governance import people

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(label, "--label", most=200)
        lifetime = None if days is None else days * people.DAY_US
        with _changing(context) as session:
            made = people.create_token(session, context.actor, person, label, lifetime)
        if json:
            emit(vars(made))
        else:
            say(f"the token of {person}, shown this once (sign in with `standfast login`):")
            typer.echo(made.token)


@app.command("revoke-token")
def revoke_token(token: Annotated[str, typer.Argument(metavar="ID", help="The token's id.")]) -> None:
    """Make a token worthless, at once."""
    from governance import people

    with guarded() as context:
        clean_text(token, "ID")
        with _changing(context) as session:
            person = people.revoke_token(session, context.actor, token)
        say(f"the token of {person} was revoked")


@app.command("leave")
def leave(person: PersonId) -> None:
    """Record that a person has left: sign-in ends, tokens and roles are revoked, and the id is never given again."""
    from governance import people

    with guarded() as context:
        clean_text(person, "PERSON")
        with _changing(context) as session:
            revoked = people.mark_left(session, context.actor, person)
        say(
            f"{person} has left; {revoked} token(s) revoked. Their posts that are still to go out will be held when due"
        )


@app.command("list")
def list_(json: Json = False) -> None:
    """Show everybody with their roles and tokens."""
    from governance import people
    from store.engine import reading

    with guarded() as context:
        with reading(context.engine) as session:
            found = people.listing(session)
        if json:
            emit(found)
        else:
            heads = ("person", "name", "state", "roles", "tokens")
            table(heads, [(p["id"], p["name"], p["state"], _roles(p["roles"]), _tokens(p["tokens"])) for p in found])


def _roles(rows: list[dict[str, str]]) -> str:
    return ", ".join(row["role"] if row["channel"] == "*" else f"{row['role']} on {row['channel']}" for row in rows)


def _tokens(rows: list[dict[str, str]]) -> str:
    live = [row for row in rows if row["revoked_at"] is None]
    return ", ".join(f"{row['id']} ({row['label']})" if row["label"] else row["id"] for row in live)


def _where(channel: str) -> str:
    return "all channels" if channel == "*" else f"channel {channel}"


@app.command("seal")
def seal(
    label: Annotated[str, typer.Option("--label", help="Where the sheet is kept, such as 'EOC safe'.")],
    count: Annotated[int, typer.Option("--count", metavar="N", help="How many codes.")] = 5,
    json: Json = False,
) -> None:
    """Make sealed one-time codes and print them as a sheet, this once: whoever holds one may stop everything, and only that."""
    from governance import sealed_codes

    with guarded() as context:
        clean_text(label, "--label", most=200)
        with _changing(context) as session:
            made = sealed_codes.seal(session, context.actor, label, count)
        if json:
            emit([{"id": number, "code": code} for number, code in made.items()])
        else:
            typer.echo(_sheet(label, made))


def _sheet(label: str, made: dict[int, str]) -> str:
    lines = [
        f"BREAK-GLASS CODES  {label}  {clock.to_text(clock.wall_us())[:10]}",
        "",
        "Each code stops all prescheduled posts, once. It needs no sign-in and cannot resume. Every use is reviewed.",
        "On the city's machine:  standfast crisis --code CODE",
        "",
        *(f"  {number:>4}   {code}" for number, code in made.items()),
        "",
        "Seal this sheet. It cannot be printed again.",
    ]
    return "\n".join(lines)


@app.command("codes")
def codes(json: Json = False) -> None:
    """Show the break-glass codes: sealed, used, reviewed or revoked; never the codes themselves."""
    from governance import sealed_codes
    from store.engine import reading

    with guarded() as context:
        with reading(context.engine) as session:
            found = sealed_codes.listing(session)
        if json:
            emit(found)
        else:
            heads = ("code", "label", "state", "made", "used", "suspension", "review")
            keys = ("id", "label", "state", "made_at", "used_at", "suspension", "review")
            table(heads, [tuple(row[key] for key in keys) for row in found])


CodeNumber = Annotated[
    int, typer.Argument(metavar="NUMBER", min=1, max=MOST_ID, help="The code's number on its sheet.")
]


@app.command("revoke-code")
def revoke_code(number: CodeNumber) -> None:
    """Make a sealed code worthless, at once."""
    from governance import sealed_codes

    with guarded() as context:
        with _changing(context) as session:
            label = sealed_codes.revoke(session, context.actor, number)
        say(f"break-glass code {number} ({label}) was revoked")


@app.command("review-code")
def review_code(
    number: CodeNumber,
    note: Annotated[str, typer.Option("--note", help="Who used it, and whether that was right.")],
) -> None:
    """Record that the use of a break-glass code was looked into."""
    from governance import sealed_codes

    with guarded() as context:
        clean_text(note, "--note", most=2000)
        with _changing(context) as session:
            label = sealed_codes.review(session, context.actor, number, note)
        say(f"the use of break-glass code {number} ({label}) is reviewed")
