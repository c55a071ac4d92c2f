"""A socket that keeps a deadline and knows whether a request's first byte was handed to the kernel."""

from __future__ import annotations

import io
import ipaddress
import queue
import socket
import ssl
from functools import lru_cache
from threading import Thread
from typing import TYPE_CHECKING, Any

import certifi

from config import failpoint
from connectors.errors import NotSent

if TYPE_CHECKING:
    from connectors.protocol import Deadline, Permit

_CHUNK = 65536
_Address = tuple[Any, ...]


class Leave:
    """The leave to write one request, and the fact of whether its first byte was written.

    `wrote` turns true right before the first byte is handed to the socket. So false is proof that nothing was sent, and
    true means only that something may have been.
    """

    def __init__(self, deadline: Deadline, permit: Permit | None = None) -> None:
        self.deadline = deadline
        self.permit = permit
        self.wrote = False
        self.step = "ask" if permit is None else "publish.send"
        """The name of its failpoints."""

    def take_last_look(self) -> None:
        """Nothing when the request may be written. Raises NotSent (and whatever else the look fails with)."""
        if self.permit is not None:
            self.permit.check()


def remaining(deadline: Deadline) -> float:
    """Seconds left, more than zero. Raises TimeoutError when the deadline has passed."""
    left = deadline.remaining_s()
    if left <= 0:
        raise TimeoutError("the deadline passed")
    return left


class Wire:
    """What http.client takes for its socket: every system call ends by the deadline, however the peer drips."""

    def __init__(self, sock: socket.socket, leave: Leave) -> None:
        self._sock = sock
        self._leave = leave

    def sendall(self, data: bytes) -> None:
        """Write `data`; before the first byte of the request, take the last look."""
        if not self._leave.wrote:
            self._leave.take_last_look()
        view = memoryview(data)
        while view:
            # Armed first: a process that was stopped during the look finds its deadline passed, and nothing written.
            self._arm()
            self._leave.wrote = True
            with failpoint.step(self._leave.step, "write"):
                count = self._sock.send(view[:_CHUNK])
            view = view[count:]

    def recv_into(self, buffer: Any) -> int:
        """The number of bytes read into `buffer`, 0 at the end."""
        self._arm()
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """A buffered reader for http.client's answer."""
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Nothing: http.client closes while the answer is still being read; the transport closes the socket."""

    def _arm(self) -> None:
        self._sock.settimeout(remaining(self._leave.deadline))


class _Reader(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.recv_into(buffer)


def dial(host: str, port: int, tls: bool, deadline: Deadline) -> socket.socket:
    """A connected socket, through TLS when `tls`; name, connection and handshake end by `deadline`. Raises OSError."""
    sock = _connect(_addresses(host, port, deadline), deadline)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            sock.settimeout(remaining(deadline))
            return _tls().wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
    return sock


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One context for the process: reading the certificates costs more than a handshake."""
    return ssl.create_default_context(cafile=certifi.where())


def _addresses(host: str, port: int, deadline: Deadline) -> list[_Address]:
    """What `host` resolves to. The resolver has no time-out of its own: a thread asks it, and is left if it hangs."""
    if is_literal(host):
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
    box: queue.SimpleQueue[list[_Address] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            box.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except Exception as error:
            box.put(error)

    Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        found = box.get(timeout=remaining(deadline))
    except queue.Empty:
        raise TimeoutError("the name was not resolved in time") from None
    if isinstance(found, Exception):
        raise found
    return found


def is_literal(host: str) -> bool:
    """True when `host` is an address itself, which nobody has to be asked for."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _connect(addresses: list[_Address], deadline: Deadline) -> socket.socket:
    """The first connection that succeeds; each address gets an equal share of the time that is left."""
    failure: Exception = OSError("the name has no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(remaining(deadline) / (len(addresses) - index))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def cause(error: Exception) -> str:
    """`error` in a few words that can hold no URL and no secret."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "the name could not be resolved"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate was not accepted"
    if isinstance(error, ssl.SSLError):
        return "the encrypted connection failed"
    if isinstance(error, OSError) and error.strerror and error.errno:
        return error.strerror.lower()
    return type(error).__name__


def nothing_sent(what: str, error: Exception) -> NotSent:
    """NotSent with the cause in words."""
    return NotSent(f"{what}: no request was written: {cause(error)}")
