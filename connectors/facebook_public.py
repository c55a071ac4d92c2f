"""What the public writes to a Facebook Page: comments, posts of visitors on it, posts that tag it. It only reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from config import clock
from connectors.answers import moment_us
from connectors.errors import CannotTell, PublishError
from connectors.http import Answer, Transport
from connectors.protocol import Deadline, Heard, Search

POST_AGE_US = 30 * 86400 * clock.SECOND
"""Comments are looked for under the Page's posts of so long."""
REQUESTS = 60
"""Requests of one look; where more would be needed it says so."""
POSTS, COMMENTS = 25, 25
"""Of a page of the feed: posts, and the newest comments of each."""
LIMIT = 8 << 20
"""Bytes of an answer."""
A_LOOKUP = 50
SAYS = "id,message,from,created_time,permalink_url"
COMMENT = f"{SAYS},parent"
FEED = f"{SAYS},comments.filter(stream).order(reverse_chronological).limit({COMMENTS}){{{COMMENT}}}"
UNDER = {"filter": "stream", "order": "reverse_chronological", "limit": "100", "fields": COMMENT}
GONE = ((803, None), (100, 33))
"""Graph's code and subcode for an object that is not there, or not to be seen."""
_ID = re.compile(r"[0-9]{1,25}(_[0-9]{1,25})?")


class _Look:
    """One look: its window, its end, and how many requests it has left."""

    def __init__(self, search: Search, deadline: Deadline) -> None:
        self.deadline, self.left = deadline, REQUESTS
        self.since_us, self.until_us = search.since_us - search.since_us % clock.SECOND, search.until_us

    def take(self) -> None:
        """One request more. Raises CannotTell when there were enough."""
        if self.left <= 0:
            raise CannotTell(
                f"facebook: more than {REQUESTS} pages of comments to read: look at the Page yourself; what was read is kept"
            )
        self.left -= 1

    def holds(self, heard: Heard) -> bool:
        """True when it was written in the window, or nobody knows when."""
        return heard.at_us is None or self.since_us <= heard.at_us <= self.until_us


