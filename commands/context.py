"""What every command shares: settings, store and person on demand, output, and errors in one line.

JSON and tables go to stdout, words for people to stderr. Nothing heavy is imported before it is needed, and no known
mistake ever shows a traceback (``STANDFAST_DEBUG=1`` shows the traceback of an unknown one).
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from config import essentials, local_time
from config.fault import Fault

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calendars.entry import Occurrence
    from config.settings import Settings
    from governance.authority import Identity

DEBUG_VARIABLE = "STANDFAST_DEBUG"
INTERRUPTED = 130
"""The exit code after Ctrl-C."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
"""The option every reading command takes: ``json: Json = False``."""


PASSED_ON: tuple[type[Exception], ...] = (
    typer.Exit,
    typer.Abort,
    *(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"),
)
"""Typer's own: wrong usage (exit code 2) it prints itself."""


class UserError(Fault):
    """An argument that cannot be used, in one line."""


class Context:
    """What a command needs, opened when first asked for and closed by `guarded`."""

    @cached_property
    def loaded(self) -> essentials.Loaded:
        """The settings as written, with the variables of ``.env`` under those of the environment."""
        return essentials.merged()

    @cached_property
    def settings(self) -> Settings:
        """The checked settings; the city's own roles are in force from here on. Raises SettingsError, RolesError."""
        from config import settings
        from governance import roles, rules

        found = settings.check(self.loaded)
        rules.use(rules.of(found))
        roles.use(None if found.roles is None else essentials.path_below(found.root, str(found.roles)))
        return found

    @cached_property
    def essential(self) -> essentials.Essentials:
        """Where things lie, as the switch sees it."""
        return essentials.load()

    @cached_property
    def engine(self) -> Engine:
        """The store's engine; connects when first used. Raises StoreError where `standfast init` was never run."""
        from sqlalchemy.exc import ArgumentError

        from store.engine import StoreError, open_engine

        timeout = self.settings.busy_timeout
        url = self.essential.database_url
        file = Path(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:///") and not file.exists():
            remedy = "go to the city's folder or set STANDFAST_CONFIG; for a new city run `standfast init`"
            raise StoreError(f"the store {url} does not exist: {remedy}")  # connecting would make it
        try:
            return open_engine(url, busy_timeout_s=timeout)
        except (ArgumentError, ValueError) as error:
            raise StoreError(f"database_url cannot be read ({error}): mend it in the settings") from None

    @cached_property
    def actor(self) -> Identity:
        """Who is signed in. Raises Refusal (one line, with the remedy) when nobody is."""
        from governance import access, login_file

        return access.sign_in(self.engine, login_file.token_for(self.essential.data_dir, self.loaded.environ))

    def require(self, permission: str, channel: str = "*", *, action: str, subject: str) -> Identity:
        """The actor, when `permission` on `channel` is theirs. Raises Refused, after logging the refusal."""
        from governance import access

        access.require(self.engine, self.actor, permission, channel, action, subject)
        return self.actor

    def close(self) -> None:
        """Give back the database connections, if any were opened."""
        engine = self.__dict__.pop("engine", None)
        if engine is not None:
            engine.dispose()


@contextmanager
def guarded() -> Iterator[Context]:
    """A Context for the block; every error inside becomes one line on stderr and an exit code.

    Use as ``with guarded() as context:`` in a command, or as a decorator ``@guarded()`` under ``@app.command()``.
    """
    context = Context()
    try:
        yield context
    except PASSED_ON:
        raise
    except KeyboardInterrupt:
        fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        with suppress(OSError):  # nobody reads on: what is still buffered goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except Exception as error:
        _fail_with(error)
    finally:
        context.close()


def _fail_with(error: Exception) -> NoReturn:
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    known = explain(error)
    if known is not None:
        fail(known, getattr(error, "code", None) if isinstance(error, Fault) else 1)
    kind = type(error).__name__
    fail(f"{kind}: {error}: this is a bug; run again with {DEBUG_VARIABLE}=1 for the traceback")


def explain(error: Exception) -> str | None:
    """What `error` says to a person, in one line; None when it is not one of ours."""
    from connectors.errors import ConnectorError

    if isinstance(error, Fault | ConnectorError) or type(error).__name__ in {"SettingsError", "StoreError"}:
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or error}"
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import DBAPIError

        from store import engine

        if isinstance(error, DBAPIError):
            return engine.explain(str(error.orig), "of this city")
    return None


def fail(message: str, code: int | None = 1) -> NoReturn:
    """End the command: one line ``standfast: …`` on stderr (one per fault when there are several) and exit `code`."""
    for line in message.splitlines() or ["failed"]:
        say(f"standfast: {line}")
    raise typer.Exit(1 if code is None else code)


def say(text: str) -> None:
    """Words for people, on stderr; where they cannot be written, what was done stays done."""
    with suppress(OSError):
        _write(sys.stderr, local_time.for_people(text))


def emit(data: object) -> None:
    """`data` as JSON on stdout, readable in any encoding."""
    _write(sys.stdout, json.dumps(data, indent=2, sort_keys=False, default=str))


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Aligned columns on stdout, for people, moments in the city's own time; a cell never breaks its line."""
    cells = [[local_time.of_cell(shown(cell)) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        _write(sys.stdout, "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")
"""Characters that turn the direction of what follows, or break the line: with them a text hides what it says."""


def shown(cell: object) -> str:
    """`cell` as text for a terminal: nothing for None; control characters, and those that turn the text, spelled out."""
    text = "" if cell is None else str(cell)
    return "".join(
        ascii(char)[1:-1] if char in TURNS or unicodedata.category(char) in ("Cc", "Cs") else char for char in text
    )


def _write(stream: Any, text: str) -> None:
    if stream is None:  # closed by the caller, who wants to hear nothing
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def clean_text(value: str, what: str, *, lines: bool = False, most: int = 10_000) -> str:
    """`value` as the store can keep it. Raises UserError naming `what` when it holds NUL, half a surrogate pair or
    another control character (line breaks and tabs are allowed with `lines`), or more than `most` characters."""
    for char in value:
        category = unicodedata.category(char)
        if category == "Cs" or (category == "Cc" and not (lines and char in "\n\t")):
            raise UserError(f"{what} {value[:60]!a} holds the character {char!a}, which cannot be kept: take it out")
    if len(value) > most:
        raise UserError(f"{what} has {len(value)} characters, more than {most}: shorten it")
    return value


def parse_at(text: str, zone: str) -> Occurrence:
    """The moment a person wrote as local time (``2026-12-01 09:00``) in `zone`, with a note when a clock change moved it.

    Raises UserError naming the value.
    """
    from calendars import values, zones

    try:
        return zones.resolve(values.local_time(text), zone)
    except ValueError as error:
        raise UserError(f"time {text[:60]!a} {error}") from None
