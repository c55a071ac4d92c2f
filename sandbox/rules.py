"""Which requests meet which fault: the rules that are active, checked where they are made."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from typing import Any

from sandbox.faults import FAULTS, Fault, Options
from sandbox.messages import Call, Request

MAX_SECONDS = 3600
MAX_MEGABYTES = 1024


class BadRule(ValueError):
    """A rule that cannot be made; the message is one line that says why."""


class Rule:
    """One active fault. It meets the next `remaining` requests that match (None: all of them)."""

    def __init__(self, name: str, fault: Fault, content: Mapping[str, Any]) -> None:
        """The rule that `content` asks for. Raises BadRule."""
        self.name, self.fault = name, fault
        self.remaining: int | None = _whole(content, "count", 1, 10**9, default=1)
        self.hits = 0
        self.probability = _number(content, "probability", 1.0, default=1.0)
        self._random = random.Random(_whole(content, "seed", 0, 2**63, default=0))  # noqa: S311
        self.options = Options(
            seconds=_number(content, "seconds", MAX_SECONDS, default=Options.seconds),
            megabytes=_whole(content, "megabytes", 1, MAX_MEGABYTES, default=Options.megabytes) or 1,
            to=_location(content),
        )
        self._match(content)
        accept = content.get("accept")
        if accept is not None and not isinstance(accept, bool):
            raise BadRule(f"accept={accept!r} is neither true nor false")
        self.accepts = fault.accepts if accept is None else accept

    def _match(self, content: Mapping[str, Any]) -> None:
        self._platform = _choice(content, "platform", ("x", "facebook")) or self.fault.platform
        if self.fault.platform not in (None, self._platform):
            raise BadRule(f"{self.name} is a fault of {self.fault.platform}, not of {self._platform}")
        pattern = _text(content, "path")
        kind = _choice(content, "kind", ("publish", "other", "any"))
        # Who names no path means the call that publishes, not the upload or the list before it.
        self._kind = kind or ("any" if pattern else "publish")
        self._account, self._text = content.get("account"), _text(content, "text")
        _text(content, "account")
        try:
            self._path = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise BadRule(f"path={pattern!r} is not a regular expression: {error}") from None

    def meets(self, request: Request, call: Call) -> bool:
        """True when this rule takes `request`; one that it takes is counted."""
        if self.remaining == 0 or not self._matches(request, call):
            return False
        if self._random.random() >= self.probability:
            return False
        self.remaining = None if self.remaining is None else self.remaining - 1
        self.hits += 1
        return True

    def _matches(self, request: Request, call: Call) -> bool:
        return (
            self._platform in (None, call.platform)
            and self._kind in ("any", call.kind)
            and self._account in (None, call.account)
            and self._text in call.text
            and bool(self._path.search(request.path) or self._path.search(f"{request.method} {request.path}"))
        )

    def shown(self) -> dict[str, Any]:
        """The rule for the control plane."""
        return {"name": self.name, "remaining": self.remaining, "hits": self.hits, "accept": self.accepts}


KEYS = frozenset(
    (
        "name",
        "count",
        "probability",
        "seed",
        "seconds",
        "megabytes",
        "to",
        "platform",
        "path",
        "kind",
        "account",
        "text",
    )
) | {"accept"}


def make_rule(content: Mapping[str, Any]) -> Rule:
    """The rule that `content` asks for. Raises BadRule naming the value that is wrong."""
    unknown = sorted(set(content) - KEYS)
    if unknown:
        raise BadRule(f"{unknown[0]!r} is not known: use {', '.join(sorted(KEYS))}")
    name = content.get("name")
    if not isinstance(name, str) or name not in FAULTS:
        raise BadRule(f"name={name!r} is not a fault: use one of {', '.join(FAULTS)}")
    return Rule(name, FAULTS[name], content)


class Rules:
    """The active rules, oldest first; the caller serialises their use."""

    def __init__(self) -> None:
        self.active: list[Rule] = []

    def take(self, request: Request, call: Call) -> Rule | None:
        """The first rule that meets `request`."""
        return next((rule for rule in self.active if rule.meets(request, call)), None)


def _whole(content: Mapping[str, Any], key: str, low: int, high: int, *, default: int) -> int | None:
    value = content.get(key, default)
    if value is None and key == "count":
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadRule(f"{key}={value!r} is not a whole number from {low} to {high}")
    return value


def _number(content: Mapping[str, Any], key: str, high: float, *, default: float) -> float:
    value = content.get(key, default)
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not 0 <= value <= high:
        raise BadRule(f"{key}={value!r} is not a number from 0 to {high:g}")
    return float(value)


def _text(content: Mapping[str, Any], key: str) -> str:
    value = content.get(key)
    if value is not None and not isinstance(value, str):
        raise BadRule(f"{key}={value!r} is not text")
    return value or ""


def _choice(content: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str | None:
    value = content.get(key)
    if value is not None and value not in choices:
        raise BadRule(f"{key}={value!r} is none of {', '.join(choices)}")
    return value


def _location(content: Mapping[str, Any]) -> str:
    to = _text(content, "to")
    # Only a path of the sandbox itself: a redirect must not lead a client off this machine.
    if to and (not re.fullmatch(r"/[!-~]*", to) or to.startswith("//")):
        raise BadRule(f"to={to!r} is not a path that begins with one /")
    return to
