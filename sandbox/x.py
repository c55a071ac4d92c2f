"""X, as far as a publisher through tweepy uses it (API v2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from twitter_text import extract_urls_with_indices, parse_tweet

from config import clock
from sandbox import x_public
from sandbox.messages import Answer, Call, Kind, Request, json_answer
from sandbox.state import WINDOW_US, Post, State, owner_of
from sandbox.x_answers import NOT_FOUND, UNAUTHORIZED, Refusal, invalid, moment, number, problem

MAX_IMAGE_BYTES = 5_000_000
MAX_ALT = 1000
MAX_MEDIA = 4
POSTS_PER_WINDOW = 10_000
"""Far above X's own 100, so that a load test meets a limit only where it asked for one (see `sandbox.faults`)."""

Run = Callable[[State], Answer]


def call(request: Request, path: str) -> Call:
    """What `request` for `path` asks of X."""
    token = _token(request.header("authorization"))
    content = _json(request.body)
    kind, run = _route(request, path, token, content)
    text = content.get("text") if kind == "publish" else ""
    return Call("x", kind, token, text if isinstance(text, str) else "", _guarded(token, run))


def _guarded(token: str, run: Run) -> Run:
    def guarded(state: State) -> Answer:
        if not token or token in state.revoked:
            return UNAUTHORIZED
        state.seen("x", token)
        try:
            return run(state)
        except Refusal as refusal:
            return refusal.answer

    return guarded


