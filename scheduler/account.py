"""Connectors by channel: opened from the channel's row and the environment's secrets, kept open while both stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from sqlalchemy import Engine

from config import clock, essentials
from connectors import registry
from connectors.errors import AccountError
from connectors.protocol import Account, Connector
from store.engine import reading
from store.tables import Channel

LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]", "https://127.0.0.1", "https://localhost")


class ConnectorPool:
    """One connector per channel. `environment` gives the variables that hold the secrets, read anew at each change."""

    def __init__(self, engine: Engine, environment: Callable[[], Mapping[str, str]] | None = None) -> None:
        self.engine = engine
        self.environment = environment or (lambda: essentials.merged().environ)
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
        with reading(self.engine) as session:
            row = session.get(Channel, channel)
            if row is None:
                raise AccountError(f"there is no channel {channel!r}: see `standfast channel list`")
            platform, settings, secrets = row.platform, dict(row.settings), dict(row.secrets)
        refuse_rehearsal(channel, platform, settings)
        return registry.resolve_account(channel, platform, settings, secrets, self.environment())

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
