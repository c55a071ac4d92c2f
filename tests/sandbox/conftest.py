"""A sandbox per test module, emptied before each test, and the real clients pointed at it."""

from __future__ import annotations

from collections.abc import Iterator

import facebook
import pytest
import requests
import tweepy
from requests.adapters import HTTPAdapter

from sandbox import client
from sandbox.client import Client


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("sandbox")
    with client.start(folder / "arrivals.jsonl", state=folder / "state.jsonl") as started:
        yield started


@pytest.fixture
def box(process: Client) -> Client:
    process.reset()
    return process


class Elsewhere(HTTPAdapter):
    """Sends what is meant for a platform's own host to `base`, within five seconds."""

    def __init__(self, host: str, base: str) -> None:
        super().__init__(max_retries=0)
        self._host, self._base = host, base

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace(self._host, self._base, 1)
        return super().send(request, **{**kwargs, "timeout": 5})


def pointed(session: requests.Session, host: str, base: str) -> requests.Session:
    """`session`, with `host` served by `base`."""
    session.trust_env = False
    session.mount(host, Elsewhere(host, base))
    return session


@pytest.fixture
def twitter(box: Client) -> Iterator[tweepy.Client]:
    made = tweepy.Client(
        consumer_key="key",
        consumer_secret="secret",
        access_token="4711-parks",
        access_token_secret="secret",
        return_type=dict,
    )
    with pointed(made.session, "https://api.twitter.com", box.url):
        yield made


@pytest.fixture
def graph(box: Client) -> Iterator[facebook.GraphAPI]:
    with pointed(requests.Session(), "https://graph.facebook.com", box.url) as session:
        made = facebook.GraphAPI("815-library", session=session)
        made.version = "v26.0"
        yield made
