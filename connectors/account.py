"""What a channel's account must have before its connector can be opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from config import clock, failpoint
from config.web_address import is_loopback
from connectors.errors import AccountError
from connectors.protocol import Account


@dataclass(frozen=True)
class Base:
    """Where requests go: `path` is a prefix without a slash at its end."""

    host: str
    port: int
    tls: bool
    path: str


def require(account: Account, settings: Iterable[str], secrets: Iterable[str]) -> None:
    """Nothing when `account` has each of `settings` and `secrets`. Raises AccountError naming all that are missing."""
    lacking = [f"the setting {name}" for name in settings if not account.settings.get(name, "").strip()]
    lacking += [f"the secret {name}" for name in secrets if not account.secrets.get(name, "").strip()]
    if lacking:
        raise AccountError(f"channel {account.channel} ({account.platform}) lacks {' and '.join(lacking)}: add it")


def base_url(account: Account, home: str) -> Base:
    """Where the account's requests go: its `base_url` setting, else `home`.

    Plain http is for this machine only, where no token can be overheard. During a rehearsal (see `config.clock`), or with a
    failpoint on, only this machine may be reached at all. Raises AccountError.
    """
    given = account.settings.get("base_url") or home
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        raise _unusable(account, "is not a URL") from None
    host = parts.hostname or ""
    _check(account, parts)
    if clock.is_rehearsal() and not is_loopback(host):
        raise _unusable(
            account, f"is {host}, but {clock.REHEARSAL_VARIABLE} is set: a rehearsal reaches only this machine"
        )
    if failpoint.is_on() and not is_loopback(host):
        raise _unusable(account, f"is {host}, but {failpoint.VARIABLE} is set: then only this machine is reached")
    tls = parts.scheme == "https"
    return Base(host, port or (443 if tls else 80), tls, parts.path.rstrip("/"))


def _check(account: Account, parts: SplitResult) -> None:
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise _unusable(account, "does not start with https:// and a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _unusable(account, "holds a user, query or fragment: only scheme, host, port and path are taken")
    if parts.scheme == "http" and not is_loopback(host):
        raise _unusable(account, f"is plain http to {host}: use https (http is for this machine only)")


def _unusable(account: Account, why: str) -> AccountError:
    # The value is not shown: people paste tokens into it.
    return AccountError(f"channel {account.channel} ({account.platform}): base_url {why}")
