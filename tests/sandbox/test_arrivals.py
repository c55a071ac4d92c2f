"""The arrival log is the only judge: exactly one line per request, before any answer, whatever happens next."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from config import clock
from sandbox import arrivals, client
from sandbox.client import Client
from tests.sandbox.test_faults import connected, everything, post, raw_request, wait_for


def test_the_line_stands_before_the_answer(box: Client) -> None:
    """KS-2 (the judge): when the first byte of an answer is seen, its line is in the file."""
    for number in range(50):
        with connected(box) as connection:
            connection.sendall(raw_request(f"Post {number}"))
            connection.recv(1)
            assert box.arrivals()[-1].text == f"Post {number}"


def test_a_client_killed_before_its_answer_is_in_the_log_once(box: Client) -> None:
    """I3 (the judge): kill -9 of the sender while it waits leaves one accepted line."""
    box.fault("delay", seconds=30)
    source = (
        "import socket, sys; c = socket.create_connection(('127.0.0.1', int(sys.argv[1])));"
        "c.sendall(sys.stdin.buffer.read()); c.recv(1)"
    )
    port = box.url.rpartition(":")[2]
    with subprocess.Popen([sys.executable, "-c", source, port], stdin=subprocess.PIPE) as sender:
        assert sender.stdin is not None
        sender.stdin.write(raw_request())
        sender.stdin.close()
        wait_for(box, 1)
        sender.send_signal(signal.SIGKILL)
    assert post(box, "facebook").ok
    assert [(line.platform, line.accepted) for line in box.arrivals()] == [("x", True), ("facebook", True)]


@pytest.mark.parametrize("cut", [1, 10])
def test_a_body_that_never_came_whole_is_incomplete(box: Client, cut: int) -> None:
    with connected(box) as connection:
        connection.sendall(raw_request()[:-cut])
        connection.shutdown(1)
        assert everything(connection) == b""
    (line,) = box.arrivals()
    assert (line.accepted, line.fault, line.remote_id, line.path) == (False, "incomplete", None, "/2/tweets")
    assert box.posts() == []


def test_a_body_of_unknown_or_absurd_length_is_incomplete(box: Client) -> None:
    head = b"POST /2/tweets HTTP/1.1\r\nAuthorization: Bearer 1-a\r\n"
    for header in (
        b"",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 99999999999\r\n",
        b"Content-Length: -1\r\n",
    ):
        with connected(box) as connection:
            connection.sendall(head + header + b"\r\n")
            assert everything(connection) == b""
    assert [(line.accepted, line.fault) for line in box.arrivals()] == [(False, "incomplete")] * 4


def test_a_frozen_sender_is_incomplete_when_the_sandbox_ends(tmp_path: Path) -> None:
    with client.start(tmp_path / "log") as box, connected(box) as connection:
        connection.sendall(raw_request()[:-5])
        assert post(box, "x", "Whole").ok
        os.kill(box.pid, signal.SIGTERM)
        assert everything(connection) == b""
        assert [(line.text, line.fault) for line in wait_for(box, 2)] == [("Whole", None), ("", "incomplete")]


def test_fifty_threads_leave_exactly_their_lines(box: Client) -> None:
    def send(number: int) -> str:
        return str(post(box, "x", f"Post {number}").json()["data"]["id"])

    before = clock.boot_ns()
    with ThreadPoolExecutor(50) as pool:
        ids = list(pool.map(send, range(400)))
    lines = box.arrivals()
    assert [line.seq for line in lines] == list(range(lines[0].seq, lines[0].seq + 400))
    assert {line.text: line.remote_id for line in lines} == {f"Post {n}": ids[n] for n in range(400)}
    assert len(set(ids)) == 400
    assert all(before <= line.boot_ns <= clock.boot_ns() for line in lines)


def test_publish_arrivals_are_apart_from_others(box: Client) -> None:
    headers = {"Authorization": "Bearer 1-a"}
    post(box, "x")
    requests.get(f"{box.url}/2/users/me", headers=headers, timeout=5)
    requests.delete(f"{box.url}/2/tweets/{box.posts()[0]['id']}", headers=headers, timeout=5)
    assert [line.kind for line in box.arrivals("all")] == ["publish", "other", "other"]
    assert [line.method for line in box.arrivals("other")] == ["GET", "DELETE"]
    assert len(box.arrivals()) == len(box.arrivals(accepted=True)) == 1
    assert box.arrivals(accepted=False) == []


def test_the_log_only_grows_and_a_reset_leaves_a_mark(box: Client) -> None:
    post(box, "x")
    before = box.log.read_bytes()
    box.reset()
    assert box.arrivals("all") == []
    post(box, "x")
    assert len(box.arrivals()) == 1
    assert box.log.read_bytes().startswith(before)
    told = requests.get(f"{box.url}/_sandbox/arrivals", timeout=5).json()["arrivals"]
    assert [line["seq"] for line in told] == list(range(1, len(told) + 1))


def test_the_idempotency_key_is_noted(box: Client) -> None:
    headers = {"Authorization": "Bearer 1-a", "Idempotency-Key": "post-7"}
    post(box, "x", headers=headers)
    assert [line.key for line in box.arrivals()] == ["post-7"]


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    log, state = tmp_path / "log", tmp_path / "state"
    with client.start(log, state=state) as box:
        post(box, "x")
        box.revoke("gone")
        before = box.posts()
        os.kill(box.pid, signal.SIGKILL)
    with client.start(log, state=state) as box:
        assert box.posts() == before
        assert post(box, "x").status_code == 403
        post(box, "x", "Other")
        answer = post(box, "x", headers={"Authorization": "Bearer gone"})
        assert answer.status_code == 401
        assert [line.seq for line in box.arrivals()] == [1, 2, 3, 4]


def test_a_file_that_is_no_log_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"seq": 1}\n')
    with pytest.raises(ValueError, match="log:1 is not a line"):
        arrivals.read(tmp_path / "log")


def test_a_line_that_is_being_written_is_not_read(box: Client, tmp_path: Path) -> None:
    post(box, "x")
    copy = tmp_path / "log"
    copy.write_bytes(box.log.read_bytes() + b'{"seq": 99')
    assert arrivals.read(copy) == arrivals.read(box.log)


def test_the_rehearsal_clock_rules_the_posts(tmp_path: Path) -> None:
    start_us = 4_102_444_800 * clock.SECOND
    rehearsal = clock.RehearsalClock(start_us, clock.boot_ns(), 1000.0)
    with client.start(tmp_path / "log", environment={clock.REHEARSAL_VARIABLE: rehearsal.variable()}) as box:
        post(box, "x")
        (made,) = box.posts()
        assert start_us <= made["created_us"] <= rehearsal.wall_us()
        assert made["created_us"] >= box.arrivals()[0].wall_us >= start_us
        assert json.loads(box.log.read_text())["boot_ns"] <= clock.boot_ns()


def test_a_text_may_come_again_after_a_day(tmp_path: Path) -> None:
    rehearsal = clock.RehearsalClock(4_102_444_800 * clock.SECOND, clock.boot_ns(), 20_000.0)
    with client.start(tmp_path / "log", environment={clock.REHEARSAL_VARIABLE: rehearsal.variable()}) as box:
        assert [post(box, "x").status_code, post(box, "x").status_code] == [201, 403]
        tomorrow_us = box.posts()[0]["created_us"] + 24 * 3600 * clock.SECOND
        threading.Event().wait((tomorrow_us - rehearsal.wall_us()) / clock.SECOND / rehearsal.factor)
        assert post(box, "x").status_code == 201
