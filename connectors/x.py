"""X (Twitter) through tweepy's v2 client, in the user's own context (OAuth 1.0a, whose tokens do not expire)."""

from __future__ import annotations

import base64
import html
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import requests
import tweepy
from twitter_text import extract_urls_with_indices, parse_tweet

from config import clock
from connectors import media as images
from connectors import x_public
from connectors.account import require
from connectors.answers import REFUSALS, looking, moment_us, nothing_public, retry_after_s, same_words, wanted_words
from connectors.errors import (
    AccountError,
    CannotTell,
    Duplicate,
    PublishError,
    RateLimited,
    Rejected,
    SignIn,
    Uncertain,
)
from connectors.exchange import Draft
from connectors.http import BODY_LIMIT, Answer, Transport
from connectors.protocol import Account, Deadline, Heard, Length, Media, Message, Permit, Prepared, Published, Search

HOME = "https://api.twitter.com"
TEXT_LIMIT = 280
IMAGE_LIMIT = 5_000_000
IMAGES = 4
ALT_LIMIT = 1000
PAGES = 5
"""Pages of 100 posts that `find` reads before it says that it cannot tell."""
_DUPLICATE = "duplicate content"
_ID = re.compile(r"[0-9]{1,25}")
_HANDLE = re.compile(r"\w{1,15}", re.ASCII)
_INBOUND = re.compile(r"mentions|all|off")
_PLAIN = re.compile(r"(?:[\n\x20-\x2d\x2f-\x7e\xa1-\xa8\xaa-\xac\xaf-\xff\u2010-\u201f]|\.(?=[\s\"')]|\Z))*")
"""Text of which each character counts 1: those of Western Europe and their marks, with no point inside a word (a link).

The library needs half a millisecond for each: most of a minute for a large calendar.
"""
_OWN_MEDIA = re.compile(r"/status/[0-9]+/(?:photo|video)/[0-9]+$")

for _name in ("tweepy", "oauthlib", "requests_oauthlib"):
    # At DEBUG they write tokens and signatures.
    logging.getLogger(_name).setLevel(logging.INFO)


