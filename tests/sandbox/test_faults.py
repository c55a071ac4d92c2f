"""Every fault, seen by a bare client: what comes over the wire, and what the log and the platform say of it."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from config import clock
from sandbox.arrivals import Arrival
from sandbox.client import Client, SandboxError

ACCEPTING = {"timeout_after", "reset_after", "slow_body", "slow_headers", "half_body"}
ACCEPTING |= {"garbage", "no_id", "huge_body", "delay", "late"}
PATIENCE_S = 20
PLATFORMS = ("x", "facebook")


def post(box: Client, platform: str, text: str = "Hello", **more: Any) -> requests.Response:
    if platform == "x":
        kind: dict[str, Any] = {"json": {"text": text}, "headers": {"Authorization": "Bearer 1-a"}}
    else:
        kind = {"data": {"message": text, "access_token": "1-a"}}
    path = "/2/tweets" if platform == "x" else "/v26.0/1/feed"
    return requests.post(box.url + path, **{"timeout": 10, "allow_redirects": False, **kind, **more})


def raw_request(text: str = "Hello") -> bytes:
    body = json.dumps({"text": text}).encode()
    head = f"POST /2/tweets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer 1-a\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def connected(box: Client) -> Iterator[socket.socket]:
    parts = urlsplit(box.url)
    with closing(socket.create_connection((parts.hostname, parts.port or 0), timeout=10)) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side ends."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def wait_for(box: Client, number: int) -> list[Arrival]:
    """The publish arrivals, once there are `number` of them."""
    end = clock.boot_s() + PATIENCE_S
    while len(lines := box.arrivals()) < number:
        assert clock.boot_s() < end, f"only {len(lines)} of {number} arrivals"
        os.sched_yield()
    return lines


def outcome(box: Client) -> tuple[bool, str | None, int]:
    """Of the only arrival: accepted, fault; and how many posts stand."""
    (arrival,) = box.arrivals()
    return arrival.accepted, arrival.fault, len(box.posts())


STATUSES = {"429": 429, "500": 500, "500_empty": 500, "502": 502, "503": 503, "401": 401, "403": 403}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", STATUSES)
def test_statuses(box: Client, platform: str, name: str) -> None:
    box.fault(name)
    answer = post(box, platform)
    assert answer.status_code == STATUSES[name]
    assert not {"retry-after", "x-rate-limit-reset"} & {header.lower() for header in answer.headers}
    assert outcome(box) == (False, name, 0)
    assert post(box, platform).ok


def test_bodies_of_statuses(box: Client) -> None:
    box.fault("500_empty")
    assert post(box, "facebook").json() == {}
    box.fault("502")
    assert "<html>" in post(box, "facebook").text
    box.fault("401")
    assert post(box, "facebook").json()["error"]["code"] == 190
    box.fault("401")
    assert post(box, "x").json()["title"] == "Unauthorized"


def test_429_says_when_as_asked(box: Client) -> None:
    box.fault("429_retry_after", seconds=7)
    answer = post(box, "x")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert "x-rate-limit-reset" not in answer.headers
    box.fault("429_reset", seconds=60)
    answer = post(box, "x")
    assert "Retry-After" not in answer.headers
    assert 55 <= int(answer.headers["x-rate-limit-reset"]) - clock.wall_us() // clock.SECOND <= 60


@pytest.mark.parametrize("code", [4, 17, 32, 100, 190, 341, 368, 506, 613])
def test_facebook_codes(box: Client, code: int) -> None:
    box.fault(f"graph_{code}")
    assert post(box, "x").ok
    error = post(box, "facebook", "Other").json()["error"]
    assert error["code"] == code
    assert [line.fault for line in box.arrivals()] == [None, f"graph_{code}"]
    assert len(box.posts()) == 1


@pytest.mark.parametrize("name", ["timeout_before", "timeout_after"])
def test_timeouts_end_with_the_client_s_patience(box: Client, name: str) -> None:
    box.fault(name, seconds=60)
    with pytest.raises(requests.ReadTimeout):
        post(box, "x", timeout=0.2)
    accepted = name in ACCEPTING
    assert outcome(box) == (accepted, name, int(accepted))


@pytest.mark.parametrize("name", ["timeout_before", "timeout_after"])
def test_timeouts_end_after_their_seconds(box: Client, name: str) -> None:
    box.fault(name, seconds=0.2)
    before = clock.boot_s()
    with connected(box) as connection:
        connection.sendall(raw_request())
        assert everything(connection) == b""
    assert 0.2 <= clock.boot_s() - before < 5


@pytest.mark.parametrize("name", ["reset_before", "reset_after"])
def test_resets_are_resets(box: Client, name: str) -> None:
    box.fault(name)
    with connected(box) as connection:
        connection.sendall(raw_request())
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    accepted = name in ACCEPTING
    assert outcome(box) == (accepted, name, int(accepted))


def test_half_a_body_is_an_orderly_end(box: Client) -> None:
    box.fault("half_body")
    with connected(box) as connection:
        connection.sendall(raw_request())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()
    assert len(caught.value.partial) == int(answer.headers["Content-Length"]) // 2
    assert outcome(box) == (True, "half_body", 1)


@pytest.mark.parametrize("name", ["slow_body", "slow_headers"])
def test_drips_take_their_time(box: Client, name: str) -> None:
    box.fault(name, seconds=0.5)
    with connected(box) as connection:
        connection.sendall(raw_request())
        pieces, before = [connection.recv(65536)], clock.boot_s()
        while not pieces[-1].endswith(b"}"):
            pieces.append(connection.recv(65536))
    assert (b"\r\n\r\n" in pieces[0]) == (name == "slow_body")
    assert len(pieces) > 20
    assert clock.boot_s() - before > 0.3
    assert outcome(box) == (True, name, 1)


def test_garbage_and_no_id_are_200(box: Client) -> None:
    box.fault("garbage")
    answer = post(box, "x")
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    expected: list[tuple[str, dict[str, Any]]] = [("x", {"data": {}}), ("facebook", {})]
    for platform, content in expected:
        box.fault("no_id")
        answer = post(box, platform, "Other")
        assert (answer.status_code, answer.json()) == (200, content)
    assert len(box.posts()) == 3


def test_a_huge_body_is_huge(box: Client) -> None:
    box.fault("huge_body", megabytes=3)
    answer = post(box, "x")
    assert len(answer.content) > 3_000_000
    assert answer.json()["data"]["id"] == box.posts()[0]["id"]
    assert outcome(box) == (True, "huge_body", 1)


@pytest.mark.parametrize(("status", "kind"), [(302, "other"), (307, "publish")])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_log_shows_who_followed_a_redirect(box: Client, platform: str, status: int, kind: str) -> None:
    box.fault(f"redirect_{status}")
    answer = post(box, platform)
    assert answer.status_code == status
    assert outcome(box) == (False, f"redirect_{status}", 0)
    assert len(box.arrivals("all")) == 1
    box.fault(f"redirect_{status}")
    post(box, platform, allow_redirects=True)
    followed = box.arrivals("all")[-1]
    assert (followed.kind, followed.path.startswith("/redirected/")) == (kind, True)
    assert len(box.posts()) == (1 if kind == "publish" else 0)


def test_a_redirect_leads_where_it_was_told(box: Client) -> None:
    box.fault("redirect_307", to="/elsewhere/x")
    assert post(box, "x").headers["Location"] == "/elsewhere/x"


def test_a_delayed_answer_is_done_at_once(box: Client) -> None:
    box.fault("delay", seconds=0.3)
    before = clock.boot_s()
    answer = post(box, "x")
    assert clock.boot_s() - before >= 0.3
    assert answer.json()["data"]["id"] == box.posts()[0]["id"]
    box.fault("delay", seconds=60)
    with pytest.raises(requests.ReadTimeout):
        post(box, "x", "Other", timeout=0.2)
    assert len(box.posts()) == 2


def test_a_late_request_counts_though_the_client_left(box: Client) -> None:
    box.fault("late", seconds=2)
    with pytest.raises(requests.ReadTimeout):
        post(box, "x", timeout=0.1)
    assert box.arrivals() == []
    post(box, "facebook")
    first, late = wait_for(box, 2)
    assert (late.text, late.fault, late.accepted) == ("Hello", "late", True)
    # Its moment is that of its arrival, before the request that was logged first.
    assert late.boot_ns < first.boot_ns


@pytest.mark.parametrize("name", ["slow_body", "half_body", "garbage", "timeout_after", "reset_after", "delay"])
def test_accept_false_turns_a_fault_round(box: Client, name: str) -> None:
    box.fault(name, accept=False, seconds=0.01)
    with connected(box) as connection:
        connection.sendall(raw_request())
        connection.settimeout(0.3)
        with suppress(TimeoutError, ConnectionResetError):
            connection.recv(65536)
    assert outcome(box) == (False, name, 0)


def test_accept_true_makes_a_500_a_lie(box: Client) -> None:
    box.fault("500", accept=True)
    assert post(box, "x").status_code == 500
    assert outcome(box) == (True, "500", 1)


def test_rules_match_and_count(box: Client) -> None:
    box.fault("503", text="pool", account="1-a", platform="x", count=2)
    assert post(box, "x", "The library opens").ok
    assert post(box, "facebook", "The pool opens").ok
    for _ in range(2):
        assert post(box, "x", "The pool opens").status_code == 503
    assert post(box, "x", "The pool opens").ok
    (rule,) = box.active_faults()
    assert (rule["hits"], rule["remaining"]) == (2, 0)


def test_without_a_path_only_what_publishes_is_met(box: Client) -> None:
    headers = {"Authorization": "Bearer 1-a"}
    box.fault("503")
    assert requests.get(f"{box.url}/2/users/me", headers=headers, timeout=5).ok
    box.clear_faults()
    box.fault("503", path="^/2/users/me$")
    assert post(box, "x").ok
    assert requests.get(f"{box.url}/2/users/me", headers=headers, timeout=5).status_code == 503
    box.fault("503", path="^DELETE ", count=None)
    for _ in range(3):
        assert requests.delete(f"{box.url}/2/tweets/1", headers=headers, timeout=5).status_code == 503


def test_chance_is_seeded(box: Client) -> None:
    def run() -> list[int]:
        box.reset()
        box.fault("503", probability=0.5, seed=7, count=None)
        return [post(box, "x", f"Post {number}").status_code for number in range(20)]

    first = run()
    assert set(first) == {201, 503}
    assert run() == first


def test_every_fault_is_named_with_what_it_does(box: Client) -> None:
    known = box.faults()
    assert {
        *STATUSES,
        "429_retry_after",
        "429_reset",
        "redirect_302",
        "redirect_307",
        "timeout_before",
    } < set(known)
    assert {"reset_before", "graph_190", *ACCEPTING} < set(known)
    assert all(known.values())


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"name": "earthquake"}, "'earthquake'"),
        ({"name": "503", "count": 0}, "count=0"),
        ({"name": "503", "count": True}, "count=True"),
        ({"name": "503", "seconds": -1}, "seconds=-1"),
        ({"name": "503", "seconds": "7"}, "seconds='7'"),
        ({"name": "503", "probability": 1.5}, "probability=1.5"),
        ({"name": "503", "path": "("}, "path='('"),
        ({"name": "503", "path": 7}, "path=7"),
        ({"name": "503", "platform": "fax"}, "platform='fax'"),
        ({"name": "503", "accept": "yes"}, "accept='yes'"),
        ({"name": "503", "account": 1}, "account=1"),
        ({"name": "503", "colour": "red"}, "'colour'"),
        ({"name": "graph_4", "platform": "x"}, "facebook"),
        ({"name": "redirect_302", "to": "//elsewhere.example/"}, "'//elsewhere.example/'"),
    ],
)
def test_a_bad_rule_is_refused_in_one_line(box: Client, rule: dict[str, Any], named: str) -> None:
    with pytest.raises(SandboxError) as caught:
        box.fault(**rule)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert box.active_faults() == []
