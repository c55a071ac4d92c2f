"""``standfast people``, what is on record of them: employment, training, designations, spokespersons; and the import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands import listing
from commands.context import Json, UserError, clean_text, emit, guarded, say
from commands.people_change import PersonId, changing

EMPLOYMENT = "employee, contractor, volunteer, intern or official; only employees may post."
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Its number.")]
Department = Annotated[str | None, typer.Option("--department", metavar="NAME", help="The department.")]


def add_to(app: typer.Typer) -> None:
    """Give these commands to ``standfast people``."""
    for function in (employ, train, untrain, training, designate, designations, spokesperson, sign, spokespersons):
        app.command(function.__name__)(function)
    app.command("end-designation")(end_designation)
    app.command("end-spokesperson")(end_spokesperson)
    app.command("import")(import_)
    app.command("delegate")(delegate)
    app.command("end-delegation")(end_delegation)
    app.command("delegations")(delegations)


def employ(
    person: PersonId,
    employment: Annotated[str | None, typer.Option("--employment", metavar="WORD", help=EMPLOYMENT)] = None,
    department: Department = None,
) -> None:
    """Change what a person is here as, or their department."""
    from governance import people

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(department or "", "--department", most=200)
        if employment is None and department is None:
            raise UserError("nothing to change: give --employment or --department")
        with changing(context) as session:
            people.employ(session, context.actor, person, employment, department)
        say(f"{person}: changed")


def train(
    person: PersonId,
    course: Annotated[str, typer.Argument(metavar="COURSE", help="The course, such as social-media.")],
    completed: Annotated[str, typer.Option("--completed", metavar="DAY", help="The day it was completed: 2026-12-01.")],
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="Its last valid day (default: none).")
    ] = None,
) -> None:
    """Record that a person has completed a course. Nobody records their own."""
    from governance import training as records

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(course, "COURSE")
        zone = context.settings.timezone
        with changing(context) as session:
            made = records.record(session, context.actor, person, course, completed, until, zone)
        say(
            f"training {made.id}: {person} completed {course} on {completed}, valid {f'until {until}' if until else 'for ever'}"
        )


def untrain(number: Number) -> None:
    """Say that a training record does not count (it is kept)."""
    from governance import training as records

    with guarded() as context:
        with changing(context) as session:
            person = records.revoke(session, context.actor, number)
        say(f"training {number} of {person} no longer counts")


def training(json: Json = False) -> None:
    """Show the training records."""
    from governance import training as records

    listing.show(
        records.listing, ("id", "person", "course", "completed_on", "valid_until", "recorded_by", "state"), json
    )


def designate(
    person: PersonId,
    title: Annotated[str, typer.Option("--as", metavar="TITLE", help="Such as department-director.")],
    department: Annotated[str, typer.Option("--department", metavar="NAME", help="The department.")],
    document: Annotated[str, typer.Option("--document", metavar="WHERE", help="Where the written designation is.")],
) -> None:
    """Record a duty that was given to a person in writing."""
    from governance import designations as register

    with guarded() as context:
        for value, what in (
            (person, "PERSON"),
            (title, "--as"),
            (department, "--department"),
            (document, "--document"),
        ):
            clean_text(value, what, most=500)
        with changing(context) as session:
            number = register.make(session, context.actor, person, title, department, document)
        say(f"designation {number}: {person} is {title} of {department}")


def end_designation(number: Number) -> None:
    """End a designation (it stays on record)."""
    from governance import designations as register

    with guarded() as context:
        with changing(context) as session:
            person = register.end(session, context.actor, number)
        say(f"designation {number} of {person} has ended")


def designations(json: Json = False) -> None:
    """Show the designations."""
    from governance import designations as register

    listing.show(register.listing, ("id", "person", "title", "department", "document", "made_by", "state"), json)


def spokesperson(
    person: PersonId,
    subject: Annotated[str, typer.Option("--subject", metavar="T", help="What they speak about, and where.")],
) -> None:
    """Ask for leave that a person represents the city on an account of their own: two others must sign."""
    from governance import spokespersons as register

    with guarded() as context:
        clean_text(person, "PERSON"), clean_text(subject, "--subject", most=1000)
        with changing(context) as session:
            number = register.ask(session, context.actor, person, subject)
        say(f"spokesperson {number}: {person} waits for two signatures (`standfast people sign {number} --as …`)")


def sign(
    number: Number,
    signature: Annotated[str, typer.Option("--as", metavar="WHO", help="director or communications.")],
) -> None:
    """Sign a spokesperson's leave: as the department's director, or as Communications."""
    from governance import spokespersons as register

    with guarded() as context:
        if signature not in register.SIGNATURES:
            raise UserError(f"--as {signature[:40]!a} is no signature: write director or communications")
        with changing(context) as session:
            is_active = register.sign(session, context.actor, number, signature)
        say(
            f"spokesperson {number} is signed as {signature}: {'active now' if is_active else 'one signature is missing'}"
        )


def end_spokesperson(number: Number) -> None:
    """End a spokesperson's leave (it stays on record)."""
    from governance import spokespersons as register

    with guarded() as context:
        with changing(context) as session:
            person = register.end(session, context.actor, number)
        say(f"spokesperson {number}: the leave of {person} has ended")


def spokespersons(json: Json = False) -> None:
    """Show the spokesperson register."""
    from governance import spokespersons as register

    listing.show(
        register.listing, ("id", "person", "department", "subject", "director", "communications", "state"), json
    )


def import_(file: Annotated[str, typer.Argument(metavar="FILE", help="A CSV file.")], json: Json = False) -> None:
    """Add people, roles and trainings from a CSV file: all of it or nothing."""
    from governance import people_import

    with guarded() as context:
        path = Path(clean_text(file, "FILE", most=1000))
        rows, zone = people_import.read(path), context.settings.timezone
        with changing(context) as session:
            made = people_import.apply(session, context.actor, path, rows, zone)
        if json:
            emit(made)
        else:
            say(f"{file}: {made['people']} people, {made['roles']} roles and {made['training']} trainings added")


def delegate(
    person: PersonId,
    to: Annotated[str, typer.Option("--to", metavar="PERSON", help="Who approves in their place.")],
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="The last day: 2026-12-01.")],
    first: Annotated[str | None, typer.Option("--from", metavar="DAY", help="The first day (default: today).")] = None,
    channel: Annotated[
        str, typer.Option("--channel", metavar="NAME", help="On this channel only (default: on all).")
    ] = "*",
) -> None:
    """Let somebody approve posts in a person's place while they are away."""
    from governance import days
    from governance import delegations as register

    with guarded() as context:
        for value, what in ((person, "PERSON"), (to, "--to"), (channel, "--channel")):
            clean_text(value, what, most=500)
        zone = context.settings.timezone
        begins = days.current(zone).isoformat() if first is None else first
        with changing(context) as session:
            number = register.make(session, context.actor, person, to, channel, begins, until, zone)
        say(f"delegation {number}: {to} approves in the place of {person} from {begins} to {until}")


def end_delegation(number: Number) -> None:
    """End a delegation before its day."""
    from governance import delegations as register

    with guarded() as context:
        with changing(context) as session:
            person = register.end(session, context.actor, number)
        say(f"delegation {number}: nobody stands in for {person} by it any more")


def delegations(json: Json = False) -> None:
    """Show who approves in whose place."""
    from governance import delegations as register

    listing.show(register.listing, ("id", "person", "delegate", "channel", "from", "until", "state"), json)
