"""PostgreSQL that fails at the n-th request: a relay on loopback that reads the protocol and meddles with one message.

The client is the product's own, unchanged; the server's errors are the server's own, asked for in the client's place. An
operation is a connection asked for, or a request with its answer (a simple query, or a batch up to its Sync).
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from tests.faults.fault import Fault, Tally

LOST, ANSWER_LOST, ANSWER_LATE = "connection lost", "answer lost", "answer lost, done later"
SHUTDOWN = "admin shutdown"
RAISED = {
    "serialization failure": ("40001", "could not serialize access due to concurrent update"),
    "deadlock": ("40P01", "deadlock detected"),
    "disk full": ("53100", "could not extend file: No space left on device"),
    "statement cancelled": ("57014", "canceling statement due to statement timeout"),
    "read-only": ("25006", "cannot execute INSERT in a read-only transaction"),
}
"""Kind of trouble → SQLSTATE and what the server says."""
END_ITSELF = "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(20)"
TLS, GSS = 80877103, 80877104
LATE_S = 0.1
"""How long a request may still be on its way after the client has lost the connection."""


class WireInjector:
    """A relay to (host, port) that listens on `port`."""

    kinds = (*RAISED, SHUTDOWN, LOST, ANSWER_LOST, ANSWER_LATE)
    lasting = (SHUTDOWN, LOST)

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.tally = Tally()
        self.armed_now = False
        self.arrived = Event()
        """Set while no request is on its way whose client has lost the connection."""
        self.arrived.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def armed(self, fault: Fault | None) -> Iterator[Tally]:
        """The account of the block's operations, one of which fails."""
        self.tally, self.armed_now = Tally(fault), True
        try:
            yield self.tally
        finally:
            self.armed_now = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is asked in the block is the test's own."""
        before, self.armed_now = self.armed_now, False
        try:
            yield
        finally:
            self.armed_now = before

    def close(self) -> None:
        """Take no more calls."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def meets(self, operation: str) -> str | None:
        """The kind of trouble that this operation meets, None for none."""
        return self.tally.step(operation) if self.armed_now else None

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        with near, suppress(OSError, EOFError), socket.create_connection(self.target) as far:
            _Relay(self, near, far).run()


class _Relay:
    """One connection: requests pass in this thread, answers in another."""

    def __init__(self, owner: WireInjector, near: socket.socket, far: socket.socket) -> None:
        self.owner, self.near, self.far = owner, near, far
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.swallow = 0
        """Whole answers that the client does not get to see."""
        self.only_error = False
        self.swallowed = Event()

    def run(self) -> None:
        """Pass on what comes until one side has had enough."""
        try:
            if not self._startup():
                return
            answers = Thread(target=self._answers, daemon=True)
            answers.start()
            self._requests()
            answers.join(timeout=30)
        finally:
            _cut(self.near)
            _cut(self.far)

    def _startup(self) -> bool:
        """True once the client's first message has passed; the client is told that there is no encryption here."""
        while True:
            (length,) = struct.unpack("!i", _exactly(self.near, 4))
            body = _exactly(self.near, length - 4)
            if struct.unpack("!i", body[:4])[0] not in (TLS, GSS):
                break
            self.near.sendall(b"N")
        kind = self.owner.meets("connect")
        if kind == SHUTDOWN:
            self.near.sendall(_error("57P03", "the database system is shutting down"))
        if kind in (SHUTDOWN, LOST, ANSWER_LOST, ANSWER_LATE):
            return False
        self.far.sendall(struct.pack("!i", length) + _patient(body))
        return True

    def _requests(self) -> None:
        with suppress(OSError, EOFError):
            self._pass_on()
        _cut(self.far)

    def _pass_on(self) -> None:
        """Pass requests on until the client ends the connection, or loses it."""
        batch, sql = b"", ""
        while True:
            kind, body = _message(self.near)
            body = _patient(body)
            batch += kind + struct.pack("!i", len(body) + 4) + body
            sql = _sql(kind, body) or sql
            if kind in b"QS":
                if not self._passed(batch, sql):
                    return
                batch, sql = b"", ""
            elif kind in b"pXdcfH":
                self.far.sendall(batch)
                batch = b""

    def _passed(self, batch: bytes, sql: str) -> bool:
        """True when the connection still stands after this request."""
        kind = self.owner.meets(sql)
        if kind is None:
            self.far.sendall(batch)
            return True
        if kind in RAISED:
            self._raise(kind, sql)
            return True
        if kind == SHUTDOWN:
            self.only_error = True
            self.far.sendall(_query(END_ITSELF))
            return True
        self._lose(batch, kind, sql)
        return False

    def _raise(self, kind: str, sql: str) -> None:
        """Let the server fail in place of the request; a COMMIT that fails has ended its transaction."""
        if sql.upper().startswith(("COMMIT", "ROLLBACK")):
            self.swallow += 1
            self.far.sendall(_query("ROLLBACK"))
        state, says = RAISED[kind]
        self.far.sendall(_query(f"DO $$ BEGIN RAISE EXCEPTION '{says}' USING ERRCODE = '{state}'; END $$"))

    def _lose(self, batch: bytes, kind: str, sql: str) -> None:
        """Lose the connection: before the request arrives, before its answer does, or while it is on its way."""
        if kind == ANSWER_LATE and sql.upper().startswith("COMMIT"):
            self.owner.arrived.clear()
            _cut(self.near)
            Event().wait(LATE_S)  # the request's way is this long: there is nothing to wait for
        elif kind == LOST:
            return
        self.swallow += 1
        try:
            self.far.sendall(batch)
            self.swallowed.wait(10)
        finally:
            self.owner.arrived.set()

    def _answers(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                kind, body = _message(self.far)
                if self.swallow:
                    if kind == b"Z":
                        self.swallow -= 1
                        self.swallowed.set()
                elif not self.only_error or kind == b"E":
                    self.near.sendall(kind + struct.pack("!i", len(body) + 4) + body)
        _cut(self.near)


def _patient(body: bytes) -> bytes:
    """A message whose session may stand idle in a transaction for nine seconds instead of one: a machine that stalls is not the
    fault that is tried here."""
    return re.sub(rb"(idle_in_transaction_session_timeout ?= ?'?)1s", rb"\g<1>9s", body)


def _exactly(source: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = source.recv(length - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


def _message(source: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(source, 5)
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], _exactly(source, length - 4)


def _sql(kind: bytes, body: bytes) -> str:
    """The statement of a message that holds one, on one line."""
    text = b""
    if kind == b"Q":
        text = body.rstrip(b"\0")
    elif kind == b"P":
        text = body.split(b"\0", 2)[1]
    elif kind == b"B":
        name = body.split(b"\0", 2)[1]
        text = b"prepared " + name if name else b""
    return re.sub(r"\s+", " ", text.decode("utf-8", "replace")).strip()


def _query(sql: str) -> bytes:
    body = sql.encode() + b"\0"
    return b"Q" + struct.pack("!i", len(body) + 4) + body


def _error(state: str, says: str) -> bytes:
    fields = "".join(f"{name}{value}\0" for name, value in (("S", "FATAL"), ("V", "FATAL"), ("C", state), ("M", says)))
    body = fields.encode() + b"\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body


def _cut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
