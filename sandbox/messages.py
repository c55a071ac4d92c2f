"""What crosses the sandbox: a request as it arrived, the call it means, the answer to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from sandbox.state import State

Platform = Literal["x", "facebook"]
Kind = Literal["publish", "other"]


@dataclass(frozen=True)
class Request:
    """One HTTP request. `boot_ns` and `wall_us` are the moment at which its last byte had been read."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    complete: bool
    boot_ns: int
    wall_us: int

    @property
    def path(self) -> str:
        """The path of the target, without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's fields; of a repeated field the last."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def header(self, name: str) -> str:
        """The value of header `name` (lower case), empty when it was not sent."""
        return self.headers.get(name, "")


@dataclass(frozen=True)
class Answer:
    """What the platform says. `remote_id` is the id of what the request made (or removed), if anything."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    remote_id: str | None = None

    @property
    def accepted(self) -> bool:
        """True when the platform did what was asked."""
        return 200 <= self.status < 300


def json_answer(
    status: int, content: Any, *, headers: Mapping[str, str] | None = None, remote_id: str | None = None
) -> Answer:
    """`content` as a JSON answer."""
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Answer(status, body, headers or {}, remote_id=remote_id)


@dataclass(frozen=True)
class Call:
    """What a request means: whose it is, what it would say, and `run`, which does it and gives the answer."""

    platform: Platform
    kind: Kind
    account: str
    text: str
    run: Callable[[State], Answer]
