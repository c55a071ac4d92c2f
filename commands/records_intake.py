"""``standfast records intake``: mail that somebody forwarded from a private account, kept byte for byte."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, shown, table

if TYPE_CHECKING:
    from records.mail import Taken

MOST_FILES = 10_000


def add_to(records: typer.Typer) -> None:
    """Make it a command of ``standfast records``."""
    records.command("intake")(intake)


def intake(
    from_person: Annotated[str, typer.Option("--from-person", metavar="P", help="Who hands it in: their short name.")],
    account: Annotated[
        str, typer.Option("--account", metavar="T", help="The private account it was written to or from.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="T", help="Why it is a record of the city.")],
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="The message (.eml).")] = None,
    folder: Annotated[
        str | None, typer.Option("--folder", metavar="DIR", help="Every .eml of this folder, each once.")
    ] = None,
    json: Json = False,
) -> None:
    """Take in a forwarded message byte for byte, with who handed it in and why. Needs the right to see to records.

    The same message twice is kept once, and said. Exit code 1 when one could not be taken in."""
    with guarded() as context:
        files = [*_files(file, folder)]
        actor = context.require("records", action="mail.intake", subject=from_person[:200])
        given = {"person": _person(context, from_person), "by": actor.person}
        given |= {name: _text(value, name) for name, value in (("account", account), ("reason", reason))}
        found = [_taken(context, path, given, alone=folder is None) for path in files]
        _seal(context)
        if json:
            emit(found)
        else:
            heads = ("file", "record", "bytes", "sha256", "what")
            table(heads, [[item[name] for name in heads] for item in found])
        if any(item["record"] is None for item in found):
            raise typer.Exit(1)


def _files(file: str | None, folder: str | None) -> Iterator[Path]:
    if (file is None) == (folder is None):
        raise UserError("give one of FILE and --folder")
    if file is not None:
        yield Path(clean_text(file, "FILE", most=4000))
        return
    where = Path(clean_text(str(folder), "--folder", most=4000))
    if not where.is_dir():
        raise UserError(f"{str(where)[:80]!a} is no folder: name one that holds .eml files")
    found = sorted(path for path in where.iterdir() if path.suffix.lower() == ".eml")
    if not found or len(found) > MOST_FILES:
        raise UserError(f"{str(where)[:80]!a} holds {len(found)} .eml files: name a folder with 1 to {MOST_FILES:,}")
    yield from found


def _person(context: Context, name: str) -> str:
    from sqlmodel import select

    from governance.roles import did_you_mean
    from store.engine import reading
    from store.tables import Person

    with reading(context.engine) as session:
        known = session.exec(select(Person.id).order_by(Person.id)).all()
    if name not in known:
        raise UserError(f"--from-person {name[:63]!a} is nobody known here: {did_you_mean(name, known)}")
    return name


def _text(value: str, name: str) -> str:
    if not value.strip():
        raise UserError(f"--{name} is empty: say it, it is part of the record")
    return clean_text(value, f"--{name}", lines=True, most=2000)


def _taken(context: Context, path: Path, given: dict[str, str], *, alone: bool) -> dict[str, Any]:
    """What became of one file; of several, one that cannot be taken in keeps none of the others."""
    from records import mail
    from store.engine import writing

    try:
        data = read(path)
        mail.check(data, str(path))
        with writing(context.engine) as session:
            return _told(path, mail.take_in(session, data, mail.Provenance(file=str(path), **given)))
    except (mail.MailError, UserError) as error:
        if alone:
            raise
        return {"file": str(path), "record": None, "bytes": None, "sha256": None, "what": str(error)}


def _told(path: Path, taken: Taken) -> dict[str, Any]:
    what = "was there already: nothing was made" if taken.again else "taken in"
    if taken.again:
        say(shown(f"{str(path)!a} is record {taken.record} already, byte for byte: nothing was made"))
    return {"file": str(path), "record": taken.record, "bytes": taken.size, "sha256": taken.sha256, "what": what}


def read(path: Path) -> bytes:
    """The bytes of an ordinary file, one more than are taken in at most. Raises UserError."""
    from records import mail

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not be waited for
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise UserError(f"{str(path)[-200:]!a} is no ordinary file: name the file of a message")
            return stream.read(mail.MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise UserError(f"{str(path)[-200:]!a} cannot be read ({why}): name the file of a message") from None


def _seal(context: Context) -> None:
    """The chain names what was taken in before this command ends."""
    from records import archive

    archive.catch_up(context.engine, context.essential.data_dir / "media")
