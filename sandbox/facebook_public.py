"""What Graph shows of the public: a Page's feed with its comments, posts that tag it, and single objects by their ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from config import clock
from sandbox.facebook_answers import Refusal, graph_error, headers, missing, moment, size_of
from sandbox.messages import Answer, Request, json_answer
from sandbox.state import Post, Remark, State

Item = Post | Remark
Fields = Mapping[str, str]
MOST_IDS = 50
COMMENTS = re.compile(r"comments((?:\.\w+\(\w+\))*)\{([^{}]*)\}")
"""The expansion of an edge within `fields`: ``comments.filter(stream).limit(25){id,message}``."""


def route(request: Request, name: str, edge: str, fields: Fields) -> Callable[[State], Answer] | None:
    """What answers a GET of an edge that shows what others have written; None for any other."""
    known = {"feed": feed, "tagged": tagged, "comments": comments}.get(edge) if request.method == "GET" else None
    return None if known is None else lambda state: known(state, name, request, fields)


def feed(state: State, page: str, request: Request, fields: Fields) -> Answer:
    """The Page's own posts and those of visitors, the youngest first, with the comments that `fields` asks for."""
    own: list[Item] = [post for post in state.newest_first("facebook", page) if post.published]
    found = sorted([*own, *state.heard("facebook", page, ("visitor",))], key=_at, reverse=True)
    return _page(_since(found, fields), request, fields, lambda item: _with_comments(state, item, request, fields))


def tagged(state: State, page: str, request: Request, fields: Fields) -> Answer:
    """Posts elsewhere that name the Page."""
    found = _since(state.heard("facebook", page, ("tagged",)), fields)
    return _page(found, request, fields, lambda item: shown(item, fields))


def comments(state: State, name: str, request: Request, fields: Fields) -> Answer:
    """The comments under an object: with ``filter=stream`` also those under other comments."""
    if name not in state.posts and name not in state.remarks:
        return missing("get", name)
    return _page(_under(state, name, fields), request, fields, lambda item: shown(item, fields))


def objects(state: State, fields: Fields) -> Answer:
    """Several objects at once; one that is not there spoils the answer, as it does on Graph."""
    ids = [item for item in fields.get("ids", "").split(",") if item]
    lost = [item for item in ids if item not in state.posts and item not in state.remarks]
    if not 1 <= len(ids) <= MOST_IDS:
        raise Refusal(graph_error(400, 100, f"(#100) Too many IDs. Maximum: {MOST_IDS}. Provided: {len(ids)}."))
    if len(ids) == 1 and lost:
        return missing("get", ids[0])
    if lost:
        raise Refusal(graph_error(404, 803, f"(#803) Some of the aliases you requested do not exist: {','.join(lost)}"))
    return json_answer(200, {item: shown(_item(state, item), fields) for item in ids}, headers=headers())


def shown(item: Item, fields: Fields) -> dict[str, Any]:
    """`item` with the fields that were asked for."""
    writer = {"id": item.owner, "name": f"Sandbox page {item.owner}"}
    if isinstance(item, Remark):
        writer = {"id": item.author_id, "name": item.author}
    known: dict[str, Any] = {
        "id": item.id,
        "message": item.text,
        "created_time": clock.to_datetime(_at(item)).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "permalink_url": f"https://www.facebook.com/{item.id.replace('_', '/posts/')}",
        "from": writer,
    }
    if isinstance(item, Remark) and item.under and item.under != item.root:
        known["parent"] = {"id": item.under}
    wanted = {"id", *re.sub(COMMENTS, "", fields.get("fields", "created_time,message,from")).split(",")}
    return {name: value for name, value in known.items() if name in wanted}


def _item(state: State, name: str) -> Item:
    return state.posts.get(name) or state.remarks[name]


def _at(item: Item) -> int:
    return item.shown_us() if isinstance(item, Post) else item.created_us


def _since(found: Sequence[Item], fields: Fields) -> list[Item]:
    start = moment(fields["since"], "since") if "since" in fields else None
    return [item for item in found if start is None or _at(item) - _at(item) % clock.SECOND >= start]


def _under(state: State, name: str, fields: Fields) -> list[Item]:
    found: list[Item] = [
        item
        for item in state.remarks.values()
        if name in ((item.under, item.root) if _streams(fields) else (item.under,))
    ]
    return sorted(found, key=_at, reverse=fields.get("order") == "reverse_chronological")


def _streams(fields: Fields) -> bool:
    return fields.get("filter") == "stream"


def _with_comments(state: State, item: Item, request: Request, fields: Fields) -> dict[str, Any]:
    told, wanted = shown(item, fields), COMMENTS.search(fields.get("fields", ""))
    if wanted is not None:
        own = dict(re.findall(r"\.(\w+)\((\w+)\)", wanted[1])) | {"fields": wanted[2]}
        below = _paged(_under(state, item.id, own), request, f"/{item.id}/comments", own, lambda one: shown(one, own))
        told |= {"comments": below} if below["data"] else {}
    return told


def _page(found: Sequence[Item], request: Request, fields: Fields, show: Callable[[Item], dict[str, Any]]) -> Answer:
    return json_answer(200, _paged(found, request, request.path, fields, show), headers=headers())


def _paged(
    found: Sequence[Item], request: Request, path: str, fields: Fields, show: Callable[[Item], dict[str, Any]]
) -> dict[str, Any]:
    size, after = size_of(fields), fields.get("after")
    begin = 1 + next((place for place, item in enumerate(found) if item.id == after), -1)
    page = found[begin : begin + size]
    answer: dict[str, Any] = {"data": [show(item) for item in page]}
    if page:
        answer["paging"] = {"cursors": {"before": page[0].id, "after": page[-1].id}}
        if len(found) > begin + size:
            query = urlencode({**fields, "after": page[-1].id})
            answer["paging"]["next"] = f"http://{request.header('host')}{path}?{query}"
    return answer
