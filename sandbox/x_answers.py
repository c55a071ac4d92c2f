"""X's answers when it does not do what was asked, and how it reads parameters."""

from __future__ import annotations

from datetime import datetime

from config import clock
from sandbox.messages import Answer, json_answer


class Refusal(Exception):
    """X does not do it: `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def problem(status: int, title: str, detail: str) -> Answer:
    """An answer in X's shape for an error as a whole."""
    return json_answer(status, {"title": title, "detail": detail, "type": "about:blank", "status": status})


def invalid(message: str) -> Answer:
    """An answer in X's shape for parameters that are not valid."""
    return json_answer(
        400,
        {
            "errors": [{"parameters": {}, "message": message}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": "https://api.twitter.com/2/problems/invalid-request",
        },
    )


UNAUTHORIZED = problem(401, "Unauthorized", "Unauthorized")
NOT_FOUND = problem(404, "Not Found", "Not Found")


def moment(text: str | None, name: str) -> int | None:
    """`text` as wall time (µs), None when it was not sent. Raises Refusal."""
    if text is None:
        return None
    try:
        return clock.from_datetime(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise Refusal(invalid(f"The `{name}` query parameter value [{text}] is not a valid RFC 3339 time.")) from None


def number(text: str, low: int, high: int) -> int:
    """`text` as a whole number from `low` to `high`. Raises Refusal."""
    if text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high:
        return int(text)
    raise Refusal(invalid(f"[{text[:40]}] is not a number from {low} to {high}."))
