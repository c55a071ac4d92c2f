"""Graph's endpoints, through the real facebook-sdk."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import facebook
import pytest
import requests

from config import clock
from sandbox.client import Client

PAGE = "815"
IMAGE = bytes(range(256)) * 4 + b"\r\n--\r\r\n\n\r"
FIELDS = "id,message,created_time,permalink_url"


def feed(graph: facebook.GraphAPI, **fields: str) -> str:
    return str(graph.put_object(PAGE, "feed", **fields)["id"])


def listed(graph: facebook.GraphAPI, edge: str = "published_posts", **more: Any) -> list[dict[str, Any]]:
    return list(graph.get_connections(PAGE, edge, fields=FIELDS, **more)["data"])


def refused(code: int) -> Any:
    """A block in which Graph refuses with `code`."""
    return pytest.raises(facebook.GraphAPIError, check=lambda error: error.code == code)


def test_a_post_gets_an_id_and_stands_in_the_list(box: Client, graph: facebook.GraphAPI) -> None:
    made = feed(graph, message="Story hour at 4 & tea <free>")
    (shown,) = listed(graph)
    assert made.startswith(f"{PAGE}_")
    assert (shown["id"], shown["message"]) == (made, "Story hour at 4 & tea <free>")
    assert set(shown) == set(FIELDS.split(","))
    assert shown["created_time"].endswith("+0000")
    (arrival,) = box.arrivals()
    assert (arrival.account, arrival.path) == ("815-library", "/v26.0/815/feed")
    assert (arrival.remote_id, arrival.accepted, arrival.text) == (made, True, "Story hour at 4 & tea <free>")


@pytest.mark.parametrize("version", ["", "v3.1/", "v26.0/"])
def test_any_version_or_none(box: Client, version: str) -> None:
    content = {"message": "Hi", "access_token": "815-x"}
    made = requests.post(f"{box.url}/{version}me/feed", data=content, timeout=5)
    assert made.json()["id"].startswith("815_")
    assert made.headers["facebook-api-version"] == "v26.0"
    assert json.loads(made.headers["x-app-usage"])["call_count"] <= 100


def test_the_same_message_again_is_a_duplicate(box: Client, graph: facebook.GraphAPI) -> None:
    feed(graph, message="Twice")
    with refused(506):
        feed(graph, message="Twice")
    assert [line.accepted for line in box.arrivals()] == [True, False]


def photo(graph: facebook.GraphAPI, **fields: str) -> dict[str, Any]:
    return dict(graph.put_photo(io.BytesIO(IMAGE), f"{PAGE}/photos", **fields))


def test_an_unpublished_photo_then_its_post(box: Client, graph: facebook.GraphAPI) -> None:
    made = photo(graph, published="false", alt_text_custom="Büch\u200derregal")
    assert set(made) == {"id"}
    assert box.arrivals() == []
    feed(graph, message="Look", **{"attached_media[0]": json.dumps({"media_fbid": made["id"]})})
    (medium,) = box.posts()[0]["media"]
    assert (medium["sha256"], medium["alt"]) == (hashlib.sha256(IMAGE).hexdigest(), "Büch\u200derregal")
    assert [line.path for line in box.arrivals()] == ["/v26.0/815/feed"]


@pytest.mark.parametrize("fields", [{}, {"published": "true"}])
def test_a_photo_that_is_published_is_a_publish_arrival(
    box: Client, graph: facebook.GraphAPI, fields: dict[str, str]
) -> None:
    made = photo(graph, message="Shelf", **fields)
    assert [(line.text, line.remote_id) for line in box.arrivals()] == [("Shelf", made["post_id"])]
    assert [post["id"] for post in listed(graph)] == [made["post_id"]]


def test_python_s_false_is_refused(graph: facebook.GraphAPI) -> None:
    with refused(100):
        graph.put_photo(io.BytesIO(IMAGE), f"{PAGE}/photos", published=False)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"message": " "},
        {"message": "x" * 63_207},
        {"message": "x", "attached_media[0]": '{"media_fbid": "1"}'},
        {"message": "x", "attached_media[0]": "not json"},
        {"message": "x", "published": "perhaps"},
        {"message": "x", "published": "false", "scheduled_publish_time": "tomorrow"},
        {"message": "x", "published": "false", "scheduled_publish_time": "1"},
    ],
)
def test_bad_parameters_are_error_100(box: Client, graph: facebook.GraphAPI, fields: dict[str, str]) -> None:
    with refused(100):
        feed(graph, **fields)
    assert [line.accepted for line in box.arrivals()] == [False]
    assert box.posts() == []


def test_facebook_s_own_scheduler(box: Client, graph: facebook.GraphAPI) -> None:
    moment = clock.wall_us() // clock.SECOND + 3600
    made = feed(graph, message="Later", published="false", scheduled_publish_time=str(moment))
    assert listed(graph) == []
    (shown,) = graph.get_connections(PAGE, "scheduled_posts", fields="id,scheduled_publish_time")["data"]
    assert shown == {"id": made, "scheduled_publish_time": moment}
    assert box.posts()[0]["public"] is False
    graph.delete_object(made)
    assert listed(graph, "scheduled_posts") == []


def test_lists_come_in_pages_newest_first(graph: facebook.GraphAPI) -> None:
    made = [feed(graph, message=f"Post {number}") for number in range(7)]
    graph.version = "v26.0"
    assert [post["id"] for post in graph.get_all_connections(PAGE, "published_posts", limit=3)] == made[::-1]
    page = graph.get_connections(PAGE, "published_posts", limit=3)
    assert [post["id"] for post in listed(graph, limit=2, after=page["paging"]["cursors"]["after"])] == made[3:1:-1]
    with refused(100):
        listed(graph, limit=101)


def test_lists_are_bounded_by_time(graph: facebook.GraphAPI) -> None:
    feed(graph, message="Now")
    now = clock.wall_us() // clock.SECOND
    assert len(listed(graph, since=now - 60, until=now + 60)) == 1
    assert listed(graph, since=now + 60) == []
    assert listed(graph, until=now - 60) == []
    assert listed(graph, since=clock.to_text((now + 60) * clock.SECOND)) == []


def test_a_page_and_its_posts_can_be_read_and_deleted(graph: facebook.GraphAPI) -> None:
    assert graph.get_object("me", fields="id,name")["id"] == PAGE
    assert graph.get_object(PAGE)["name"]
    made = feed(graph, message="Gone soon")
    assert graph.get_object(made)["message"] == "Gone soon"
    assert graph.delete_object(made) == {"success": True}
    for ask in (graph.get_object, graph.delete_object):
        with refused(100):
            ask(made)


def test_a_revoked_token_is_error_190_with_401(box: Client, graph: facebook.GraphAPI) -> None:
    box.revoke("815-library")
    with refused(190) as caught:
        feed(graph, message="x")
    assert set(caught.value.result["error"]) == {"message", "type", "code", "error_subcode", "fbtrace_id"}
    assert requests.get(f"{box.url}/me?access_token=815-library", timeout=5).status_code == 401
    assert requests.get(f"{box.url}/me", timeout=5).status_code == 401


def test_what_graph_does_not_have_is_error_2500(graph: facebook.GraphAPI) -> None:
    with refused(2500):
        graph.put_object(PAGE, "likes", message="x")
