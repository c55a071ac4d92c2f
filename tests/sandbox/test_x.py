"""X's endpoints, through the real tweepy."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import tweepy

from config import clock
from sandbox.client import Client
from tests.sandbox.conftest import pointed

IMAGE = bytes(range(256)) * 4


def listed(twitter: tweepy.Client, **more: Any) -> dict[str, Any]:
    fields = ["created_at", "text", "entities"]
    return dict(twitter.get_users_tweets("4711", user_auth=True, tweet_fields=fields, **more))


def test_a_tweet_gets_an_id_and_stands_in_the_list(box: Client, twitter: tweepy.Client) -> None:
    before_us = clock.wall_us()
    made = twitter.create_tweet(text="The pool opens at 9.")["data"]
    (shown,) = listed(twitter)["data"]
    assert (shown["id"], shown["text"]) == (made["id"], "The pool opens at 9.")
    created_us = clock.from_datetime(datetime.fromisoformat(shown["created_at"]))
    assert before_us - clock.SECOND <= created_us <= clock.wall_us()
    (arrival,) = box.arrivals()
    assert (arrival.account, arrival.remote_id, arrival.accepted) == ("4711-parks", made["id"], True)
    assert before_us <= arrival.wall_us <= clock.wall_us()


def test_links_and_signs_come_back_as_x_gives_them(twitter: tweepy.Client) -> None:
    twitter.create_tweet(text="Cats & dogs <3 https://parks.example.org/pets 🎉")
    (shown,) = listed(twitter)["data"]
    (link,) = shown["entities"]["urls"]
    assert link["expanded_url"] == "https://parks.example.org/pets"
    assert shown["text"][link["start"] : link["end"]] == link["url"]
    assert shown["text"] == f"Cats &amp; dogs &lt;3 {link['url']} 🎉"


def test_the_same_text_again_is_a_duplicate(box: Client, twitter: tweepy.Client) -> None:
    twitter.create_tweet(text="Twice")
    with pytest.raises(tweepy.Forbidden, match="You are not allowed to create a Tweet with duplicate content"):
        twitter.create_tweet(text="Twice")
    assert [line.accepted for line in box.arrivals()] == [True, False]


def test_a_deleted_tweet_is_gone_and_no_duplicate(box: Client, twitter: tweepy.Client) -> None:
    made = twitter.create_tweet(text="Again")["data"]["id"]
    assert twitter.delete_tweet(made)["data"]["deleted"] is True
    assert "data" not in listed(twitter)
    assert box.posts() == []
    twitter.create_tweet(text="Again")
    with pytest.raises(tweepy.NotFound):
        twitter.delete_tweet(made)


@pytest.mark.parametrize(("text", "taken"), [("é" * 280, True), ("é" * 281, False), ("語" * 141, False)])
def test_length_is_counted_as_x_counts(twitter: tweepy.Client, text: str, taken: bool) -> None:
    if taken:
        assert twitter.create_tweet(text=text)["data"]["id"]
    else:
        with pytest.raises(tweepy.Forbidden, match="too long"):
            twitter.create_tweet(text=text)


@pytest.mark.parametrize("text", ["", "  ", None])
def test_a_blank_text_is_refused(twitter: tweepy.Client, text: str | None) -> None:
    with pytest.raises(tweepy.BadRequest, match="text"):
        twitter.create_tweet(text=text)


def upload(twitter: tweepy.Client, image: bytes = IMAGE) -> str:
    content = {"media": base64.b64encode(image).decode(), "media_category": "tweet_image"}
    made = twitter.request("POST", "/2/media/upload", json=content, user_auth=True)
    return str(made.json()["data"]["id"])


def describe(twitter: tweepy.Client, media_id: str, alt: str) -> None:
    content = {"id": media_id, "metadata": {"alt_text": {"text": alt}}}
    twitter.request("POST", "/2/media/metadata", json=content, user_auth=True)


def test_an_image_with_its_description(box: Client, twitter: tweepy.Client) -> None:
    media_id = upload(twitter)
    describe(twitter, media_id, "A pool")
    assert [line.path for line in box.arrivals("other")] == ["/2/media/upload", "/2/media/metadata"]
    twitter.create_tweet(text="Look", media_ids=[media_id])
    (medium,) = box.posts()[0]["media"]
    assert (medium["sha256"], medium["alt"]) == (hashlib.sha256(IMAGE).hexdigest(), "A pool")
    (shown,) = listed(twitter)["data"]
    assert shown["text"] == f"Look {shown['entities']['urls'][-1]['url']}"


def test_media_must_be_known_and_small(twitter: tweepy.Client) -> None:
    with pytest.raises(tweepy.BadRequest, match="media IDs are invalid"):
        twitter.create_tweet(text="Look", media_ids=["12"])
    with pytest.raises(tweepy.BadRequest, match="File size"):
        upload(twitter, b"x" * 5_000_001)
    with pytest.raises(tweepy.BadRequest, match="1000"):
        describe(twitter, upload(twitter), "x" * 1001)


def test_lists_come_in_pages_newest_first(twitter: tweepy.Client) -> None:
    made = [twitter.create_tweet(text=f"Post {number}")["data"]["id"] for number in range(12)]
    seen: list[str] = []
    token = None
    for size in (5, 5, 2):
        page = listed(twitter, max_results=5, pagination_token=token)
        seen += [tweet["id"] for tweet in page["data"]]
        token = page["meta"].get("next_token")
        assert page["meta"]["result_count"] == size
    assert token is None
    assert seen == made[::-1]


def test_lists_are_bounded_by_time(twitter: tweepy.Client) -> None:
    twitter.create_tweet(text="Now")
    now = datetime.fromtimestamp(clock.wall_us() / 1e6, UTC)
    hour = timedelta(hours=1)
    assert listed(twitter, start_time=now - hour, end_time=now + hour)["meta"]["result_count"] == 1
    assert listed(twitter, start_time=now + hour)["meta"]["result_count"] == 0
    assert listed(twitter, end_time=now - hour)["meta"]["result_count"] == 0
    for wrong in ({"start_time": "yesterday"}, {"max_results": 4}, {"max_results": 101}):
        with pytest.raises(tweepy.BadRequest):
            listed(twitter, **wrong)


def test_every_token_is_an_account_of_its_own(box: Client, twitter: tweepy.Client) -> None:
    other = tweepy.Client("bearer-token", return_type=dict)
    with pointed(other.session, "https://api.twitter.com", box.url):
        made = other.create_tweet(text="Same", user_auth=False)["data"]["id"]
        twitter.create_tweet(text="Same")
        assert other.get_me(user_auth=False)["data"]["id"] != "4711"
        assert [post["account"] for post in box.posts()] == ["bearer-token", "4711-parks"]
    assert twitter.get_me()["data"]["id"] == "4711"
    assert {row["account"] for row in box.accounts} == {"bearer-token", "4711-parks"}
    with pytest.raises(tweepy.Forbidden, match="not permitted"):
        twitter.delete_tweet(made)


def test_a_revoked_token_is_refused(box: Client, twitter: tweepy.Client) -> None:
    twitter.create_tweet(text="Before")
    box.revoke("4711-parks")
    for ask in (
        twitter.get_me,
        lambda: twitter.create_tweet(text="After"),
        lambda: twitter.delete_tweet("1"),
    ):
        with pytest.raises(tweepy.Unauthorized):
            ask()
    assert [(line.text, line.accepted) for line in box.arrivals()] == [("Before", True), ("After", False)]


def test_rate_headers_count_down(box: Client) -> None:
    def post(text: str) -> requests.Response:
        return requests.post(
            f"{box.url}/2/tweets", json={"text": text}, headers={"Authorization": "Bearer a"}, timeout=5
        )

    first, second = post("One").headers, post("Two").headers
    assert int(first["x-rate-limit-remaining"]) < int(first["x-rate-limit-limit"])
    assert int(second["x-rate-limit-reset"]) >= int(first["x-rate-limit-reset"]) > clock.wall_us() // clock.SECOND
    same_window = first["x-rate-limit-reset"] == second["x-rate-limit-reset"]
    fallen = int(first["x-rate-limit-remaining"]) - int(second["x-rate-limit-remaining"])
    assert fallen == (1 if same_window else 0)


def test_what_x_does_not_have_is_not_found(box: Client) -> None:
    headers = {"Authorization": "Bearer a"}
    assert requests.get(f"{box.url}/2/tweets", headers=headers, timeout=5).status_code == 404
    assert requests.get(f"{box.url}/2/users/me", timeout=5).json()["status"] == 401