class Public:
    """Reads for the Page `page` through facebook-sdk's `graph`; `refusal` says what an answer without success means."""

    def __init__(self, page: str, graph: Any, http: Transport, refusal: Callable[[Answer], PublishError]) -> None:
        self.page, self.graph, self.http, self.refusal = page, graph, http, refusal

    def inbound(self, search: Search, deadline: Deadline) -> Iterator[Heard]:
        """As `connectors.protocol.Inbound` has it."""
        look = _Look(search, deadline)
        since = {"since": str((look.since_us - POST_AGE_US) // clock.SECOND), "limit": str(POSTS)}
        for post in self._rows(self.page, "feed", {**since, "fields": FEED}, look):
            yield from self._of_post(post, look)
        since = {"since": str(look.since_us // clock.SECOND), "limit": "100"}
        for post in self._rows(self.page, "tagged", {**since, "fields": SAYS}, look):
            yield from self._kept([_heard(post, "mention", self._own)], look)

    def again(self, remote_ids: Sequence[str], deadline: Deadline) -> dict[str, Heard | None]:
        """As `connectors.protocol.Inbound` has it. One that is gone spoils Graph's answer: the rest is asked in halves."""
        ids = [number for number in remote_ids if _ID.fullmatch(number)]
        if len(ids) > A_LOOKUP:
            return self.again(ids[:A_LOOKUP], deadline) | self.again(ids[A_LOOKUP:], deadline)
        if not ids:
            return {}
        answer = self._ask(lambda: self.graph.get_objects(ids, fields=SAYS), deadline)
        if not _is_gone(answer):
            document = self._good(answer)
            return {number: _heard(document[number], "", self._own) for number in ids if _is_object(document, number)}
        half = len(ids) // 2
        return self.again(ids[:half], deadline) | self.again(ids[half:], deadline) if half else {ids[0]: None}

    def _of_post(self, post: dict[str, Any], look: _Look) -> Iterator[Heard]:
        """The post itself where a visitor wrote it, and what stands under it."""
        own = _heard(post, "post", self._own)
        yield from self._kept([] if own is None or own.own else [own], look)
        below = post.get("comments")
        if not isinstance(below, dict):
            return
        first = _data(below)
        yield from self._kept(self._comments(first, post), look)
        after = _after(below)
        if after is not None and _reaches(first, look):
            # The first page's own cursor is not kept: its size was another.
            yield from self._rest(post, look)

    def _rest(self, post: dict[str, Any], look: _Look) -> Iterator[Heard]:
        """All comments of a post, the newest first, as far back as the window."""
        for page in self._pages(str(post.get("id", "")), "comments", UNDER, look):
            yield from self._kept(self._comments(page, post), look)
            if not _reaches(page, look):
                return

    def _comments(self, rows: Sequence[Mapping[str, Any]], post: Mapping[str, Any]) -> list[Heard | None]:
        return [_heard(row, "comment", self._own, str(post.get("id", ""))) for row in rows]

    @staticmethod
    def _kept(found: Sequence[Heard | None], look: _Look) -> Iterator[Heard]:
        return (heard for heard in found if heard is not None and look.holds(heard))

    def _own(self, writer: str) -> bool:
        return writer == self.page

    def _rows(self, name: str, edge: str, given: Mapping[str, str], look: _Look) -> Iterator[dict[str, Any]]:
        for page in self._pages(name, edge, given, look):
            yield from page

    def _pages(self, name: str, edge: str, given: Mapping[str, str], look: _Look) -> Iterator[list[dict[str, Any]]]:
        fields = dict(given)
        while True:
            look.take()
            answer = self._ask(lambda: self.graph.get_connections(name, edge, **fields), look.deadline)
            page = self._good(answer)
            yield _data(page)
            after = _after(page)
            if after is None:
                return
            fields["after"] = after

    def _ask(self, call: Callable[[], object], deadline: Deadline) -> Answer:
        return self.http.ask(call, deadline, limit=LIMIT)

    def _good(self, answer: Answer) -> dict[str, Any]:
        document = answer.document()
        if answer.status != 200 or not document or "error" in document:
            raise self.refusal(answer)
        return document


def _is_gone(answer: Answer) -> bool:
    error = answer.document().get("error")
    known = error if isinstance(error, dict) else {}
    return any(known.get("code") == code and sub in (None, known.get("error_subcode")) for code, sub in GONE)


def _is_object(document: Mapping[str, Any], number: str) -> bool:
    return isinstance(document.get(number), dict)


def _data(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = page.get("data")
    if not isinstance(found, list):
        raise CannotTell("facebook: what the public wrote is not a list")
    return [row for row in found if isinstance(row, dict)]


def _after(page: Mapping[str, Any]) -> str | None:
    """The cursor after which the next page begins, None on the last one."""
    paging = page.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    if not after:
        raise CannotTell("facebook: there are more comments, but no cursor to them")
    return str(after)


def _reaches(rows: Sequence[Mapping[str, Any]], look: _Look) -> bool:
    """True when the oldest of a page, the newest first, still lies in the window: there may be more."""
    moments = [moment for row in rows if (moment := moment_us(row.get("created_time"))) is not None]
    return not moments or min(moments) >= look.since_us


def _heard(row: Any, kind: str, own: Callable[[str], bool], post: str = "") -> Heard | None:
    """What somebody wrote; None without an id, by which it could be told from another."""
    number = str(row.get("id", ""))
    if not _ID.fullmatch(number):
        return None
    writer, parent = _dict(row.get("from")), _dict(row.get("parent"))
    name, own_id = str(writer.get("name") or ""), str(writer.get("id") or "")
    return Heard(
        remote_id=number,
        kind=kind,
        author=f"{name} ({own_id})" if name and own_id else name or own_id,
        text=str(row.get("message") or ""),
        at_us=moment_us(row.get("created_time")),
        in_reply_to=str(parent.get("id") or post),
        link=str(row.get("permalink_url") or f"https://www.facebook.com/{number}"),
        raw=json.dumps({name: value for name, value in row.items() if name != "comments"}).encode(),
        own=bool(own_id) and own(own_id),
    )


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
