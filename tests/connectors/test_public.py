"""What each platform's reader of the public does at its bounds (RC-5)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from config import clock
from connectors import facebook_public, x_public
from connectors.errors import CannotTell, ConnectorError, Unfinished
from connectors.protocol import Account, Deadline, Heard, Prepared, Search
from sandbox.client import Client
from tests.connectors.contract import message, permit
from tests.connectors.server import Connection, Server
from tests.connectors.test_facebook import connector as facebook
from tests.connectors.test_x import SECRETS
from tests.connectors.test_x import connector as x

DAY_US = 86400 * clock.SECOND


def window(since_us: int = DAY_US, until_us: int = -DAY_US) -> Search:
    now = clock.wall_us()
    return Search(now - since_us, now - until_us)


def test_a_flood_on_x_is_read_in_several_looks_and_nothing_is_left_out(box: Client, monkeypatch: Any) -> None:
    """RC-5: each look says how far it came; the next takes up there."""
    monkeypatch.setattr(x_public, "PAGES", 1)
    made = {box.say("x", "4711", "mention", f"Number {n}", seconds_ago=120 + n) for n in range(250)}
    own, left, heard = x(box.url), [window()], set[str]()
    while left:
        search = left.pop()
        try:
            heard |= _heard(own, search)
        except Unfinished as more:
            heard |= {item.remote_id for item in more.args[1]}
            left += [Search(search.since_us, more.until_us)] if more.until_us < search.until_us else []
    own.close()
    assert heard == made


def test_a_flood_that_is_just_now_is_read_again_rather_than_lost(box: Client, monkeypatch: Any) -> None:
    """RC-5: X takes no end of a window that lies but a moment ago."""
    monkeypatch.setattr(x_public, "PAGES", 1)
    for number in range(150):
        box.say("x", "4711", "mention", f"Number {number}")
    own, search = x(box.url), window()
    for _ in range(3):
        with pytest.raises(Unfinished) as more:
            _heard(own, search)
        oldest = min(item.at_us for item in more.value.args[1])
        assert more.value.until_us > oldest
        search = Search(search.since_us, more.value.until_us)
    own.close()


def _heard(own: Any, search: Search) -> set[str]:
    """What one look hears. What it heard before an error is the error's second argument."""
    heard: list[Heard] = []
    try:
        for item in own.inbound(search, Deadline.after(10)):
            heard.append(item)
    except ConnectorError as error:
        error.args = (*error.args, heard)
        raise
    return {item.remote_id for item in heard}


@pytest.mark.parametrize(("setting", "kinds"), [("all", {"aside", "mention"}), ("mentions", {"mention"})])
def test_a_channel_on_x_may_leave_the_conversations_out(box: Client, setting: str, kinds: set[str]) -> None:
    """RC-5."""
    own = x(box.url, inbound=setting)
    post = own.publish(message(), Prepared(), permit()).remote_id
    for kind in ("aside", "mention"):
        box.say("x", "4711", kind, kind, under=post)
    assert {item.text for item in own.inbound(window(), Deadline.after(10))} == kinds
    assert any("search" in line.path for line in box.arrivals("other")) is (setting == "all")
    own.close()


def test_many_conversations_are_searched_a_dozen_at_a_time(box: Client) -> None:
    own = x(box.url)
    posts = [own.publish(message(f"Post {n}"), Prepared(), permit()).remote_id for n in range(14)]
    made = {box.say("x", "4711", "aside", f"Under {post}", under=post) for post in posts}
    assert {item.remote_id for item in own.inbound(window(), Deadline.after(10))} == made
    assert sum("search" in line.path for line in box.arrivals("other")) == 2
    own.close()


def test_more_comments_than_are_read_are_said_and_those_that_were_read_count(box: Client, monkeypatch: Any) -> None:
    """RC-5: never silence about what was not read."""
    monkeypatch.setattr(facebook_public, "REQUESTS", 2)
    own = facebook(box.url)
    post = own.publish(message(), Prepared(), permit()).remote_id
    for number in range(130):
        box.say("facebook", "815", "comment", f"Number {number}", under=post)
    with pytest.raises(CannotTell, match="more than 2 pages") as failure:
        _heard(own, window())
    assert len({item.remote_id for item in failure.value.args[1]}) == 100
    own.close()


