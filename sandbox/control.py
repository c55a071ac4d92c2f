"""The control plane under /_sandbox/: what tests and demonstrations ask of the sandbox itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from config import clock
from sandbox import arrivals, planner, public
from sandbox.exchange import Sandbox
from sandbox.faults import FAULTS
from sandbox.messages import Answer, Request, json_answer
from sandbox.rules import make_rule
from sandbox.state import Post, owner_of

PREFIX = "/_sandbox/"
MOST_AHEAD_S = 30 * 86400


def control(sandbox: Sandbox, request: Request) -> Answer:
    """The control plane's answer; a bad request gets 400 with one line under ``error``."""
    name = (request.method, request.path.removeprefix(PREFIX))
    if name not in ACTIONS:
        known = ", ".join(f"{method} {PREFIX}{path}" for method, path in ACTIONS)
        return json_answer(404, {"error": f"{request.method} {request.path} is not known: use {known}"})
    try:
        content = _content(request)
        with sandbox.lock:
            planner.fire(sandbox)
            return json_answer(200, ACTIONS[name](sandbox, content))
    except ValueError as error:
        return json_answer(400, {"error": " ".join(str(error).split())})


def _content(request: Request) -> dict[str, Any]:
    if not request.complete:
        raise ValueError("the body did not arrive whole: send it again")
    if request.method != "POST" or not request.body:
        return {}
    try:
        content = json.loads(request.body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON: send an object") from None
    if not isinstance(content, dict):
        raise ValueError(f"the body is {type(content).__name__}, not an object: send an object")
    return content


def _health(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    return {
        "ok": True,
        "pid": os.getpid(),
        "log": str(sandbox.log.path),
        "arrivals": sandbox.log.next_seq - 1,
    }


def _arrivals(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    return {"arrivals": [asdict(line) for line in arrivals.read(sandbox.log.path)]}


def _posts(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    media = sandbox.state.media
    posts = []
    for post in sandbox.state.posts.values():
        shown = [asdict(media[media_id]) for media_id in post.media_ids]
        posts.append({**asdict(post), "media": shown, "public": post.published})
    return {"posts": posts}


def _accounts(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    state = sandbox.state
    rows = [
        {"platform": platform, "account": token, "owner": owner_of(token), "revoked": token in state.revoked}
        for platform, tokens in sorted(state.accounts.items())
        for token in sorted(tokens)
    ]
    return {"accounts": rows}


def _faults(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    known = {name: fault.summary for name, fault in FAULTS.items()}
    return {"known": known, "active": [rule.shown() for rule in sandbox.rules.active]}


def _add_fault(sandbox: Sandbox, content: dict[str, Any]) -> Any:
    rule = make_rule(content)
    sandbox.rules.active.append(rule)
    return rule.shown()


def _clear_faults(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    sandbox.rules.active.clear()
    return {}


def _reset(sandbox: Sandbox, _: dict[str, Any]) -> Any:
    sandbox.state.reset()
    sandbox.rules.active.clear()
    sandbox.log.mark_reset()
    return {}


def _plan(sandbox: Sandbox, content: dict[str, Any]) -> Any:
    token, text, seconds = content.get("account"), content.get("text"), content.get("seconds")
    if not isinstance(token, str) or not token or not isinstance(text, str) or not text:
        raise ValueError(f"account={token!r} and text={text!r} must be text: whose planner, and what to post")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= MOST_AHEAD_S:
        raise ValueError(f"seconds={seconds!r} is not a number from 0 to {MOST_AHEAD_S}")
    now = clock.wall_us()
    moment = now + int(seconds * clock.SECOND)
    post = Post("", "facebook", owner_of(token), token, text, (), now, moment, published=False)
    return {"id": sandbox.state.add_post(post).id, "at_us": moment}


def _revoke(sandbox: Sandbox, content: dict[str, Any]) -> Any:
    token = content.get("token")
    if not isinstance(token, str) or not token:
        raise ValueError(f'token={token!r} is not a token: send {{"token": "..."}}')
    sandbox.state.revoke(token)
    return {}


ACTIONS: dict[tuple[str, str], Callable[[Sandbox, dict[str, Any]], Any]] = {
    ("GET", "health"): _health,
    ("GET", "arrivals"): _arrivals,
    ("GET", "posts"): _posts,
    ("GET", "accounts"): _accounts,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "plan"): _plan,
    ("POST", "reset"): _reset,
    ("POST", "revoke"): _revoke,
    ("POST", "say"): public.say,
    ("POST", "reword"): public.reword,
    ("POST", "unsay"): public.unsay,
}
