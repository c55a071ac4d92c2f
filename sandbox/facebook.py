"""Facebook's Graph API, as far as a Page's publisher through facebook-sdk uses it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from config import clock
from sandbox import facebook_public
from sandbox.facebook_answers import BAD_TOKEN, Refusal, bad_parameter, graph_error, headers, missing, moment, size_of
from sandbox.forms import Form, read_form
from sandbox.messages import Answer, Call, Kind, Request, json_answer
from sandbox.state import Post, State, owner_of

SCHEDULE_US = (600 * clock.SECOND, 30 * 86400 * clock.SECOND)
"""How far ahead Facebook's own scheduler takes a post: from 10 minutes to 30 days."""
MAX_TEXT = 63_206
MAX_PHOTO_BYTES = 10_000_000

Run = Callable[[State], Answer]


DUPLICATE = graph_error(400, 506, "(#506) Duplicate status message", subcode=1455006)


def call(request: Request, path: str) -> Call:
    """What `request` for `path` (its version, if any, is left aside) asks of Graph."""
    form = read_form(request)
    fields = {**request.query, **form.fields}
    token = fields.get("access_token") or re.sub(r"(?i)^(bearer|oauth) ", "", request.header("authorization"))
    parts = re.sub(r"^/v\d+\.\d+(?=/|$)", "", path).strip("/").split("/")
    kind, run = _objects(request, parts, fields) or _route(request, parts, token, fields, form)
    text = fields.get("message") or fields.get("caption") or fields.get("description") or ""
    return Call("facebook", kind, token, text if kind == "publish" else "", _guarded(token, run))


def _guarded(token: str, run: Run) -> Run:
    def guarded(state: State) -> Answer:
        if not token or token in state.revoked:
            return BAD_TOKEN
        state.seen("facebook", token)
        try:
            return run(state)
        except Refusal as refusal:
            return refusal.answer

    return guarded


def _objects(request: Request, parts: list[str], fields: dict[str, str]) -> tuple[Kind, Run] | None:
    """What a list of ids without a path asks for."""
    if request.method != "GET" or parts != [""] or "ids" not in fields:
        return None
    return "other", lambda state: facebook_public.objects(state, fields)


def _route(request: Request, parts: list[str], token: str, fields: dict[str, str], form: Form) -> tuple[Kind, Run]:
    page = owner_of(token) if parts[0] == "me" else parts[0]
    edge = (request.method, parts[1]) if len(parts) == 2 else (request.method, "")
    if len(parts) > 2 or not re.fullmatch(r"[\w.-]+", page, re.ASCII):
        return "other", lambda _: _unknown(request)
    if edge == ("POST", "feed"):
        return "publish", lambda state: _feed(state, page, token, fields)
    if edge in (("POST", "photos"), ("POST", "videos")):
        kind: Kind = "other" if fields.get("published", "").lower() in ("false", "0") else "publish"
        return kind, lambda state: _upload(state, page, token, fields, form)
    if parts == ["oauth", "revoke"] and request.method == "GET":
        return "other", lambda state: _revoke(state, fields)
    if edge == ("GET", "published_posts"):
        return "other", lambda state: _list(state, page, request, fields, public=True)
    if edge == ("GET", "scheduled_posts"):
        return "other", lambda state: _list(state, page, request, fields, public=False)
    if (public := facebook_public.route(request, page, edge[1], fields)) is not None:
        return "other", public
    if edge == ("GET", ""):
        return "other", lambda state: _object(state, page, fields)
    if edge == ("DELETE", ""):
        return "other", lambda state: _delete(state, page)
    return "other", lambda _: _unknown(request)


def _revoke(state: State, fields: Mapping[str, str]) -> Answer:
    if not (fields.get("client_id") and fields.get("client_secret") and fields.get("revoke_token")):
        raise Refusal(bad_parameter("Missing client_id, client_secret or revoke_token"))
    state.revoke(fields["revoke_token"])
    return json_answer(200, {"success": True}, headers=headers())


def _unknown(request: Request) -> Answer:
    return graph_error(400, 2500, f"Unknown path components: {request.path}")


def _feed(state: State, page: str, token: str, fields: Mapping[str, str]) -> Answer:
    text, media = fields.get("message", ""), _attached(state, page, fields)
    if not (text.strip() or media or fields.get("link")):
        raise Refusal(bad_parameter("The post is empty. Please enter a message to share."))
    if len(text) > MAX_TEXT:
        raise Refusal(bad_parameter("Param message is too long"))
    if state.is_duplicate("facebook", page, text):
        raise Refusal(DUPLICATE)
    published, moment = _when(fields)
    post = state.add_post(Post("", "facebook", page, token, text, media, clock.wall_us(), moment, published))
    return json_answer(200, {"id": post.id}, headers=headers(), remote_id=post.id)


