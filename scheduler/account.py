"""Connectors by channel: opened from the channel's row and the environment's secrets, kept open while both stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

from sqlalchemy import Engine
from sqlmodel import select

from config import clock, essentials
from connectors import registry
from connectors.errors import AccountError
from connectors.protocol import Account, Connector
from scheduler import claim_rows
from store.engine import reading
from store.tables import Channel

LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]", "https://127.0.0.1", "https://localhost")


SETTLED_US = 2 * clock.SECOND
"""A file that was written this lately is read again: a second write may leave the same time and size."""

Signature = tuple[int, int, int] | None
"""Of a file: time of change, size and number; None when it is not there."""


class Environment:
    """The variables that hold the secrets: the process's own and those of ``.env``, read anew when a file changed."""

    def __init__(self) -> None:
        self._known: Mapping[str, str] = {}
        self._files: tuple[Path, ...] = ()
        self._signatures: list[Signature] | None = None

    def __call__(self) -> Mapping[str, str]:
        """The variables by name."""
        found = [_signature(file) for file in self._files]
        if self._signatures is None or found != self._signatures:
            loaded = essentials.merged()
            self._files = tuple(file for file in (loaded.file, loaded.root / ".env") if file)
            self._known, self._signatures = loaded.environ, self._settled()
        return self._known

    def _settled(self) -> list[Signature] | None:
        """The files' signatures, None when one of them may still change unnoticed."""
        found = [_signature(file) for file in self._files]
        newest = max((item[0] for item in found if item), default=0)
        return found if clock.machine_wall_us() - newest // 1000 > SETTLED_US else None


def _signature(file: Path) -> Signature:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


class ConnectorPool:
    """One connector per channel. `environment` gives the variables that hold the secrets, read anew at each change."""

    def __init__(self, engine: Engine, environment: Callable[[], Mapping[str, str]] | None = None) -> None:
        self.engine = engine
        self.environment = environment or Environment()
        self._open: dict[str, tuple[Account, Connector]] = {}
        self._lock = Lock()

    def __call__(self, channel: str) -> Connector:
        """The connector of `channel`. Raises AccountError naming what is missing."""
        account = self.account(channel)
        with self._lock:
            known = self._open.get(channel)
            if known is not None and known[0] == account:
                return known[1]
            if known is not None:
                known[1].close()
            connector = registry.open_connector(account)
            self._open[channel] = (account, connector)
            return connector

    def account(self, channel: str) -> Account:
        """The account behind `channel`, with its secrets. Raises AccountError."""
        found = claim_rows.account_of(self.engine, channel)
        if found is None:
            raise AccountError(f"there is no channel {channel!r}: see `standfast channel list`")
        platform, settings, secrets = found
        refuse_rehearsal(channel, platform, settings)
        return registry.resolve_account(channel, platform, settings, secrets, self.environment())

    def warm(self) -> None:
        """Open a connector for each channel that can have one: else the first post waits for a library to be imported."""
        with reading(self.engine) as session:
            names = session.exec(select(Channel.name)).all()
        for name in names:
            with suppress(AccountError):  # told when a post needs it
                self(name)

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            for _, connector in self._open.values():
                connector.close()
            self._open.clear()


def refuse_rehearsal(channel: str, platform: str, settings: Mapping[str, str]) -> None:
    """Raise AccountError when wall time is a rehearsal's and the channel would reach a real platform."""
    if not clock.is_rehearsal() or platform == "outbox" or settings.get("base_url", "").startswith(LOOPBACK):
        return
    raise AccountError(
        f"channel {channel}: {clock.REHEARSAL_VARIABLE} is set, so only loopback may be reached: unset it"
    )
