"""``standfast login``, ``logout`` and ``whoami``: whose token this account uses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from commands.context import Context, Json, UserError, emit, guarded, say

MOST = 4096
"""More characters than any token has."""

TokenFile = Annotated[
    str | None,
    typer.Option("--token-file", metavar="FILE", help="Read the token from FILE ('-': from standard input)."),
]


def login(token_file: TokenFile = None) -> None:
    """Sign in on this account with a token from `standfast people token`: a file, standard input or a hidden prompt."""
    from governance import access, login_file

    with guarded() as context:
        token = _token(token_file)
        identity = access.sign_in(context.engine, token)
        file = login_file.store(context.essential.data_dir, context.loaded.environ, token)
        say(f"signed in as {identity.person} ({identity.name}); the token is kept in {file}")
        if login_file.VARIABLE in context.loaded.environ:
            say(f"warning: {login_file.VARIABLE} is set and goes before it")


def logout() -> None:
    """Forget the token kept by `standfast login` (it stays valid: `standfast people revoke-token` ends it)."""
    from governance import login_file

    with guarded() as context:
        forgotten = login_file.forget(context.essential.data_dir, context.loaded.environ)
        say("signed out" if forgotten else "nobody was signed in here")
        if login_file.VARIABLE in context.loaded.environ:
            say(f"warning: {login_file.VARIABLE} is set and still signs you in: unset {login_file.VARIABLE}")


def whoami(json: Json = False) -> None:
    """Say who is signed in, and with which roles."""
    with guarded() as context:
        roles = _roles(context)
        if json:
            emit({"person": context.actor.person, "name": context.actor.name, "roles": roles})
            return
        typer.echo(f"{context.actor.person} ({context.actor.name})")
        for row in roles:
            say(f"  {row['role']} on {'all channels' if row['channel'] == '*' else row['channel']}")


def _roles(context: Context) -> list[dict[str, str]]:
    from governance import people
    from store.engine import reading

    with reading(context.engine) as session:
        return people.roles_of(session, context.actor.person)


def _token(file: str | None) -> str:
    """The token as given, without the line break. Raises UserError when there is none."""
    text = _read(file).strip()
    if not text or "\0" in text:
        raise UserError("no token was given: give --token-file FILE, standard input or answer the prompt")
    return text


def _read(file: str | None) -> str:
    if file is None and sys.stdin.isatty():
        return str(typer.prompt("token", hide_input=True))
    if file is None or file == "-":
        try:
            return sys.stdin.read(MOST)
        except UnicodeDecodeError:
            raise UserError("what standard input holds is no token: it is not even text") from None
    try:
        with Path(file).open(encoding="utf-8", errors="replace") as stream:
            return stream.read(MOST)
    except ValueError:  # NUL, or half a surrogate pair
        raise UserError(f"--token-file {file[:60]!a} is not a path") from None
