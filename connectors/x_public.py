"""What the public writes on X: mentions of the account, and the conversations under its newest posts. It only reads."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from config import clock
from connectors.answers import moment_us
from connectors.errors import CannotTell, Unfinished
from connectors.protocol import Deadline, Heard, Search

PAGES = 5
"""Pages of 100 posts that one look reads of each source."""
CONVERSATIONS = 48
"""So many of the account's newest posts have their conversations searched."""
A_QUERY = 12
"""Conversations in one search: X takes 512 characters."""
WEEK_US = 7 * 86400 * clock.SECOND
"""How far back X's search reaches."""
LATE_US = 60 * clock.SECOND
"""X takes no end of a window that lies in the future, or but a moment ago."""
LIMIT = 8 << 20
"""Bytes of an answer: a hundred long posts."""
A_LOOKUP = 100
_ID = re.compile(r"[0-9]{1,25}")
FIELDS = {
    "tweet.fields": "created_at,author_id,conversation_id,referenced_tweets,edit_history_tweet_ids,note_tweet",
    "expansions": "author_id",
    "user.fields": "name,username",
}
GONE = ("resource-not-found", "not-authorized-for-resource")
"""How X's problems end for a post that was deleted, or whose author does not show it any more."""
Get = Callable[[str, dict[str, str], Deadline], dict[str, Any]]
"""A route's answer, a JSON object; raises ConnectorError."""


class Public:
    """Reads for one account. `user`: its id; `posts`: the account's own of a window, the newest first."""

    def __init__(
        self,
        get: Get,
        user: Callable[[Deadline], str],
        posts: Callable[[Search, Deadline], Iterator[dict[str, Any]]],
        conversations: bool,
    ) -> None:
        self.get, self.user, self.posts, self.conversations = get, user, posts, conversations

    def inbound(self, search: Search, deadline: Deadline) -> Iterator[Heard]:
        """As `connectors.protocol.Inbound` has it."""
        own, left = self.user(deadline), list[int]()
        for route, params in self._sources(own, deadline):
            token = "next_token" if "query" in params else "pagination_token"
            try:
                yield from self._pages(route, {**_window(params, search), "max_results": "100"}, token, own, deadline)
            except Unfinished as more:
                left.append(more.until_us)
        if left:
            # More in one second than a look reads: the rest of that second is not to be had. A window that ends just now has
            # no end for X: the next look reads the same again.
            ended = "end_time" in _window({}, search)
            until = min(max(left), search.until_us - clock.SECOND) if ended else min(max(left), search.until_us)
            raise Unfinished(f"x: more than {PAGES * 100} posts in one look: the next goes on where it ended", until)

    def again(self, remote_ids: Sequence[str], deadline: Deadline) -> dict[str, Heard | None]:
        """As `connectors.protocol.Inbound` has it. An edit has an id of its own, which the first version names."""
        own, found, newer = self.user(deadline), dict[str, Heard | None](), dict[str, str]()
        for ids in _pieces(remote_ids):
            document = self._lookup(ids, deadline)
            found |= dict.fromkeys(_gone(document) & {*ids})
            for heard in _heard(document, own):
                found[heard.remote_id] = heard
            newer |= _newer(document)
        for ids in _pieces([*newer.values()]):
            found |= {heard.remote_id: heard for heard in _heard(self._lookup(ids, deadline), own)}
        return {number: heard for number, heard in found.items() if number in remote_ids}

    def _lookup(self, ids: Sequence[str], deadline: Deadline) -> dict[str, Any]:
        return self.get("/2/tweets", {**FIELDS, "ids": ",".join(ids)}, deadline)

    def _sources(self, own: str, deadline: Deadline) -> Iterator[tuple[str, dict[str, str]]]:
        yield f"/2/users/{own}/mentions", {}
        if not self.conversations:
            return
        now = clock.wall_us()
        week = Search(now - WEEK_US, now)
        mine = [str(post.get("id", "")) for post in islice(self.posts(week, deadline), CONVERSATIONS)]
        ids = [number for number in mine if _ID.fullmatch(number)]
        for start in range(0, len(ids), A_QUERY):
            named = " OR ".join(f"conversation_id:{number}" for number in ids[start : start + A_QUERY])
            yield "/2/tweets/search/recent", {"query": f"({named})"}

    def _pages(self, route: str, params: dict[str, str], token: str, own: str, deadline: Deadline) -> Iterator[Heard]:
        oldest = clock.wall_us()
        for _ in range(PAGES):
            document = self.get(route, params, deadline)
            for heard in _heard(document, own):
                oldest = min(oldest, heard.at_us or oldest)
                if not heard.own or heard.kind == "reply":  # its own posts are records already
                    yield heard
            meta = document.get("meta")
            following = meta.get("next_token") if isinstance(meta, dict) else None
            if not following:
                return
            params = {**params, token: str(following)}
        # X's moments are whole seconds, and its end is exclusive.
        raise Unfinished("x: more", oldest + clock.SECOND)


