"""The sandbox's process: ``python -m sandbox.server --log FILE``.

It stands in for X and Facebook on this machine alone: it binds a loopback address and nothing else. When it listens it
prints one JSON line with its url and pid. It ends on SIGTERM, and with ``--with-stdin`` when its standard input closes.
Its log and its answers show the tokens it was given: give it made-up ones.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import signal
import socket
import socketserver
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from config import clock
from sandbox import planner
from sandbox.control import PREFIX, control
from sandbox.exchange import Sandbox, exchange
from sandbox.messages import Request
from sandbox.wire import Hangup, Wire, will_reset

MAX_BODY = 64_000_000


class SandboxServer(ThreadingHTTPServer):
    """One thread per connection; `stop` ends them all."""

    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        """Listen on `address`. Raises ValueError when it is not loopback, OSError when it is taken."""
        if not _is_loopback(address[0]):
            raise ValueError(f"--host {address[0]} is not a loopback address: use 127.0.0.1")
        self.sandbox = sandbox
        self._connections: set[socket.socket] = set()
        self._change = threading.Condition()
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind without asking the resolver for the machine's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, then serve it in a thread of its own."""
        with self._change:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection: in order, or by a reset where a fault asked for one."""
        if will_reset(request):
            self.close_request(request)
        else:
            super().shutdown_request(request)
        with self._change:
            self._connections.discard(request)
            self._change.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that left is no error; anything else is one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError | Hangup):
            print(f"sandbox: {client_address}: {type(error).__name__}: {error}", file=sys.stderr)

    def stop(self) -> None:
        """End the loop and every connection; what had arrived in part stands in the log as incomplete."""
        self.shutdown()
        self.sandbox.ending.set()
        with self._change:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._change.wait_for(lambda: not self._connections, timeout=2)
        self.server_close()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


class Handler(BaseHTTPRequestHandler):
    """Reads requests off one connection and hands them on."""

    server: SandboxServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def serve(self) -> None:
        """Serve one request; the connection lives on only after a whole answer to a whole request."""
        wire, announced = Wire(self.connection), self._announced()
        if announced is None or announced > MAX_BODY:
            self.close_connection = True
        request = self._read(announced)
        keep, self.close_connection = not self.close_connection, True
        try:
            if request.path.startswith(PREFIX):
                wire.send(control(self.server.sandbox, request))
            else:
                exchange(self.server.sandbox, request, wire)
        except (Hangup, OSError):
            return
        self.close_connection = not keep

    do_GET = do_POST = do_DELETE = do_PUT = serve  # noqa: N815

    def _announced(self) -> int | None:
        """The length of the body, as the client announces it; None when it does not say it in a form we take."""
        text = self.headers.get("Content-Length", "0" if self.command in ("GET", "DELETE") else "")
        good = text.isascii() and text.isdigit() and len(text) < 12 and "Transfer-Encoding" not in self.headers
        return int(text) if good else None

    def _read(self, announced: int | None) -> Request:
        body, complete = b"", False
        if announced is not None and announced <= MAX_BODY:
            with suppress(OSError):
                body = self.rfile.read(announced)
            complete = len(body) == announced
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, self.path, headers, body, complete, clock.boot_ns(), clock.wall_us())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the arrival log tells it all."""


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM (or the end of stdin); the exit code: 0, or 1 when it could not begin."""
    options = _parse(arguments)
    try:
        server = SandboxServer((options.host, options.port), Sandbox.open(options.log, options.state))
    except (OSError, ValueError, OverflowError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if options.with_stdin:
        threading.Thread(target=_watch_stdin, args=(ended,), daemon=True).start()
    threading.Thread(target=planner.run, args=(server.sandbox,), daemon=True).start()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(json.dumps({"url": f"http://{options.host}:{server.server_port}", "pid": os.getpid()}), flush=True)
    ended.wait()
    server.stop()
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.server", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--log", type=Path, required=True, help="the arrival log; appended to")
    parser.add_argument("--state", type=Path, help="where posts are remembered over a restart")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--with-stdin", action="store_true", help="end when standard input closes")
    return parser.parse_args(arguments)


def _watch_stdin(ended: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    ended.set()


if __name__ == "__main__":
    sys.exit(main())
