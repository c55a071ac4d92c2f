"""Addresses that the city names to be asked: which hosts, and how. Reads no settings and connects to nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit, urlunsplit

HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+", re.ASCII)
MOST = 300


def is_loopback(host: str) -> bool:
    """True when `host` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hosts(value: object) -> str:
    """Hosts from a list or from text parted by commas, as one text. Raises ValueError naming the mistake."""
    listed = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    names = [item.strip().lower() if isinstance(item, str) else "?" for item in listed]
    named = [name for name in names if name]
    if not all(HOST.fullmatch(name) for name in named):
        raise ValueError('names no host: write it like ["api.weather.gov"], without https:// and port')
    return ", ".join(named)


def refusal(address: str, allowed: Collection[str]) -> str | None:
    """Why `address` may not be asked, without showing more of it than its host; None when it may.

    Plain http is for this machine only, where nobody can change what comes back.
    """
    parts = _parts(address)
    host = "" if parts is None else (parts.hostname or "").lower()
    if parts is None or parts.scheme not in ("http", "https") or not host:
        return "does not begin with https:// and a host: write the whole address"
    if parts.username or parts.password:
        return "holds a user or a password: take it out"
    if host not in allowed:
        return (
            f"is at {host[:MOST]!r}, which is not among the hosts of alerts_hosts: add it there, or use another address"
        )
    if parts.scheme == "http" and not is_loopback(host):
        return f"is plain http to {host[:MOST]!r}: use https (http is for this machine only)"
    return None


def host_of(address: str) -> frozenset[str]:
    """The host of `address` alone; none where it cannot be read."""
    parts = _parts(address)
    return frozenset({parts.hostname.lower()} if parts is not None and parts.hostname else ())


def named(address: str) -> str:
    """`address` for people and for the record: without user and query, in which keys are given."""
    parts = _parts(address)
    if parts is None:
        return "an address that cannot be read"
    netloc = parts.netloc.rpartition("@")[2]
    words = " ".join(urlunsplit((parts.scheme, netloc, parts.path, "", "")).split())
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:MOST]


def _parts(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts
