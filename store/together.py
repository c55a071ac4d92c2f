"""Several writing statements as one, where the database can: a round trip costs more than the work."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Protocol

Statement = tuple[str, Sequence[Any]]
"""An INSERT or UPDATE written with ``?``, and its parameters."""


class Cursor(Protocol):
    """The part of a DB-API cursor that is used here."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any: ...


def execute(cursor: Cursor, dialect: str, *statements: Statement) -> None:
    """Execute statements on different tables that do not look at each other's work; the cursor answers for the last one."""
    if dialect == "sqlite":
        for text, parameters in statements:
            cursor.execute(text, tuple(parameters))
        return
    *first, last = (text.replace("?", "%s") for text, _ in statements)
    named = ", ".join(f"part{number} AS ({text})" for number, text in enumerate(first))
    cursor.execute(f"WITH {named} {last}", tuple(chain.from_iterable(parameters for _, parameters in statements)))
