"""A command that only shows a register: read in one view, as JSON or as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from commands.context import emit, guarded, table

if TYPE_CHECKING:
    from sqlmodel import Session


def show(
    listing: Callable[[Session], Sequence[Mapping[str, Any]]],
    heads: Sequence[str],
    json: bool,
    keys: Sequence[str] | None = None,
) -> None:
    """What `listing` reads: all of it as JSON; for people the columns `keys` (the heads themselves, unless given)."""
    from store.engine import reading

    with guarded() as context:
        with reading(context.engine) as session:
            found = listing(session)
        if json:
            emit(found)
        else:
            table(heads, [[row[key] for key in keys or heads] for row in found])
