"""The city of a trial: its settings, its channels on the sandbox, and its posts."""

from __future__ import annotations

import os

from config import clock
from scheduler import content
from store.tables import Channel, Post
from tests.chaos.plan import Plan, PlannedPost

SETTINGS = {
    "send_deadline": 1.2,
    "prepare_deadline": 2,
    "lateness": 120,
    "spacing": 0,
    "release_spacing": 0,
    "retries": 4,
    "retry_first": 0.1,
    "retry_most": 0.5,
    "settle": 1.2,
    "look_every": 0.3,
    "threads": 3,
    "busy_timeout": 3,
}
AMBUSH_SETTINGS = {"send_deadline": 3.5, "settle": 3.5}
SECRETS = {
    "x": ("consumer_key", "consumer_secret", "access_token", "access_token_secret"),
    "facebook": ("page_token",),
}


def settings(drawn: Plan) -> dict[str, float]:
    """The city's settings; who lies in ambush has time to write the whole request after it."""
    return {**SETTINGS, **AMBUSH_SETTINGS} if drawn.ambush else SETTINGS


def channels(drawn: Plan, url: str) -> list[Channel]:
    """The channels of a plan; their secrets are in this process's environment from here on."""
    return [_channel(drawn, url, number, *item) for number, item in enumerate(drawn.channels.items())]


def _channel(drawn: Plan, url: str, number: int, name: str, platform: str) -> Channel:
    owner = f"{9_000_000 + drawn.seed * 10 + number}{os.getpid()}"
    settings = {"base_url": url}
    settings |= {"user_id": owner, "handle": "city"} if platform == "x" else {"page_id": owner}
    secrets = {secret: f"{name}_{secret}".upper() for secret in SECRETS[platform]}
    os.environ.update({variable: f"{owner}-{secret}" for secret, variable in secrets.items()})
    return Channel(name=name, platform=platform, settings=settings, secrets=secrets, created_at=0)


def post(item: PlannedPost, text: str, now_us: int) -> Post:
    """A post that falls due as planned, counted from `now_us`."""
    due = now_us + int(item.due_s * clock.SECOND)
    return Post(
        channel=item.channel,
        text=text,
        content_hash=content.content_hash(text, []),
        local_time="",
        zone="UTC",
        due_at=due,
        ready_at=due,
        lateness_us=int(SETTINGS["lateness"]) * clock.SECOND,
        author="ana",
        created_at=now_us,
        updated_at=now_us,
    )
