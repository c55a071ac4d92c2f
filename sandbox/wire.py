"""The connection to one client, down to the socket: whole answers, broken ones, silence and resets."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator
from http import HTTPStatus

from sandbox.messages import Answer

PIECE = 65536


class Hangup(Exception):
    """The connection ends here, without another word."""


def head(answer: Answer, length: int) -> bytes:
    """The status line and headers of `answer`, announcing a body of `length` bytes."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = {"Content-Type": answer.content_type, "Content-Length": str(length), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class Wire:
    """One connection. Every method raises OSError or Hangup when the client has left."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, answer: Answer) -> None:
        """Send `answer` whole."""
        self._connection.sendall(head(answer, len(answer.body)) + answer.body)

    def send_bytes(self, content: bytes) -> None:
        """Send bytes that need not be an answer."""
        self._connection.sendall(content)

    def hold(self, seconds: float) -> bool:
        """Wait in silence; True when the client left (or the sandbox ends) before `seconds` had passed."""
        poller = select.poll()
        poller.register(self._connection, select.POLLRDHUP)
        return bool(poller.poll(seconds * 1000))

    def drip(self, content: bytes, seconds: float) -> None:
        """Send `content` byte by byte over about `seconds`."""
        for byte in content:
            self.send_bytes(bytes((byte,)))
            if self.hold(seconds / len(content)):
                raise Hangup

    def send_pieces(self, pieces: Iterator[bytes]) -> None:
        """Send one piece after the other, never all of them in memory."""
        for piece in pieces:
            self.send_bytes(piece)

    def reset(self) -> None:
        """Make the close that follows a reset (RST) instead of an orderly end, and end."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Hangup


def will_reset(connection: socket.socket) -> bool:
    """True when `Wire.reset` was called on the connection."""
    chosen = connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    return bool(struct.unpack("ii", chosen) == (1, 0))
