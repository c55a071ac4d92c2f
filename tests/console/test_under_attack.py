"""Guessing, flooding and dawdling cost the right one nothing."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from config import clock, essentials
from console import connections, refusal_log, server, throttle
from console.doorway import Doorway
from governance import people
from governance.authority import Identity
from store.engine import writing
from tests.console.conftest import PageCity
from tests.support.live_city import X, until

WRONG = 200
STEW = Identity("stew", "Stew Ward", "token")


def _guess(number: int) -> str:
    return f"sf_{number:08x}_{'x' * 40}" if number % 2 else f"{number:05d}-ABCDE-FGHJK-MNPQR"


@contextmanager
def _under_attack(paged: PageCity) -> Iterator[None]:
    """`WRONG` guesses in flight, each sent anew as soon as it is answered, till the block ends."""
    going = True

    def guess(number: int) -> None:
        while going:
            paged.visitor.confirm(_guess(number), form="f")

    with ThreadPoolExecutor(WRONG) as guessers:
        tasks = [guessers.submit(guess, number) for number in range(WRONG)]
        try:
            until(lambda: len(paged.refusals()) >= refusal_log.FIRST, "the attack has begun")
            yield
        finally:
            going = False
            for task in tasks:
                task.cancel()


@pytest.mark.parametrize("kind", ["token", "code", "one channel's"])
def test_the_right_one_stops_at_once_among_two_hundred_guesses(paged: PageCity, kind: str) -> None:
    """SE-1: wrong answers wait, right ones do not; also a token that may stop one channel alone, which no local file lists."""
    credential, fields = (paged.codes[0] if kind == "code" else paged.live.tokens["dora"]), {}
    if kind == "one channel's":
        credential, fields = _one_channel(paged), {"what": "channel", "name": X}
    with _under_attack(paged):
        began = clock.boot_s()
        paged.visitor.stop(credential, **fields)
        until(paged.suspensions, "the stop is recorded", 5.0)
        assert clock.boot_s() - began < 5.0
    assert len(paged.suspensions()) == 1
    assert len(paged.refusals()) < 30, "guesses are entered at a bounded rate"


def _one_channel(paged: PageCity) -> str:
    with writing(paged.live.engine) as session:
        people.add_person(session, STEW, "cora", "Cora")
        people.grant(session, STEW, "cora", "director", X)
        return people.create_token(session, STEW, "cora").token


def test_who_may_stop_one_channel_stops_no_other(sqlite_paged: PageCity) -> None:
    """SE-1: the twin of the above, with the same token."""
    answer = sqlite_paged.visitor.confirm(_one_channel(sqlite_paged))
    assert answer.status == 403
    assert sqlite_paged.suspensions() == []


def test_a_used_code_sent_again_and_again_fills_no_record(
    sqlite_paged: PageCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SE-1: the local file may still list it; after its first refusal it is asked of the store first, like any guess."""
    monkeypatch.setattr(throttle, "LONGEST_S", 0.0)
    sqlite_paged.visitor.stop(sqlite_paged.codes[0])
    for _ in range(15):
        assert sqlite_paged.visitor.confirm(sqlite_paged.codes[0]).status == 403
    until(lambda: len(sqlite_paged.refusals()) >= refusal_log.FIRST, "the first few are entered")
    assert len(sqlite_paged.refusals()) <= refusal_log.FIRST + 2


def test_wrong_answers_come_later_each_time(sqlite_paged: PageCity) -> None:
    """SE-1: a damper on guessing; the right one right after it is not slowed."""
    took = []
    for number in range(3):
        began = clock.boot_s()
        sqlite_paged.visitor.confirm(_guess(number), form="f")
        took.append(clock.boot_s() - began)
    assert 0.4 < took[0] < took[1] < took[2]
    began = clock.boot_s()
    sqlite_paged.visitor.stop(sqlite_paged.live.tokens["dora"])
    assert clock.boot_s() - began < took[2]