def test_an_own_answer_is_kept_as_the_account_s_own(box: Client) -> None:
    """RC-1: what staff write by hand is said in the city's name."""
    row = {"id": "1_2", "message": "We are on it", "from": {"id": "815", "name": "City"}}
    page = {"data": [{"id": "815_1", "from": {"id": "815"}, "comments": {"data": [row | {"created_time": "x"}]}}]}
    with Server(_answers(page, {"data": []})) as server:
        (found,) = facebook(server.url).inbound(window(), Deadline.after(10))
    assert (found.own, found.text, found.at_us, found.in_reply_to) == (True, "We are on it", None, "815_1")
    tweet = {
        "id": "9",
        "text": "R&amp;D",
        "author_id": "4711",
        "referenced_tweets": [{"type": "replied_to", "id": "3"}],
    }
    with Server(_answers({"data": [tweet, tweet | {"id": "8", "referenced_tweets": []}], "meta": {}})) as server:
        (mine,) = x(server.url, user_id="4711", inbound="mentions").inbound(window(), Deadline.after(10))
    assert (mine.own, mine.text, mine.kind, mine.remote_id) == (True, "R&D", "reply", "9")


def _answers(*pages: dict[str, Any]) -> Callable[[Connection], None]:
    left = list(pages)

    def script(connection: Connection) -> None:
        connection.answer(200, json.dumps(left.pop(0) if len(left) > 1 else left[0]).encode())

    return script


STRANGE: tuple[Any, ...] = (
    {"data": "x"},
    {"data": {"id": "1"}},
    {"data": [3, None, "x", {}, {"id": None}, {"id": "../1"}], "meta": {}, "paging": 3},
    {
        "data": [
            {"id": "1", "text": None, "message": None, "author_id": [], "from": 3, "created_at": 1, "created_time": []}
        ]
    },
    {"data": [{"id": "1", "referenced_tweets": [3], "edit_history_tweet_ids": "x", "comments": {"data": [4]}}]},
    {"data": [], "meta": {"next_token": 3}, "paging": {"next": "x", "cursors": {}}},
    {"data": [], "errors": "x", "includes": [1], "meta": []},
    {"1": [], "data": []},
)


@pytest.mark.parametrize("made", [x, facebook])
@pytest.mark.parametrize("page", STRANGE)
def test_a_strange_answer_is_passed_over_or_an_error_and_says_of_nothing_that_it_is_gone(made: Any, page: Any) -> None:
    """RC-5: whatever a platform sends."""
    with Server(_answers(page)) as server:
        own = made(server.url, user_id="4711") if made is x else made(server.url)
        for look in (
            lambda: list(own.inbound(window(), Deadline.after(5))),
            lambda: own.again(["1"], Deadline.after(5)),
        ):
            try:
                found = look()
            except ConnectorError:
                continue
            assert None not in (found.values() if isinstance(found, dict) else found)


@pytest.mark.parametrize(
    ("code", "sub", "gone"),
    [(803, None, True), (100, 33, True), (100, None, False), (190, None, False), (4, None, False)],
)
def test_only_graph_s_own_word_for_it_means_gone(code: int, sub: int | None, gone: bool) -> None:
    """RC-5: a lost permission is not a deletion."""
    error = {"error": {"code": code, "message": "no"} | ({"error_subcode": sub} if sub else {})}

    def script(connection: Connection) -> None:
        connection.answer(400, json.dumps(error).encode())

    with Server(script) as server:
        own = facebook(server.url)
        if gone:
            assert own.again(["1_2"], Deadline.after(5)) == {"1_2": None}
        else:
            with pytest.raises(ConnectorError):
                own.again(["1_2"], Deadline.after(5))


def test_the_setting_of_a_channel_on_x_is_checked() -> None:
    from connectors.errors import AccountError
    from connectors.x import XConnector

    with pytest.raises(AccountError, match="inbound='some' is not mentions, all or off"):
        XConnector(Account("c", "x", {"inbound": "some"}, SECRETS))
