"""Platforms by name. A connector's module is imported only when it is asked for: some cost a tenth of a second."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from types import FunctionType

from connectors.account import require
from connectors.errors import AccountError
from connectors.protocol import Account, Connector

GROUP = "standfast.connectors"
BUILT_IN: Mapping[str, str] = {
    "outbox": "connectors.outbox:OutboxConnector",
    "x": "connectors.x:XConnector",
    "facebook": "connectors.facebook:FacebookConnector",
}
"""Holds in a checkout that is not installed, and no other package can take one of these names."""


def names() -> tuple[str, ...]:
    """The known platforms in alphabetical order."""
    return tuple(sorted(_table()))


def load(platform: str) -> type[Connector]:
    """The connector for `platform`. Raises AccountError when it is unknown, cannot be imported or is no connector."""
    place = _table().get(platform)
    if place is None:
        raise AccountError(f"platform {platform!r} is unknown: use one of {', '.join(names())}")
    return _imported(platform, place)


@lru_cache(maxsize=64)
def _imported(platform: str, place: str) -> type[Connector]:
    module, _, name = place.partition(":")
    try:
        found = getattr(import_module(module), name)
    except Exception as error:
        # A package from outside may fail in any way: it must not take the other channels with it.
        why = type(error).__name__
        raise AccountError(f"platform {platform!r}: {place} cannot be imported ({why}): reinstall it") from None
    lacking = _lacking(found)
    if lacking:
        raise AccountError(f"platform {platform!r}: {place} is not a connector, it lacks {', '.join(lacking)}")
    connector: type[Connector] = found
    return connector


def open_connector(account: Account) -> Connector:
    """A connector for `account`, not yet connected. Raises AccountError."""
    return load(account.platform)(account)


def resolve_account(
    channel: str,
    platform: str,
    settings: Mapping[str, str],
    secret_names: Mapping[str, str],
    environ: Mapping[str, str],
) -> Account:
    """The account of `channel`, its secrets looked up in `environ`.

    `secret_names` says for each secret which variable holds it (``page_token`` → ``FB_CITYHALL_TOKEN``). Raises
    AccountError naming every setting, secret and variable that is missing.
    """
    connector = load(platform)
    unnamed = [name for name in connector.required_secrets if not secret_names.get(name)]
    if unnamed:
        raise AccountError(
            f"channel {channel} ({platform}) names no variable for the secret {', '.join(unnamed)}: "
            "name one, and add it to .env"
        )
    empty = [f"{name} ({variable})" for name, variable in secret_names.items() if not environ.get(variable, "").strip()]
    if empty:
        raise AccountError(f"channel {channel} ({platform}): the secret {', '.join(empty)} is not set: add it to .env")
    secrets = {name: environ[variable].strip() for name, variable in secret_names.items()}
    account = Account(channel, platform, dict(settings), secrets)
    require(account, connector.required_settings, connector.required_secrets)
    return account


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    """Each platform's ``module:class``."""
    return {point.name: point.value for point in entry_points(group=GROUP)} | dict(BUILT_IN)


def _lacking(candidate: object) -> list[str]:
    """What `candidate` lacks of the protocol."""
    if not isinstance(candidate, type):
        return ["being a class"]
    values = list(Connector.__annotations__)
    methods = [name for name, value in vars(Connector).items() if not name.startswith("_") and _callable(value)]
    lacking = [name for name in values if not hasattr(candidate, name)]
    return lacking + [f"{name}()" for name in methods if not callable(getattr(candidate, name, None))]


def _callable(value: object) -> bool:
    return isinstance(value, (FunctionType, staticmethod))
