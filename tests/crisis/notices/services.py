"""Services on loopback that people's notices go to: some take them, others hang, drip, refuse or fail."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any

from tests.connectors.server import Connection, Server

CANARY = "s3cretCANARY"
"""Stands in every address: it may be found nowhere."""


def takes(connection: Connection) -> None:
    """A webhook that takes what it gets."""
    connection.answer(200, b"ok")


def fails(connection: Connection) -> None:
    connection.answer(500, b"")


def hangs(connection: Connection) -> None:
    """It accepts, reads, and never answers."""
    connection.read_request()
    connection.stopped.wait()


def drips(connection: Connection) -> None:
    """It answers a byte at a time, each within any limit for a single read, and never comes to an end."""
    connection.read_request()
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not connection.stopped.wait(0.2):
        connection.sock.sendall(b".")


def mails(connection: Connection) -> None:
    """A mail server that takes everything; what it received is the letter alone."""
    own = connection.sock.makefile("rwb", buffering=0)
    own.write(b"220 loopback\r\n")
    while line := own.readline():
        word = line.split()[0].upper()
        if word == b"EHLO":
            own.write(b"250-loopback\r\n250 AUTH PLAIN\r\n")
        elif word == b"AUTH":
            own.write(b"235 ok\r\n")
        elif word == b"DATA":
            own.write(b"354 go on\r\n")
            while (part := own.readline()) not in (b".\r\n", b""):
                connection.received += part
            own.write(b"250 taken\r\n")
        else:
            own.write(b"250 ok\r\n")
        if word == b"QUIT":
            return


@dataclass(frozen=True)
class Services:
    """The servers by what they do."""

    by_name: dict[str, Server]
    closed_port: int

    def address(self, name: str, more: str = "") -> str:
        """The address of a service as apprise wants it, with the canary in it."""
        if name == "refuses":
            return f"json://127.0.0.1:{self.closed_port}/{CANARY}{more}"
        if name == "bogus":  # no service is called so: apprise warns of it, address and all
            return f"bogus://{CANARY}"
        if name == "half":
            return f"{self.address('takes', more)}, {self.address('refuses', more)}"
        port = self.by_name[name].port
        if name == "mails":
            return f"mailto://city:{CANARY}@127.0.0.1:{port}/?mode=insecure&from=city@city.example&to=dora@city.example"
        scheme = "mmost" if name == "chat" else "json"
        return f"{scheme}://127.0.0.1:{port}/{CANARY}{more}"

    def taken(self, name: str) -> list[dict[str, Any]]:
        """What arrived at a webhook, in order."""
        return [json.loads(item.partition(b"\r\n\r\n")[2]) for item in self.by_name[name].requests()]

    def paths(self, name: str) -> list[str]:
        """To which path each request went."""
        return [item.split()[1].decode() for item in self.by_name[name].requests()]

    def letters(self) -> list[Message]:
        """The mails that were taken."""
        return [message_from_bytes(item) for item in self.by_name["mails"].requests()]

    def stop(self) -> None:
        """End them: what still hangs comes back."""
        for server in self.by_name.values():
            server.stop()


SCRIPTS = {"takes": takes, "chat": takes, "fails": fails, "hangs": hangs, "drips": drips, "mails": mails}
KINDS = (*SCRIPTS, "refuses", "half", "bogus")


@contextmanager
def services() -> Iterator[Services]:
    """All of them, running."""
    with ExitStack() as stack, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        servers = {name: stack.enter_context(Server(script)) for name, script in SCRIPTS.items()}
        yield Services(servers, closed.getsockname()[1])
