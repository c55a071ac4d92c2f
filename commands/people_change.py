"""What the commands that change people share: the transaction, and the local authority file that follows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from commands.context import Context, UserError, clean_text, say

if TYPE_CHECKING:
    from sqlmodel import Session

PersonId = Annotated[str, typer.Argument(metavar="PERSON", help="The person's short name.")]
OnChannel = Annotated[
    str | None, typer.Option("--channel", metavar="NAME", help="On this channel only (default: on all).")
]
OnGroup = Annotated[str | None, typer.Option("--group", metavar="NAME", help="On the channels of this group only.")]


def place(channel: str | None, group: str | None) -> str:
    """Where a role holds, as a grant has it. Raises UserError."""
    if channel is not None and group is not None:
        raise UserError("--channel and --group are given: leave one out")
    if group is not None:
        return f"group:{clean_text(group, '--group', most=1000)}"
    return "*" if channel is None else clean_text(channel, "--channel", most=1000)


@contextmanager
def changing(context: Context) -> Iterator[Session]:
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
