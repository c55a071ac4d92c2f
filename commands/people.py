"""``standfast people``: who is who, what they may do, and the tokens they sign in with."""

from __future__ import annotations

from typing import Annotated

import typer

from commands import listing, people_records
from commands.context import Json, clean_text, emit, guarded, say, table
from commands.people_change import OnChannel, OnGroup, PersonId, changing, place
from commands.post_options import MOST_ID
from config import clock

app = typer.Typer(no_args_is_help=True, help="People, their roles, training and tokens.")

people_records.add_to(app)
EMPLOYMENT = people_records.EMPLOYMENT
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="A role, such as steward, director or administrator.")]


@app.command("add")
def add(
    person: PersonId,
    name: Annotated[str, typer.Option("--name", help="The full name, as others know it.")],
    employment: Annotated[str, typer.Option("--employment", metavar="WORD", help=EMPLOYMENT)] = "employee",
    department: Annotated[str, typer.Option("--department", metavar="NAME", help="Their department.")] = "",
) -> None:
    """Add a person. They may do nothing until they are given a role, and need a token to sign in."""
    from governance import people

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(name, "--name", most=200)
        clean_text(department, "--department", most=200)
        with changing(context) as session:
            people.add_person(session, context.actor, person, name, employment, department.strip() or None)
        say(f"{person} ({name}) was added: next `standfast people grant {person} ROLE`")


@app.command("grant")
def grant(person: PersonId, role: RoleName, channel: OnChannel = None, group: OnGroup = None) -> None:
    """Give a person a role, on all channels, on one, or on those of a group."""
    from governance import people

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(role, "ROLE")
        where = place(channel, group)
        with changing(context) as session:
            people.grant(session, context.actor, person, role, where)
        say(f"{person} holds {role} on {_where(where)}")


@app.command("revoke")
def revoke(person: PersonId, role: RoleName, channel: OnChannel = None, group: OnGroup = None) -> None:
    """Take a role from a person."""
    from governance import people

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(role, "ROLE")
        where = place(channel, group)
        with changing(context) as session:
            people.revoke_grant(session, context.actor, person, role, where)
        say(f"{person} no longer holds {role} on {_where(where)}")


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
        with changing(context) as session:
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
        with changing(context) as session:
            person = people.revoke_token(session, context.actor, token)
        say(f"the token of {person} was revoked")


@app.command("leave")
def leave(person: PersonId) -> None:
    """Record that a person has left: sign-in ends, tokens and roles are revoked, their posts wait for somebody else."""
    from scheduler.planning import leaving

    with guarded() as context:
        clean_text(person, "PERSON")
        with changing(context) as session:
            left = leaving.leave(session, context.actor, person)
        say(
            f"{person} has left; {left.tokens} token(s) revoked, {left.held} scheduled post(s) held, "
            f"{left.sent_back} in review sent back"
        )
        if waiting := left.sent_back + left.drafts:
            say(f"{waiting} draft(s) wait for somebody who takes them up: `standfast post list --state draft`")


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
            heads = ("person", "name", "state", "department", "roles", "tokens")
            table(
                heads,
                [
                    (p["id"], p["name"], _state(p), p["department"], _roles(p["roles"]), _tokens(p["tokens"]))
                    for p in found
                ],
            )


def _state(person: dict[str, str]) -> str:
    is_plain = person["state"] == "left" or person["employment"] == "employee"
    return person["state"] if is_plain else f"{person['state']}, {person['employment']}"


def _roles(rows: list[dict[str, str]]) -> str:
    return ", ".join(row["role"] if row["channel"] == "*" else f"{row['role']} on {row['channel']}" for row in rows)


def _tokens(rows: list[dict[str, str]]) -> str:
    live = [row for row in rows if row["revoked_at"] is None]
    return ", ".join(f"{row['id']} ({row['label']})" if row["label"] else row["id"] for row in live)


def _where(channel: str) -> str:
    return "all channels" if channel == "*" else channel.replace(":", " ") if ":" in channel else f"channel {channel}"


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
        with changing(context) as session:
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

    heads = ("code", "label", "state", "made", "used", "suspension", "review")
    keys = ("id", "label", "state", "made_at", "used_at", "suspension", "review")
    listing.show(sealed_codes.listing, heads, json, keys)


CodeNumber = Annotated[
    int, typer.Argument(metavar="NUMBER", min=1, max=MOST_ID, help="The code's number on its sheet.")
]


@app.command("revoke-code")
def revoke_code(number: CodeNumber) -> None:
    """Make a sealed code worthless, at once."""
    from governance import sealed_codes

    with guarded() as context:
        with changing(context) as session:
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
        with changing(context) as session:
            label = sealed_codes.review(session, context.actor, number, note)
        say(f"the use of break-glass code {number} ({label}) is reviewed")