class XConnector:
    """One account on X. Settings: `user_id` and `handle` (both asked of X when absent), `base_url`; `inbound`."""

    platform = "x"
    required_settings: tuple[str, ...] = ()
    required_secrets: tuple[str, ...] = (
        "consumer_key",
        "consumer_secret",
        "access_token",
        "access_token_secret",
    )

    def __init__(self, account: Account) -> None:
        """Keep `account`; connect to nothing. Raises AccountError."""
        require(account, self.required_settings, self.required_secrets)
        self._user_id = _setting(account, "user_id", _ID, "a number")
        self._handle = _setting(account, "handle", _HANDLE, "letters, digits and _, at most 15, without @")
        searched = _setting(account, "inbound", _INBOUND, "mentions, all or off") != "mentions"
        self._public = x_public.Public(self._read, self._user, self._recent, searched)
        self._http = Transport(account, HOME)
        secrets = {name: account.secrets[name] for name in self.required_secrets}
        self._client = tweepy.Client(**secrets, return_type=requests.Response, wait_on_rate_limit=False)
        self._client.session = self._http.session

    @staticmethod
    def length(text: str) -> Length:
        """The weighted length: a link counts 23, an emoji or CJK character 2."""
        if _PLAIN.fullmatch(text):
            return Length(len(text), TEXT_LIMIT)
        return Length(parse_tweet(text).weightedLength, TEXT_LIMIT)

    @staticmethod
    def problems(message: Message) -> list[str]:
        """One line per reason why X would not take `message`."""
        lines = []
        length = XConnector.length(message.text)
        if length.count > length.limit:
            over = length.count - length.limit
            lines.append(f"the text has {length.count} characters as X counts, {length.limit} allowed: cut {over}")
        if not message.text.strip() and not message.media:
            lines.append("the post is empty: give it text or an image")
        if len(message.media) > IMAGES:
            lines.append(f"{len(message.media)} images, X takes {IMAGES}: leave some out")
        if len(message.media) > 1 and any(item.mime == "image/gif" for item in message.media):
            lines.append("a GIF beside other images: X takes a GIF only alone")
        for item in message.media:
            lines += _image_problems(item)
        return lines

    def prepare(self, message: Message, deadline: Deadline) -> Prepared:
        """Upload the images with their text alternatives. Raises PublishError, never Uncertain."""
        with nothing_public():
            return Prepared(tuple(self._upload(item, deadline) for item in message.media))

    def draft(self, message: Message, prepared: Prepared) -> Draft:
        """The request that `publish` writes. Raises PublishError."""
        return self._http.draft(self._creating(message, prepared))

    def _creating(self, message: Message, prepared: Prepared) -> Callable[[], object]:
        return lambda: self._client.create_tweet(text=message.text, media_ids=list(prepared.media_ids) or None)

    def publish(self, message: Message, prepared: Prepared, permit: Permit) -> Published:
        """Post `message`. Raises PublishError."""
        answer = self._http.ask(self._creating(message, prepared), permit.deadline, permit)
        if answer.status not in (200, 201):
            raise self._refusal(answer)
        return self._published(_remote_id(answer))

    def find(self, message: Message, search: Search, deadline: Deadline) -> Published | None:
        """The account's post with the same text in the window, or None. Raises CannotTell."""
        with looking():
            wanted_words(message)
            wanted = _our_words(message.text)
            for tweet in self._recent(search, deadline):
                remote_id = str(tweet.get("id", ""))
                if remote_id in search.not_these or not _ID.fullmatch(remote_id):
                    continue
                if wanted in _their_words(tweet):
                    return self._published(remote_id)
        return None

    def test(self, deadline: Deadline) -> str:
        """The account's handle with an @. Raises ConnectorError."""
        return f"@{self._http.say(self._me(deadline).get('username', ''))}"

    def recent(self, search: Search, deadline: Deadline) -> list[dict[str, Any]]:
        """The account's posts of the window. Raises CannotTell."""
        with looking():
            return [*self._recent(search, deadline)]

    def revoke(self, deadline: Deadline) -> None:
        """Have X invalidate the access token. Raises ConnectorError."""
        self._good(self._post("/1.1/oauth/invalidate_token", {}), deadline)

    def inbound(self, search: Search, deadline: Deadline) -> Iterator[Heard]:
        """Mentions, and (unless `inbound` is ``mentions``) the conversations under the newest posts. Raises ConnectorError."""
        return self._public.inbound(search, deadline)

    def again(self, remote_ids: Sequence[str], deadline: Deadline) -> dict[str, Heard | None]:
        """These as they stand now. Raises ConnectorError."""
        return self._public.again(remote_ids, deadline)

    def close(self) -> None:
        """Release the session."""
        self._http.close()

    def _published(self, remote_id: str) -> Published:
        return Published(remote_id, f"https://x.com/{self._handle or 'i/web'}/status/{remote_id}")

    def _upload(self, item: Media, deadline: Deadline) -> str:
        kind = "tweet_gif" if item.mime == "image/gif" else "tweet_image"
        data = base64.b64encode(images.content(item)).decode("ascii")
        body = {"media": data, "media_category": kind}
        media_id = _remote_id(self._good(self._post("/2/media/upload", body), deadline))
        if item.alt:
            described = {"id": media_id, "metadata": {"alt_text": {"text": item.alt}}}
            self._good(self._post("/2/media/metadata", described), deadline)
        return media_id

    def _post(self, route: str, body: dict[str, Any]) -> Callable[[], object]:
        return lambda: self._client.request("POST", route, json=body, user_auth=True)

    def _get(self, route: str, params: dict[str, str], deadline: Deadline) -> dict[str, Any]:
        document = self._read(route, params, deadline, BODY_LIMIT)
        if not document.get("data") and not isinstance(document.get("meta"), dict):
            raise Uncertain("x: the answer has neither data nor meta")
        return document

    def _read(
        self, route: str, params: dict[str, str], deadline: Deadline, limit: int = x_public.LIMIT
    ) -> dict[str, Any]:
        def call() -> object:
            return self._client.request("GET", route, params=params, user_auth=True)

        document = self._good(call, deadline, limit).document()
        if not document:
            raise CannotTell("x: the answer is empty, or not JSON")
        return document

    def _good(self, call: Callable[[], object], deadline: Deadline, limit: int = BODY_LIMIT) -> Answer:
        """The answer when X did what was asked. Raises PublishError."""
        answer = self._http.ask(call, deadline, limit=limit)
        if not 200 <= answer.status < 300:
            raise self._refusal(answer)
        return answer

    def _me(self, deadline: Deadline) -> dict[str, Any]:
        data = self._get("/2/users/me", {}, deadline).get("data")
        if not isinstance(data, dict) or not data.get("username"):
            raise CannotTell("x: the answer does not say who the account is")
        return data

    def _user(self, deadline: Deadline) -> str:
        """The account's id. Raises CannotTell."""
        user = self._user_id or str(self._me(deadline).get("id", ""))
        if not _ID.fullmatch(user):
            raise CannotTell("x: the answer does not say the account's id: set user_id")
        return user

    def _recent(self, search: Search, deadline: Deadline) -> Iterator[dict[str, Any]]:
        """The account's posts of the window. Raises CannotTell when there are more than can be read."""
        user = self._user(deadline)
        # X shows whole seconds and refuses fractions.
        since_us = search.since_us - search.since_us % clock.SECOND
        since = clock.to_datetime(since_us).strftime("%Y-%m-%dT%H:%M:%SZ")
        params = {"max_results": "100", "start_time": since, "tweet.fields": "created_at,entities"}
        for _ in range(PAGES):
            document = self._get(f"/2/users/{quote(user)}/tweets", params, deadline)
            for tweet in _tweets(document):
                created = moment_us(tweet.get("created_at"))
                if created is None or since_us <= created <= search.until_us:
                    yield tweet
            token = document.get("meta", {}).get("next_token")
            if not token:
                return
            params["pagination_token"] = str(token)
        raise CannotTell(f"x: more than {PAGES * 100} posts since {since}: look at the account yourself")

    def _refusal(self, answer: Answer) -> PublishError:
        """What an answer other than success means for a post."""
        document, status = answer.document(), answer.status
        words = self._http.say(_words(document) or "no reason given")
        detail, code = f"x answered {status}: {words}", str(status)
        if status == 429:
            return RateLimited(detail, code=code, retry_after_s=retry_after_s(answer, "x-rate-limit-reset"))
        if status == 401:
            return SignIn(f"{detail}: renew the account's keys in .env", code=code)
        if status == 403 and _DUPLICATE in words.lower():
            return Duplicate(detail, code=code)
        if status in REFUSALS and _words(document):
            return Rejected(detail, code=code)
        return Uncertain(detail, code=code)


