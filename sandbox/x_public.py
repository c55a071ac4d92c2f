"""What X shows of the public: mentions, the search of conversations, and single posts by their ids."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from config import clock
from sandbox.messages import Answer, json_answer
from sandbox.state import Post, Remark, State
from sandbox.x_answers import Refusal, invalid, moment, number

MENTIONS = ("mention", "reply")
ALL = ("mention", "reply", "aside")
WEEK_US = 7 * 86400 * clock.SECOND
"""How far back the recent search reaches."""
LONGEST_QUERY = 512
MOST_IDS = 100


def route(path: str, query: Mapping[str, str]) -> Callable[[State], Answer] | None:
    """What answers a GET of `path`; None when it is not about the public."""
    if (about := re.fullmatch(r"/2/users/(\d+)/mentions", path)) is not None:
        return lambda state: mentions(state, about[1], query)
    if path == "/2/tweets/search/recent":
        return lambda state: search(state, query)
    return (lambda state: lookup(state, query)) if path == "/2/tweets" and "ids" in query else None


def mentions(state: State, owner: str, query: Mapping[str, str]) -> Answer:
    """The newest posts that mention `owner`."""
    return _listed(state.heard("x", owner, MENTIONS), query, "pagination_token", least=5)


def search(state: State, query: Mapping[str, str]) -> Answer:
    """The newest posts of the conversations that ``conversation_id:`` names."""
    wanted, start = query.get("query", ""), moment(query.get("start_time"), "start_time")
    roots = set(re.findall(r"conversation_id:(\d+)", wanted))
    if not roots or len(wanted) > LONGEST_QUERY:
        raise Refusal(invalid(f"The `query` must name conversations, in at most {LONGEST_QUERY} characters."))
    if start is not None and start < clock.wall_us() - WEEK_US:
        raise Refusal(invalid("Invalid 'start_time': it must lie within the last 7 days."))
    owners = {item.owner for item in state.remarks.values() if item.platform == "x"}
    found = [item for owner in owners for item in state.heard("x", owner, ALL) if item.root in roots]
    return _listed(sorted(found, key=lambda item: item.created_us, reverse=True), query, "next_token", least=10)


def lookup(state: State, query: Mapping[str, str]) -> Answer:
    """Posts by their ids, each in the version that the id names."""
    ids = [item for item in query.get("ids", "").split(",") if item]
    if not 1 <= len(ids) <= MOST_IDS:
        raise Refusal(invalid(f"The `ids` must be 1 to {MOST_IDS}."))
    versions = {number: item for item in state.remarks.values() for number, _ in item.versions if item.platform == "x"}
    found = [(item, versions.get(item) or state.posts.get(item)) for item in ids]
    answer: dict[str, Any] = {"data": [_tweet(item, number) for number, item in found if item is not None]}
    answer["includes"] = {"users": _users(item for _, item in found if isinstance(item, Remark))}
    errors = [_not_found(number) for number, item in found if item is None]
    content = {name: value for name, value in (answer | {"errors": errors}).items() if value}
    return json_answer(200, content)


def _listed(found: list[Remark], query: Mapping[str, str], token: str, *, least: int) -> Answer:
    size, after = number(query.get("max_results", "10"), least, 100), query.get(token)
    start, end = (moment(query.get(name), name) for name in ("start_time", "end_time"))
    shown = [item for item in found if _within(item, start, end)]
    begin = 1 + next((place for place, item in enumerate(shown) if item.id == after), -1)
    page = shown[begin : begin + size]
    answer: dict[str, Any] = {"meta": {"result_count": len(page)}}
    if page:
        answer["data"] = [_tweet(item, item.versions[-1][0]) for item in page]
        answer["includes"] = {"users": _users(page)}
    if len(shown) > begin + size:
        answer["meta"]["next_token"] = page[-1].id
    return json_answer(200, answer)


def _within(item: Remark, start: int | None, end: int | None) -> bool:
    second = item.created_us - item.created_us % clock.SECOND
    return (start is None or second >= start) and (end is None or second < end)


def _tweet(item: Remark | Post, version: str) -> dict[str, Any]:
    at = item.created_us - item.created_us % clock.SECOND
    if isinstance(item, Post):
        return {"id": item.id, "text": item.text, "author_id": item.owner, "created_at": clock.to_text(at)}
    text = next(text for number, text in item.versions if number == version)
    tweet: dict[str, Any] = {
        "id": version,
        "text": html.escape(text, quote=False),
        "author_id": item.author_id,
        "created_at": clock.to_text(at),
        "conversation_id": item.root or item.id,
        "edit_history_tweet_ids": [number for number, _ in item.versions],
    }
    if item.under:
        tweet["referenced_tweets"] = [{"type": "replied_to", "id": item.under}]
    return tweet


def _users(items: Iterable[Remark]) -> list[dict[str, str]]:
    known = {item.author_id: item.author for item in items}
    return [
        {"id": number, "name": name, "username": re.sub(r"\W", "", name, flags=re.ASCII)}
        for number, name in known.items()
    ]


def _not_found(number: str) -> dict[str, str]:
    return {
        "value": number,
        "resource_id": number,
        "resource_type": "tweet",
        "parameter": "ids",
        "title": "Not Found Error",
        "detail": f"Could not find tweet with ids: [{number}].",
        "type": "https://api.twitter.com/2/problems/resource-not-found",
    }
