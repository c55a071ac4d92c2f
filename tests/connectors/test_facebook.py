from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from config import clock
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
from connectors.facebook import PAGES, FacebookConnector
from connectors.protocol import Account, Connector, Deadline, Media, OwnScheduler, Prepared
from sandbox.client import Client
from tests.connectors.contract import message, permit, search
from tests.connectors.faults import answers
from tests.connectors.http_contract import HttpContract
from tests.connectors.inbound_contract import InboundContract
from tests.connectors.server import Connection, Server

TOKEN = "canary/PageToken+1="


def connector(base_url: str, **settings: str) -> FacebookConnector:
    given = {"page_id": "815", "base_url": base_url, **settings}
    return FacebookConnector(Account("library-fb", "facebook", given, {"page_token": TOKEN}))


class TestFacebookConnector(InboundContract, HttpContract):
    canaries = (TOKEN,)
    platform, owner = "facebook", "815"
    answers, others = ("comment:comment",), ("visitor:post", "tagged:mention")
    too_many = b'{"error": {"code": 4, "message": "too many"}}'

    def connector(self, base_url: str) -> Connector:
        return connector(base_url)


def test_the_request_names_the_version_and_keeps_the_token_out_of_the_address() -> None:
    with Server(answers(200, b'{"id": "815_1"}')) as server:
        published = connector(server.url).publish(message("Hi & ho"), Prepared(("7",)), permit())
    head, _, body = server.requests()[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST /v26.0/815/feed HTTP/1.1\r\n")
    fields = parse_qs(body)
    assert fields["message"] == ["Hi & ho"]
    assert json.loads(fields["attached_media[0]"][0]) == {"media_fbid": "7"}
    assert fields["access_token"] == [TOKEN]
    assert published.link == "https://www.facebook.com/815_1"


def test_the_second_time_is_duplicate(box: Client) -> None:
    """I3: Facebook's own refusal leads to a look, not to a repeat."""
    facebook = connector(box.url)
    published = facebook.publish(message(), Prepared(), permit())
    with pytest.raises(Duplicate):
        facebook.publish(message(), Prepared(), permit())
    assert facebook.find(message(), search(), Deadline.after(10)) == published
    facebook.close()


CODES: list[tuple[int, object, type[PublishError]]] = [
    *[(400, code, RateLimited) for code in (4, 17, 32, 341, 613)],
    *[(400, code, SignIn) for code in (190, 102, 10)],
    *[(400, code, Rejected) for code in (100, 200, 250, 299, 368, 1500)],
    (403, 4, RateLimited),
    (200, 190, SignIn),
    (200, 100, Rejected),
    (400, 506, Duplicate),
    (200, 506, Duplicate),
    *[(400, code, Uncertain) for code in (1, 2)],
    (200, 99999, Uncertain),
    (400, "100", Uncertain),
    (400, True, Uncertain),
    (400, None, Uncertain),
    (500, 100, Uncertain),
    (503, 4, Uncertain),
]


@pytest.mark.parametrize(("status", "code", "outcome"), CODES)
def test_a_code_has_its_outcome(status: int, code: object, outcome: type[PublishError]) -> None:
    body = json.dumps({"error": {"message": "why", "code": code}, "id": "815_1"}).encode()
    with Server(answers(status, body)) as server, pytest.raises(PublishError) as failure:
        connector(server.url).publish(message(), Prepared(), permit())
    assert type(failure.value) is outcome
    assert "why" in failure.value.detail


@pytest.mark.parametrize("error", ["text", [], 3, {"code": 10**400}, {"message": {"a": 1}}])
def test_an_error_of_a_strange_shape_is_unknown(error: object) -> None:
    with (
        Server(answers(200, json.dumps({"error": error, "id": "1"}).encode())) as server,
        pytest.raises(Uncertain),
    ):
        connector(server.url).publish(message(), Prepared(), permit())


def edges(published: list[dict[str, Any]], scheduled: dict[str, Any] | None = None) -> Server:
    """A Page's published posts, one page per request (the last again and again), and its scheduled posts."""
    left = list(published)

    def script(connection: Connection) -> None:
        asked = connection.read_request()
        page = scheduled or {"data": []}
        if b"/published_posts?" in asked:
            page = left.pop(0) if len(left) > 1 else left[0]
        connection.answer(200, json.dumps(page).encode())

    return Server(script)


def post(text: str, **more: Any) -> dict[str, Any]:
    created = clock.to_datetime(clock.wall_us()).strftime("%Y-%m-%dT%H:%M:%S+0000")
    return {"id": "815_77", "message": text, "created_time": created, **more}


def look(server: Server) -> Any:
    return connector(server.url).find(message("Hello there"), search(), Deadline.after(10))


MORE = {"next": "https://elsewhere.example/steal", "cursors": {"after": "c1"}}


def test_a_post_on_a_later_page_is_found_without_going_elsewhere() -> None:
    with edges([{"data": [], "paging": MORE}, {"data": [post("Hello there ")]}]) as server:
        assert look(server).remote_id == "815_77"
    assert b"after=c1" in server.requests()[1]


def test_more_pages_than_are_read_cannot_tell() -> None:
    """I5: not having looked at all is not "not found"."""
    with edges([{"data": [], "paging": MORE}]) as server, pytest.raises(CannotTell, match="500"):
        look(server)
    assert len(server.requests()) == PAGES


def test_the_same_text_in_the_pages_own_planner_cannot_tell() -> None:
    """KS-16: it would go out beside a repeat."""
    with edges([{"data": []}], {"data": [post("Hello there")]}) as server, pytest.raises(CannotTell, match="815_77"):
        look(server)


@pytest.mark.parametrize(
    "page",
    [{"data": {}}, {"paging": {}}, {"data": [], "paging": {"next": "x"}}, {"data": None}, {"data": "Hello there"}],
)
def test_a_list_that_is_none_cannot_tell(page: dict[str, Any]) -> None:
    with edges([page]) as server, pytest.raises(CannotTell):
        look(server)


@pytest.mark.parametrize(
    "strange",
    [
        {"id": "../1"},
        {"id": None},
        {"message": None},
        {"message": ["Hello there"]},
        {"created_time": "1999-01-01T00:00:00+0000"},
    ],
)
def test_a_strange_post_in_the_list_is_passed_over(strange: dict[str, Any]) -> None:
    with edges([{"data": [post("Hello there") | strange, 3, None]}]) as server:
        assert look(server) is None


def test_each_thing_that_facebook_would_not_take_is_a_line(picture: Media) -> None:
    with picture.path.open("ab") as file:
        file.truncate(4_000_001)
    lines = FacebookConnector.problems(message("a" * 63_207, media=(picture,) * 11))
    assert "cut 1" in lines[0]
    assert "11 images" in lines[1]
    assert "4,000,001" in lines[2]


@pytest.mark.parametrize("page_id", ["815/../me", "a b", "?x"])
def test_a_page_id_that_cannot_be_is_named(page_id: str) -> None:
    with pytest.raises(AccountError, match="page_id="):
        connector("http://127.0.0.1:1", page_id=page_id)


def test_a_missing_token_is_named() -> None:
    with pytest.raises(AccountError, match="the secret page_token"):
        FacebookConnector(Account("c", "facebook", {"page_id": "1"}))


# --- the Page's own planner -----------------------------------------------------------------------------------------------


def _plan(box: Client, text: str, ahead_s: int = 3600) -> str:
    """The id of a post that somebody scheduled on the Page itself."""
    at = clock.wall_us() // clock.SECOND + ahead_s
    fields = {"message": text, "published": "false", "scheduled_publish_time": str(at), "access_token": TOKEN}
    answer = requests.post(f"{box.url}/v26.0/815/feed", data=fields, timeout=10)
    remote_id: str = answer.json()["id"]
    return remote_id


def test_what_people_scheduled_on_the_page_is_found_and_taken_out(box: Client) -> None:
    """KS-16."""
    facebook = connector(box.url)
    assert isinstance(facebook, OwnScheduler)
    assert facebook.planned(Deadline.after(5)) == []
    before = clock.wall_us()
    first, second = _plan(box, "Farmers' market"), _plan(box, "Pool", 7200)
    found = {item.remote_id: item for item in facebook.planned(Deadline.after(5))}
    assert {item.text for item in found.values()} == {"Farmers' market", "Pool"}
    assert 3599 <= ((found[first].at_us or 0) - before) / clock.SECOND <= 3610
    assert found[first].link == f"https://www.facebook.com/{first}"
    facebook.cancel_planned(first, Deadline.after(5))
    assert [item.remote_id for item in facebook.planned(Deadline.after(5))] == [second]


def test_a_planner_longer_than_one_page_is_read_to_its_end(box: Client) -> None:
    made = {_plan(box, f"Notice {number}") for number in range(101)}
    assert {item.remote_id for item in connector(box.url).planned(Deadline.after(20))} == made


def test_what_is_not_in_the_planner_cannot_be_taken_out(box: Client) -> None:
    with pytest.raises(Rejected, match="does not exist"):
        connector(box.url).cancel_planned("815_4711", Deadline.after(5))


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": 3}',
        b'{"data": [{"message": "no id"}]}',
        b'{"data": [], "paging": {"next": "there"}}',
        b'{"error": {"code": 190, "message": "expired"}}',
        b"<html>",
    ],
)
def test_a_planner_that_cannot_be_read_whole_is_never_called_empty(body: bytes) -> None:
    """KS-16: an empty list here would make a crisis complete."""
    with Server(answers(200, body)) as server, pytest.raises(CannotTell):
        connector(server.url).planned(Deadline.after(5))


@pytest.mark.parametrize("body", [b"{}", b'{"success": false}', b'{"success": "true"}', b"true"])
def test_a_deletion_is_believed_only_in_its_own_words(body: bytes) -> None:
    """The client takes any answer without "error" for success."""
    with Server(answers(200, body)) as server, pytest.raises(PublishError):
        connector(server.url).cancel_planned("815_1", Deadline.after(5))


@pytest.mark.parametrize("at", ["soon", True, -1, 10**12])
def test_a_moment_that_is_none_is_not_known(at: object) -> None:
    body = json.dumps({"data": [{"id": "815_1", "message": "Pool", "scheduled_publish_time": at}]}).encode()
    with Server(answers(200, body)) as server:
        (found,) = connector(server.url).planned(Deadline.after(5))
    assert found.at_us is None
