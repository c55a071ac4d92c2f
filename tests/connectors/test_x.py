from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twitter_text import parse_tweet

from config import clock
from connectors.errors import AccountError, CannotTell, Duplicate, RateLimited
from connectors.protocol import Account, Connector, Deadline, Media, Prepared
from connectors.x import PAGES, XConnector
from sandbox.client import Client
from tests.connectors.contract import message, permit, search
from tests.connectors.faults import answers
from tests.connectors.http_contract import HttpContract
from tests.connectors.inbound_contract import InboundContract
from tests.connectors.server import Connection, Server

SECRETS = {
    "consumer_key": "canaryConsumerKey",
    "consumer_secret": "canary/Consumer+Secret=",
    "access_token": "4711-canaryAccessToken",
    "access_token_secret": "canaryAccessTokenSecret",
}


def connector(base_url: str, **settings: str) -> XConnector:
    return XConnector(Account("library-x", "x", {"base_url": base_url, **settings}, SECRETS))


class TestXConnector(InboundContract, HttpContract):
    canaries = tuple(SECRETS.values())
    platform, owner = "x", "4711"
    answers, others = ("reply:reply", "aside:reply"), ("mention:mention",)

    def connector(self, base_url: str) -> Connector:
        return connector(base_url)


def test_the_request_is_signed_by_the_account_and_sent_as_one_json_text() -> None:
    with Server(answers(201, b'{"data": {"id": "1"}}')) as server:
        connector(server.url).publish(message("Hi"), Prepared(("7", "8")), permit())
    (request,) = server.requests()
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /2/tweets HTTP/1.1\r\n")
    assert b'oauth_token="4711-canaryAccessToken"' in head
    assert json.loads(body) == {"text": "Hi", "media": {"media_ids": ["7", "8"]}}


def test_a_base_url_with_a_path_is_a_prefix() -> None:
    with Server(answers(201, b'{"data": {"id": "1"}}')) as server:
        connector(server.url + "/proxy/").publish(message(), Prepared(), permit())
    assert server.requests()[0].startswith(b"POST /proxy/2/tweets ")


@pytest.mark.parametrize(("settings", "link"), [({}, "i/web"), ({"handle": "CityLibrary"}, "CityLibrary")])
def test_the_link_is_one_that_a_person_can_open(settings: dict[str, str], link: str) -> None:
    with Server(answers(201, b'{"data": {"id": "12"}}')) as server:
        published = connector(server.url, **settings).publish(message(), Prepared(), permit())
    assert published.link == f"https://x.com/{link}/status/12"


def test_the_second_time_is_duplicate(box: Client) -> None:
    """I3: X's own refusal leads to a look, not to a repeat."""
    x = connector(box.url)
    published = x.publish(message(), Prepared(), permit())
    with pytest.raises(Duplicate):
        x.publish(message(), Prepared(), permit())
    assert x.find(message(), search(), Deadline.after(10)) == published
    x.close()


def test_the_limit_that_resets_gives_seconds_by_our_clock(box: Client) -> None:
    box.fault("429_reset", seconds=300)
    with pytest.raises(RateLimited) as failure:
        connector(box.url).publish(message(), Prepared(), permit())
    assert failure.value.retry_after_s is not None
    assert 290 < failure.value.retry_after_s <= 301


def test_a_reset_that_is_garbage_is_no_time() -> None:
    with (
        Server(answers(429, b"{}", "x-rate-limit-reset: soon")) as server,
        pytest.raises(RateLimited) as failure,
    ):
        connector(server.url).publish(message(), Prepared(), permit())
    assert failure.value.retry_after_s is None


@pytest.mark.parametrize(
    "text",
    [
        "Budget hearing: https://example.org/budget?a=1&b=2 at 6",
        "See example.org/ and www.example.com/a. R&D <3 > 2",
        "https://example.org/one https://example.org/two",
        "Already escaped: &amp; &lt;",
    ],
)
def test_what_x_does_to_a_text_does_not_hide_it(box: Client, text: str, picture: Media) -> None:
    x = connector(box.url)
    said = message(text, media=(picture,))
    published = x.publish(said, x.prepare(said, Deadline.after(10)), permit())
    assert x.find(said, search(), Deadline.after(10)) == published
    other = message(text.replace("example.org", "example.net") + " more")
    assert x.find(other, search(), Deadline.after(10)) is None
    x.close()


def timeline(*pages: dict[str, Any]) -> Server:
    """X's list of an account's posts, one page per request, the last again and again."""
    left = list(pages)

    def script(connection: Connection) -> None:
        connection.answer(200, json.dumps(left.pop(0) if len(left) > 1 else left[0]).encode())

    return Server(script)