def _attached(state: State, page: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    ids = []
    for name in sorted(name for name in fields if re.fullmatch(r"attached_media\[\d{1,3}\]", name)):
        try:
            media_id = json.loads(fields[name])["media_fbid"]
        except (ValueError, KeyError, TypeError, RecursionError):
            media_id = None
        if not isinstance(media_id, str) or getattr(state.media.get(media_id), "owner", None) != page:
            raise Refusal(bad_parameter(f"Param {name} must name a photo of this page"))
        ids.append(media_id)
    return tuple(ids)


def _when(fields: Mapping[str, str]) -> tuple[bool, int | None]:
    """Whether the post is public at once, and the moment its scheduling asks for (µs)."""
    published, text = _flag(fields, "published"), fields.get("scheduled_publish_time")
    if text is None:
        return published, None
    at = moment(text, "scheduled_publish_time")
    ahead = at - clock.wall_us()
    if published or not SCHEDULE_US[0] <= ahead <= SCHEDULE_US[1]:
        wanted = "published=false and a time from 10 minutes to 30 days ahead"
        raise Refusal(bad_parameter(f"Param scheduled_publish_time needs {wanted}", subcode=1363057))
    return False, at


def _flag(fields: Mapping[str, str], name: str) -> bool:
    text = fields.get(name, "true")
    # What Python's str(False) gives is refused: a client that sends it must not pass its tests here.
    if text not in ("true", "false", "1", "0"):
        raise Refusal(bad_parameter(f"Param {name} must be a boolean"))
    return text in ("true", "1")


def _upload(state: State, page: str, token: str, fields: Mapping[str, str], form: Form) -> Answer:
    published, _ = _when(fields)
    content = next(iter(form.files.values()), b"")
    if not 0 < len(content) <= MAX_PHOTO_BYTES:
        raise Refusal(graph_error(400, 324, "(#324) Requires upload file", subcode=2069019))
    medium = state.add_medium(page, content, fields.get("alt_text_custom", ""))
    if not published:
        return json_answer(200, {"id": medium.id}, headers=headers(), remote_id=medium.id)
    text = fields.get("message") or fields.get("caption") or ""
    post = state.add_post(Post("", "facebook", page, token, text, (medium.id,), clock.wall_us()))
    return json_answer(200, {"id": medium.id, "post_id": post.id}, headers=headers(), remote_id=post.id)


def _delete(state: State, name: str) -> Answer:
    post = state.posts.get(name)
    if post is None or post.platform != "facebook":
        return missing("delete", name)
    state.delete_post(name)
    return json_answer(200, {"success": True}, headers=headers(), remote_id=name)


def _object(state: State, name: str, fields: Mapping[str, str]) -> Answer:
    post = state.posts.get(name)
    if name in state.remarks:
        return json_answer(200, facebook_public.shown(state.remarks[name], fields), headers=headers())
    if post is not None and post.platform == "facebook":
        return json_answer(200, _fields(post, fields), headers=headers())
    if "_" in name:
        return missing("get", name)
    return json_answer(200, {"id": name, "name": f"Sandbox page {name}"}, headers=headers())


def _list(state: State, page: str, request: Request, fields: Mapping[str, str], *, public: bool) -> Answer:
    size, after = size_of(fields), fields.get("after")
    since, until = (moment(fields[name], name) if name in fields else None for name in ("since", "until"))
    found = []
    for post in sorted(state.newest_first("facebook", page), key=Post.shown_us, reverse=True):
        hidden = post.published != public or (not public and post.scheduled_us is None)
        second = post.shown_us() - post.shown_us() % clock.SECOND
        if not hidden and (since is None or second >= since) and (until is None or second <= until):
            found.append(post)
    begin = 1 + next((place for place, post in enumerate(found) if post.id == after), -1)
    return json_answer(200, _paged(found, begin, size, request, fields), headers=headers())


def _paged(found: list[Post], begin: int, size: int, request: Request, fields: Mapping[str, str]) -> dict[str, Any]:
    page = found[begin : begin + size]
    answer: dict[str, Any] = {"data": [_fields(post, fields) for post in page]}
    if page:
        answer["paging"] = {"cursors": {"before": page[0].id, "after": page[-1].id}}
        if len(found) > begin + size:
            query = urlencode({**fields, "after": page[-1].id})
            answer["paging"]["next"] = f"http://{request.header('host')}{request.path}?{query}"
    return answer


def _fields(post: Post, fields: Mapping[str, str]) -> dict[str, Any]:
    known: dict[str, Any] = {
        "id": post.id,
        "message": post.text,
        "created_time": clock.to_datetime(post.shown_us()).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "permalink_url": f"https://www.facebook.com/{post.id.replace('_', '/posts/')}",
        "is_published": post.published,
    }
    if post.scheduled_us is not None:
        known["scheduled_publish_time"] = post.scheduled_us // clock.SECOND
    if post.media_ids:
        known["attachments"] = {"data": [{"media_type": "photo", "target": {"id": item}} for item in post.media_ids]}
    wanted = {"id", *fields.get("fields", "created_time,message").split(",")}
    return {name: value for name, value in known.items() if name in wanted and value != ""}