def test_a_body_that_is_too_large_is_not_read(sqlite_paged: PageCity) -> None:
    """SE-4: 8 KB hold every form; with a length and without, nothing is suspended."""
    token = sqlite_paged.live.tokens["dora"]
    answer = sqlite_paged.visitor.confirm(token, form="f", reason="x" * 8192)
    assert (answer.status, "NOTHING IS SUSPENDED" in answer.text) == (413, True)
    many = {f"f{number}": "" for number in range(20)}
    assert sqlite_paged.visitor.confirm(token, form="f", **many).status == 413
    assert sqlite_paged.suspensions() == []
    longest = sqlite_paged.visitor.confirm(token, form="f", reason="é" * 1000)
    assert longest.status == 303
    assert [len(item.reason) for item in sqlite_paged.suspensions()] == [500]


def test_a_phone_that_is_gone_ends_no_stop(sqlite_paged: PageCity) -> None:
    """KS-1: the connection is cut as soon as the form is sent; the stop goes on to its end."""
    body = f"form=f&credential={sqlite_paged.live.tokens['dora']}".encode()
    head = b"POST /stop HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with ExitStack() as stack:
        _hold(stack, sqlite_paged.visitor.port, head + body)
    until(sqlite_paged.suspensions, "the stop is recorded")
    until(lambda: sqlite_paged.live.run("crisis", "status").returncode == 0, "and quiet")


def _hold(stack: ExitStack, visitor_port: int, sent: bytes) -> socket.socket:
    held = stack.enter_context(socket.create_connection(("127.0.0.1", visitor_port), timeout=20))
    held.sendall(sent)
    return held


SLOW = [
    b"",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    b"POST /stop HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ncred",
]


@pytest.mark.parametrize("sent", SLOW)
def test_who_dawdles_is_hung_up_on(sqlite_paged: PageCity, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """SE-1: a request must be there in time, its headers and its body."""
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    with ExitStack() as stack:
        held = _hold(stack, sqlite_paged.visitor.port, sent)
        assert held.recv(1) == b""


@pytest.mark.parametrize("sent", SLOW)
def test_a_full_room_keeps_nobody_out(sqlite_paged: PageCity, sent: bytes) -> None:
    """SE-1: with more connections held open than there is room for, the idlest goes and the right one comes in."""
    with ExitStack() as stack:
        held = [_hold(stack, sqlite_paged.visitor.port, sent) for _ in range(connections.MOST + 20)]
        began = clock.boot_s()
        sqlite_paged.visitor.stop(sqlite_paged.live.tokens["dora"])
        assert clock.boot_s() - began < 5.0
        held[0].settimeout(connections.REQUEST_S / 4)
        assert held[0].recv(1) == b"", "the one that was idle for longest"
        held[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            held[-1].recv(1)
    assert len(sqlite_paged.suspensions()) == 1


def test_headers_without_end_are_refused(sqlite_paged: PageCity) -> None:
    """SE-4: and the page is there for the next one."""
    with ExitStack() as stack:
        held = _hold(stack, sqlite_paged.visitor.port, b"GET / HTTP/1.1\r\nX: " + b"y" * (server.MOST_HEADERS * 2))
        assert held.recv(20).startswith(b"HTTP/1.1 400")
    assert sqlite_paged.visitor.get().status == 200


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate and key for 127.0.0.1, in one file."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), *about]
    subprocess.run(made, check=True, capture_output=True)
    cert.write_text(cert.read_text() + key.read_text())
    return cert


def test_the_page_speaks_tls_itself_and_waits_for_no_handshake(sqlite_paged: PageCity, certificate: Path) -> None:
    """SE-1: those who never finish a handshake are counted and hung up on like the rest."""
    given = {"stop_page": "127.0.0.1:0", "stop_page_certificate": certificate, "stop_page_key": certificate}
    doorway = Doorway.of(essentials.merged(), given)
    with ExitStack() as stack:
        url = stack.enter_context(server.served(doorway, essentials.merged, lambda *_: None)).url
        assert url.startswith("https://")
        port = int(url.rstrip("/").rpartition(":")[2])
        for _ in range(connections.MOST + 20):
            _hold(stack, port, b"\x16\x03")
        context = ssl.create_default_context(cafile=str(certificate))
        raw = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as secured:
            secured.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while piece := secured.recv(65536):
                answer += piece
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"strict-transport-security: max-age" in answer.lower()
    assert b"Stop everything" in answer
