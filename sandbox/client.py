"""A small client of the sandbox for tests, demonstrations and training: starts the process and speaks to it.

with client.start(folder / "arrivals.jsonl") as box:
    box.fault("reset_after", platform="x")
    ...
    assert [line.text for line in box.arrivals()] == ["Hello"]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import requests

from sandbox import arrivals
from sandbox.arrivals import Arrival

TIMEOUT_S = 30
Kinds = Literal["publish", "other", "fired", "all"]


class SandboxError(RuntimeError):
    """The sandbox did not start, or did not take what was asked of it; the message is one line."""


class Client:
    """One sandbox: its `url` and its arrival log. Every method raises SandboxError."""

    def __init__(self, url: str, log: Path, pid: int) -> None:
        self.url, self.log, self.pid = url, log, pid
        self._session = requests.Session()
        self._session.trust_env = False

    def _ask(self, method: str, name: str, content: Mapping[str, Any] | None = None) -> Any:
        try:
            answer = self._session.request(method, f"{self.url}/_sandbox/{name}", json=content, timeout=TIMEOUT_S)
            told = answer.json()
        except requests.RequestException as error:
            raise SandboxError(f"the sandbox at {self.url} does not answer: {type(error).__name__}") from error
        if answer.status_code != 200:
            raise SandboxError(f"{method} {name}: {told['error']}")
        return told

    def arrivals(self, kind: Kinds = "publish", *, accepted: bool | None = None) -> list[Arrival]:
        """What arrived since the last reset, oldest first, read from the log's file (so also after the process ended).

        `accepted` keeps only the requests the platform took (True) or did not (False).
        """
        lines = arrivals.since_reset(arrivals.read(self.log))
        return [
            line for line in lines if kind in ("all", line.kind) and accepted in (None, line.accepted)
        ]  # fmt: skip

    def fault(self, name: str, **rule: Any) -> None:
        """Let the next `count` (1; None: all) requests that match meet the fault `name`; see `sandbox.rules`.

        Matching: platform, account, text (a part of it), path (a regular expression), kind (``publish`` unless a path is
        given), probability with seed. Shape: seconds, megabytes, to, accept.
        """
        self._ask("POST", "faults", {"name": name, **rule})

    def faults(self) -> dict[str, str]:
        """Every fault there is, with one line that says what it does."""
        known: dict[str, str] = self._ask("GET", "faults")["known"]
        return known

    def active_faults(self) -> list[dict[str, Any]]:
        """The rules that were made, with how many requests each has met and still awaits."""
        active: list[dict[str, Any]] = self._ask("GET", "faults")["active"]
        return active

    def clear_faults(self) -> None:
        """Drop every fault."""
        self._ask("DELETE", "faults")

    def posts(self) -> list[dict[str, Any]]:
        """The posts that stand on the platforms, oldest first, each with its media and whether it is public."""
        posts: list[dict[str, Any]] = self._ask("GET", "posts")["posts"]
        return posts

    def plan(self, account: str, text: str, seconds: float) -> dict[str, Any]:
        """Put a post into the own scheduler of the Page whose token is `account`, as people do on the platform itself: it goes
        public after `seconds` (0 to 30 days; Facebook's interface for programs takes nothing sooner than 10 minutes).

        Returns its `id` and `at_us`, the moment (wall µs).
        """
        planned: dict[str, Any] = self._ask("POST", "plan", {"account": account, "text": text, "seconds": seconds})
        return planned

    def say(self, platform: str, owner: str, kind: str, text: str, **more: Any) -> str:
        """The id of what a member of the public writes to the account `owner` (X's user id, Facebook's page id).

        `kind`: see `sandbox.public`. More: `author`, `under` (the post or remark that is answered), `seconds_ago`.
        """
        said = {"platform": platform, "owner": owner, "kind": kind, "text": text, "author": "Pat Doe", **more}
        return str(self._ask("POST", "say", said)["id"])

    def reword(self, remark: str, text: str) -> None:
        """The member of the public changes it."""
        self._ask("POST", "reword", {"id": remark, "text": text})

    def unsay(self, remark: str) -> None:
        """The member of the public takes it back."""
        self._ask("POST", "unsay", {"id": remark})

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """The accounts that were seen: platform, account (the token), owner (user or page id), revoked."""
        accounts: list[dict[str, Any]] = self._ask("GET", "accounts")["accounts"]
        return accounts

    def revoke(self, token: str) -> None:
        """Refuse `token` from now on."""
        self._ask("POST", "revoke", {"token": token})

    def reset(self) -> None:
        """Forget posts, media, revoked tokens and faults; the log keeps its lines, and `arrivals` begins after them."""
        self._ask("POST", "reset")

    def close(self) -> None:
        """Release the connections."""
        self._session.close()


@contextmanager
def start(
    log: Path, *, state: Path | None = None, port: int = 0, environment: Mapping[str, str] | None = None
) -> Iterator[Client]:
    """A sandbox in a process of its own, which ends with the block (or with this process).

    `environment` is added to this process's own. Raises SandboxError when it does not start.
    """
    command = [sys.executable, "-m", "sandbox.server", "--with-stdin", "--log", str(log), "--port", str(port)]
    command += ["--state", str(state)] if state else []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(environment or {})
    ) as process:
        try:
            client = _connect(process, log)
            try:
                yield client
            finally:
                client.close()
        finally:
            _end(process)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    # The child must find this package even where it is imported from a checkout.
    here = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH", "")) if part)
    return {**os.environ, "PYTHONPATH": path, **more}


def _connect(process: subprocess.Popen[bytes], log: Path) -> Client:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SandboxError(f"the sandbox did not start (exit code {process.wait()}): its own message is above")
    told = json.loads(line)
    return Client(told["url"], log, told["pid"])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
