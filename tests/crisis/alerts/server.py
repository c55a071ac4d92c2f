"""A small web server on this machine that answers as a test says, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Answerer = Callable[["Handler"], None]


@dataclass
class Web:
    """`pages`: path → what answers; `asked`: (path, headers) in order. `let_go` ends every page that hangs."""

    url: str = ""
    pages: dict[str, Answerer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    let_go: Event = field(default_factory=Event)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def page(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        """The address of a page that answers `body`."""
        self.pages[path] = lambda handler: handler.give(
            status, body, {k.replace("_", "-"): v for k, v in headers.items()}
        )
        return self.url + path

    def hangs(self, path: str, first: bytes = b"") -> str:
        """The address of a page that begins to answer and never ends."""

        def hang(handler: Handler) -> None:
            if first:
                handler.wfile.write(first)
            self.let_go.wait(60)

        self.pages[path] = hang
        return self.url + path

    def atom(self, *links: str) -> bytes:
        """A feed of links."""
        entries = "".join(f"<entry><link href='{link}' type='application/cap+xml'/></entry>" for link in links)
        return f"<feed xmlns='http://www.w3.org/2005/Atom'>{entries}</feed>".encode()


class Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.web.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.web.pages.get(path, lambda handler: handler.give(404, b"", {}))(self)

    def give(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # who asked has heard enough
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: the test reads `asked`."""


@contextmanager
def web() -> Iterator[Web]:
    """A server on a free port of this machine."""
    made = Web()
    handler = type("Own", (Handler,), {"web": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
