"""The sandbox's process: how it starts, what it refuses, when it ends, and what bad input does to it."""

from __future__ import annotations

import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from sandbox import client
from sandbox.client import Client, SandboxError
from tests.sandbox.test_faults import connected, everything

PATIENCE_S = 20
ROOT = Path(client.__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "sandbox.server", "--log"]


@contextmanager
def launched(log: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The server's process; what still runs at the end of the block is killed."""
    pipe = subprocess.PIPE
    command = [*COMMAND, str(log), *more]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[bytes]) -> dict[str, object]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


def test_one_line_tells_where_it_listens_and_sigterm_ends_it(tmp_path: Path) -> None:
    with launched(tmp_path / "log") as process:
        line = told(process)
        assert line["pid"] == process.pid
        health = requests.get(f"{line['url']}/_sandbox/health", timeout=5).json()
        assert (health["ok"], health["pid"], health["arrivals"]) == (True, process.pid, 0)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out, err) == (0, b"", b"")


def test_it_ends_at_once_while_clients_are_held(tmp_path: Path) -> None:
    with client.start(tmp_path / "log") as box, connected(box) as connection:
        box.fault("timeout_before", seconds=3600, path=".")
        connection.sendall(b"GET /2/users/me HTTP/1.1\r\nAuthorization: Bearer a\r\n\r\n")
        os.kill(box.pid, signal.SIGTERM)
        assert everything(connection) == b""


def test_it_ends_with_its_standard_input(tmp_path: Path) -> None:
    with launched(tmp_path / "log", "--with-stdin") as process:
        told(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    source = (
        "import sys; from pathlib import Path; from sandbox import client\n"
        "with client.start(Path(sys.argv[1])) as box: print(box.pid, flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", source, str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT) as parent:
        assert parent.stdout is not None
        watch = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            assert select.select([watch], [], [], PATIENCE_S)[0] == [watch]
        finally:
            os.close(watch)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "", "example.org", "localhost"])
def test_it_refuses_what_is_not_loopback(tmp_path: Path, host: str) -> None:
    with launched(tmp_path / "log", "--host", host) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (1, b"")
    assert err.decode() == f"sandbox: --host {host} is not a loopback address: use 127.0.0.1\n"


@pytest.mark.parametrize(
    ("more", "named"),
    [(["--port", "70000"], "port"), (["--state", "/dev/null/x"], "/dev/null/x")],
)
def test_what_cannot_begin_says_so_in_one_line(tmp_path: Path, more: list[str], named: str) -> None:
    with launched(tmp_path / "log", *more) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out, err.count(b"\n")) == (1, b"", 1)
    assert named in err.decode()


def test_a_log_that_is_not_one_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("Dear diary\n")
    with launched(tmp_path / "log") as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert err.decode() == f"sandbox: {tmp_path / 'log'}:1 is not a line of an arrival log: name another file\n"
    assert (tmp_path / "log").read_text() == "Dear diary\n"


def test_a_log_that_cannot_be_written_ends_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with launched(log) as process:
        url = told(process)["url"]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (10, 10))
        with pytest.raises(requests.ConnectionError):
            requests.post(f"{url}/2/tweets", json={"text": "x"}, headers={"Authorization": "Bearer a"}, timeout=5)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert err.decode().startswith(f"sandbox: cannot write the arrival log {log}: 10 of ")
    with launched(log) as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert err.decode() == f"sandbox: {log} ends in the middle of a line: name another file\n"


def test_a_log_must_be_a_file() -> None:
    with launched(Path("/dev/full")) as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (1, b"sandbox: /dev/full is not a regular file: name another file\n")


def test_a_client_learns_that_it_did_not_start(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SandboxError, match="did not start"), client.start(tmp_path):
        pass
    assert capfd.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "faults", b"{", 400),
        ("POST", "faults", b"[]", 400),
        ("POST", "faults", b"\xff\xfe", 400),
        ("POST", "faults", b"[" * 100_000, 400),
        ("POST", "faults", b"{}", 400),
        ("POST", "revoke", b"{}", 400),
        ("POST", "revoke", b'{"token": 7}', 400),
        ("GET", "nothing", b"", 404),
        ("DELETE", "posts", b"", 404),
    ],
)
def test_bad_control_input_is_one_line(box: Client, method: str, path: str, body: bytes, status: int) -> None:
    answer = requests.request(method, f"{box.url}/_sandbox/{path}", data=body, timeout=5)
    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]
    assert "Traceback" not in answer.text


PATHS = [
    "/2/tweets",
    "/2/media/upload",
    "/2/media/metadata",
    "/1/feed",
    "/1/photos",
    "/v26.0/me/feed",
    "//[",
    "/_sandbox/faults",
]
TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "multipart/form-data; boundary=\xff",
]
BODIES = [
    b'{"text": "\\ud800"}',
    b'{"text": 7, "media": []}',
    b'{"media": {"media_ids": [[]]}}',
    b'{"media": "\xc3\xa9"}',
    b'{"id": [], "metadata": 1}',
    b"message=%ff%00&access_token=%ff&attached_media[0]=[]",
    b'--b\r\nContent-Disposition: form-data; name="message"\r\n\r\nHi\r\n--b--\r\n',
    b"--b\r\nContent-Disposition: form-data; name*=utf-9''%ff\r\n\r\n\xff\r\n--b",
    b"--b\r\n\r\n--b\r\nContent-Type: multipart/mixed\r\n\r\nx",
    b"[" * 10_000,
]


def test_no_input_makes_it_stumble(tmp_path: Path) -> None:
    chance = random.Random(2)
    with launched(tmp_path / "log") as process:
        url, sent = told(process)["url"], 0
        with requests.Session() as session:
            for path in PATHS:
                for kind in TYPES:
                    for body in (*BODIES, chance.randbytes(300)):
                        headers = {"Content-Type": kind.encode("latin-1"), "Authorization": b"Bearer a"}
                        answer = session.post(f"{url}{path}", data=body, headers=headers, timeout=5)
                        assert answer.status_code < 500, (path, kind, body)
                        sent += 1
        health = requests.get(f"{url}/_sandbox/health", timeout=5).json()
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE_S)
    assert err == b""
    assert health["arrivals"] == sent - sent // len(PATHS)