def _setting(account: Account, name: str, pattern: re.Pattern[str], form: str) -> str:
    value = account.settings.get(name, "")
    if value and not pattern.fullmatch(value):
        raise AccountError(f"channel {account.channel} (x): {name}={value!r} is not {form}: correct it")
    return value


def _image_problems(item: Media) -> list[str]:
    lines = images.too_large(item, IMAGE_LIMIT, "X")
    if len(item.alt) > ALT_LIMIT:
        lines.append(f"{item.path}: alt text has {len(item.alt)} characters, X takes {ALT_LIMIT}: shorten it")
    return lines


def _remote_id(answer: Answer) -> str:
    """The id in a 2xx answer. Raises Uncertain when there is none."""
    data = answer.document().get("data")
    remote_id = str(data.get("id", "")) if isinstance(data, dict) else ""
    if not _ID.fullmatch(remote_id):
        raise Uncertain(f"x answered {answer.status} without an id", code=str(answer.status))
    return remote_id


def _words(document: dict[str, Any]) -> str:
    """X's own reason, or nothing when the answer is not X's."""
    said = [document.get("detail"), document.get("title")]
    errors = document.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            said += [error.get("message"), error.get("detail")]
    return "; ".join(dict.fromkeys(text for text in said if isinstance(text, str) and text))


def _tweets(document: dict[str, Any]) -> list[dict[str, Any]]:
    data = document.get("data", [])
    if not isinstance(data, list):
        raise CannotTell("x: the list of posts is not a list")
    return [tweet for tweet in data if isinstance(tweet, dict)]


def _bare(url: str) -> str:
    """`url` as it can be compared: X adds a scheme, and a slash to a bare host."""
    return re.sub(r"^https?://", "", url, flags=re.IGNORECASE).rstrip("/")


def _our_words(text: str) -> str:
    out, at = "", 0
    for found in extract_urls_with_indices(text):
        start, end = found["indices"]
        out, at = out + text[at:start] + _bare(found["url"]), end
    return same_words(out + text[at:])


def _their_words(tweet: dict[str, Any]) -> set[str]:
    """The ways in which `tweet` may have been worded: X escapes & < >, and wraps each link in one of its own."""
    text = str(tweet.get("text", ""))
    entities = tweet.get("entities")
    links = entities.get("urls") if isinstance(entities, dict) else None
    plain, escaped = html.unescape(text), text
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and (short := str(link.get("url") or "")):
            full = str(link.get("expanded_url") or "")
            own = "media_key" in link or _OWN_MEDIA.search(full) is not None
            plain, escaped = (t.replace(short, "" if own else _bare(full)) for t in (plain, escaped))
    return {same_words(plain), same_words(escaped)}
