"""Faults of network and platform, each with the outcome that a publish must have."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from connectors.errors import PublishError, RateLimited, Rejected, SignIn, Uncertain
from tests.connectors.server import Connection, Script

SANDBOX_FAULTS: list[tuple[str, type[PublishError]]] = [
    ("429", RateLimited),
    ("429_retry_after", RateLimited),
    ("500", Uncertain),
    ("500_empty", Uncertain),
    ("502", Uncertain),
    ("503", Uncertain),
    ("401", SignIn),
    ("403", Rejected),
    ("reset_before", Uncertain),
    ("reset_after", Uncertain),
    ("half_body", Uncertain),
    ("garbage", Uncertain),
    ("no_id", Uncertain),
    ("huge_body", Uncertain),
    ("redirect_302", Uncertain),
    ("redirect_307", Uncertain),
]
SANDBOX_HANGS = ["timeout_before", "timeout_after", "slow_body", "slow_headers", "delay"]


def _drip_for_ever(connection: Connection) -> None:
    """One header byte every 20 ms: no single read ever times out."""
    connection.read_request()
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not connection.stopped.wait(0.02):
        connection.sock.sendall(b"a")


def _chunks_for_ever(connection: Connection) -> None:
    connection.read_request()
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not connection.stopped.wait(0.02):
        connection.sock.sendall(b"1\r\n \r\n")


def _continue_for_ever(connection: Connection) -> None:
    connection.read_request()
    while not connection.stopped.wait(0.02):
        connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def _endless(connection: Connection) -> None:
    connection.read_request()
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        connection.sock.sendall(b" " * 65536)


def close_at_once(connection: Connection) -> None:
    connection.read_request()


def _reset_in_the_middle(connection: Connection) -> None:
    connection.sock.recv(1)
    connection.reset()


def silence(connection: Connection) -> None:
    connection.read_request()
    connection.stopped.wait()


def not_http(connection: Connection) -> None:
    connection.read_request()
    connection.sock.sendall(b"220 mail.example ESMTP\r\n")


def _cut_chunk(connection: Connection) -> None:
    connection.read_request()
    connection.sock.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"id":')


def _cut_refusal(connection: Connection) -> None:
    connection.read_request()
    connection.sock.sendall(b'HTTP/1.1 400 Bad\r\nContent-Length: 99\r\n\r\n{"error": {"code": 100}, "detail": "cut"}')


def answers(status: int, body: bytes, *headers: str) -> Script:
    """A script that answers so."""
    return lambda connection: connection.answer(status, body, headers)


RAW_FAULTS: dict[str, tuple[Script, type[PublishError]]] = {
    "closed without an answer": (close_at_once, Uncertain),
    "reset in the middle": (_reset_in_the_middle, Uncertain),
    "not HTTP": (not_http, Uncertain),
    "cut in a chunk": (_cut_chunk, Uncertain),
    "a refusal cut short": (_cut_refusal, Uncertain),
    "endless body": (_endless, Uncertain),
    "401 without an error key": (answers(401, b"{}"), SignIn),
    "401 that is HTML": (answers(401, b"<html>", "Content-Type: text/html"), SignIn),
    "400 that is not the platform's": (answers(400, b"<html>", "Content-Type: text/html"), Uncertain),
    "400 without a reason": (answers(400, b"{}"), Uncertain),
    "418": (answers(418, b'{"detail": "teapot"}'), Uncertain),
    "204": (answers(204, b""), Uncertain),
    "201 with a list": (answers(201, b"[1]"), Uncertain),
    "200 with null": (answers(200, b"null"), Uncertain),
    "200 without a content type": (answers(200, b"{}", "Content-Type: "), Uncertain),
    "200 as deep as the stack": (answers(200, b"[" * 100_000), Uncertain),
    "200 said to be gzip": (answers(200, b"{}", "Content-Encoding: gzip"), Uncertain),
    "id of the wrong kind": (answers(200, b'{"id": ["1"], "data": {"id": {"a": 1}}}'), Uncertain),
    "id with a path in it": (answers(200, b'{"id": "../1", "data": {"id": "1/../../x"}}'), Uncertain),
    "301": (answers(301, b"", "Location: http://127.0.0.1:1/"), Uncertain),
    "303": (answers(303, b"", "Location: /2/tweets"), Uncertain),
    "308": (answers(308, b"", "Location: /2/tweets"), Uncertain),
    "500 that says 401": (answers(500, b'{"error": {"code": 190, "message": "no"}, "detail": "no"}'), Uncertain),
}
RAW_HANGS: dict[str, Script] = {
    "silence": silence,
    "unread": lambda connection: connection.stopped.wait(),
    "headers drip": _drip_for_ever,
    "chunks drip": _chunks_for_ever,
    "100 Continue again and again": _continue_for_ever,
}


@contextmanager
def full_backlog() -> Iterator[str]:
    """The URL of a listener that takes no further connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for sock in waiting:
            sock.close()
