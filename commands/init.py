"""`standfast init`: settings, folders, store, stop cell, witness, the first person and the city's own plan."""

from __future__ import annotations

import getpass
import re
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import select

from commands.context import Context, Json, UserError, clean_text, emit, guarded, say

app = typer.Typer(rich_markup_mode=None)
TEMPLATE = """\
# Standfast's settings. Durations: a number with s, m, h or d. Every setting can also be a variable: STANDFAST_LATENESS=45m.
# Secrets (the platforms' credentials) belong in .env beside this file, never here.

timezone = "{timezone}"
data_dir = "data"
calendars = "calendars"
{database}
# A post later than this is held for a person.
lateness = "30m"
# Least time between two posts on one channel, and between held posts that are released together.
spacing = "30s"
release_spacing = "5m"
# Resuming needs a second, different person.
resume_two_persons = false
# What a policy asks of channels, people and posts; see docs/people-and-channels.md before you turn it on: from then on nothing
# goes out on a channel that is not authorized, by people without the course, or without approval. It counts at
# once, for a daemon that runs as well.
# channel_authorization = true
# training = "social-media"
# approval = "required"
# The Crisis Communications plan: yours to fill in and change. `standfast doctor` says what it lacks.
plan = "crisis-plan.toml"
"""


@app.command()
def init(
    person: Annotated[str | None, typer.Option(help="Short name of the first person (default: yours here).")] = None,
    name: Annotated[str | None, typer.Option(help="Their full name.")] = None,
    timezone: Annotated[str | None, typer.Option(help="The city's IANA time zone (UTC).")] = None,
    database_url: Annotated[str | None, typer.Option(help="postgresql+psycopg://… instead of SQLite.")] = None,
    json: Json = False,
) -> None:
    """Set up a city in this folder. Safe to run again: it migrates the store, makes what is missing, changes nothing else."""
    with guarded() as context:
        _check_person(person, name)
        made = _settings_file(timezone, database_url)
        context.settings  # noqa: B018 (a mistake in the settings must show before anything is made)
        _folders(context)
        fresh = _store(context)
        token = _first_person(context, person, name)
        _report(context, made, fresh, _plan(context), token, json)


def _settings_file(timezone: str | None, database_url: str | None) -> bool:
    """True when ``standfast.toml`` was written here; one that is found already is left as it is."""
    from config import essentials
    from config.settings import SettingsError, check

    if (found := essentials.merged().file) is not None:
        given = {"--timezone": timezone, "--database-url": database_url}
        for option in (option for option, value in given.items() if value is not None):
            say(f"warning: {found} is there already: {option} is left out; what is to change, change there")
        return False
    timezone = timezone or "UTC"
    _check_settings(timezone, database_url)
    database = f'database_url = "{database_url}"' if database_url else '# database_url = "postgresql+psycopg://…"'
    text = TEMPLATE.format(timezone=timezone, database=database)
    file = Path.cwd() / essentials.FILE_NAME
    try:
        file.touch(mode=0o600 if _has_password(database_url) else 0o666)
        file.write_text(text, encoding="utf-8")
        check(essentials.merged())
    except (SettingsError, UnicodeError):
        file.unlink(missing_ok=True)
        raise
    return True


def _has_password(database_url: str | None) -> bool:
    from config.settings import without_password

    return bool(without_password(database_url) != database_url)


def _check_settings(timezone: str, database_url: str | None) -> None:
    """Raise UserError for what cannot stand between the quotes of the settings file, or is no time zone."""
    from calendars import zones

    if (why := zones.wrong(timezone)) is not None:
        raise UserError(f"--timezone {timezone[:60]!a} {why}")
    if set(clean_text(database_url or "", "--database-url", most=1000)) & {'"', "\\"}:
        raise UserError("--database-url holds a quote or a backslash: write them as %22 and %5C")