def _token(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    found = re.search(r'oauth_token="([^"]*)"', rest) if scheme.lower() == "oauth" else None
    return unquote(found[1]) if found else ""


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _route(request: Request, path: str, token: str, content: dict[str, Any]) -> tuple[Kind, Run]:
    method, me = request.method, owner_of(token)
    timeline = re.fullmatch(r"/2/users/(\d+)/tweets", path)
    one = re.fullmatch(r"/2/tweets/(\d+)", path)
    if (method, path) == ("POST", "/2/tweets"):
        return "publish", lambda state: _create(state, token, content)
    if (method, path) == ("POST", "/2/media/upload"):
        return "other", lambda state: _upload(state, me, content)
    if (method, path) == ("POST", "/2/media/metadata"):
        return "other", lambda state: _describe(state, me, content)
    if (method, path.removesuffix(".json")) == ("POST", "/1.1/oauth/invalidate_token"):
        return "other", lambda state: _invalidate(state, token)
    if (method, path) == ("GET", "/2/users/me"):
        return "other", lambda _: _me(token)
    if method == "GET" and timeline:
        return "other", lambda state: _timeline(state, timeline[1], request.query)
    if method == "GET" and (public := x_public.route(path, request.query)) is not None:
        return "other", public
    if method == "DELETE" and one:
        return "other", lambda state: _delete(state, me, one[1])
    return "other", lambda _: NOT_FOUND


def _invalidate(state: State, token: str) -> Answer:
    state.revoke(token)
    return json_answer(200, {"access_token": token})


def _create(state: State, token: str, content: dict[str, Any]) -> Answer:
    owner, text = owner_of(token), content.get("text", "")
    media = _media_ids(state, owner, content.get("media") or {})
    if not _is_text(text) or not (text.strip() or media):
        raise Refusal(invalid("The text field is required and must not be blank without media."))
    if text and parse_tweet(text).weightedLength > 280:
        raise Refusal(problem(403, "Forbidden", "Your Tweet text is too long."))
    if state.is_duplicate("x", owner, text):
        detail = "You are not allowed to create a Tweet with duplicate content."
        raise Refusal(problem(403, "Forbidden", detail))
    post = state.add_post(Post("", "x", owner, token, text, media, clock.wall_us()))
    shown, _ = _shown(post)
    data = {"id": post.id, "text": shown, "edit_history_tweet_ids": [post.id]}
    return json_answer(201, {"data": data}, headers=rate_headers(state, owner), remote_id=post.id)


def _is_text(text: Any) -> bool:
    """True for a string without half a surrogate pair (JSON can spell one, UTF-8 cannot)."""
    return isinstance(text, str) and not re.search("[\\ud800-\\udfff]", text)


def _media_ids(state: State, owner: str, media: Any) -> tuple[str, ...]:
    ids = media.get("media_ids", []) if isinstance(media, dict) else None
    if not isinstance(ids, list) or len(ids) > MAX_MEDIA:
        raise Refusal(invalid(f"media.media_ids must be a list of at most {MAX_MEDIA} ids."))
    for media_id in ids:
        if not isinstance(media_id, str) or media_id not in state.media or state.media[media_id].owner != owner:
            raise Refusal(invalid("Your media IDs are invalid."))
    return tuple(ids)


def rate_headers(state: State, owner: str) -> dict[str, str]:
    """X's counters for posts of `owner` in the running window (told, not enforced)."""
    window = clock.wall_us() // WINDOW_US
    used = state.count("x", owner, window)
    return {
        "x-rate-limit-limit": str(POSTS_PER_WINDOW),
        "x-rate-limit-remaining": str(max(0, POSTS_PER_WINDOW - used)),
        "x-rate-limit-reset": str((window + 1) * WINDOW_US // clock.SECOND),
    }


def _upload(state: State, owner: str, content: dict[str, Any]) -> Answer:
    try:
        image = base64.b64decode(content.get("media", ""), validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Refusal(invalid("media is not base64.")) from None
    if not 0 < len(image) <= MAX_IMAGE_BYTES:
        raise Refusal(invalid(f"File size must be from 1 to {MAX_IMAGE_BYTES} bytes."))
    medium = state.add_medium(owner, image)
    data = {"id": medium.id, "media_key": f"3_{medium.id}", "size": medium.size, "expires_after_secs": 86400}
    return json_answer(200, {"data": data}, remote_id=medium.id)


def _describe(state: State, owner: str, content: dict[str, Any]) -> Answer:
    try:
        media_id, alt = content["id"], content["metadata"]["alt_text"]["text"]
        known = state.media[media_id].owner == owner
    except (KeyError, TypeError):
        known, media_id, alt = False, "", ""
    if not known:
        raise Refusal(invalid("id must name your own upload, metadata.alt_text.text its description."))
    if not isinstance(alt, str) or not 0 < len(alt) <= MAX_ALT:
        raise Refusal(invalid(f"alt_text must have 1 to {MAX_ALT} characters."))
    state.set_alt(media_id, alt)
    return json_answer(200, {"data": {"id": media_id, "associated_metadata": {"alt_text": {"text": alt}}}})


def _me(token: str) -> Answer:
    owner = owner_of(token)
    return json_answer(200, {"data": {"id": owner, "name": f"Sandbox {owner}", "username": f"sandbox_{owner[-7:]}"}})


def _delete(state: State, owner: str, post_id: str) -> Answer:
    post = state.posts.get(post_id)
    if post is None or post.platform != "x":
        return NOT_FOUND
    if post.owner != owner:
        return problem(403, "Forbidden", "You are not permitted to delete this Tweet.")
    state.delete_post(post_id)
    return json_answer(200, {"data": {"deleted": True}}, remote_id=post_id)


def _timeline(state: State, owner: str, query: Mapping[str, str]) -> Answer:
    start, end = (moment(query.get(name), name) for name in ("start_time", "end_time"))
    size, before = number(query.get("max_results", "10"), 5, 100), query.get("pagination_token")
    names = set(query.get("tweet.fields", "").split(","))
    found: list[Post] = []
    for post in state.newest_first("x", owner):
        shown = post.created_us - post.created_us % clock.SECOND
        if (before is None or int(post.id) < number(before, 0, 1 << 63)) and (end is None or shown < end):
            if (start is not None and shown < start) or len(found) > size:
                break
            found.append(post)
    return json_answer(200, _page(found, size, names), headers=rate_headers(state, owner))


def _page(found: list[Post], size: int, names: set[str]) -> dict[str, Any]:
    page = found[:size]
    if not page:
        return {"meta": {"result_count": 0}}
    meta = {"result_count": len(page), "newest_id": page[0].id, "oldest_id": page[-1].id}
    if len(found) > size:
        meta["next_token"] = page[-1].id
    return {"data": [_tweet(post, names) for post in page], "meta": meta}


def _tweet(post: Post, names: set[str]) -> dict[str, Any]:
    text, urls = _shown(post)
    tweet: dict[str, Any] = {"id": post.id, "text": text, "edit_history_tweet_ids": [post.id]}
    if "created_at" in names:
        second = post.created_us - post.created_us % clock.SECOND
        tweet["created_at"] = clock.to_text(second)
    if "entities" in names and urls:
        tweet["entities"] = {"urls": urls}
    return tweet


def _shown(post: Post) -> tuple[str, list[dict[str, Any]]]:
    """The text as X gives it back (links and media as t.co, ``& < >`` escaped) and the entities of its links."""
    out, urls, at = "", [], 0
    for found in extract_urls_with_indices(post.text):
        start, end = found["indices"]
        out += html.escape(post.text[at:start], quote=False)
        urls.append(_link(len(out), found["url"]))
        out, at = out + urls[-1]["url"], end
    out += html.escape(post.text[at:], quote=False)
    if post.media_ids:
        out = f"{out} " if out else ""
        urls.append(_link(len(out), f"https://x.com/i/status/{post.id}/photo/1"))
        out += urls[-1]["url"]
    return out, urls


def _link(start: int, url: str) -> dict[str, Any]:
    expanded = url if "://" in url else f"http://{url}"
    short = f"https://t.co/{hashlib.sha256(url.encode()).hexdigest()[:10]}"
    shown = expanded.partition("://")[2]
    return {
        "start": start,
        "end": start + len(short),
        "url": short,
        "expanded_url": expanded,
        "display_url": shown,
    }
