from __future__ import annotations

import io
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from config import clock
from connectors import wire
from connectors.answers import retry_after_s
from connectors.errors import NotSent, Uncertain
from connectors.http import Answer, Transport
from connectors.protocol import Account, Deadline
from tests.connectors.contract import permit
from tests.connectors.faults import answers
from tests.connectors.server import Server

HOME = "https://api.example"


def transport(server: Server) -> Transport:
    return Transport(Account("parks", "x", {"base_url": server.url}, {"token": "canary"}), HOME)


@pytest.fixture
def server() -> Any:
    with Server(answers(200, b'{"a": 1}', "Set-Cookie: c=1", "X-Some: Thing")) as running:
        yield running


def test_the_answer_is_kept_whatever_the_library_makes_of_it(server: Server) -> None:
    def choke() -> None:
        way.session.get(f"{HOME}/p?q=1").json()["missing"]

    way = transport(server)
    answer = way.ask(choke, Deadline.after(5))
    assert (answer.status, answer.document(), answer.headers["x-some"]) == (200, {"a": 1}, "Thing")
    server.stop()
    assert server.requests()[0].startswith(b"GET /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1")


def test_a_library_that_repeats_within_a_call_sends_once(server: Server) -> None:
    """I3: one leave, one request."""
    way = transport(server)

    def twice() -> None:
        way.session.post(HOME, json={})
        way.session.post(HOME, json={})

    assert way.ask(twice, Deadline.after(5), permit()).status == 200
    server.stop()
    assert len(server.requests()) == 1


def test_a_library_that_repeats_after_a_failure_sends_once() -> None:
    """I3, I5: the first failure is what is said, and the repeat never reaches the wire."""

    def stubborn() -> None:
        for _ in range(3):
            try:
                way.session.post(HOME, json={})
            except Uncertain:
                continue

    with Server(lambda connection: connection.read_request()) as server:
        way = transport(server)
        with pytest.raises(Uncertain):
            way.ask(stubborn, Deadline.after(5))
    assert len(server.connections) == 1


@pytest.mark.parametrize("repeats", [1, 3])
def test_a_library_that_swallows_a_failure_does_not_hide_it(repeats: int) -> None:
    """I5: a request that was written is never said to be not sent."""

    def careless() -> None:
        for _ in range(repeats):
            with suppress(Uncertain, NotSent):
                way.session.post(HOME, json={})

    with Server(lambda connection: connection.read_request()) as server:
        way = transport(server)
        with pytest.raises(Uncertain):
            way.ask(careless, Deadline.after(5))
    assert len(server.connections) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer(status: int) -> None:
    got: list[int] = []
    with Server(answers(status, b"", "Location: /elsewhere")) as server:
        way = transport(server)
        way.ask(lambda: got.append(way.session.post(HOME, json={}).status_code), Deadline.after(5))
    assert got == [status]


def test_no_password_is_taken_from_netrc(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    way = transport(server)
    way.ask(lambda: way.session.get(HOME), Deadline.after(5))
    server.stop()
    assert b"authorization" not in server.requests()[0].lower()


def test_no_cookie_is_kept(server: Server) -> None:
    way = transport(server)
    way.ask(lambda: way.session.get(HOME), Deadline.after(5))
    way.ask(lambda: way.session.get(HOME), Deadline.after(5))
    server.stop()
    assert len(server.requests()) == 2
    assert b"Cookie" not in b"".join(server.requests())


def test_no_request_at_all_is_not_sent(server: Server) -> None:
    with pytest.raises(NotSent, match="no request"):
        transport(server).ask(lambda: None, Deadline.after(5))


def test_an_error_of_the_library_before_any_byte_is_not_sent(server: Server) -> None:
    def fail() -> None:
        raise TypeError("a URL https://host/?token=canary")

    with pytest.raises(NotSent, match="TypeError") as failure:
        transport(server).ask(fail, Deadline.after(5))
    assert "canary" not in str(failure.value)


def test_the_session_sends_nothing_outside_a_call(server: Server) -> None:
    way = transport(server)
    for scheme in ("https", "http"):
        with pytest.raises(NotSent):
            way.session.post(f"{scheme}://api.example/", json={})
    server.stop()
    assert server.connections == []


def test_a_body_that_is_not_in_memory_is_not_sent(server: Server) -> None:
    way = transport(server)
    with pytest.raises(NotSent):
        way.ask(lambda: way.session.post(HOME, data=iter([b"a"])), Deadline.after(5))
    with pytest.raises(NotSent):
        way.ask(lambda: way.session.post(HOME, data=io.BytesIO(b"a")), Deadline.after(5))


def test_threads_have_calls_of_their_own(server: Server) -> None:
    way, together, got = transport(server), threading.Barrier(4), []

    def one() -> None:
        def do() -> None:
            together.wait()
            way.session.get(HOME)

        got.append(way.ask(do, Deadline.after(5)).status)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [200] * 4


def test_the_next_address_of_a_name_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()
    kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(*kind, dead), (*kind, ("127.0.0.1", server.port))])
    wire.dial("platform.invalid", 1, False, Deadline.after(5)).close()


def test_a_name_without_an_address_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(OSError, match="no address"):
        wire.dial("platform.invalid", 1, False, Deadline.after(5))


NOW = 1_800_000_000


class _Still:
    def wall_us(self) -> int:
        return NOW * clock.SECOND

    def boot_ns(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "5", "reset": str(NOW + 60)}, 5),
        ({"reset": str(NOW + 60)}, 60),
        ({"reset": str(NOW - 60)}, 0),
        ({"reset": "9" * 12}, 86_400),
        ({"reset": "9" * 400}, None),
        ({"reset": "٣"}, None),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30"}, 30),
        ({"retry-after": "Fri, 99 Jan 99999 08:00:30 GMT"}, None),
        ({}, None),
    ],
)
def test_the_wait_is_counted_from_our_clock(headers: dict[str, str], wait: float | None) -> None:
    with clock.use(_Still()):
        assert retry_after_s(Answer(429, headers, b""), "reset") == wait


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError("https://host/?canary"), "timed out"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (OSError("https://host/?canary"), "OSError"),
        (RuntimeError("https://host/?canary"), "RuntimeError"),
    ],
)
def test_a_cause_is_told_without_the_words_of_the_library(error: Exception, words: str) -> None:
    """SE-3: a library's own message can hold the address with the token."""
    assert wire.cause(error) == words


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"[" * 100_000, b"\xff", b"1" * 10_000])
def test_what_is_no_json_object_is_an_empty_one(body: bytes) -> None:
    assert Answer(200, {}, body).document() == {}
