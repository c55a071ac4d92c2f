"""A connection for the switch to the store that the settings name, whichever database it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from config import failpoint
from config.essentials import Essentials
from config.fault import Fault

NOT_KNOWN = "whether it was recorded is not known: see `standfast crisis status`"
"""Said of a COMMIT that was not acknowledged."""


class SwitchUnavailable(Fault):
    """The database cannot be read or cannot record the stop now: one line."""


class Switch(Protocol):
    """What the dialect files offer: a reading and an exclusive transaction on a plain DB-API cursor."""

    name: str
    ended: list[Any]
    """Whom the hostage rule has ended (processes or backends)."""

    def reading(self) -> Any: ...
    def exclusive(self, patience_s: float | None = None) -> Any: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...
    def failure(self, error: Exception) -> SwitchUnavailable | None: ...


def open_switch(essential: Essentials) -> Switch:
    """A switch for the settings' database; connects when first used, with that database's driver alone. Never raises."""
    try:
        if essential.database_url.startswith("sqlite:///"):
            from scheduler.switch_sqlite import SqliteSwitch

            return SqliteSwitch(essential.database_url, essential.workers_dir)
        from scheduler.switch_postgres import PostgresSwitch

        return PostgresSwitch(essential.database_url)
    except Exception as error:
        return _Away(f"the database's driver does not load ({type(error).__name__}: {one_line(error)})")


class _Away:
    """The switch of a database that nobody here can speak to: whatever is asked of it, it is away."""

    name = "none"

    def __init__(self, why: str) -> None:
        self.ended: list[Any] = []
        self._why = why

    def reading(self) -> Any:
        raise SwitchUnavailable(self._why)

    def exclusive(self, patience_s: float | None = None) -> Any:  # noqa: ARG002 (as the protocol has it)
        raise SwitchUnavailable(self._why)

    def commit(self) -> None:
        raise SwitchUnavailable(self._why)

    def rollback(self) -> None: ...
    def close(self) -> None: ...
    def failure(self, error: Exception) -> SwitchUnavailable | None: ...


_HOST_AND_NAME = re.compile(r"[\w+]+://(?:[^/?#@]*@)?([\w.\[\]-]*(?::\d+)?/[\w.-]*)(?:\?[^@]*)?")


def named(essential: Essentials) -> str:
    """The store for people; of a URL no more than host and name, for a password may stand anywhere else in it."""
    if essential.database_url.startswith("sqlite:///"):
        return f"the store {essential.database_url.removeprefix('sqlite:///')}"
    found = _HOST_AND_NAME.fullmatch(essential.database_url)
    return "a store on a database server" if found is None else f"the store {found[1]}"


@contextmanager
def reading(switch: Switch, step: str = "") -> Iterator[Any]:
    """A cursor for reading, undone at the end. Raises SwitchUnavailable for any fault of the database."""
    with _told(switch):
        with failpoint.step(step, "read"):
            cursor = _begun(switch.reading)
        yield cursor
    switch.rollback()


@contextmanager
def exclusive(switch: Switch, step: str = "", patience_s: float | None = None) -> Iterator[Any]:
    """A cursor under the store's exclusive lock; committed at the end, undone when the block raises.

    `step` names its failpoints, here as in `reading`. `patience_s`: wait no longer than that for the lock, where that is less
    than a stop would (at least a second and a half: after one, whoever may be ended is). Raises SwitchUnavailable.
    """
    with _told(switch):
        with failpoint.step(step, "lock"):
            cursor = _begun(lambda: switch.exclusive(patience_s))
        yield cursor
        with failpoint.step(step, "commit"):
            switch.commit()


def _begun(begin: Callable[[], Any]) -> Any:
    """The cursor of a transaction. A name that no resolver takes or a URL that no driver reads is a database that is away."""
    try:
        return begin()
    except SwitchUnavailable:
        raise
    except Exception as error:
        raise SwitchUnavailable(f"the database cannot be asked ({type(error).__name__}: {one_line(error)})") from None


def one_line(error: BaseException) -> str:
    """What `error` says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _told(switch: Switch) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        switch.rollback()
        if isinstance(error, Exception) and (unavailable := switch.failure(error)) is not None:
            raise unavailable from None
        raise