def _window(params: Mapping[str, str], search: Search) -> dict[str, str]:
    now = clock.wall_us()
    since = max(search.since_us, now - WEEK_US + LATE_US) if "query" in params else search.since_us
    window = {**FIELDS, **params, "start_time": _moment(since)}
    return window | ({"end_time": _moment(search.until_us)} if search.until_us < now - LATE_US else {})


def _moment(us: int) -> str:
    """X shows whole seconds and refuses fractions."""
    return clock.to_datetime(us - us % clock.SECOND).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pieces(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    known = [number for number in ids if _ID.fullmatch(number)]
    return (known[start : start + A_LOOKUP] for start in range(0, len(known), A_LOOKUP))


def _rows(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = document.get(name, [])
    if not isinstance(found, list):
        raise CannotTell(f"x: {name} is not a list")
    return [row for row in found if isinstance(row, dict)]


def _gone(document: Mapping[str, Any]) -> set[str]:
    """The ids of which X says that there is nothing to see."""
    errors = _rows(document, "errors")
    return {str(error.get("value", "")) for error in errors if str(error.get("type", "")).endswith(GONE)}


def _newer(document: Mapping[str, Any]) -> dict[str, str]:
    """First version → newest version, of the posts that are not the newest themselves."""
    found = ((_versions(tweet), str(tweet.get("id", ""))) for tweet in _rows(document, "data"))
    return {versions[0]: versions[-1] for versions, number in found if versions[-1] != number}


def _versions(tweet: Mapping[str, Any]) -> list[str]:
    """The ids of all versions, the first one first."""
    told = tweet.get("edit_history_tweet_ids")
    known = [str(number) for number in told if _ID.fullmatch(str(number))] if isinstance(told, list) else []
    return known or [str(tweet.get("id", ""))]


def _heard(document: Mapping[str, Any], own: str) -> Iterator[Heard]:
    """The posts of an answer; one without an id cannot be told from another and is passed over."""
    includes = document.get("includes")
    users = _rows(includes, "users") if isinstance(includes, dict) else []
    known = {str(user.get("id", "")): user for user in users}
    for tweet in _rows(document, "data"):
        if _ID.fullmatch(str(tweet.get("id", ""))):
            yield _told(tweet, known.get(str(tweet.get("author_id", "")), {}), own)


def _told(tweet: dict[str, Any], user: Mapping[str, Any], own: str) -> Heard:
    answered = _answered(tweet)
    writer, number = str(tweet.get("author_id", "")), str(tweet["id"])
    name, handle = (str(user.get(key) or "") for key in ("name", "username"))
    return Heard(
        remote_id=_versions(tweet)[0],
        kind="reply" if answered else "mention",
        author=f"{name} (@{handle})" if handle else writer,
        text=_words(tweet),
        at_us=moment_us(tweet.get("created_at")),
        in_reply_to=answered,
        link=f"https://x.com/i/web/status/{number}",
        raw=json.dumps({"tweet": tweet, "author": user}).encode(),
        own=writer == own,
    )


def _words(tweet: Mapping[str, Any]) -> str:
    """The text, of a long post the whole; X escapes & < >."""
    note = tweet.get("note_tweet")
    long = note.get("text") if isinstance(note, dict) else None
    return html.unescape(str(long or tweet.get("text") or ""))


def _answered(tweet: Mapping[str, Any]) -> str:
    references = tweet.get("referenced_tweets")
    for reference in references if isinstance(references, list) else []:
        if isinstance(reference, dict) and reference.get("type") == "replied_to":
            return str(reference.get("id", ""))
    return ""
