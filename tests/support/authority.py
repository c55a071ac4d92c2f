"""A time-stamp authority for a test: ``openssl ts`` behind a small server, and the ways in which one may fail."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CONFIG = """[tsa]
default_tsa = own
[own]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[extensions]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
"""
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
REPLY = "application/timestamp-reply"
Answer = Callable[[bytes], tuple[int, str, bytes]]
"""Request → status, content type and body."""


class Authority:
    """Its keys and certificates in `folder`; `answer` is what its server does, and may be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self.url = ""
        self.asked = 0
        self.answer: Answer = self.stamps

    def make(self) -> Authority:
        """Make a root, and the authority's own certificate signed by it."""
        (self.folder / "ts.cnf").write_text(CONFIG)
        (self.folder / "serial").write_text("01")
        root = ("-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=Test root")
        self._openssl("req", "-x509", *KEY, *root)
        self._openssl("req", *KEY, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test authority")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2", "-days", "3650")
        extended = ("-extfile", "ts.cnf", "-extensions", "extensions")
        self._openssl("x509", "-req", "-in", "tsa.csr", *signed, "-out", "tsa.pem", *extended)
        return self

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def stamp(self, request: bytes) -> bytes:
        """The answer to a request."""
        (self.folder / "request").write_bytes(request)
        self._openssl("ts", "-reply", "-config", "ts.cnf", "-queryfile", "request", "-out", "answer")
        return (self.folder / "answer").read_bytes()

    def stamps(self, request: bytes) -> tuple[int, str, bytes]:
        """What an authority does."""
        return 200, REPLY, self.stamp(request)

    @contextmanager
    def serving(self) -> Iterator[Authority]:
        """Answers at `url` until the block ends."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{server.server_port}/stamp?key=secret"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(authority: Authority) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            authority.asked += 1
            request = self.rfile.read(int(self.headers["Content-Length"]))
            status, kind, body = authority.answer(request)
            with suppress(OSError):  # whoever asked waits no longer
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler
