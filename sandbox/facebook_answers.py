"""Graph's answers when it does not do what was asked, and how it reads parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from config import clock
from sandbox.messages import Answer, json_answer

VERSION = "v26.0"
MAX_PAGE = 100


class Refusal(Exception):
    """Graph does not do it: `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def graph_error(
    status: int, code: int | None, message: str, *, subcode: int | None = None, kind: str = "OAuthException"
) -> Answer:
    """An answer in Graph's shape for an error."""
    error: dict[str, Any] = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    return json_answer(status, {"error": {**error, "fbtrace_id": "SandboxTrace"}}, headers=headers())


def headers() -> dict[str, str]:
    """The headers of every Graph answer."""
    usage = json.dumps({"call_count": 1, "total_cputime": 1, "total_time": 1})
    return {"facebook-api-version": VERSION, "x-app-usage": usage}


def bad_parameter(message: str, *, subcode: int | None = None) -> Answer:
    """Graph's error 100."""
    return graph_error(400, 100, f"(#100) {message}", subcode=subcode)


BAD_TOKEN = graph_error(401, 190, "Invalid OAuth access token - Cannot parse access token", subcode=467)


def moment(text: str, name: str) -> int:
    """The field `name` as wall time (µs). Raises Refusal."""
    try:
        if re.fullmatch(r"-?\d{1,12}", text, re.ASCII):
            return int(text) * clock.SECOND
        return clock.from_datetime(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise Refusal(bad_parameter(f"Param {name} must be a unix time or an ISO 8601 time with a zone")) from None


def size_of(fields: Mapping[str, str]) -> int:
    """How many objects a page is to have. Raises Refusal."""
    text = fields.get("limit", "25")
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_PAGE):
        raise Refusal(bad_parameter(f"Param limit must be from 1 to {MAX_PAGE}"))
    return int(text)


def missing(method: str, name: str) -> Answer:
    """Graph's answer for an object that is not there, or not to be seen."""
    message = f"Unsupported {method} request. Object with ID '{name}' does not exist"
    return graph_error(400, 100, message, subcode=33, kind="GraphMethodException")