def _folders(context: Context) -> None:
    context.essential.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    context.essential.workers_dir.mkdir(parents=True, exist_ok=True)
    context.settings.calendars_dir.mkdir(parents=True, exist_ok=True)


def _store(context: Context) -> bool:
    """True when the store is new. Where nothing was ever sent or stopped, the cell is laid down and the witness begins."""
    from scheduler import host_lock, restore
    from store import migration
    from store.engine import open_engine

    if (url := context.essential.database_url).startswith("sqlite:///"):
        host_lock.refuse_network(Path(url.removeprefix("sqlite:///")))
    context.__dict__["engine"] = open_engine(
        context.essential.database_url, busy_timeout_s=context.settings.busy_timeout
    )
    fresh = migration.initialise(context.engine)
    restore.begin_if_unused(context.engine, context.essential, restore.file_of(context.engine, context.essential))
    return fresh


def _check_person(person: str | None, name: str | None) -> None:
    """Raise UserError or PeopleError, before anything is made, when the first person cannot be known under these."""
    from governance import people

    given = clean_text(person, "person") if person is not None else "somebody"
    people.check_new(given, given if name is None else clean_text(name, "name", most=200))


def _first_person(context: Context, person: str | None, name: str | None) -> str | None:
    """The first person's token, kept for whoever runs this; None when there are people already."""
    from governance import login_file, people
    from store.engine import StoreError, reading, writing
    from store.tables import Person

    with reading(context.engine) as session:
        if session.exec(select(Person.id).limit(1)).first() is not None:
            return None
    chosen = _own_name() if person is None else person
    with writing(context.engine) as session:
        if session.exec(select(Person.id).limit(1)).first() is not None:
            return None  # another `init` was faster
        token = people.bootstrap(session, chosen, chosen if name is None else name)
        try:  # before the commit: a crash in between must not leave a city that nobody can sign in to
            login_file.store(context.essential.data_dir, context.loaded.environ, token)
        except OSError as error:
            say(f"warning: the token could not be kept ({error}): sign in with the one below (`standfast login`)")
    try:
        people.refresh_authority(context.engine, context.essential.authority_file)
    except (OSError, StoreError) as error:
        say(
            f"warning: {context.essential.authority_file} could not be written ({error}); the daemon's start tries again"
        )
    return token


def _plan(context: Context) -> Path | None:
    """Where a copy of the shipped plan was written now: the settings name a file, and none is there."""
    from crisis import plan

    file = plan.file_of(context.settings.root, context.settings.plan)
    try:
        with file.open("xb") as copy:
            copy.write(plan.SHIPPED.read_bytes())
    except FileExistsError:
        return None
    except (OSError, ValueError) as error:  # a city without a plan can still stop
        say(f"warning: {file} could not be written ({error}): copy {plan.SHIPPED} there yourself")
        return None
    return file


def _own_name() -> str:
    try:
        own = re.sub(r"[^a-z0-9-]", "-", getpass.getuser().lower()).strip("-")
    except (KeyError, OSError):
        own = ""
    if not own:
        raise UserError("this account has no name: give the first person with --person")
    return own


def _report(context: Context, made: bool, fresh: bool, plan: Path | None, token: str | None, json: bool) -> None:
    file = context.settings.root / "standfast.toml"
    if json:
        written = {"settings_written": made, "store_created": fresh, "plan_written": plan and str(plan)}
        emit({"settings": str(file), **written, "token": token})
    say(f"settings    {file}{' (written)' if made else ''}")
    say(
        f"store       {context.engine.url.render_as_string(hide_password=True)}{' (created)' if fresh else ' (up to date)'}"
    )
    if plan:
        say(f"plan        {plan} (written: fill in your people)")
    if token:
        say(f"token       {token}")
        say("            shown once; you are signed in with it on this account. It may do everything: keep it safe.")
    say("next        standfast doctor; standfast channel add NAME --platform outbox; standfast daemon")
