"""Many rows at once, the quickest way each database has: what is a tenth of a second here takes many in an ORM.

Rows are made ready before the store's lock is asked for, so that under it nothing is left but the database's own work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeVar, cast

from sqlalchemy import ARRAY, JSON, BigInteger, ColumnElement, Connection, Table, any_, func, literal, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

PIECE = 1000
"""Rows in one statement: nobody waits long for its answer."""
T = TypeVar("T")
_encode = json.JSONEncoder().encode


@dataclass(frozen=True)
class Batch:
    """Rows of one table as a driver takes them: the names of their columns, and their values."""

    table: Table
    columns: tuple[str, ...]
    values: list[tuple[Any, ...]]


def batches(table: type[SQLModel], rows: Iterable[Mapping[str, Any]], size: int = PIECE) -> Iterator[Batch]:
    """`rows`, which all have the columns of the first in its order, made ready in pieces. A text for a JSON column is JSON."""
    source, target = iter(rows), SQLModel.metadata.tables[str(table.__tablename__)]
    for first in source:
        columns = tuple(first)
        ready = _readied(target, columns)
        yield Batch(target, columns, [ready(row) for row in chain((first,), islice(source, size - 1))])


def _readied(table: Table, columns: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What makes a row ready."""
    places = [place for place, name in enumerate(columns) if name in table.c and isinstance(table.c[name].type, JSON)]

    def ready(row: Mapping[str, Any]) -> tuple[Any, ...]:
        values = list(row.values())
        for place in places:
            if not isinstance(values[place], str):
                values[place] = "[]" if values[place] == [] else _encode(values[place])
        return tuple(values)

    return ready


def pieces(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """`ids` in their order, as many at a time as one statement takes."""
    return (ids[start : start + PIECE] for start in range(0, len(ids), PIECE))


def among(session: Session, column: Any, ids: Sequence[int]) -> ColumnElement[bool]:
    """The condition that `column` is one of `ids`, which travel as one value however many they are."""
    if session.get_bind().dialect.name == "postgresql":
        return cast("ColumnElement[bool]", column == any_(literal(list(ids), ARRAY(BigInteger))))
    each = func.json_each(_encode(list(ids))).table_valued("value")
    return cast("ColumnElement[bool]", column.in_(select(each.c.value)))


def insert(session: Session, batch: Batch) -> None:
    """Add the rows. Raises IntegrityError when the database refuses one."""
    connection, names = session.connection(), ", ".join(batch.columns)
    if connection.dialect.name == "postgresql":
        _copy(connection, f"COPY {batch.table.name} ({names}) FROM STDIN", batch.values)
        return
    marks = ", ".join("?" * len(batch.columns))
    connection.exec_driver_sql(f"INSERT INTO {batch.table.name} ({names}) VALUES ({marks})", batch.values)  # noqa: S608


def _copy(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """SQLAlchemy knows no COPY: the driver's own, with its errors told as SQLAlchemy tells them."""
    from psycopg import Error

    own: Any = connection.connection.cursor()
    try:
        with own.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except Error as error:
        told = DBAPIError.instance(
            statement, None, error, Error, connection_invalidated=own.connection.closed, dialect=connection.dialect
        )
        raise told from error


def update(session: Session, batch: Batch, keys: Mapping[str, str]) -> int:
    """How many rows took the values of `batch`. `keys`: which of its columns find a row, with their names there."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        result = connection.exec_driver_sql(_update_from_arrays(connection, batch, keys), _by_column(batch))
    else:
        result = connection.exec_driver_sql(_update_one_by_one(batch, keys), batch.values)
    return result.rowcount


def _update_one_by_one(batch: Batch, keys: Mapping[str, str]) -> str:
    numbered = {name: f"?{place}" for place, name in enumerate(batch.columns, 1)}
    new = ", ".join(f"{name} = {mark}" for name, mark in numbered.items() if name not in keys)
    found = " AND ".join(f"{column} = {numbered[name]}" for name, column in keys.items())
    return f"UPDATE {batch.table.name} SET {new} WHERE {found}"  # noqa: S608


def _update_from_arrays(connection: Connection, batch: Batch, keys: Mapping[str, str]) -> str:
    columns = {name: batch.table.c[keys.get(name, name)] for name in batch.columns}
    kinds = {name: column.type.compile(connection.dialect) for name, column in columns.items()}
    # An array of JSON would be taken for JSON itself: such values travel as text.
    arrays = ", ".join(f"%s::{'text' if kind == 'JSON' else kind}[]" for kind in kinds.values())
    new = ", ".join(f"{name} = new.n_{name}::{kinds[name]}" for name in batch.columns if name not in keys)
    found = " AND ".join(f"old.{column} = new.n_{name}" for name, column in keys.items())
    names = ", ".join(f"n_{name}" for name in batch.columns)
    return f"UPDATE {batch.table.name} AS old SET {new} FROM unnest({arrays}) AS new ({names}) WHERE {found}"  # noqa: S608


def _by_column(batch: Batch) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*batch.values, strict=True)))
