"""The store's structure: which revision it has, which one this program wants, and how to get there (never back).

Migrations run in one transaction under the store's lock, so two processes that start at once make one store.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, inspect

from store import chain
from store.engine import StoreError, told
from store.lock import LOCK_KEY

FIRST_EPOCH = 1
PATIENT = "SET LOCAL idle_in_transaction_session_timeout = '30s'"
"""A busy machine may need longer to prepare a step than the second that others have; a stop ends whoever is in its way."""


def head() -> str:
    """The revision this program wants."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def current(engine: Engine) -> str | None:
    """The revision of the store; None when it was never initialised. Raises StoreError."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and not Path(file).exists():
        return None  # connecting would make the file
    with told(engine), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check(engine: Engine) -> None:
    """Return when the store has the revision this program wants. Raises StoreError with both and the remedy."""
    found, wanted = current(engine), head()
    if found == wanted:
        return
    where = engine.url.render_as_string(hide_password=True)
    if found is None:
        raise StoreError(f"the store {where} has no tables yet (wanted revision {wanted}): run `standfast init`")
    if found in _known():
        raise StoreError(f"the store {where} is at revision {found}, wanted is {wanted}: `standfast init` migrates it")
    raise StoreError(
        f"the store {where} is at revision {found}, this program knows only up to {wanted}: "
        "this program is older than the store, upgrade it"
    )


def upgrade(engine: Engine) -> None:
    """Bring the tables to `head`, all or nothing. Raises StoreError for a store this program does not know."""
    with _locked(engine) as connection:
        _upgrade(engine, connection)


def initialise(engine: Engine) -> bool:
    """True when this call made the store, False when it existed (and is now at `head`). Never resets anything.

    A store whose gate row is missing counts as suspended and stays so: only a new store gets its first rows.
    """
    with _locked(engine) as connection:
        new = MigrationContext.configure(connection).get_current_revision() is None
        if new:
            _refuse_foreign(engine, connection)
        _upgrade(engine, connection)
        if new:
            _first_rows(connection)
    return new


def _refuse_foreign(engine: Engine, connection: Connection) -> None:
    if tables := inspect(connection).get_table_names():
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(
            f"the store {where} holds tables ({', '.join(sorted(tables)[:3])}) but no revision: "
            "give Standfast a database of its own in database_url, or restore a whole backup"
        )


def _first_rows(connection: Connection) -> None:
    rows = (
        f"INSERT INTO gate (id, epoch, generation) VALUES (1, {FIRST_EPOCH}, 1)",  # noqa: S608 (constants, a random id)
        f"INSERT INTO chain_head (id, seq, hash) VALUES (1, 0, '{chain.FIRST}')",  # noqa: S608 (constants, a random id)
        f"INSERT INTO meta (key, value) VALUES ('store_id', '{uuid.uuid4().hex}')",  # noqa: S608 (constants, a random id)
    )
    for row in rows:
        connection.exec_driver_sql(row)


def _upgrade(engine: Engine, connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        check(engine)
        raise


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction that holds the store's lock alone; commits when the block ends."""
    with told(engine), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
            connection.exec_driver_sql(PATIENT)
        yield connection
        connection.commit()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("store") / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())
