"""The public, as tests and training play it: what people write to the city's accounts, change and take back."""

from __future__ import annotations

from typing import Any

from config import clock
from sandbox.exchange import Sandbox
from sandbox.state import Remark

KINDS = {"x": ("mention", "reply", "aside"), "facebook": ("comment", "visitor", "tagged")}
"""By platform. ``aside``: a reply further down in a conversation, which does not mention the account. ``visitor``: a post on
the Page; ``tagged``: a post elsewhere that names the Page."""
ANSWERS = ("reply", "aside", "comment")
"""Kinds that stand under something."""
LONGEST_AGO_S = 90 * 86400


def say(sandbox: Sandbox, content: dict[str, Any]) -> Any:
    """Somebody writes; the answer is its `id` and `at_us`. Raises ValueError."""
    platform, kind = content.get("platform"), content.get("kind")
    if platform not in KINDS or kind not in KINDS[platform]:
        raise ValueError(f"platform={platform!r}, kind={kind!r}: use one of {KINDS}")
    owner, author = (_text(content, name) for name in ("owner", "author"))
    under, root = _place(sandbox, kind, content.get("under") or "")
    at_us = clock.wall_us() - int(_ago(content) * clock.SECOND)
    number = str(10**9 + sum(author.encode()))
    remark = Remark("", platform, owner, kind, number, author, at_us, (), under, root)
    return {"id": sandbox.state.add_remark(remark, _text(content, "text")).id, "at_us": at_us}


def reword(sandbox: Sandbox, content: dict[str, Any]) -> Any:
    """Somebody changes what they wrote. Raises ValueError."""
    sandbox.state.reword(_known(sandbox, content), _text(content, "text"))
    return {}


def unsay(sandbox: Sandbox, content: dict[str, Any]) -> Any:
    """Somebody takes back what they wrote. Raises ValueError."""
    sandbox.state.unsay(_known(sandbox, content))
    return {}


def _place(sandbox: Sandbox, kind: str, under: str) -> tuple[str, str]:
    """What a remark answers, and the post at the head of that conversation."""
    if kind not in ANSWERS:
        return "", ""
    known = sandbox.state.remarks.get(under)
    if known is None and under not in sandbox.state.posts:
        raise ValueError(f"under={under!r} is no post or remark: name what it answers")
    return under, (known.root or known.id) if known is not None else under


def _known(sandbox: Sandbox, content: dict[str, Any]) -> str:
    found = content.get("id")
    if not isinstance(found, str) or found not in sandbox.state.remarks:
        raise ValueError(f"id={found!r} is no remark: name one that `say` has made")
    return found


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}={value!r} is no text")
    return value


def _ago(content: dict[str, Any]) -> float:
    value = content.get("seconds_ago", 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= LONGEST_AGO_S:
        raise ValueError(f"seconds_ago={value!r} is not a number from 0 to {LONGEST_AGO_S}")
    return float(value)
