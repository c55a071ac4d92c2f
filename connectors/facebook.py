"""A Facebook Page through facebook-sdk's Graph client."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from config import clock
from connectors import facebook_public
from connectors import media as images
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
from connectors.http import Answer, Transport
from connectors.protocol import (
    Account,
    Deadline,
    Heard,
    Length,
    Media,
    Message,
    Permit,
    Planned,
    Prepared,
    Published,
    Search,
)

with warnings.catch_warnings():
    # facebook-sdk 3.1.0 has an invalid escape in a string.
    warnings.simplefilter("ignore")
    from facebook import GraphAPI

HOME = "https://graph.facebook.com"
VERSION = "v26.0"
TEXT_LIMIT = 63_206
IMAGE_LIMIT = 4_000_000
IMAGES = 10
PAGES = 5
"""Pages of 100 posts that `find` reads before it says that it cannot tell."""
_RATE_CODES = frozenset({4, 17, 32, 341, 613})
_SIGN_IN_CODES = frozenset({190, 102, 10})
_REJECTED_CODES = frozenset({100, 368, *range(200, 300)})
_UNSETTLED_CODES = frozenset({1, 2})
"""Unknown error, service unavailable: Meta says of neither that nothing was done."""
_DUPLICATE_CODE = 506
PLANNED_FIELDS = {"fields": "id,message,scheduled_publish_time,attachments"}
_ID = re.compile(r"[0-9]{1,25}(_[0-9]{1,25})?")
_PAGE = re.compile(r"[A-Za-z0-9._-]{1,80}")


class FacebookConnector:
    """One Page. Settings: `page_id`, `base_url`, `app_id`. Secrets: `page_token`; `app_secret` to revoke it."""

    platform = "facebook"
    required_settings: tuple[str, ...] = ("page_id",)
    required_secrets: tuple[str, ...] = ("page_token",)

    def __init__(self, account: Account) -> None:
        """Keep `account`; connect to nothing. Raises AccountError."""
        require(account, self.required_settings, self.required_secrets)
        self._page = account.settings["page_id"].strip()
        if not _PAGE.fullmatch(self._page):
            raise AccountError(
                f"channel {account.channel} (facebook): page_id={self._page!r} is not a Page's id: correct it"
            )
        self._http = Transport(account, HOME)
        self._token = account.secrets["page_token"]
        app, secret = account.settings.get("app_id", "").strip(), account.secrets.get("app_secret", "").strip()
        self._app = (app, secret) if app and secret else None
        self._graph = GraphAPI(access_token=self._token, session=self._http.session)
        # Its constructor accepts only versions that Meta has switched off.
        self._graph.version = VERSION
        self._public = facebook_public.Public(self._page, self._graph, self._http, self._refusal)

    @staticmethod
    def length(text: str) -> Length:
        """The number of characters."""
        return Length(len(text), TEXT_LIMIT)

    @staticmethod
    def problems(message: Message) -> list[str]:
        """One line per reason why Facebook would not take `message`."""
        lines = []
        length = FacebookConnector.length(message.text)
        if length.count > length.limit:
            over = length.count - length.limit
            lines.append(f"the text has {length.count} characters, Facebook takes {length.limit}: cut {over}")
        if not message.text.strip() and not message.media:
            lines.append("the post is empty: give it text or an image")
        if len(message.media) > IMAGES:
            lines.append(f"{len(message.media)} images, Facebook takes {IMAGES}: leave some out")
        for item in message.media:
            lines += images.too_large(item, IMAGE_LIMIT, "Facebook")
        return lines

    def prepare(self, message: Message, deadline: Deadline) -> Prepared:
        """Upload the photos unpublished, with their text alternatives. Raises PublishError, never Uncertain."""
        with nothing_public():
            numbered = enumerate(message.media, start=1)
            return Prepared(tuple(self._upload(item, number, deadline) for number, item in numbered))

    def draft(self, message: Message, prepared: Prepared) -> Draft:
        """The request that `publish` writes. Raises PublishError."""
        return self._http.draft(self._feeding(message, prepared))

    def _feeding(self, message: Message, prepared: Prepared) -> Callable[[], object]:
        fields = {"message": message.text} if message.text else {}
        for index, media_id in enumerate(prepared.media_ids):
            fields[f"attached_media[{index}]"] = json.dumps({"media_fbid": media_id})
        return lambda: self._graph.put_object(self._page, "feed", **fields)

    def publish(self, message: Message, prepared: Prepared, permit: Permit) -> Published:
        """Post `message` to the Page's feed. Raises PublishError."""
        answer = self._http.ask(self._feeding(message, prepared), permit.deadline, permit)
        return _published(self._made(answer))

    def find(self, message: Message, search: Search, deadline: Deadline) -> Published | None:
        """The Page's post with the same text in the window, or None. Raises CannotTell.

        One that lies in the Page's own scheduler was not sent by Standfast, which never uses it, but would go out beside
        a repeat: it is CannotTell and a person looks.
        """
        with looking():
            for post in self._matching("published_posts", message, search, deadline):
                return _published(str(post["id"]))
            for post in self._matching("scheduled_posts", message, search, deadline):
                raise CannotTell(f"facebook: the same text is scheduled in the Page's own planner as {post['id']}")
        return None

    def planned(self, deadline: Deadline) -> list[Planned]:
        """What people have scheduled in the Page's own planner. Raises CannotTell."""
        with looking():
            found = [*self._rows("scheduled_posts", PLANNED_FIELDS, deadline)]
        if any(not _ID.fullmatch(str(post.get("id", ""))) for post in found):
            raise CannotTell("facebook: a scheduled post has no id: look at the Page's planner yourself")
        return [_planned(post) for post in found]

    def cancel_planned(self, remote_id: str, deadline: Deadline) -> None:
        """Delete a post that is not public yet. Raises ConnectorError."""
        answer = self._http.ask(lambda: self._graph.delete_object(remote_id), deadline)
        if answer.status != 200 or answer.document().get("success") is not True:
            raise self._refusal(answer)

    def test(self, deadline: Deadline) -> str:
        """The Page's name. Raises ConnectorError."""
        name = self._get(lambda: self._graph.get_object(self._page, fields="name"), deadline).get("name")
        if not name:
            raise CannotTell("facebook: the answer does not say the Page's name")
        return self._http.say(name)

    def recent(self, search: Search, deadline: Deadline) -> list[dict[str, Any]]:
        """The Page's posts of the window. Raises CannotTell."""
        with looking():
            return [*self._posts("published_posts", search, deadline)]

    def revoke(self, deadline: Deadline) -> None:
        """Have Meta revoke the system user's token: that takes the app's own id and secret. Raises ConnectorError."""
        if self._app is None:
            raise CannotTell(
                "facebook: a Page's token can be revoked from here only with the setting app_id and the secret app_secret: "
                "remove the app in the Page's settings (Business integrations)"
            )
        own = {"client_id": self._app[0], "client_secret": self._app[1], "revoke_token": self._token}
        answer = self._http.ask(lambda: self._graph.get_object("oauth/revoke", **own), deadline)
        if answer.status != 200 or answer.document().get("success") is not True:
            raise self._refusal(answer)

    def inbound(self, search: Search, deadline: Deadline) -> Iterator[Heard]:
        """Comments, posts of visitors, and posts that tag the Page. Raises ConnectorError."""
        return self._public.inbound(search, deadline)

    def again(self, remote_ids: Sequence[str], deadline: Deadline) -> dict[str, Heard | None]:
        """These as they stand now. Raises ConnectorError."""
        return self._public.again(remote_ids, deadline)

    def close(self) -> None:
        """Release the session."""
        self._http.close()

    def _upload(self, item: Media, number: int, deadline: Deadline) -> str:
        part = (images.file_name(item, number), images.content(item), item.mime)
        fields = {"published": "false"} | ({"alt_text_custom": item.alt} if item.alt else {})
        album = f"{self._page}/photos"
        return self._made(self._http.ask(lambda: self._graph.put_photo(part, album_path=album, **fields), deadline))

    def _made(self, answer: Answer) -> str:
        """The id of what the request made. Raises PublishError."""
        document = answer.document()
        remote_id = str(document.get("id", ""))
        if answer.status not in (200, 201) or "error" in document:
            raise self._refusal(answer)
        if not _ID.fullmatch(remote_id):
            raise Uncertain(f"facebook answered {answer.status} without an id", code=str(answer.status))
        return remote_id

    def _get(self, call: Callable[[], object], deadline: Deadline) -> dict[str, Any]:
        answer = self._http.ask(call, deadline)
        document = answer.document()
        if answer.status != 200 or not document or "error" in document:
            raise self._refusal(answer)
        return document

    def _matching(self, edge: str, message: Message, search: Search, deadline: Deadline) -> Iterator[dict[str, Any]]:
        wanted, scheduled = wanted_words(message), edge == "scheduled_posts"
        for post in self._posts(edge, search, deadline):
            created = moment_us(post.get("created_time"))
            in_window = scheduled or created is None or _floor(search.since_us) <= created <= search.until_us
            known = str(post.get("id", "")) in search.not_these or not _ID.fullmatch(str(post.get("id", "")))
            if in_window and not known and same_words(str(post.get("message", ""))) == wanted:
                yield post

    def _posts(self, edge: str, search: Search, deadline: Deadline) -> Iterator[dict[str, Any]]:
        """The posts of `edge` since the window began. Raises CannotTell when there are more than can be read."""
        fields = {"fields": "id,message,created_time"}
        if edge == "published_posts":
            fields["since"] = str(search.since_us // clock.SECOND)
            # One second more: the platform's end may be exclusive, and the window is looked at again here.
            fields["until"] = str(search.until_us // clock.SECOND + 1)
        yield from self._rows(edge, fields, deadline)

    def _rows(self, edge: str, given: Mapping[str, str], deadline: Deadline) -> Iterator[dict[str, Any]]:
        """All objects of `edge`, page by page. Raises CannotTell when there are more than can be read."""
        fields = {"limit": "100", **given}
        for _ in range(PAGES):
            page = self._get(lambda: self._graph.get_connections(self._page, edge, **fields), deadline)
            data = page.get("data")
            if not isinstance(data, list):
                raise CannotTell(f"facebook: {edge} is not a list")
            yield from (post for post in data if isinstance(post, dict))
            after = _next(page)
            if after is None:
                return
            fields["after"] = after
        raise CannotTell(f"facebook: more than {PAGES * 100} {edge}: look at the Page yourself")

    def _refusal(self, answer: Answer) -> PublishError:
        """What an answer other than success means for a post."""
        error, status = answer.document().get("error"), answer.status
        known = error if isinstance(error, dict) else {}
        code = _code(known)
        said = self._http.say(known.get("message") or "no reason given")
        detail = f"facebook answered {status}{f', code {code}' if code is not None else ''}: {said}"
        name = str(status if code is None else code)
        if status >= 500 or 300 <= status < 400 or code in _UNSETTLED_CODES:
            return Uncertain(detail, code=name)
        if code == _DUPLICATE_CODE:
            return Duplicate(detail, code=name)
        if status == 429 or code in _RATE_CODES:
            return RateLimited(detail, code=name, retry_after_s=retry_after_s(answer))
        if status == 401 or code in _SIGN_IN_CODES:
            return SignIn(f"{detail}: renew the Page's token in .env", code=name)
        if code in _REJECTED_CODES or (status in REFUSALS and code is not None):
            return Rejected(detail, code=name)
        return Uncertain(detail, code=name)


def _code(error: dict[str, Any]) -> int | None:
    """Graph's code, None when there is none that could be one."""
    code = error.get("code")
    return code if type(code) is int and 0 < code < 10**6 else None


def _planned(post: dict[str, Any]) -> Planned:
    at, remote_id = post.get("scheduled_publish_time"), str(post["id"])
    moment = at * clock.SECOND if type(at) is int and 0 < at < 10**11 else moment_us(at)
    attached = post.get("attachments")
    media = bool(attached.get("data")) if isinstance(attached, dict) else bool(attached)
    return Planned(remote_id, str(post.get("message", "")), moment, f"https://www.facebook.com/{remote_id}", media)


def _published(remote_id: str) -> Published:
    return Published(remote_id, f"https://www.facebook.com/{remote_id}")


def _floor(us: int) -> int:
    """`us` without its fraction of a second, which Facebook does not show."""
    return us - us % clock.SECOND


def _next(page: dict[str, Any]) -> str | None:
    """The cursor after which the next page begins, None on the last one."""
    paging = page.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    if not after:
        raise CannotTell("facebook: there are more posts, but no cursor to them")
    return str(after)
