"""Where the stop page listens, and the one rule about it: what people type there never crosses a network in clear."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import essentials
from config.address import Address
from config.fault import Fault

DEFAULT = "127.0.0.1:8443"
BACKLOG = 128


class PageFault(Fault):
    """The stop page cannot be served: one line with the setting, its value and what to do."""


@dataclass(frozen=True)
class Doorway:
    """An address, the page's own certificate and key if it speaks TLS itself, and whether a proxy stands in front."""

    address: Address
    certificate: Path | None = None
    key: Path | None = None
    proxy: bool = False

    @classmethod
    def of(cls, loaded: essentials.Loaded, given: Mapping[str, Any]) -> Doorway:
        """As the settings say, or where they say nothing the default; `given` (by setting) goes before them.

        Raises PageFault. Read leniently: whatever else is wrong with the settings, the page must be there.
        """
        values = {**loaded.values, **{name: value for name, value in given.items() if value}}
        text = str(values.get("stop_page") or DEFAULT)
        try:
            address = Address.parse(text)
            proxy = essentials.flag(values.get("stop_page_proxy", False))
        except ValueError as error:
            name = "stop_page_proxy" if "neither" in str(error) else f"stop_page = {text[:80]!r}"
            raise PageFault(f"{name}: {error}") from None
        files = [_file(loaded.root, values.get(f"stop_page_{name}")) for name in ("certificate", "key")]
        if (files[0] is None) != (files[1] is None):
            raise PageFault("stop_page_certificate and stop_page_key belong together: set both, or neither")
        return cls(address, files[0], files[1], proxy)

    def bound(self) -> socket.socket:
        """A socket that listens there. Raises PageFault, also when it would take credentials in clear from the network."""
        try:
            family, _kind, _protocol, _name, where = socket.getaddrinfo(
                self.address.host, self.address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._refuse_clear(str(where[0]))
            return socket.create_server(where[:2], family=family, backlog=BACKLOG)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise PageFault(
                f"stop_page = {self.address}: cannot listen there ({why}): end what does, or choose another address"
            ) from None

    def _refuse_clear(self, host: str) -> None:
        if not (_is_loopback(host) or self.certificate or self.proxy):
            raise PageFault(
                f"stop_page = {self.address}: it is reached from other machines, and tokens would go in clear: set "
                "stop_page_certificate and stop_page_key, or stop_page_proxy = true where a proxy in front speaks TLS"
            )

    def check(self) -> None:
        """Raise PageFault for what can be known without listening."""
        self.secured()
        with suppress(ValueError):  # a name is looked up when it is listened on
            ipaddress.ip_address(self.address.host.partition("%")[0])
            self._refuse_clear(self.address.host)

    def secured(self) -> ssl.SSLContext | None:
        """The TLS that the page speaks itself; None without a certificate. Raises PageFault."""
        if self.certificate is None:
            return None
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise PageFault(
                f"stop_page_certificate {self.certificate} with stop_page_key {self.key}: {error}"
            ) from None
        return context

    def url(self, own: socket.socket) -> str:
        """Where it listens, for people; `own` knows the port that was taken for port 0."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{Address(self.address.host, int(own.getsockname()[1]))}/"


def _file(root: Path, value: object) -> Path | None:
    return essentials.path_below(root, str(value)) if value else None


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    return False