def tweet(text: str, **more: Any) -> dict[str, Any]:
    return {"id": "77", "text": text, "created_at": clock.to_text(clock.wall_us()), **more}


def look(server: Server) -> Any:
    return connector(server.url, user_id="4711").find(message("Hello there"), search(), Deadline.after(10))


def test_a_post_on_a_later_page_is_found() -> None:
    first = {"data": [tweet("Other")], "meta": {"next_token": "n1"}}
    with timeline(first, {"data": [tweet("Hello  there")], "meta": {}}) as server:
        assert look(server).remote_id == "77"
    assert b"pagination_token=n1" in server.requests()[1]
    assert b"GET /2/users/4711/tweets?" in server.requests()[0]


def test_more_pages_than_are_read_cannot_tell() -> None:
    """I5: not having looked at all is not "not found"."""
    with timeline({"data": [], "meta": {"next_token": "again"}}) as server, pytest.raises(CannotTell, match="500"):
        look(server)
    assert len(server.requests()) == PAGES


@pytest.mark.parametrize(
    "page",
    [{}, {"data": {"id": "77"}}, {"errors": [{"message": "partial"}]}, {"meta": 3}, {"data": "77", "meta": {}}],
)
def test_a_list_that_is_none_cannot_tell(page: dict[str, Any]) -> None:
    with timeline(page) as server, pytest.raises(CannotTell):
        look(server)


@pytest.mark.parametrize(
    "strange",
    [
        {"id": "../1"},
        {"id": None},
        {"text": None},
        {"text": "Hello there", "id": ["77"]},
        {"text": "Hello", "entities": {"urls": [{"url": None}, 3]}},
        {"text": "Hello", "entities": []},
        {"text": "Hello there", "created_at": "1999-01-01T00:00:00Z"},
    ],
)
def test_a_strange_post_in_the_list_is_passed_over(strange: dict[str, Any]) -> None:
    with timeline({"data": [tweet("x") | strange, 3, None], "meta": {}}) as server:
        assert look(server) is None


def test_a_media_link_by_its_key_is_left_aside() -> None:
    links = {"urls": [{"url": "https://t.co/a", "expanded_url": "https://x.com/p", "media_key": "3_1"}]}
    with timeline({"data": [tweet("Hello there https://t.co/a", entities=links)], "meta": {}}) as server:
        assert look(server).remote_id == "77"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("abc", 3),
        ("https://example.org/a/very/long/path/that/does/not/count", 23),
        ("日本", 4),
        ("👩‍👩‍👧", 2),
    ],
)
def test_the_length_is_as_x_counts(text: str, count: int) -> None:
    assert XConnector.length(text).count == count


PLAIN = [chr(number) for number in range(0x2030) if chr(number).isprintable()] + ["\n"]
PIECES = [
    "http://",
    "www",
    "com",
    "uk",
    ".",
    ".",
    ". ",
    "…",
    "©",
    "™",
    "#\ufe0f\u20e3",
    "e\u0301",
    "\r\n",
    "\u00ad",
    "\ufeff",
]


@example("see example.com")
@example("© 2026")
@given(st.lists(st.sampled_from(PIECES) | st.sampled_from(PLAIN), max_size=12).map("".join))
def test_the_quick_way_to_count_counts_as_the_library_does(text: str) -> None:
    assert XConnector.length(text).count == (parse_tweet(text).weightedLength if text else 0)


def test_each_thing_that_x_would_not_take_is_a_line(picture: Media) -> None:
    gif = Media(picture.path, "a" * 1001, "image/gif", picture.sha256)
    lines = XConnector.problems(message("日" * 141, media=(gif, picture, picture, picture, picture)))
    assert len(lines) == 4
    assert "282" in lines[0]
    assert "5 images" in lines[1]
    assert "GIF" in lines[2]
    assert "1001" in lines[3]


def test_an_image_over_the_limit_is_a_problem(picture: Media) -> None:
    with picture.path.open("ab") as file:
        file.truncate(5_000_001)
    assert "5,000,001" in XConnector.problems(message(media=(picture,)))[0]


@pytest.mark.parametrize("settings", [{"user_id": "me"}, {"handle": "@city"}, {"user_id": "1/../2"}])
def test_a_setting_that_cannot_be_is_named_with_its_value(settings: dict[str, str]) -> None:
    with pytest.raises(AccountError) as failure:
        connector("http://127.0.0.1:1", **settings)
    name, value = next(iter(settings.items()))
    assert f"{name}={value!r}" in str(failure.value)


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(AccountError, match="the secret access_token_secret"):
        XConnector(Account("c", "x", {}, {**SECRETS, "access_token_secret": ""}))
