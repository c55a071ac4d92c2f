"""A raw-socket HTTP server on loopback: a script per connection, and every byte that arrived."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType

Script = Callable[["Connection"], object]


class Connection:
    """One accepted connection, in the hands of a script."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self.sock = sock
        self.stopped = server.stopped
        self.received = bytearray()

    def read_request(self) -> bytes:
        """The request's head and body; what came when the peer ended early."""
        while b"\r\n\r\n" not in self.received and self._more():
            pass
        head, _, body = bytes(self.received).partition(b"\r\n\r\n")
        while len(body) < _content_length(head) and self._more():
            body = bytes(self.received).partition(b"\r\n\r\n")[2]
        return bytes(self.received)

    def read_to_end(self) -> bytes:
        """All until the peer closes."""
        while self._more():
            pass
        return bytes(self.received)

    def answer(self, status: int, body: bytes, headers: tuple[str, ...] = ()) -> None:
        """Read the request, then answer it whole."""
        self.read_request()
        self.sock.sendall(message(status, body, headers))

    def reset(self) -> None:
        """End the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _more(self) -> bool:
        try:
            data = self.sock.recv(65536)
        except OSError:
            return False
        self.received += data
        return bool(data)


def message(status: int, body: bytes, headers: tuple[str, ...] = ()) -> bytes:
    """A whole HTTP answer, JSON unless `headers` says otherwise."""
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}", *headers]
    if not any(line.lower().startswith("content-type:") for line in headers):
        lines.append("Content-Type: application/json")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Server:
    """Runs `script` for each connection; use as a context manager, then read `connections`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.connections: list[Connection] = []
        self._last: object = None
        self.stopped = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End when every script has ended; then `requests` is complete."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        # A last connection of our own: when it is accepted, all earlier ones were.
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            self._last = last.getsockname()
            last.connect(self._listener.getsockname())
            self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def requests(self) -> list[bytes]:
        """What arrived on each connection that brought any byte, in order."""
        return [bytes(connection.received) for connection in self.connections if connection.received]

    def _accept(self) -> None:
        while True:
            sock, address = self._listener.accept()
            if address == self._last:
                sock.close()
                return
            connection = Connection(sock, self)
            self.connections.append(connection)
            thread = threading.Thread(target=self._run, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            self._script(connection)
        except OSError:
            pass
        finally:
            connection.sock.close()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
