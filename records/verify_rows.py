"""Rows as they stand, for who verifies them: also text that somebody wrote into a file and that is none."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from store.engine import cursor, dialect


def fetched(session: Session, sql: str, parameters: Sequence[Any]) -> list[Any]:
    """The rows of a query written with ``?``; numbers and bytes come as they are stored, which is the quickest way."""
    if dialect(session) == "postgresql":
        own: Any = session.connection().connection.cursor(binary=True)
        own.execute(sql.replace("?", "%s"), parameters)
        found: list[Any] = own.fetchall()
        return found
    at = cursor(session)
    try:
        at.execute(sql, tuple(parameters))
        return list(at.fetchall())
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    return _of_any_bytes(session, sql, parameters)


def _of_any_bytes(session: Session, sql: str, parameters: Sequence[Any]) -> list[Any]:
    """Where a text's bytes are no UTF-8, half a surrogate pair stands for each that is none: no hash fits it."""
    connection: Any = session.connection().connection.driver_connection
    before, connection.text_factory = connection.text_factory, lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        return list(connection.execute(sql, tuple(parameters)).fetchall())
    finally:
        connection.text_factory = before
